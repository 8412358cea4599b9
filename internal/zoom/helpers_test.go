package zoom

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zoomql/cache"
	"zoomql/internal/identity"
	"zoomql/internal/zoom/types"
)

// wire is an http.RoundTripper that answers without a network, so that it works in a bubble
// of testing/synctest.
type wire func(*http.Request) *http.Response

// RoundTrip returns the answer, or an error if it is nil.
func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if resp := w(r); resp != nil {
		return resp, nil
	}
	return nil, errors.New("the line is cut")
}

// answer returns a response with a status, a body, and headers as names and values.
func answer(status int, body string, headers ...string) *http.Response {
	resp := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
	for i := 0; i < len(headers); i += 2 {
		resp.Header.Set(headers[i], headers[i+1])
	}
	return resp
}

// tokens issues "token 1", and the next one after each refusal.
type tokens struct {
	mu     sync.Mutex
	now    *identity.Token
	issued int
	err    error
	scopes []string
}

// Token implements [identity.Tokens].
func (s *tokens) Token(context.Context) (*identity.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	if s.now == nil {
		s.issued++
		s.now = &identity.Token{Access: "token " + strconv.Itoa(s.issued), Scopes: s.scopes, APIURL: "https://api.zoom.example"}
	}
	return s.now, nil
}

// Refused implements [identity.Tokens].
func (s *tokens) Refused(t *identity.Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == t {
		s.now = nil
	}
}

// newTestClient returns a client of a wire with a cache and tokens. set changes
// the configuration.
func newTestClient(w wire, set ...func(*Config)) *Client {
	cfg := Config{
		AccountID: "account", Plan: NoLimits,
		HTTP: &http.Client{Transport: w, CheckRedirect: noRedirects}, Store: cache.NewMemory(1 << 20),
	}
	for _, f := range set {
		f(&cfg)
	}
	return New(cfg).As(identity.New(identity.View{Account: cfg.AccountID, App: "app"}, &tokens{}))
}

// app returns the credential of newTestClient's account with other tokens.
func app(tokens identity.Tokens) *identity.Credential {
	return identity.New(identity.View{Account: "account", App: "app"}, tokens)
}

// anyone is a client that builds requests and sends none.
var anyone = (&Client{machine: &machine{cfg: Config{AccountID: "account"}}}).As(app(nil))

// log records calls as "METHOD /path?query", below /v2.
type log struct {
	mu    sync.Mutex
	calls []string
}

func (l *log) note(r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	call := r.Method + " " + strings.TrimPrefix(r.URL.EscapedPath(), "/v2")
	if r.URL.RawQuery != "" {
		call += "?" + r.URL.RawQuery
	}
	l.calls = append(l.calls, call)
}

// take returns the calls since the last take.
func (l *log) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	calls := l.calls
	l.calls = nil
	return calls
}

// logged is a wire that records its calls.
func logged(l *log, w wire) wire {
	return func(r *http.Request) *http.Response {
		l.note(r)
		return w(r)
	}
}

// want fails the test unless these are the calls since the last take.
func (l *log) want(t *testing.T, why string, calls ...string) {
	t.Helper()
	if diff := cmp.Diff(calls, l.take()); diff != "" {
		t.Errorf("%s: the calls: -want +got\n%s", why, diff)
	}
}

// exported compares unexported fields of the types package too.
var exported = cmp.Exporter(func(t reflect.Type) bool { return t.PkgPath() == reflect.TypeFor[types.Origin]().PkgPath() })

func asError(t *testing.T, err error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v (%T), not an *Error", err, err)
	}
	return e
}

func day(s string) types.Date {
	at, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return types.Date{Time: at}
}

// somePatch is a change of a meeting; an empty one would not be sent.
var somePatch = &types.MeetingPatch{Agenda: new("A")}
