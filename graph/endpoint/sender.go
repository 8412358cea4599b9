package endpoint

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"

	"zoomql/internal/access"
)

// requestIDHeader is where a proxy or a client says what it calls a request, and
// where the answer says what the audit log calls it.
const requestIDHeader = "X-Request-Id"

// Sender is where a mutation came from, for the audit log.
type Sender struct {
	RequestID string
	Remote    string // address
}

type senderKey struct{}

// SenderFrom returns where the mutation of a context came from.
func SenderFrom(ctx context.Context) (Sender, bool) {
	s, ok := ctx.Value(senderKey{}).(Sender)
	return s, ok
}

// withSender returns a context for a mutation, and says in the answer what the
// request is called in the log.
func withSender(ctx context.Context, w http.ResponseWriter, r *http.Request) context.Context {
	s := Sender{RequestID: requestID(r), Remote: r.RemoteAddr}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		s.Remote = host
	}
	w.Header().Set(requestIDHeader, s.RequestID)
	return context.WithValue(ctx, senderKey{}, s)
}

// requestID returns the id that a request came with, if that may stand in a log,
// and a new one otherwise.
func requestID(r *http.Request) string {
	if id := r.Header.Get(requestIDHeader); access.IsName(id) {
		return id
	}
	return rand.Text()
}
