package sandbox

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// listen opens a WebSocket of events.
func (r *rig) listen(subscription, token string) *websocket.Conn {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(r.url, "http")+SocketPath+"?subscriptionId="+subscription+"&access_token="+token, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

// next reads the next message, or returns an error when the connection is closed.
func next(c *websocket.Conn) (m envelope, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, text, err := c.Read(ctx)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	return m, err
}

// built reports whether the next message confirms the connection.
func built(t *testing.T, c *websocket.Conn) bool {
	t.Helper()
	m, err := next(c)
	if err != nil || m.Module != "build_connection" || m.Success == nil {
		t.Fatalf("the first message is %+v, %v", m, err)
	}
	return *m.Success
}

// TestSockets delivers events over WebSockets, in order, and replies to heartbeats. A
// subscription has one connection, which needs a token.
func TestSockets(t *testing.T) {
	r := newRig(t, Options{})
	t.Cleanup(r.CloseSockets)
	event := func(name string) Event { return Event{Name: name, Body: []byte(`{"event":"` + name + `"}`)} }
	if n := r.Publish(event("lost")); n != 0 {
		t.Errorf("%d connections received an event, want 0", n)
	}
	for _, c := range []struct{ subscription, token string }{{"s", "wrong"}, {"s", ""}, {"", r.token}} {
		if built(t, r.listen(c.subscription, c.token)) {
			t.Errorf("subscription %q with token %q is accepted", c.subscription, c.token)
		}
	}
	one, other := r.listen("one", r.token), r.listen("other", r.token)
	if !built(t, one) || !built(t, other) {
		t.Fatal("a valid token is refused")
	}
	if n := r.Publish(event("a")) + r.Publish(event("b")); n != 4 {
		t.Errorf("%d deliveries of two events, want 4", n)
	}
	for _, c := range []*websocket.Conn{one, other} {
		for _, want := range []string{"a", "b"} {
			if m, err := next(c); err != nil || m.Module != "message" || m.Content != `{"event":"`+want+`"}` {
				t.Errorf("%+v, %v", m, err)
			}
		}
	}
	if err := one.Write(t.Context(), websocket.MessageText, []byte(`{"module":"heartbeat"}`)); err != nil {
		t.Fatal(err)
	}
	if m, err := next(one); err != nil || m.Module != "heartbeat" || !*m.Success {
		t.Errorf("the reply to a heartbeat is %+v, %v", m, err)
	}
	again := r.listen("one", r.token)
	if !built(t, again) {
		t.Fatal("a new connection is refused")
	}
	if m, err := next(one); err == nil {
		t.Errorf("the previous connection is not closed: %+v", m)
	}
	for end := time.Now().Add(time.Minute); r.Sockets() != 2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d are open, want 2", r.Sockets())
		}
	}
	r.CloseSockets()
	if m, err := next(again); err == nil {
		t.Errorf("it is not closed: %+v", m)
	}
}

// TestSockets_tokenExpiry closes a connection when its token expires.
func TestSockets_tokenExpiry(t *testing.T) {
	r := newRig(t, Options{TokenTTL: time.Second})
	c := r.listen("s", r.token)
	if !built(t, c) {
		t.Fatal("refused")
	}
	if m, err := next(c); err == nil {
		t.Errorf("it is not closed: %+v", m)
	}
}

// TestSockets_bounds opens more connections than are allowed, and closes a connection that is
// not read.
func TestSockets_bounds(t *testing.T) {
	var s sockets
	ended := 0
	open := func() *socket { return &socket{messages: make(chan []byte, maxQueued), end: func() { ended++ }} }
	for i := range maxSockets {
		if !s.add(strings.Repeat("x", i+1), open()) {
			t.Fatalf("number %d is refused", i+1)
		}
	}
	if s.add("another", open()) || !s.add("x", open()) || len(s.open) != maxSockets || ended != 1 {
		t.Errorf("%d connections are open, %d were closed", len(s.open), ended)
	}
	one := open()
	for range maxQueued {
		one.send(nil)
	}
	if ended != 1 {
		t.Error("a connection is closed though its queue is not full")
	}
	if one.send(nil); ended != 2 {
		t.Error("a connection that is not read is not closed")
	}
}
