package playground

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

var (
	unbuilt = fstest.MapFS{".keep": {}}
	built   = fstest.MapFS{
		".keep":             {},
		"main-ABCDEFGH.js":  {Data: []byte("let graphiql = 'the bundle'" + strings.Repeat(" ", 1000))},
		"main-IJKLMNOP.css": {Data: []byte("body { margin: 0 }")},
	}
)

// get asks the handler, with header name and value pairs.
func get(t *testing.T, h http.Handler, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func read(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var (
	nonceInPolicy = regexp.MustCompile(`script-src 'nonce-([^']+)'`)
	nonceInPage   = regexp.MustCompile(`<script nonce="([^"]+)"`)
	linked        = regexp.MustCompile(`(?:src|href)="([^"]*/assets/[^"]+)"`)
)

func TestPage(t *testing.T) {
	for name, bundle := range map[string]fs.FS{"plain": unbuilt, "graphiql": built} {
		t.Run(name, func(t *testing.T) {
			h := Handler(Options{Bundle: bundle, DefaultQuery: "{ viewer { name } }", Schema: "/schema.graphql"})
			res := get(t, h, "/")
			html := read(t, res.Body)

			if res.StatusCode != http.StatusOK || !strings.Contains(html, "{ viewer { name } }") || !strings.Contains(html, `"/schema.graphql"`) {
				t.Errorf("GET / = %d\n%s", res.StatusCode, html)
			}
			for header, want := range map[string]string{
				"Content-Type":           "text/html; charset=utf-8",
				"Cache-Control":          "no-store",
				"X-Content-Type-Options": "nosniff",
				"Referrer-Policy":        "no-referrer",
			} {
				if got := res.Header.Get(header); got != want {
					t.Errorf("%s = %q, want %q", header, got, want)
				}
			}

			csp := res.Header.Get("Content-Security-Policy")
			nonce := nonceInPolicy.FindStringSubmatch(csp)
			if nonce == nil {
				t.Fatalf("no nonce in %q", csp)
			}
			want := "default-src 'none'; script-src 'nonce-" + nonce[1] + "'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
			if csp != want {
				t.Errorf("policy\n got %s\nwant %s", csp, want)
			}
			scripts := nonceInPage.FindAllStringSubmatch(html, -1)
			if len(scripts) != 1 || scripts[0][1] != nonce[1] || strings.Count(html, "<script") != 1 {
				t.Errorf("want one script with the policy's nonce:\n%s", html)
			}

			links := linked.FindAllStringSubmatch(html, -1)
			if len(links) != 2 {
				t.Fatalf("want a script and a style sheet, got %q", links)
			}
			for _, link := range links {
				asset := get(t, h, link[1])
				if asset.StatusCode != http.StatusOK || !strings.Contains(asset.Header.Get("Cache-Control"), "immutable") {
					t.Errorf("GET %s = %d, Cache-Control %q", link[1], asset.StatusCode, asset.Header.Get("Cache-Control"))
				}
			}
		})
	}
}

func TestNonceIsNewForEachRequest(t *testing.T) {
	h := Handler(Options{Bundle: unbuilt})
	seen := map[string]bool{}
	for range 100 {
		seen[nonceInPolicy.FindStringSubmatch(get(t, h, "/").Header.Get("Content-Security-Policy"))[1]] = true
	}
	if len(seen) != 100 {
		t.Errorf("100 requests got %d nonces", len(seen))
	}
}

// A title or a query comes from configuration and may hold anything.
func TestEscapes(t *testing.T) {
	const evil = `"></textarea><script>alert(1)</script>`
	for name, bundle := range map[string]fs.FS{"plain": unbuilt, "graphiql": built} {
		t.Run(name, func(t *testing.T) {
			h := Handler(Options{Bundle: bundle, Title: evil, Badge: evil, DefaultQuery: evil, Endpoint: "/q" + evil, Schema: "javascript:alert(1)"})
			html := read(t, get(t, h, "/").Body)
			if strings.Contains(html, "<script>") || strings.Contains(html, `href="javascript:`) {
				t.Errorf("not escaped:\n%s", html)
			}
		})
	}
}

func TestPaths(t *testing.T) {
	for _, tt := range []struct {
		mount, path string
		status      int
		why         string
	}{
		{"", "/", 200, "the default"},
		{"", "/index.html", 404, "one page, one address"},
		{"", "/assets/", 404, "no listings"},
		{"", "/assets/.keep", 404, "only what the page links"},
		{"", "/assets/../playground.go", 404, "nothing beside it"},
		{"/playground", "/playground", 200, "mounted elsewhere"},
		{"/playground", "/playground/", 200, "with the slash that mux patterns add"},
		{"playground/", "/playground", 200, "however it was written"},
		{"/playground", "/", 404, "not at the root then"},
		{"/playground", "/playground/assets/main-ABCDEFGH.js", 200, "assets move along"},
	} {
		if got := get(t, Handler(Options{Path: tt.mount, Bundle: built}), tt.path).StatusCode; got != tt.status {
			t.Errorf("%s: GET %s mounted at %q = %d, want %d", tt.why, tt.path, tt.mount, got, tt.status)
		}
	}
}

func TestOnlyReads(t *testing.T) {
	w := httptest.NewRecorder()
	Handler(Options{Bundle: built}).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST / = %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestGzip(t *testing.T) {
	h := Handler(Options{Bundle: built})
	for _, tt := range []struct {
		accept string
		zipped bool
	}{
		{"", false},
		{"gzip", true},
		{"deflate, gzip;q=0.5, br", true},
		{"br, gzip; q=0", false},
		{"gzip;q=0.00", false},
		{"identity", false},
	} {
		res := get(t, h, "/assets/main-ABCDEFGH.js", "Accept-Encoding", tt.accept)
		if got := res.Header.Get("Content-Encoding") == "gzip"; got != tt.zipped {
			t.Errorf("Accept-Encoding %q: zipped %v, want %v", tt.accept, got, tt.zipped)
			continue
		}
		body := io.Reader(res.Body)
		if tt.zipped {
			zip, err := gzip.NewReader(body)
			if err != nil {
				t.Fatal(err)
			}
			body = zip
		}
		if got, want := read(t, body), string(built["main-ABCDEFGH.js"].Data); got != want {
			t.Errorf("Accept-Encoding %q: other bytes than in the bundle", tt.accept)
		}
		if res.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: Vary %q", tt.accept, res.Header.Get("Vary"))
		}
	}
}

// Two builds side by side, or half of one, are no bundle: the plain page works
// for sure.
func TestHalfABundle(t *testing.T) {
	for name, bundle := range map[string]fstest.MapFS{
		"no style":    {"main-A.js": {}},
		"no script":   {"main-A.css": {}},
		"two scripts": {"main-A.js": {}, "main-B.js": {}, "main-A.css": {}},
	} {
		if html := read(t, get(t, Handler(Options{Bundle: bundle}), "/").Body); !strings.Contains(html, "plain-") {
			t.Errorf("%s: want the plain page, got\n%s", name, html)
		}
	}
}

// What is served names no other host. In the bundle some names are allowed:
// namespaces, and words in messages, comments and licences; that none of them
// is ever asked for is the browser test's to prove.
func TestNamesNoOtherHost(t *testing.T) {
	words := []string{
		"www.w3.org",       // namespaces
		"react.dev",        // text of React's errors
		"codemirror.net",   // a comment
		"commonmark.org",   // description of markdown
		"github.com",       // licences
		"yarnpkg.com",      // text of an error of graphql-js
		"en.wikipedia.org", // description of Float
	}
	// Both are looked for from a literal on, which is fast in a bundle of a megabyte.
	host := regexp.MustCompile(`:\\?/\\?/([a-zA-Z0-9-]+\.[a-zA-Z0-9.-]+)`)
	scheme := regexp.MustCompile(`(?:https?|wss?)$`)
	loads := regexp.MustCompile(`(?:src|href|url\(|@import)\s*=?\s*["']?$`)
	check := func(name, text string, allowed ...string) {
		before := func(at int) string { return text[max(0, at-20):at] }
		for _, m := range host.FindAllStringSubmatchIndex(text, -1) {
			if named := text[m[2]:m[3]]; scheme.MatchString(before(m[0])) && !slices.Contains(allowed, strings.ToLower(named)) {
				t.Errorf("%s names %s", name, named)
			}
		}
		for at := 0; at < len(text); at += len("//") {
			next := strings.Index(text[at:], "//")
			if next < 0 {
				break
			}
			if at += next; loads.MatchString(before(at)) {
				t.Errorf("%s loads from another host: %.40q", name, text[at-min(at, 20):])
			}
		}
	}
	for name, bundle := range map[string]fs.FS{"plain": unbuilt, "graphiql": built} {
		h := Handler(Options{Bundle: bundle})
		html := read(t, get(t, h, "/").Body)
		check(name, html, "www.w3.org")
		for _, link := range linked.FindAllStringSubmatch(html, -1) {
			check(link[1], read(t, get(t, h, link[1]).Body))
		}
	}
	for name, allowed := range map[string][]string{"dist/*.js": words, "dist/*.css": nil} {
		files, err := fs.Glob(dist, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := fs.ReadFile(dist, file)
			if err != nil {
				t.Fatal(err)
			}
			check(file, string(text), allowed...)
		}
	}
}
