package auth

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"zoomql/internal/zoom"
)

// The secret goes to the configured address alone, whatever that answers and whatever
// the CheckRedirect of the client.
func TestToken_redirectIsNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Errorf("%d: the redirect was followed", status) }))
		tokenServer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", elsewhere.URL+"/oauth/token")
			w.WriteHeader(status)
		}))
		for _, client := range []*http.Client{nil, {Transport: &http.Transport{}}} {
			s := NewServerToServer("a", "c", "client-secret", tokenServer.URL, client)
			_, err := s.Token(t.Context())
			var e *zoom.Error
			if !errors.As(err, &e) || !errors.Is(e.Kind, zoom.ErrBadAnswer) || e.Status != status || strings.Contains(err.Error(), elsewhere.URL) {
				t.Errorf("%d: got %v", status, err)
			}
			s.http.CloseIdleConnections()
		}
		tokenServer.Close()
		elsewhere.Close()
	}
}

// A code of any length does not fill the log.
func TestToken_longErrorCodeIsShortened(t *testing.T) {
	d := &tokenServer{respond: func(int) (int, string) { return 400, `{"error":"` + strings.Repeat("x", 100_000) + `"}` }}
	if _, err := d.source().Token(t.Context()); err == nil || len(err.Error()) > 300 {
		t.Errorf("the error has %d bytes", len(err.Error()))
	}
}
