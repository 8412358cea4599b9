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
		{"a page that may ask", "POST", "cross-site", "https://app.example", true},
		{"a page of another site", "POST", "cross-site", "https://evil.example", false},
		{"a picture on it", "GET", "cross-site", "", false},
		{"a page without an origin", "POST", "cross-site", "null", false},
		{"a site that begins alike", "POST", "cross-site", "https://app.example.evil.example", false},
		{"the same without encryption", "POST", "cross-site", "http://app.example", false},

		// Where the browser does not say which site it is.
		{"by GET, of another site", "GET", "", "https://evil.example", false},
		{"by HEAD, of another site", "HEAD", "", "https://evil.example", false},
		{"by GET, without an origin", "GET", "", "null", false},
		{"by GET, another port of this host", "GET", "", "http://gateway.example:81", false},
		{"by GET, the gateway's own page", "GET", "", "http://gateway.example", true},
		{"by GET, the same behind what ends TLS", "GET", "", "https://Gateway.example", true},
		{"by GET, the same behind a proxy that sends another Host", "GET", "", "https://public.example", true},
		{"by GET, a page that may ask", "GET", "", "https://app.example", true},
		{"by GET, a program", "GET", "", "", true},
		{"by POST, which no page sends without a preflight", "POST", "", "https://evil.example", true},
	} {
		w := ask(func(h http.Handler) http.Handler { return Pages(pageOptions, h) }, func(r *http.Request) {
			r.Method = c.method
			for name, value := range map[string]string{"Sec-Fetch-Site": c.site, "Origin": c.origin} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
		})
		if !c.pass {
			refusal(t, c.why, w, http.StatusForbidden, "CROSS_SITE")
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

// A browser is told all that a page may send, in any spelling and order.
func TestPreflight(t *testing.T) {
	for _, origin := range []string{"https://app.example", "https://evil.example", "null"} {
		w := ask(func(h http.Handler) http.Handler { return Pages(pageOptions, h) }, func(r *http.Request) {
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

// Without origins nothing is said of them, and OPTIONS is a method like another.
func TestNoPages(t *testing.T) {
	h := Pages(PageOptions{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(passed) }))
	for _, method := range []string{http.MethodPost, http.MethodOptions} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/graphql", nil))
		if w.Code != passed || len(w.Header()) > 0 {
			t.Errorf("%s: HTTP %d, %v", method, w.Code, w.Header())
		}
	}
}
