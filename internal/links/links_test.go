package links

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/internal/identity"
	"zoomql/internal/zoom"
)

// tokens issues "token-1", and after each refusal the next.
type tokens struct{ refused int }

func (t *tokens) Token(context.Context) (*identity.Token, error) {
	return &identity.Token{Access: fmt.Sprintf("token-%d", t.refused+1)}, nil
}

func (t *tokens) Refused(*identity.Token) { t.refused++ }

// upstream is a transport to hosts. It records the requests with their tokens.
type upstream struct {
	sites    map[string]http.HandlerFunc
	requests []string
}

func (n *upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	n.requests = append(n.requests, strings.TrimSpace(r.Method+" "+r.URL.Host+" "+r.Header.Get("Authorization")))
	w := httptest.NewRecorder()
	n.sites[r.URL.Host](w, r)
	answer := w.Result()
	answer.Request = r
	return answer, nil
}

const content = "0123456789abcdef"

func serveContent(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "video/mp4")
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
}

func redirectTo(location string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, location, http.StatusFound) }
}

func respond(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func newLinks(t *testing.T, change func(*Config)) *Links {
	t.Helper()
	cfg := Config{Secret: strings.Repeat("s", 32), PublicURL: "https://gateway.example", AccountID: "A", Tokens: &tokens{}, Transport: &upstream{}}
	if change != nil {
		change(&cfg)
	}
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *Links) mustSign(t *testing.T, at string, life time.Duration) string {
	t.Helper()
	link, _, err := l.Sign(t.Context(), File{URL: at, Name: "recording.mp4"}, life)
	if err != nil {
		t.Fatal(err)
	}
	return link
}

func (l *Links) request(t *testing.T, method, link string, header http.Header) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, link, nil)
	maps.Copy(r.Header, header)
	w := httptest.NewRecorder()
	l.ServeHTTP(w, r)
	return w.Result()
}

func bodyOf(t *testing.T, answer *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// The requests for a link, their tokens, and the answer.
func TestServeHTTP_upstream(t *testing.T) {
	const first, store = "us02web.zoom.us", "ssrweb.zoom.us"
	expired := func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer token-2" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		serveContent(w, r)
	}
	for _, c := range []struct {
		name     string
		sites    map[string]http.HandlerFunc
		header   http.Header
		method   string
		status   int
		body     string
		requests []string
	}{
		{
			"the file is at the address", map[string]http.HandlerFunc{first: serveContent}, nil, "GET",
			200, content, []string{"GET " + first + " Bearer token-1"},
		},
		{
			"another host of Zoom's is followed, without the token", map[string]http.HandlerFunc{first: redirectTo("https://" + store + "/x"), store: serveContent}, nil, "GET",
			200, content, []string{"GET " + first + " Bearer token-1", "GET " + store},
		},
		{
			"back at the first host, the token is not sent", map[string]http.HandlerFunc{
				first: func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/back" {
						serveContent(w, r)
						return
					}
					redirectTo("https://"+store+"/x")(w, r)
				},
				store: redirectTo("https://" + first + "/back"),
			}, nil, "GET",
			200, content, []string{"GET " + first + " Bearer token-1", "GET " + store, "GET " + first},
		},
		{
			"a redirect to a foreign host is not followed", map[string]http.HandlerFunc{first: redirectTo("https://zoom.us.evil.example/x"), "zoom.us.evil.example": serveContent}, nil, "GET",
			502, "", []string{"GET " + first + " Bearer token-1"},
		},
		{
			"a redirect to HTTP is not followed", map[string]http.HandlerFunc{first: redirectTo("http://" + store + "/x"), store: serveContent}, nil, "GET",
			502, "", []string{"GET " + first + " Bearer token-1"},
		},
		{
			"redirects in a circle end", map[string]http.HandlerFunc{first: redirectTo("/again")}, nil, "GET",
			502, "", slices.Repeat([]string{"GET " + first + " Bearer token-1"}, maxHops+1),
		},
		{
			"a token that has expired is replaced", map[string]http.HandlerFunc{first: expired}, nil, "GET",
			200, content, []string{"GET " + first + " Bearer token-1", "GET " + first + " Bearer token-2"},
		},
		{
			"a token is replaced once only", map[string]http.HandlerFunc{first: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }}, nil, "GET",
			502, "", []string{"GET " + first + " Bearer token-1", "GET " + first + " Bearer token-2"},
		},
		{
			"a range is a range, behind a redirect too", map[string]http.HandlerFunc{first: redirectTo("https://" + store + "/x"), store: serveContent}, http.Header{"Range": {"bytes=2-4"}}, "GET",
			206, "234", []string{"GET " + first + " Bearer token-1", "GET " + store},
		},
		{
			"a range beyond the end is refused", map[string]http.HandlerFunc{first: serveContent}, http.Header{"Range": {"bytes=99-"}}, "GET",
			416, "invalid range: failed to overlap\n", []string{"GET " + first + " Bearer token-1"},
		},
		{
			"HEAD returns the size", map[string]http.HandlerFunc{first: serveContent}, nil, "HEAD",
			200, "", []string{"GET " + first + " Bearer token-1"},
		},
		{
			"a page is no file", map[string]http.HandlerFunc{first: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				_, _ = io.WriteString(w, "<script>sign in</script>")
			}}, nil, "GET",
			502, "", []string{"GET " + first + " Bearer token-1"},
		},
		{
			"a refusal in place of the file", map[string]http.HandlerFunc{first: respond(200, "application/json", `{"code":3301,"message":"There is no recording, jo@example.com."}`)}, nil, "GET",
			502, "Zoom does not give the file: There is no recording, [e-mail] (code 3301).\n", []string{"GET " + first + " Bearer token-1"},
		},
		{
			"a refusal behind a byte order mark", map[string]http.HandlerFunc{first: respond(200, "application/json", "\ufeff"+`{"code":3301,"message":"There is no recording."}`)}, nil, "GET",
			502, "Zoom does not give the file: There is no recording. (code 3301).\n", []string{"GET " + first + " Bearer token-1"},
		},
		{
			"a refusal as XML", map[string]http.HandlerFunc{first: respond(200, "application/xml", "<error><code>3301</code><message>There is no recording.</message></error>")}, nil, "GET",
			502, "Zoom does not give the file: There is no recording. (code 3301).\n", []string{"GET " + first + " Bearer token-1"},
		},
		{
			"a refusal under another status", map[string]http.HandlerFunc{first: respond(400, "text/plain", `{"code":200,"message":"No permission."}`)}, nil, "GET",
			502, "Zoom does not give the file: No permission. (code 200).\n", []string{"GET " + first + " Bearer token-1"},
		},
		{
			"a file of JSON is a file", map[string]http.HandlerFunc{first: respond(200, "application/json", `{"code":0,"timeline":[]}`)}, nil, "GET",
			200, `{"code":0,"timeline":[]}`, []string{"GET " + first + " Bearer token-1"},
		},
		{
			"a long file of JSON is a file", map[string]http.HandlerFunc{first: respond(200, "application/json", `{"code":7,"message":"`+strings.Repeat("x", maxRefusal)+`"}`)}, nil, "GET",
			200, `{"code":7,"message":"` + strings.Repeat("x", maxRefusal) + `"}`, []string{"GET " + first + " Bearer token-1"},
		},
		{
			"zoom.com gets no token", map[string]http.HandlerFunc{first: redirectTo("https://file.zoom.com/x"), "file.zoom.com": serveContent}, nil, "GET",
			200, content, []string{"GET " + first + " Bearer token-1", "GET file.zoom.com"},
		},
		{
			"a file that is not found", map[string]http.HandlerFunc{first: http.NotFound}, nil, "GET",
			404, "", []string{"GET " + first + " Bearer token-1"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			net := &upstream{sites: c.sites}
			l := newLinks(t, func(cfg *Config) { cfg.Transport = net })
			answer := l.request(t, c.method, l.mustSign(t, "https://"+first+"/rec/download/x", time.Minute), c.header)
			if answer.StatusCode != c.status {
				t.Errorf("HTTP %d, want %d", answer.StatusCode, c.status)
			}
			if body := bodyOf(t, answer); c.body != "" && body != c.body || strings.Contains(body, "token") || strings.Contains(body, "<") {
				t.Errorf("body %q, want %q", body, c.body)
			}
			if !slices.Equal(net.requests, c.requests) {
				t.Errorf("requested %q, want %q", net.requests, c.requests)
			}
			if c.method == "HEAD" && answer.Header.Get("Content-Length") != strconv.Itoa(len(content)) {
				t.Errorf("length %s", answer.Header.Get("Content-Length"))
			}
		})
	}
}

// Which links are served.
func TestServeHTTP_links(t *testing.T) {
	const at = "https://us02web.zoom.us/rec/download/canary"
	same := &upstream{sites: map[string]http.HandlerFunc{"us02web.zoom.us": serveContent}}
	mine := func(cfg *Config) { cfg.Transport = same }
	link := newLinks(t, mine).mustSign(t, at, time.Minute)
	sealed, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(link, "https://gateway.example"+Path))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(sealed), "zoom") || strings.Contains(link, "canary") {
		t.Error("the link shows the address of the file")
	}
	changed := slices.Clone(sealed)
	changed[len(changed)/2] ^= 1
	for _, c := range []struct {
		name   string
		link   string
		by     func(*Config)
		status int
	}{
		{"its own", link, mine, 200},
		{"another replica with the same key serves it", link, mine, 200},
		{"another key does not open it", link, func(cfg *Config) { mine(cfg); cfg.Secret = strings.Repeat("t", 32) }, 404},
		{"a process without a key has one of its own", link, func(cfg *Config) { mine(cfg); cfg.Secret = "" }, 404},
		{"another account does not open it", link, func(cfg *Config) { mine(cfg); cfg.AccountID = "B" }, 404},
		{"one bit is flipped", Path + base64.RawURLEncoding.EncodeToString(changed), mine, 404},
		{"it is truncated", link[:len(link)-8], mine, 404},
		{"it is empty", Path, mine, 404},
		{"it is no base64", Path + "%ff", mine, 404},
	} {
		if answer := newLinks(t, c.by).request(t, "GET", c.link, nil); answer.StatusCode != c.status {
			t.Errorf("%s: HTTP %d, want %d", c.name, answer.StatusCode, c.status)
		}
	}
}

func TestSign_expiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLinks(t, func(cfg *Config) {
			cfg.Transport = &upstream{sites: map[string]http.HandlerFunc{"zoom.us": serveContent}}
		})
		link, expires, err := l.Sign(t.Context(), File{URL: "https://zoom.us/x"}, 10*time.Minute)
		if err != nil || !expires.Equal(time.Now().Add(10*time.Minute)) {
			t.Fatalf("expires %v, %v", expires, err)
		}
		time.Sleep(10*time.Minute - time.Second)
		if answer := l.request(t, "GET", link, nil); answer.StatusCode != http.StatusOK {
			t.Errorf("a second before the end: HTTP %d", answer.StatusCode)
		}
		time.Sleep(time.Second)
		if answer := l.request(t, "GET", link, nil); answer.StatusCode != http.StatusGone {
			t.Errorf("at the end: HTTP %d", answer.StatusCode)
		}
		if _, _, err := l.Sign(t.Context(), File{URL: "https://zoom.us/x"}, MaxLife+time.Second); err == nil {
			t.Error("a link was made for longer than a day")
		}
	})
}

func TestHosts_trusts(t *testing.T) {
	for at, want := range map[string]bool{
		"https://zoom.us/rec":                true,
		"https://US02web.Zoom.us/rec":        true,
		"https://file.zoom.com:443/x":        true,
		"http://127.0.0.1:9/rec":             true, // the configured base
		"http://127.0.0.1:10/rec":            false,
		"https://127.0.0.1:9/rec":            false,
		"http://zoom.us/rec":                 false,
		"https://zoom.us:8443/rec":           false,
		"https://notzoom.us/rec":             false,
		"https://zoom.us.evil.example":       false,
		"https://zoom.us@evil.example":       false,
		"https://evil.example@zoom.us/rec":   false,
		"https://evil.example/zoom.us":       false,
		"https://169.254.169.254/latest":     false,
		"file:///etc/passwd":                 false,
		"//zoom.us/rec":                      false,
		"":                                   false,
		"javascript://zoom.us/%0aalert(1)":   false,
		"https://zoom.us./rec":               false,
		"https://[::1]/rec":                  false,
		"https://xn--zom-wna.us/rec":         false,
		"https://zoom.us%2eevil.example/rec": false,
	} {
		u, err := url.Parse(at)
		if got := err == nil && (hosts{own: originOf("http://127.0.0.1:9/v2")}).trusts(u); got != want {
			t.Errorf("%s: %t, want %t", at, got, want)
		}
	}
}

// A download has the headers that prevent it from running as a page.
func TestServeHTTP_headers(t *testing.T) {
	l := newLinks(t, func(cfg *Config) {
		cfg.Transport = &upstream{sites: map[string]http.HandlerFunc{"zoom.us": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Set-Cookie", "canary=1")
			w.Header().Set("Content-Disposition", `inline; filename="zoom 1.mp4"`)
			serveContent(w, r)
		}}}
	})
	h := l.request(t, "GET", l.mustSign(t, "https://zoom.us/x", time.Minute), nil).Header
	for name, want := range map[string]string{
		"Content-Disposition": `attachment; filename="zoom 1.mp4"`, "Set-Cookie": "", "Cache-Control": "private, no-store",
		"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox", "Referrer-Policy": "no-referrer", "Content-Type": "video/mp4",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// The connection breaks, so that a truncated file does not look complete.
func TestServeHTTP_upstreamBreaksOff(t *testing.T) {
	zoomFile := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat(content, 1<<12))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer zoomFile.Close()
	l := newLinks(t, func(cfg *Config) { cfg.Transport, cfg.APIURL = nil, zoomFile.URL+"/v2" })
	gateway := httptest.NewServer(l)
	defer gateway.Close()
	link := strings.Replace(l.mustSign(t, zoomFile.URL+"/x", time.Minute), "https://gateway.example", gateway.URL, 1)
	answer, err := http.Get(link)
	if err != nil {
		return // it broke before the first byte
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err == nil {
		t.Errorf("a truncated body looks complete: %q", body)
	}
}

// Files of another cloud are at its own hosts, and are requested with its token.
func TestLinks_otherCloud(t *testing.T) {
	const at = "file.zoomgov.com"
	net := &upstream{sites: map[string]http.HandlerFunc{at: serveContent}}
	other := newLinks(t, nil)
	if _, _, err := other.Sign(t.Context(), File{URL: "https://" + at + "/x"}, time.Minute); !errors.Is(err, ErrElsewhere) || !strings.Contains(err.Error(), at) {
		t.Errorf("a file of another cloud's: %v", err)
	}
	l := newLinks(t, func(cfg *Config) { cfg.Transport, cfg.Cloud = net, zoom.CloudOf("https://zoomgov.com") })
	answer := l.request(t, "GET", l.mustSign(t, "https://"+at+"/x", time.Minute), nil)
	if body := bodyOf(t, answer); answer.StatusCode != http.StatusOK || body != content || !slices.Equal(net.requests, []string{"GET " + at + " Bearer token-1"}) {
		t.Errorf("HTTP %d %q, requested %q", answer.StatusCode, body, net.requests)
	}
}
