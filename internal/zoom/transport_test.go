package zoom

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"zoomql/internal/identity"
	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom/types"
)

func TestTransport_call(t *testing.T) {
	type call struct {
		Call, Host, Authorization, Accept, ContentType, Body string
	}
	for _, c := range []struct {
		why  string
		base string
		do   func(context.Context, *Client) error
		want call
	}{
		{
			"a read goes to the base that the token names", "",
			func(ctx context.Context, c *Client) error {
				_, err := GetUser.Do(ctx, c, UserKey{"jo@example.com"})
				return err
			},
			call{"GET https://api.zoom.example/v2/users/jo%40example.com", "api.zoom.example", "Bearer token 1", "application/json", "", ""},
		},
		{
			"or to the one that is configured", "http://127.0.0.1:9/v2",
			func(ctx context.Context, c *Client) error {
				_, err := ListUsers.Page(ctx, c, UserFilter{}, Paging{Size: 30})
				return err
			},
			call{"GET http://127.0.0.1:9/v2/users?page_size=30", "127.0.0.1:9", "Bearer token 1", "application/json", "", ""},
		},
		{
			"a write has a body of JSON", "",
			func(ctx context.Context, c *Client) error {
				_, err := UpdateMeeting.Do(ctx, c, MeetingPatch{MeetingID: 7, Patch: &types.MeetingPatch{Topic: new("T")}})
				return err
			},
			call{"PATCH https://api.zoom.example/v2/meetings/7", "api.zoom.example", "Bearer token 1", "application/json", "application/json", `{"topic":"T"}`},
		},
		{
			"a UUID is sent as it was written, encoded twice", "",
			func(ctx context.Context, c *Client) error {
				_, err := GetPastMeeting.Do(ctx, c, InstanceKey{"/a//b=="})
				return err
			},
			call{"GET https://api.zoom.example/v2/past_meetings/%252Fa%252F%252Fb%253D%253D", "api.zoom.example", "Bearer token 1", "application/json", "", ""},
		},
	} {
		var got call
		client := newTestClient(func(r *http.Request) *http.Response {
			got = call{r.Method + " " + r.URL.String(), r.URL.Host, r.Header.Get("Authorization"), r.Header.Get("Accept"), r.Header.Get("Content-Type"), ""}
			if r.Body != nil {
				body, _ := io.ReadAll(r.Body)
				got.Body = string(body)
			}
			return answer(200, `{"id":"u","uuid":"a==","users":[]}`)
		}, func(cfg *Config) { cfg.BaseURL = c.base })
		if err := c.do(t.Context(), client); err != nil {
			t.Errorf("%s: %v", c.why, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.why, diff)
		}
	}
}

// A body that is not the gzip that its headers name has come: it is not asked for again.
func TestTransport_garbledBody(t *testing.T) {
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, `{"id":"u1","email":"a@example.com"}`)
	}))
	defer server.Close()
	c := newTestClient(nil, func(cfg *Config) { cfg.BaseURL, cfg.HTTP = server.URL, server.Client() })
	if _, err := GetUser.Do(t.Context(), c, UserKey{"u1"}); !errors.Is(err, ErrBadAnswer) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestTransport_refusedTokenIsReplaced(t *testing.T) {
	var got []string
	source := &tokens{}
	c := newTestClient(func(r *http.Request) *http.Response {
		got = append(got, r.Header.Get("Authorization"))
		if len(got) == 1 {
			return answer(401, `{"code":124,"message":"Access token is expired."}`)
		}
		return answer(200, `{"id":"u"}`)
	}).As(app(source))
	if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"Bearer token 1", "Bearer token 2"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestTransport_everyTokenIsRefused(t *testing.T) {
	source, sent := &tokens{}, 0
	c := newTestClient(func(*http.Request) *http.Response {
		sent++
		return answer(401, `{"code":124,"message":"Invalid access token."}`)
	}).As(app(source))
	_, err := GetUser.Do(t.Context(), c, UserKey{"u"})
	if e := asError(t, err); !errors.Is(e, ErrUnauthenticated) || e.Status != 401 || sent != 2 || source.issued != 2 {
		t.Errorf("%d calls with %d tokens: %v", sent, source.issued, e)
	}
}

func TestAuthorized_noToken(t *testing.T) {
	said := &Error{By: ByOAuth, Op: "POST /oauth/token", Kind: ErrUnauthenticated, Status: 400}
	c := newTestClient(func(*http.Request) *http.Response { t.Error("a call was sent"); return nil }).As(app(&tokens{err: said}))
	if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); !errors.Is(err, said) {
		t.Errorf("got %v", err)
	}
	if _, err := c.Scopes(t.Context()); !errors.Is(err, said) {
		t.Errorf("got %v", err)
	}
}

// Other refusals do not replace the token.
func TestTransport_otherRefusalsKeepTheToken(t *testing.T) {
	source := &tokens{}
	c := newTestClient(zoomWith(nil)).As(app(source))
	for _, name := range []string{"u", "v"} {
		if _, err := GetUser.Do(t.Context(), c, UserKey{name}); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
	}
	if source.issued != 1 {
		t.Errorf("%d tokens were requested", source.issued)
	}
}

// A token that ended while the call was queued is not sent, whether it expired or Zoom
// refused it for another call; the call fetches another token.
func TestTransport_tokenEndsInTheQueue(t *testing.T) {
	for why, end := range map[string]func(*identity.Credential, *tokens){
		"expired": func(_ *identity.Credential, source *tokens) { source.now.Expires, source.now = time.Now(), nil },
		"refused": func(c *identity.Credential, source *tokens) { c.Refused(source.now) },
	} {
		var got []string
		source := &tokens{}
		credential, ended := app(source), false
		c := newTestClient(func(r *http.Request) *http.Response {
			got = append(got, r.Header.Get("Authorization"))
			return answer(200, `{"id":"u"}`)
		}, func(c *Config) {
			c.Plan = Free
			c.Limiter = ratelimit.NewLimiter(queue{func() {
				if !ended {
					ended = true
					end(credential, source)
				}
			}}, time.Second)
		}).As(credential)
		if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); err != nil {
			t.Errorf("%s: %v", why, err)
		}
		if diff := cmp.Diff([]string{"Bearer token 2"}, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", why, diff)
		}
	}
}

// If there is no other token, the call returns that error.
func TestTransport_tokenEndsInTheQueue_noOther(t *testing.T) {
	source, said := &tokens{}, &Error{By: ByOAuth, Op: "POST /oauth/token", Kind: ErrUnauthenticated, Status: 400}
	credential := app(source)
	c := newTestClient(func(*http.Request) *http.Response { t.Error("a call was sent"); return nil }, func(c *Config) {
		c.Plan = Free
		c.Limiter = ratelimit.NewLimiter(queue{func() {
			credential.Refused(source.now)
			source.err = said
		}}, time.Second)
	}).As(credential)
	if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); !errors.Is(err, said) {
		t.Errorf("got %v", err)
	}
}

// Each try fetches one token, for both the check of its scopes and the call.
func TestAuthorized_fetchesOneToken(t *testing.T) {
	source, sent := &counted{}, 0
	c := newTestClient(func(*http.Request) *http.Response {
		if sent++; sent == 1 {
			return answer(503, "")
		}
		return answer(200, `{"id":"u"}`)
	}).As(app(source))
	if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); err != nil || sent != 2 || source.fetched != 2 {
		t.Errorf("%d tokens were fetched for %d calls: %v", source.fetched, sent, err)
	}
}

// counted counts how often a token is fetched.
type counted struct {
	tokens
	fetched int
}

// Token implements [identity.Tokens].
func (c *counted) Token(ctx context.Context) (*identity.Token, error) {
	c.fetched++
	return c.tokens.Token(ctx)
}

// queue is a store of limits that calls a function while a call is queued.
type queue struct{ whileQueued func() }

// Take implements [ratelimit.Store].
func (q queue) Take(context.Context, time.Time, time.Duration, []ratelimit.Limit) (ratelimit.Decision, error) {
	q.whileQueued()
	return ratelimit.Decision{OK: true}, nil
}

// Late implements [ratelimit.Store].
func (queue) Late(context.Context, time.Time, ratelimit.Decision, []ratelimit.Limit) error {
	return nil
}

// Refuse implements [ratelimit.Store].
func (queue) Refuse(context.Context, time.Time, ratelimit.Limit) error { return nil }

// Cancel implements [ratelimit.Store].
func (queue) Cancel(context.Context, ratelimit.Decision, []ratelimit.Limit) error { return nil }

// Block implements [ratelimit.Store].
func (queue) Block(context.Context, string, time.Time) error { return nil }

// Observe implements [ratelimit.Store].
func (queue) Observe(context.Context, time.Time, ratelimit.Limit, int) error { return nil }

// Remaining implements [ratelimit.Store].
func (queue) Remaining(context.Context, time.Time, []ratelimit.Limit) ([]ratelimit.Status, error) {
	return nil, nil
}

// Every body is closed, or its connection would not be reused.
func TestTransport_closesBodies(t *testing.T) {
	for _, status := range []int{200, 404} {
		closed := 0
		c := newTestClient(func(*http.Request) *http.Response {
			resp := answer(status, `{}`)
			resp.Body = closing{resp.Body, &closed}
			return resp
		})
		_, _ = GetUser.Do(t.Context(), c, UserKey{"u"})
		if closed != 1 {
			t.Errorf("HTTP %d: closed %d times", status, closed)
		}
	}
}

type closing struct {
	io.ReadCloser
	times *int
}

// Close counts.
func (c closing) Close() error {
	*c.times++
	return c.ReadCloser.Close()
}

// A call without its scope is refused before it is sent, so that it uses none of the budget.
func TestAuthorized_missingScope(t *testing.T) {
	sent := 0
	c := newTestClient(func(*http.Request) *http.Response { sent++; return answer(200, `{"id":"u","users":[]}`) }).As(app(&tokens{scopes: []string{"user:read:user:admin"}}))
	u := &Usage{}
	ctx := WithUsage(t.Context(), u)
	if _, err := GetUser.Do(ctx, c, UserKey{"u"}); err != nil || sent != 1 {
		t.Errorf("what is granted: %d calls, %v", sent, err)
	}
	_, err := ListUsers.Page(ctx, c, UserFilter{}, Paging{})
	if e := asError(t, err); !errors.Is(e, ErrMissingScope) || e.Op != ListUsers.Pattern || !strings.Contains(e.Message, "user:read:list_users:admin") || sent != 1 || u.Calls(Medium) != 0 {
		t.Errorf("what is not: %d calls, %v", sent, e)
	}
	if scopes, err := c.Scopes(t.Context()); err != nil || !cmp.Equal(scopes, []string{"user:read:user:admin"}) {
		t.Errorf("granted: %v, %v", scopes, err)
	}
	silent := newTestClient(func(*http.Request) *http.Response { return answer(200, `{"users":[]}`) })
	if _, err := ListUsers.Page(t.Context(), silent, UserFilter{}, Paging{}); err != nil {
		t.Errorf("a token without a list of scopes may try: %v", err)
	}
}

// The error of a failed call holds neither the URL nor an e-mail address.
func TestTransport_failures(t *testing.T) {
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("refused")}
	for _, c := range []struct {
		why    string
		client *http.Client
		cause  error // nil for any
	}{
		{"no connection", &http.Client{Transport: failing{dial}}, errNotSent},
		{"a connection that broke", &http.Client{Transport: failing{io.ErrUnexpectedEOF}}, nil},
		{"a body that broke", &http.Client{Transport: wire(func(*http.Request) *http.Response {
			resp := answer(200, "")
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"id":`), failing{io.ErrUnexpectedEOF}))
			return resp
		})}, nil},
		{"a timeout", &http.Client{Transport: failing{context.DeadlineExceeded}}, context.DeadlineExceeded},
	} {
		synctest.Test(t, func(t *testing.T) {
			client := newTestClient(nil, func(cfg *Config) { cfg.HTTP = c.client })
			_, err := GetUser.Do(t.Context(), client, UserKey{"jo@example.com"})
			e := asError(t, err)
			timeout := errors.Is(e, context.DeadlineExceeded) != errors.Is(c.cause, context.DeadlineExceeded)
			if !errors.Is(e, ErrUnavailable) || e.Op != GetUser.Pattern || e.Status != 0 || (c.cause != nil && !errors.Is(e, c.cause)) || timeout {
				t.Errorf("%s: got %v, %v", c.why, e, e.Cause)
			}
			if said := e.Error() + e.Cause.Error(); strings.Contains(said, "example.com") || strings.Contains(said, "jo") {
				t.Errorf("%s: the error holds an address: %s", c.why, said)
			}
		})
	}
}

// failing is a transport, or a body, that fails.
type failing struct{ err error }

// RoundTrip fails.
func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

// Read fails.
func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestTransport_callTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ends []time.Time
		c := newTestClient(nil, func(c *Config) {
			c.CallTimeout = 3 * time.Second
			c.HTTP = &http.Client{Transport: patient(func(r *http.Request) { end, _ := r.Context().Deadline(); ends = append(ends, end) })}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := GetUser.Do(ctx, c, UserKey{"u"}); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("the caller leaves at its own deadline: after %v, %v", time.Since(began), err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(ends) != 1 || ends[0].Sub(began) != 3*time.Second {
			t.Errorf("a sent call has its own timeout: %v", ends)
		}
		began = time.Now()
		_, err := UpdateMeeting.Do(t.Context(), c, MeetingPatch{MeetingID: 7, Patch: somePatch})
		if e := asError(t, err); !errors.Is(e, ErrUnavailable) || !errors.Is(e, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("a write whose outcome is unknown: after %v, %v", time.Since(began), e)
		}
	})
}

// patient is a transport that waits until the request's context ends.
type patient func(*http.Request)

// RoundTrip waits.
func (p patient) RoundTrip(r *http.Request) (*http.Response, error) {
	p(r)
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestTransport_canceledBeforeSending(t *testing.T) {
	c := newTestClient(func(*http.Request) *http.Response { t.Error("a call was sent"); return nil })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := UpdateMeeting.Do(ctx, c, MeetingPatch{MeetingID: 7, Patch: somePatch}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Redirects are not followed: they could send a token to another host.
func TestTransport_redirects(t *testing.T) {
	for _, own := range []bool{false, true} {
		elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
		zoom := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
		c := newTestClient(nil, func(c *Config) {
			c.BaseURL, c.HTTP = zoom.URL+"/v2", nil // the client's own
			if own {
				c.HTTP = &http.Client{Transport: NewTransport(1), CheckRedirect: noRedirects}
			}
		})
		if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); !errors.Is(err, ErrBadAnswer) {
			t.Errorf("got %v", err)
		}
		c.cfg.HTTP.CloseIdleConnections()
		zoom.Close()
		elsewhere.Close()
	}
}

// A real server receives the path as escaped.
func TestTransport_pathsThroughAServer(t *testing.T) {
	var path string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path = r.RequestURI
		_, _ = io.WriteString(w, `{"uuid":"x"}`)
	}))
	defer server.Close()
	c := newTestClient(nil, func(c *Config) { c.BaseURL, c.HTTP = server.URL+"/v2", server.Client() })
	for uuid, want := range map[string]string{
		"/abc==":  "/v2/past_meetings/%252Fabc%253D%253D",
		"a//b==":  "/v2/past_meetings/a%252F%252Fb%253D%253D",
		"a/b+c==": "/v2/past_meetings/a%2Fb%2Bc%3D%3D",
	} {
		if _, err := GetPastMeeting.Do(t.Context(), c, InstanceKey{uuid}); err != nil || path != want {
			t.Errorf("%s is sent as %s, %v", uuid, path, err)
		}
	}
}

func TestNew_defaults(t *testing.T) {
	c := New(Config{AccountID: "account"})
	if c.cfg.MaxInFlight <= 0 || c.cfg.CallTimeout <= 0 || c.cfg.HTTP == nil || c.cfg.HTTP.CheckRedirect == nil || c.cfg.Log == nil {
		t.Errorf("the zero configuration is completed: %+v", c.cfg)
	}
	tr, ok := c.cfg.HTTP.Transport.(*http.Transport)
	if !ok || tr.MaxIdleConnsPerHost < c.cfg.MaxInFlight || tr.MaxIdleConns < tr.MaxIdleConnsPerHost {
		t.Error("a burst opens its connections anew each time")
	}
	if c.AccountID() != "account" || c.Tenant() != types.TenantOf("account") {
		t.Errorf("the account is %s", c.AccountID())
	}
}

// The log has the names of operations, never their inputs.
func TestTransport_logHasNoAddress(t *testing.T) {
	var said strings.Builder
	log := slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c := newTestClient(zoomWith(nil), func(c *Config) { c.Log = log })
	_, _ = GetUser.Do(t.Context(), c, UserKey{"jo@example.com"})
	if s := said.String(); !strings.Contains(s, "GET /users/{userId}") || strings.Contains(s, "example.com") || strings.Contains(s, "token 1") {
		t.Errorf("the log says %q", s)
	}
}
