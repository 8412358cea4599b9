package access

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

var pageOptions = PageOptions{
	Origins: []string{"https://app.example/", ""}, Own: []string{"https://public.example"}, Headers: []string{"x-tenant", "TRACEPARENT"},
}

func TestPages(t *testing.T) {
	for _, c := range []struct {
		why    string
		method string
		site   string
		origin string
		pass   bool
	}{
		{"no browser", "POST", "", "", true},
		{"the gateway's own page", "POST", "same-origin", "http://gateway.example", true},
		{"typed into the address bar", "GET", "none", "", true},
		{"a page of the same site", "POST", "same-site", "http://other.gateway.example", true},
		{"a page of an allowed origin", "POST", "cross-site", "https://app.example", true},
		{"a page of another site", "POST", "cross-site", "https://evil.example", false},
		{"an image on a page of another site", "GET", "cross-site", "", false},
		{"a page without an origin", "POST", "cross-site", "null", false},
		{"an origin with an allowed one as its prefix", "POST", "cross-site", "https://app.example.evil.example", false},
		{"an allowed origin without encryption", "POST", "cross-site", "http://app.example", false},

		// Without Sec-Fetch-Site.
		{"by GET, of another site", "GET", "", "https://evil.example", false},
		{"by HEAD, of another site", "HEAD", "", "https://evil.example", false},
		{"by GET, without an origin", "GET", "", "null", false},
		{"by GET, another port of this host", "GET", "", "http://gateway.example:81", false},
		{"by GET, the gateway's own page", "GET", "", "http://gateway.example", true},
		{"by GET, the same behind a proxy that terminates TLS", "GET", "", "https://Gateway.example", true},
		{"by GET, the same behind a proxy that sends another Host", "GET", "", "https://public.example", true},
		{"by GET, a page of an allowed origin", "GET", "", "https://app.example", true},
		{"by GET, a program", "GET", "", "", true},
		{"by POST, which no page sends without a preflight", "POST", "", "https://evil.example", true},
	} {
		w := serve(func(h http.Handler) http.Handler { return Pages(pageOptions, h) }, func(r *http.Request) {
			r.Method = c.method
			for name, value := range map[string]string{"Sec-Fetch-Site": c.site, "Origin": c.origin} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
		})
		if !c.pass {
			checkRefusal(t, c.why, w, http.StatusForbidden, "CROSS_SITE")
		} else if w.Code != passed {
			t.Errorf("%s: HTTP %d, %s", c.why, w.Code, w.Body)
		}
		h := w.Header()
		want := ""
		if c.origin == "https://app.example" {
			want = c.origin
		}
		if got := h.Get("Access-Control-Allow-Origin"); got != want || h.Get("Vary") != "Origin" || (h.Get("Access-Control-Expose-Headers") != "") != (want != "") {
			t.Errorf("%s: headers %v", c.why, h)
		}
	}
}

// A preflight answer names all headers that a page may send.
func TestPages_preflight(t *testing.T) {
	for _, origin := range []string{"https://app.example", "https://evil.example", "null"} {
		w := serve(func(h http.Handler) http.Handler { return Pages(pageOptions, h) }, func(r *http.Request) {
			r.Method = http.MethodOptions
			r.Header.Set("Origin", origin)
			r.Header.Set("Access-Control-Request-Method", "POST")
			r.Header.Set("Access-Control-Request-Headers", "x-unknown")
		})
		h := w.Header()
		if vary := strings.Join(h.Values("Vary"), ", "); w.Code != http.StatusNoContent || vary != "Origin, Access-Control-Request-Method, Access-Control-Request-Headers" {
			t.Errorf("%s: HTTP %d, Vary %s", origin, w.Code, vary)
		}
		if origin != "https://app.example" {
			if h.Get("Access-Control-Allow-Origin")+h.Get("Access-Control-Allow-Headers") != "" {
				t.Errorf("%s: %v", origin, h)
			}
			continue
		}
		allowed := map[string]bool{}
		for name := range strings.SplitSeq(h.Get("Access-Control-Allow-Headers"), ", ") {
			if allowed[strings.ToLower(name)] {
				t.Errorf("%s is named twice", name)
			}
			allowed[strings.ToLower(name)] = true
		}
		for _, name := range []string{
			"authorization", "content-type", "x-zoom-account", "apollographql-client-name", "apollographql-client-version", "apollo-require-preflight",
			"x-apollo-operation-name", "traceparent", "tracestate", "baggage", "x-request-id", "sentry-trace", "x-b3-traceid", "x-tenant",
		} {
			if !allowed[name] {
				t.Errorf("%s is not allowed", name)
			}
		}
		if h.Get("Access-Control-Allow-Origin") != origin || h.Get("Access-Control-Max-Age") == "" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "GET") {
			t.Errorf("%v", h)
		}
	}
}

// Without origins there are no CORS headers, and OPTIONS is a method like another.
func TestPages_noOrigins(t *testing.T) {
	h := Pages(PageOptions{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(passed) }))
	for _, method := range []string{http.MethodPost, http.MethodOptions} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/graphql", nil))
		if w.Code != passed || len(w.Header()) > 0 {
			t.Errorf("%s: HTTP %d, %v", method, w.Code, w.Header())
		}
	}
}

// TestPages_sockets lets pages of the gateway's own origin open WebSockets, and those that are
// allowed: a browser lets others do so too, and read what comes.
func TestPages_sockets(t *testing.T) {
	guard := func(h http.Handler) http.Handler {
		return Pages(PageOptions{Origins: []string{"https://app.example.com"}, Own: []string{"https://public.example.com"}}, h)
	}
	for _, c := range []struct {
		origin, site string
		pass         bool
	}{
		{"", "", true}, // no page
		{"http://gateway.example", "", true},
		{"http://gateway.example", "same-origin", true},
		{"https://app.example.com", "cross-site", true},
		{"https://public.example.com", "", true},
		{"http://gateway.example:3000", "", false},
		{"http://gateway.example:3000", "same-site", false}, // which may ask otherwise, and reads no answer
		{"https://evil.example.com", "cross-site", false},
		{"https://evil.example.com", "", false},
		{"null", "", false},
	} {
		w := serve(guard, func(r *http.Request) {
			r.Method = http.MethodGet
			r.Header.Set("Upgrade", "websocket")
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			if c.site != "" {
				r.Header.Set("Sec-Fetch-Site", c.site)
			}
		})
		if (w.Code == passed) != c.pass {
			t.Errorf("%+v: HTTP %d", c, w.Code)
		}
	}
}
