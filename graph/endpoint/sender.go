package endpoint

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"

	"zoomql/internal/access"
)

// requestIDHeader is the header with the id of a request, which a proxy or client may set. In the answer
// to a mutation, it has the id that the audit log uses.
const requestIDHeader = "X-Request-Id"

// Sender identifies the sender of a mutation, for the audit log.
type Sender struct {
	RequestID string
	Remote    string // IP address
}

type senderKey struct{}

// SenderFrom returns the sender of the mutation of ctx.
func SenderFrom(ctx context.Context) (Sender, bool) {
	s, ok := ctx.Value(senderKey{}).(Sender)
	return s, ok
}

// withSender returns a context with the sender of a mutation, and sets the answer's header
// to the request's id.
func withSender(ctx context.Context, w http.ResponseWriter, r *http.Request) context.Context {
	s := senderOf(r)
	w.Header().Set(requestIDHeader, s.RequestID)
	return context.WithValue(ctx, senderKey{}, s)
}

// senderOf returns the sender of a request.
func senderOf(r *http.Request) Sender {
	s := Sender{RequestID: requestID(r), Remote: r.RemoteAddr}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		s.Remote = host
	}
	return s
}

// requestID returns the id in the request's header if that is valid for the log, or else a new one.
func requestID(r *http.Request) string {
	if id := r.Header.Get(requestIDHeader); access.IsName(id) {
		return id
	}
	return rand.Text()
}
