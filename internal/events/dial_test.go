package events

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"zoomql/internal/background"
	"zoomql/internal/identity"
	"zoomql/internal/stream"
)

// serving returns the WebSocket URL of a new server.
func serving(t *testing.T, h http.HandlerFunc) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return "ws" + strings.TrimPrefix(server.URL, "http") + "/ws?subscriptionId=1"
}

// saying serves a WebSocket that sends one message, and then waits for the client to close it.
func saying(kind websocket.MessageType, message []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		_ = c.Write(r.Context(), kind, message)
		_, _, _ = c.Read(r.Context())
	}
}

// TestDialSocket opens real WebSockets to servers that misbehave. No error may quote the token or
// a message.
func TestDialSocket(t *testing.T) {
	stolen := make(chan string, 1)
	thief := serving(t, func(_ http.ResponseWriter, r *http.Request) { stolen <- r.URL.String() })
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		want  error
	}{
		"a message":            {saying(websocket.MessageText, built), nil},
		"a long one":           {saying(websocket.MessageText, []byte(strings.Repeat("x", maxMessage))), nil},
		"one that is too long": {saying(websocket.MessageText, []byte(strings.Repeat("x", maxMessage+2))), errTooLong},
		"bytes":                {saying(websocket.MessageBinary, built), errGarbage},
		"401":                  {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "token 1", http.StatusUnauthorized) }, statusError(http.StatusUnauthorized)},
		"no WebSocket":         {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("token 1")) }, statusError(http.StatusOK)},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http"+strings.TrimPrefix(thief, "ws"), http.StatusFound)
		}, statusError(http.StatusFound)},
		"closed at once": {func(w http.ResponseWriter, r *http.Request) {
			if c, err := websocket.Accept(w, r, nil); err == nil {
				_ = c.CloseNow()
			}
		}, errClosed},
		"cut off": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, errUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			socket, err := dialSocket(ctx, serving(t, c.serve), "token 1")
			if err == nil {
				defer socket.Close()
				_, err = socket.Read(ctx)
			}
			if !errors.Is(err, c.want) {
				t.Errorf("the error is %v, want %v", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "token") {
				t.Errorf("the error quotes the token: %v", err)
			}
		})
	}
	select {
	case url := <-stolen:
		t.Errorf("a redirect was followed to %s", url)
	default:
	}
}

// TestDialSocket_token expects the token and the subscription in the URL, and another token after
// Zoom has refused the first.
func TestDialSocket_token(t *testing.T) {
	asked := make(chan string, 10)
	url := serving(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.RawQuery
		if r.URL.Query().Get("access_token") == "token 1" {
			http.Error(w, "", http.StatusUnauthorized)
			return
		}
		saying(websocket.MessageText, built)(w, r)
	})
	inbox := newTestWebhook().Inbox
	inbox.Stream = &stream.Memory{}
	s := &Socket{Inbox: inbox, Subscribed: []string{"A"}, URL: url, Credential: identity.New(identity.View{Account: "A"}, &hourly{}), Log: inbox.Log}
	defer background.Run(t.Context(), s.Keep)()
	for _, want := range []string{"access_token=token+1&subscriptionId=1", "access_token=token+2&subscriptionId=1"} {
		select {
		case got := <-asked:
			if got != want {
				t.Errorf("the query is %s, want %s", got, want)
			}
		case <-time.After(time.Minute):
			t.Fatal("the socket does not connect")
		}
	}
	for end := time.Now().Add(time.Minute); !s.connected.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the socket is not connected")
		}
	}
}
