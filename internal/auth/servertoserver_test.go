package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"zoomql/internal/identity"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tokenServer is a transport to a token endpoint, which issues "t1", "t2" and so on,
// unless respond is set.
type tokenServer struct {
	mu       sync.Mutex
	requests int
	delay    time.Duration
	respond  func(n int) (status int, body string) // status 0: no answer
	last     *http.Request
	form     url.Values
}

const tokenBody = `{"access_token":"t%d","token_type":"bearer","expires_in":3599,"scope":"user:read:user:admin meeting:read:meeting:admin","api_url":"https://api-eu.zoom.us"}`

// RoundTrip implements [http.RoundTripper].
func (d *tokenServer) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.requests++
	n := d.requests
	d.last = r
	d.form, _ = url.ParseQuery(string(body))
	d.mu.Unlock()
	select {
	case <-time.After(d.delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	status, content := 200, fmt.Sprintf(tokenBody, n)
	if d.respond != nil {
		status, content = d.respond(n)
	}
	if status == 0 {
		return nil, errors.New("connection reset; the secret is client-secret")
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(content))}, nil
}

func (d *tokenServer) source() *ServerToServer {
	return NewServerToServer("the account", "the client", "client-secret", "https://zoom.us/", &http.Client{Transport: d})
}

func (d *tokenServer) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.requests
}

func mustToken(t *testing.T, s *ServerToServer) *identity.Token {
	t.Helper()
	token, err := s.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestToken_request(t *testing.T) {
	d := &tokenServer{}
	got := mustToken(t, d.source())
	want := &identity.Token{Access: "t1", Scopes: []string{"user:read:user:admin", "meeting:read:meeting:admin"}, APIURL: "https://api-eu.zoom.us"}
	if got.Expires.IsZero() {
		t.Error("no expiry")
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(identity.Token{}, "Expires"), cmpopts.IgnoreUnexported(identity.Token{})); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if d.last.Method != http.MethodPost || d.last.URL.String() != "https://zoom.us/oauth/token" {
		t.Errorf("requested by %s %s", d.last.Method, d.last.URL)
	}
	if want := "Basic " + base64.StdEncoding.EncodeToString([]byte("the+client:client-secret")); d.last.Header.Get("Authorization") != want {
		t.Errorf("the credentials are %q, want %q", d.last.Header.Get("Authorization"), want)
	}
	if diff := cmp.Diff(url.Values{"grant_type": {"account_credentials"}, "account_id": {"the account"}}, d.form); diff != "" {
		t.Errorf("the body: -want +got\n%s", diff)
	}
}

func TestNewServerToServer_nilClientHasTimeout(t *testing.T) {
	if s := NewServerToServer("a", "c", "s", "https://zoom.us", nil); s.http == nil || s.http.Timeout != requestTimeout {
		t.Errorf("the default client has no timeout: %+v", s.http)
	}
}

func TestToken_concurrentCallersShareRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &tokenServer{delay: time.Second}
		s := d.source()
		var wait sync.WaitGroup
		for range 64 {
			wait.Go(func() {
				if token, err := s.Token(t.Context()); err != nil || token.Access != "t1" {
					t.Errorf("got %v, %v", token, err)
				}
			})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := s.Token(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a caller whose context ends: %v", err)
		}
		wait.Wait()
		if d.count() != 1 {
			t.Errorf("%d requests", d.count())
		}
	})
}

// The request outlives the context of the caller that began it.
func TestToken_firstCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &tokenServer{delay: time.Second}
		s := d.source()
		ctx, cancel := context.WithCancel(t.Context())
		first := make(chan error)
		go func() { _, err := s.Token(ctx); first <- err }()
		synctest.Wait()
		cancel()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if mustToken(t, s).Access != "t1" || d.count() != 1 {
			t.Errorf("%d requests", d.count())
		}
	})
}

// A token is replaced before its expiry, and no caller waits for that.
func TestToken_refreshedBeforeExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &tokenServer{delay: time.Second}
		s := d.source()
		mustToken(t, s)
		time.Sleep(3598*time.Second - refreshBefore - time.Second)
		if got := mustToken(t, s).Access; got != "t1" || d.count() != 1 {
			t.Errorf("before refreshBefore: %s, %d requests", got, d.count())
		}
		time.Sleep(2 * time.Second)
		began := time.Now()
		for range 3 {
			if got := mustToken(t, s).Access; got != "t1" || time.Since(began) != 0 {
				t.Errorf("during the refresh: %s after %v", got, time.Since(began))
			}
		}
		synctest.Wait()
		time.Sleep(2 * time.Second)
		if got := mustToken(t, s).Access; got != "t2" || d.count() != 2 {
			t.Errorf("after the refresh: %s, %d requests", got, d.count())
		}
	})
}

// An outage of the token server does not affect callers until the token expires.
func TestToken_outageBeforeExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &tokenServer{respond: func(n int) (int, string) {
			if n == 1 {
				return 200, fmt.Sprintf(tokenBody, 1)
			}
			return 503, "<html>"
		}}
		s := d.source()
		mustToken(t, s)
		time.Sleep(3599*time.Second - refreshBefore + time.Second)
		for range 20 { // ten seconds
			if got := mustToken(t, s).Access; got != "t1" {
				t.Errorf("got %s", got)
			}
			synctest.Wait()
			time.Sleep(500 * time.Millisecond)
		}
		if n := d.count() - 1; n < 3 || n > 6 {
			t.Errorf("in ten seconds another was requested %d times", n)
		}
		time.Sleep(refreshBefore)
		if token, err := s.Token(t.Context()); token != nil || !errors.Is(err, zoom.ErrUnavailable) {
			t.Errorf("an expired token is returned: %v, %v", token, err)
		}
	})
}

func TestToken_lifetime(t *testing.T) {
	for _, c := range []struct {
		why, expires string
		replaced     time.Duration // from then on another one is requested
		valid        time.Duration // until then the token is returned
	}{
		{"as a number", `,"expires_in":3600`, 58 * time.Minute, time.Hour},
		{"as a string", `,"expires_in":"3600"`, 58 * time.Minute, time.Hour},
		{"with a fraction", `,"expires_in":3600.5`, 58 * time.Minute, time.Hour},
		{"missing: the lifetime of all of Zoom's tokens", ``, 58 * time.Minute, time.Hour},
		{"shorter than refreshBefore", `,"expires_in":60`, 30 * time.Second, time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &tokenServer{}
			d.respond = func(n int) (int, string) {
				if n > 1 {
					return 503, ""
				}
				return 200, `{"access_token":"t1","token_type":"bearer"` + c.expires + `}`
			}
			s := d.source()
			mustToken(t, s)
			time.Sleep(c.replaced - time.Millisecond)
			if mustToken(t, s); d.count() != 1 {
				t.Errorf("%s: another token was requested too early", c.why)
			}
			time.Sleep(time.Millisecond)
			mustToken(t, s)
			if synctest.Wait(); d.count() != 2 {
				t.Errorf("%s: no other token was requested", c.why)
			}
			time.Sleep(c.valid - c.replaced - time.Second)
			if got := mustToken(t, s).Access; got != "t1" {
				t.Errorf("%s: a second before its end the token is %s", c.why, got)
			}
			time.Sleep(time.Second)
			if token, err := s.Token(t.Context()); token != nil || err == nil {
				t.Errorf("%s: at its end it is returned: %v, %v", c.why, token, err)
			}
			synctest.Wait()
		})
	}
}

func TestRefused_dropsToken(t *testing.T) {
	d := &tokenServer{}
	s := d.source()
	old := mustToken(t, s)
	s.Refused(old)
	next := mustToken(t, s)
	if next.Access != "t2" {
		t.Errorf("the refused token is returned again: %s", next.Access)
	}
	s.Refused(old) // a call that was sent with it ends late
	if again := mustToken(t, s); again != next || d.count() != 2 {
		t.Errorf("another token was dropped: %s, %d requests", again.Access, d.count())
	}
	s.Refused(&identity.Token{Access: next.Access}) // not the token that was returned
	if again := mustToken(t, s); again != next {
		t.Errorf("another token was dropped: %s", again.Access)
	}
}

func TestToken_errors(t *testing.T) {
	for _, c := range []struct {
		why     string
		status  int
		body    string
		kind    error
		message string
	}{
		{"wrong credentials", 400, `{"reason":"Invalid client_id or client_secret","error":"invalid_client"}`, zoom.ErrUnauthenticated, "invalid_client"},
		{"the other status", 401, `{"error":"invalid_client"}`, zoom.ErrUnauthenticated, "invalid_client"},
		{"an unknown account", 400, `{"reason":"Bad Request","error":"invalid_request"}`, zoom.ErrUnauthenticated, "invalid_request"},
		{"a page of a proxy", 403, `<html>client-secret</html>`, zoom.ErrNotZoom, ""},
		{"an outage", 503, `{"error":"client-secret"}`, zoom.ErrUnavailable, ""},
		{"a bug of Zoom's", 500, `{"error":"client-secret"}`, zoom.ErrUnavailable, ""},
		{"a throttle", 429, `{"error":"client-secret"}`, zoom.ErrUnavailable, ""},
		{"no answer", 0, ``, zoom.ErrUnavailable, ""},
		{"a page under 200", 200, `<html>client-secret`, zoom.ErrNotZoom, "ZOOM_OAUTH_URL"},
		{"an answer without a token", 200, `{"token_type":"bearer"}`, zoom.ErrBadAnswer, "access_token"},
		{"a refusal under 200", 200, `{"code":4717,"message":"client-secret"}`, zoom.ErrUnauthenticated, "4717"},
		{"OAuth's refusal under 200", 200, `{"error":"invalid_client"}`, zoom.ErrUnauthenticated, "invalid_client"},
		{"a token that has ended", 200, `{"access_token":"t","expires_in":-5}`, zoom.ErrBadAnswer, "expires_in"},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &tokenServer{respond: func(int) (int, string) { return c.status, c.body }}
			s := d.source()
			token, err := s.Token(t.Context())
			var e *zoom.Error
			if token != nil || !errors.As(err, &e) || !errors.Is(e.Kind, c.kind) || e.Op != "POST /oauth/token" || !strings.Contains(e.Message, c.message) {
				t.Errorf("%s: got %v, %v", c.why, token, err)
			}
			for _, text := range []string{fmt.Sprintf("%v", err), fmt.Sprintf("%+v", e), fmt.Sprintf("%#v", e), fmt.Sprint(e.Cause)} {
				if strings.Contains(text, "client-secret") || strings.Contains(text, "the+client") {
					t.Errorf("%s: a secret is printed: %s", c.why, text)
				}
			}
			checkFailureTTL(t, c.why, d, s, err)
		})
	}
}

// checkFailureTTL calls often: a failure is cached for failureTTL.
func checkFailureTTL(t *testing.T, why string, d *tokenServer, s *ServerToServer, first error) {
	t.Helper()
	for range 19 {
		time.Sleep(100 * time.Millisecond)
		if _, err := s.Token(t.Context()); !errors.Is(err, first) {
			t.Errorf("%s: the refusal changed to %v", why, err)
		}
	}
	if d.count() != 1 {
		t.Errorf("%s: %d requests in two seconds", why, d.count())
	}
	time.Sleep(100 * time.Millisecond)
	d.mu.Lock()
	d.respond = nil
	d.mu.Unlock()
	if _, err := s.Token(t.Context()); err != nil || d.count() != 2 {
		t.Errorf("%s: after failureTTL, the endpoint works: %v, %d requests", why, err, d.count())
	}
}

func TestToken_requestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := (&tokenServer{delay: time.Hour}).source().Token(t.Context())
		if !errors.Is(err, zoom.ErrUnavailable) || time.Since(began) != requestTimeout {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

const defaultAPI, foreign = "https://api.zoom.us", ""

func TestAPIURL(t *testing.T) {
	for _, c := range []struct{ why, named, want string }{
		{"a cluster", "https://api-eu.zoom.us", "https://api-eu.zoom.us"},
		{"a vanity name", "https://example.zoom.us", "https://example.zoom.us"},
		{"the bare domain", "https://zoom.us", "https://zoom.us"},
		{"with a path, which callers add", "https://api-eu.zoom.us/v2", "https://api-eu.zoom.us"},
		{"none", "", defaultAPI},
		{"not encrypted", "http://api.zoom.us", defaultAPI},
		{"another host", "https://zoom.us.example.com", foreign},
		{"a host with the same suffix", "https://evilzoom.us", foreign},
		{"a host in a name", "https://zoom.us@evil.example", foreign},
		{"a host in a path", "https://evil.example/.zoom.us", foreign},
		{"a host in a query", "https://evil.example?.zoom.us", foreign},
		{"a name and a password are dropped", "https://a:b@api.zoom.us", "https://api.zoom.us"},
		{"no scheme", "api.zoom.us", defaultAPI},
		{"no URL", "https://%zz.zoom.us", defaultAPI},
		{"a port of another host", "https://evil.example:443.zoom.us", defaultAPI},
		{"the government's cloud", "https://api.zoomgov.com", foreign},
	} {
		if got, host := zoom.CloudOf("https://zoom.us").APIURL(c.named); got != c.want || (host != "") != (c.want == foreign) {
			t.Errorf("%s: %q leads to %q, want %q; %q is named", c.why, c.named, got, c.want, host)
		}
	}
	d := &tokenServer{respond: func(int) (int, string) { return 200, `{"access_token":"t","api_url":7}` }}
	if token, err := d.source().Token(t.Context()); err != nil || token.APIURL != defaultAPI {
		t.Errorf("a number leads to %v, %v", token, err)
	}
	d = &tokenServer{respond: func(int) (int, string) { return 200, `{"access_token":"t","api_url":"https://api.zoomgov.com"}` }}
	if token, err := d.source().Token(t.Context()); err != nil || token.APIURL != "" || token.ForeignHost != "api.zoomgov.com" {
		t.Errorf("another cloud leads to %v, %v", token, err)
	}
	if token, err := NewServerToServer("a", "c", "s", "https://zoomgov.com", &http.Client{Transport: d}).Token(t.Context()); err != nil || token.APIURL != "https://api.zoomgov.com" {
		t.Errorf("the cloud of the OAuth server leads to %v, %v", token, err)
	}
}

// FuzzAPIURL names any base: a token only ever goes to a host of Zoom's.
func FuzzAPIURL(f *testing.F) {
	for _, seed := range []string{"https://api-eu.zoom.us", "https://x.zoom.us:1@evil.example", "https://evil.example\\.zoom.us", "https://evil.example#.zoom.us", "https://[::1].zoom.us", "https://a b.zoom.us"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, named string) {
		base, host := zoom.CloudOf("https://zoom.us").APIURL(named)
		if host != "" {
			return // no call is made
		}
		r, err := http.NewRequest(http.MethodGet, base+"/v2/users/me", nil)
		if err != nil {
			t.Fatalf("%q leads to %q, which is none: %v", named, base, err)
		}
		if host := r.URL.Hostname(); r.URL.Scheme != "https" || (host != "zoom.us" && !strings.HasSuffix(host, ".zoom.us")) || r.URL.Path != "/v2/users/me" {
			t.Fatalf("%q leads to %s", named, r.URL)
		}
	})
}

// inProcess is the sandbox without a network.
type inProcess struct{ *sandbox.Sandbox }

// RoundTrip implements [http.RoundTripper].
func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

// The sandbox accepts and refuses credentials as Zoom does.
func TestToken_sandbox(t *testing.T) {
	server, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		why, account, id, secret string
		kind                     error
	}{
		{"right", sandbox.AccountID, sandbox.ClientID, sandbox.ClientSecret, nil},
		{"a wrong secret", sandbox.AccountID, sandbox.ClientID, "wrong", zoom.ErrUnauthenticated},
		{"a wrong client", sandbox.AccountID, "wrong", sandbox.ClientSecret, zoom.ErrUnauthenticated},
		{"a wrong account", "wrong", sandbox.ClientID, sandbox.ClientSecret, zoom.ErrUnauthenticated},
	} {
		s := NewServerToServer(c.account, c.id, c.secret, "https://zoom.example", &http.Client{Transport: inProcess{server}})
		if token, err := s.Token(t.Context()); !errors.Is(err, c.kind) || (token == nil) != (c.kind != nil) {
			t.Errorf("%s: got %v, %v", c.why, token, err)
		}
	}
}
