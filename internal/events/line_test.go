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

// line is a Zoom that delivers events over connections in this process: one at a time, as of
// one subscription. Its zero value lets everybody in.
type line struct {
	// answer returns what Zoom sends when a connection is opened: nil for nothing, and the
	// word that it is one unless it is set.
	answer func(dial int) []byte
	// deaf has it reply to no heartbeats.
	deaf atomic.Bool

	mu     sync.Mutex
	now    *lineConn
	dials  []time.Time
	tokens []string
	down   bool
}

// lineConn is one of its connections.
type lineConn struct {
	line   *line
	in     chan []byte // to the gateway
	beats  chan struct{}
	closed chan struct{}
	close  func()
	dead   atomic.Bool // nothing goes over it any more, which nobody is told
}

var errDown = errors.New("the line is down")

// built is what Zoom says first.
var built = []byte(`{"module":"build_connection","success":true}`)

// dial is a [dialer].
func (l *line) dial(_ context.Context, _, token string) (conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dials, l.tokens = append(l.dials, time.Now()), append(l.tokens, token)
	if l.down {
		return nil, errDown
	}
	if l.now != nil {
		l.now.close()
	}
	c := &lineConn{line: l, in: make(chan []byte, 1000), beats: make(chan struct{}, 1), closed: make(chan struct{})}
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
func (c *lineConn) reply() {
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
func (c *lineConn) Read(ctx context.Context) ([]byte, error) {
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
func (c *lineConn) Write(_ context.Context, message []byte) error {
	if string(message) != `{"module":"heartbeat"}` {
		return errors.New("no heartbeat: " + string(message))
	}
	select {
	case <-c.closed:
		return errClosed
	default:
	}
	if !c.line.deaf.Load() && !c.dead.Load() {
		c.beats <- struct{}{}
	}
	return nil
}

// Close implements [conn].
func (c *lineConn) Close() { c.close() }

// say sends a message over the connection that is open, if one is, and reports that. What is
// said while there is none is lost.
func (l *line) say(message []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now == nil || l.now.isClosed() || l.now.dead.Load() {
		return false
	}
	l.now.in <- message
	return true
}

// tell delivers an event.
func (l *line) tell(event string) bool { return l.say(inFrame(event)) }

// inFrame returns the message that has an event.
func inFrame(event string) []byte {
	text, err := json.Marshal(event)
	if err != nil {
		panic(err)
	}
	return []byte(`{"module":"message","content":` + string(text) + `}`)
}

// cut closes the connection, as a network does that fails.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now != nil {
		l.now.close()
	}
}

// current returns the connection that is open, or was last.
func (l *line) current() *lineConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

func (c *lineConn) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

// setDown has it refuse connections, and closes the one that is open.
func (l *line) setDown(down bool) {
	l.mu.Lock()
	l.down = down
	l.mu.Unlock()
	if down {
		l.cut()
	}
}

// opened returns when connections were asked for, and with which tokens.
func (l *line) opened() (dials []time.Time, tokens []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.dials), slices.Clone(l.tokens)
}

// dialled returns how often a connection was asked for.
func (l *line) dialled() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.dials)
}

// hourly gives tokens as Zoom does: each for an hour, and a new one two minutes before the
// end of the last.
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

// plugged is a liveness of account A with a WebSocket over which its events come.
type plugged struct {
	*watched
	*Socket
	line *line
}

// plug returns a replica whose events come over a line.
func plug(s Stream, l *line) *plugged {
	p := &plugged{watched: newWatched(s), line: l}
	p.Sources = []types.EventSource{types.EventSourceWebsocket}
	p.Socket = &Socket{
		Inbox: p.Webhook.Inbox, Subscribed: []string{"A"}, URL: "wss://zoom.example/ws?subscriptionId=1", dial: l.dial,
		Credential: identity.New(identity.View{Account: "A"}, &hourly{}), Log: p.Webhook.Log,
	}
	return p
}

// keep has the replica work until what is returned is called.
func (p *plugged) keep(ctx context.Context) (end func()) {
	ends := []func(){background.Run(ctx, p.Keep), background.Run(ctx, p.Liveness.Keep)}
	return func() {
		for _, end := range ends {
			end()
		}
	}
}

// updatedIn returns the event of a change that happens now, of a meeting of an account.
func updatedIn(account, meeting string) string {
	return `{"event":"meeting.updated","event_ts":` + strconv.FormatInt(time.Now().UnixMilli(), 10) + `,"payload":{"account_id":"` + account + `","object":{"id":"` + meeting + `"}}}`
}
