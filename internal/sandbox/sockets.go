package sandbox

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// SocketPath is the path of the WebSocket that delivers events:
// ws://HOST/ws?subscriptionId=ID&access_token=TOKEN, with any id. A subscription has one open
// connection, the latest.
const SocketPath = "/ws"

const (
	// maxSockets bounds the subscriptions with a connection, and maxQueued the messages that
	// are queued for one: a connection whose reader is further behind is closed.
	maxSockets = 100
	maxQueued  = 1000
	// heartbeatWithin is how long a connection stays open without a heartbeat.
	heartbeatWithin = 90 * time.Second
)

// sockets are the open WebSockets, by subscription.
type sockets struct {
	mu   sync.Mutex
	open map[string]*socket
}

// socket is one WebSocket.
type socket struct {
	messages chan []byte
	end      context.CancelFunc
}

// envelope is a message of either side.
//
// Source: https://developers.zoom.us/docs/api/websockets/
type envelope struct {
	Module  string `json:"module"`
	Success *bool  `json:"success,omitempty"`
	Content string `json:"content,omitempty"`
}

func (m envelope) encode() []byte {
	text, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings have a JSON form
	}
	return text
}

// Sockets returns the number of open WebSockets.
func (s *Sandbox) Sockets() int {
	s.sockets.mu.Lock()
	defer s.sockets.mu.Unlock()
	return len(s.sockets.open)
}

// CloseSockets closes all WebSockets, as a network failure does.
func (s *Sandbox) CloseSockets() {
	s.sockets.mu.Lock()
	defer s.sockets.mu.Unlock()
	for _, one := range s.sockets.open {
		one.end()
	}
}

// Publish delivers an event over the open WebSockets and returns their number. Connections
// that are opened later do not receive it.
func (s *Sandbox) Publish(e Event) int {
	s.sockets.mu.Lock()
	defer s.sockets.mu.Unlock()
	text := envelope{Module: "message", Content: string(e.Body)}.encode()
	for _, one := range s.sockets.open {
		one.send(text)
	}
	return len(s.sockets.open)
}

func (o *socket) send(text []byte) {
	select {
	case o.messages <- text:
	default:
		o.end()
	}
}

// serveSocket serves a WebSocket. It returns false if the path is not SocketPath.
func (s *Sandbox) serveSocket(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Path != SocketPath {
		return false
	}
	subscription, token := r.URL.Query().Get("subscriptionId"), r.URL.Query().Get("access_token")
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return true // it is answered
	}
	defer func() { _ = c.CloseNow() }()
	yes, no := true, false
	left := s.tokens.left(token, s.opt.Now())
	if left <= 0 || subscription == "" {
		_ = c.Write(r.Context(), websocket.MessageText, envelope{Module: "build_connection", Success: &no, Content: "invalid token or subscription"}.encode())
		_ = c.Close(websocket.StatusPolicyViolation, "")
		return true
	}
	ctx, cancel := context.WithTimeout(r.Context(), left)
	defer cancel()
	one := &socket{messages: make(chan []byte, maxQueued), end: cancel}
	one.send(envelope{Module: "build_connection", Success: &yes}.encode())
	if !s.sockets.add(subscription, one) {
		return true
	}
	defer s.sockets.remove(subscription, one)
	go func() {
		defer cancel()
		one.readHeartbeats(ctx, c)
	}()
	for {
		select {
		case <-ctx.Done():
			return true
		case text := <-one.messages:
			if c.Write(ctx, websocket.MessageText, text) != nil {
				return true
			}
		}
	}
}

// readHeartbeats answers heartbeats until the client disconnects or sends none.
func (o *socket) readHeartbeats(ctx context.Context, c *websocket.Conn) {
	yes := true
	for {
		within, cancel := context.WithTimeout(ctx, heartbeatWithin)
		_, text, err := c.Read(within)
		cancel()
		if err != nil {
			return
		}
		var said envelope
		if json.Unmarshal(text, &said) == nil && said.Module == "heartbeat" {
			o.send(envelope{Module: "heartbeat", Success: &yes}.encode())
		}
	}
}

// add registers the connection of a subscription, and closes the previous one.
func (s *sockets) add(subscription string, one *socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[string]*socket{}
	}
	if old := s.open[subscription]; old != nil {
		old.end()
	} else if len(s.open) >= maxSockets {
		return false
	}
	s.open[subscription] = one
	return true
}

func (s *sockets) remove(subscription string, one *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[subscription] == one {
		delete(s.open, subscription)
	}
}

// left returns the remaining lifetime of a token. It is not positive for an invalid token.
func (t *tokens) left(token string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if g := t.live[token]; g != nil {
		return g.expires.Sub(now)
	}
	return 0
}
