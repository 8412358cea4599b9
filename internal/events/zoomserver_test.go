package events

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"zoomql/internal/background"
	"zoomql/internal/identity"
	"zoomql/internal/zoom/types"
)

// zoomServer simulates Zoom's side of the WebSocket of one event subscription, which has one
// connection at a time. The zero value is ready.
type zoomServer struct {
	// answer returns the first message over the connection that was dialed as number dial; nil
	// sends none. If answer is nil, it is built.
	answer func(dial int) []byte
	// ignoresHeartbeats disables the replies to heartbeats.
	ignoresHeartbeats atomic.Bool

	mu     sync.Mutex
	now    *serverConn // the latest connection
	dials  []time.Time
	tokens []string
	down   bool // connections are refused
}

// serverConn is a connection of a zoomServer.
type serverConn struct {
	server *zoomServer
	in     chan []byte // to the gateway
	beats  chan struct{}
	closed chan struct{}
	close  func()
	dead   atomic.Bool // messages are dropped silently, as by a network that fails
}

var errDown = errors.New("down")

// built is the message by which Zoom confirms a connection.
var built = []byte(`{"module":"build_connection","success":true}`)

// dial is a [dialer].
func (l *zoomServer) dial(_ context.Context, _, token string) (conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dials, l.tokens = append(l.dials, time.Now()), append(l.tokens, token)
	if l.down {
		return nil, errDown
	}
	if l.now != nil {
		l.now.close()
	}
	c := &serverConn{server: l, in: make(chan []byte, 1000), beats: make(chan struct{}, 1), closed: make(chan struct{})}
	c.close = sync.OnceFunc(func() { close(c.closed) })
	l.now = c
	first := built
	if l.answer != nil {
		first = l.answer(len(l.dials))
	}
	if first != nil {
		c.in <- first
	}
	go c.reply()
	return c, nil
}

// reply replies to heartbeats.
func (c *serverConn) reply() {
	for {
		select {
		case <-c.closed:
			return
		case <-c.beats:
			c.in <- []byte(`{"module":"heartbeat","success":true}`)
		}
	}
}

// Read implements [conn].
func (c *serverConn) Read(ctx context.Context) ([]byte, error) {
	select {
	case m := <-c.in:
		if m == nil {
			return nil, errTooLong
		}
		return m, nil
	case <-c.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Write implements [conn].
func (c *serverConn) Write(_ context.Context, message []byte) error {
	if string(message) != `{"module":"heartbeat"}` {
		return errors.New("no heartbeat: " + string(message))
	}
	select {
	case <-c.closed:
		return errClosed
	default:
	}
	if !c.server.ignoresHeartbeats.Load() && !c.dead.Load() {
		c.beats <- struct{}{}
	}
	return nil
}

// Close implements [conn].
func (c *serverConn) Close() { c.close() }

// send sends a message over the open connection. It reports false if there is none, and the
// message is lost.
func (l *zoomServer) send(message []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now == nil || l.now.isClosed() || l.now.dead.Load() {
		return false
	}
	l.now.in <- message
	return true
}

// sendEvent sends an event.
func (l *zoomServer) sendEvent(event string) bool { return l.send(inFrame(event)) }

// inFrame returns the message with an event.
func inFrame(event string) []byte {
	text, err := json.Marshal(event)
	if err != nil {
		panic(err)
	}
	return []byte(`{"module":"message","content":` + string(text) + `}`)
}

// cut closes the connection.
func (l *zoomServer) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now != nil {
		l.now.close()
	}
}

// current returns the latest connection.
func (l *zoomServer) current() *serverConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

func (c *serverConn) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

// setDown sets whether connections are refused; if so, it closes the open one.
func (l *zoomServer) setDown(down bool) {
	l.mu.Lock()
	l.down = down
	l.mu.Unlock()
	if down {
		l.cut()
	}
}

// opened returns the times and the tokens of all attempts to connect.
func (l *zoomServer) opened() (dials []time.Time, tokens []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.dials), slices.Clone(l.tokens)
}

// dialCount returns the number of attempts to connect.
func (l *zoomServer) dialCount() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.dials)
}

// hourly issues tokens that are valid for an hour, and a new one two minutes before the expiry of
// the last.
type hourly struct {
	mu     sync.Mutex
	now    *identity.Token
	issued int
	err    error
}

// Token implements [identity.Tokens].
func (h *hourly) Token(context.Context) (*identity.Token, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err != nil {
		return nil, h.err
	}
	if h.now == nil || time.Until(h.now.Expires) <= 2*time.Minute {
		h.issued++
		h.now = &identity.Token{Access: "token " + strconv.Itoa(h.issued), Expires: time.Now().Add(time.Hour)}
	}
	return h.now, nil
}

// Refused implements [identity.Tokens].
func (h *hourly) Refused(*identity.Token) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = nil
}

// socketReplica is a replica that receives the events of account A over a WebSocket, and by
// webhooks.
type socketReplica struct {
	*webhookReplica
	*Socket
	server *zoomServer
}

// newSocketReplica returns a replica with a stream and a WebSocket to a server. Webhooks are not
// among its sources.
func newSocketReplica(s Stream, l *zoomServer) *socketReplica {
	p := &socketReplica{webhookReplica: newWebhookReplica(s), server: l}
	p.Sources = []types.EventSource{types.EventSourceWebsocket}
	p.Socket = &Socket{
		Inbox: p.Webhook.Inbox, Subscribed: []string{"A"}, URL: "wss://zoom.example/ws?subscriptionId=1", dial: l.dial,
		Credential: identity.New(identity.View{Account: "A"}, &hourly{}), Log: p.Webhook.Log,
	}
	return p
}

// start runs the tasks of the replica until end is called.
func (p *socketReplica) start(ctx context.Context) (end func()) {
	ends := []func(){background.Run(ctx, p.Keep), background.Run(ctx, p.Liveness.Keep)}
	return func() {
		for _, end := range ends {
			end()
		}
	}
}

// updatedIn returns the event of a change of an account's meeting, which happens now.
func updatedIn(account, meeting string) string {
	return `{"event":"meeting.updated","event_ts":` + strconv.FormatInt(time.Now().UnixMilli(), 10) + `,"payload":{"account_id":"` + account + `","object":{"id":"` + meeting + `"}}}`
}
