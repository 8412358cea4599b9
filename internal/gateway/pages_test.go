package gateway

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What depends on the page that asks says so, whatever else it depends on: a shared cache
// would give one page's answer to another.
func TestAnswersToPages(t *testing.T) {
	const origin, query = "https://app.example.com", `{ account { users(first: 30) { nodes { email } } } }`
	p := start(t, nil, "ALLOWED_ORIGINS="+origin+"/")
	for _, c := range []struct {
		why    string
		method string
		body   string
		origin string
		packed bool
	}{
		{"asked anew", http.MethodPost, `{"query": "` + query + `"}`, origin, false},
		{"kept", http.MethodPost, `{"query": "` + query + `"}`, origin, false},
		{"kept, compressed", http.MethodPost, `{"query": "` + query + `"}`, origin, true},
		{"by GET", http.MethodGet, "", origin, false},
		{"by GET, kept", http.MethodGet, "", origin, false},
		{"by GET, kept, compressed", http.MethodGet, "", origin, true},
		{"not kept", http.MethodPost, `{"query": "{ __typename }"}`, origin, false},
		{"refused", http.MethodPost, `{"query": "{"}`, origin, false},
		{"no request", http.MethodPost, `{`, origin, false},
		{"another method", http.MethodPut, `{}`, origin, false},
		{"a page that may not read it", http.MethodPost, `{"query": "{ __typename }"}`, "https://elsewhere.example", false},
		{"no page", http.MethodPost, `{"query": "{ __typename }"}`, "", false},
	} {
		address := p.url + "/graphql"
		if c.method == http.MethodGet {
			address += "?query=" + url.QueryEscape(query)
		}
		req, err := http.NewRequest(c.method, address, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept-Encoding", "identity")
		if c.packed {
			req.Header.Set("Accept-Encoding", "gzip")
		}
		want := ""
		if c.origin != "" {
			req.Header.Set("Origin", c.origin)
		}
		if c.origin == origin {
			want = origin
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if got := res.Header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("%s: allowed is %q, want %q", c.why, got, want)
		}
		if vary := strings.Join(res.Header.Values("Vary"), ", "); !strings.Contains(vary, "Origin") {
			t.Errorf("%s: Vary: %s", c.why, vary)
		}
		if packed := res.Header.Get("Content-Encoding") == "gzip"; packed != c.packed {
			t.Errorf("%s: compressed: %t", c.why, packed)
		}
	}
}

// Documents of manifests are asked for by their ids, and one that the schema does not
// take is known at the start.
func TestTrustedDocumentsFromFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	good := write("good.json", `{"one": "{ account { zoomId } }"}`)
	other := write("other.json", `{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "two", "name": "Two", "type": "query", "body": "query Two { __typename }"}]}`)
	p := start(t, nil, "TRUSTED_DOCUMENTS="+good+","+other, "TRUSTED_ONLY=on")
	for body, want := range map[string]string{
		`{"documentId": "one"}`:                 `"zoomId"`,
		`{"documentId": "two"}`:                 `"Query"`,
		`{"documentId": "three"}`:               `"DOCUMENT_NOT_TRUSTED"`,
		`{"query": "{ viewer { scopes } }"}`:    `"DOCUMENT_NOT_TRUSTED"`,
		`{"query": "query Two { __typename }"}`: `"Query"`,
	} {
		if _, answer := p.post(t, body); !strings.Contains(toJSON(t, answer), want) {
			t.Errorf("%s: %v", body, answer)
		}
	}

	for setting, want := range map[string]string{
		write("wrong.json", `{"w": "{ account { nothing } }"}`):       `wrong.json: document "w": Cannot query field "nothing" on type "Account"`,
		filepath.Join(dir, "missing.json"):                            "no such file",
		good + "," + write("again.json", `{"one": "{ __typename }"}`): "another document has this id",
	} {
		cmd := command(t.Context(), t, nil, "ADDR=127.0.0.1:0", "TRUSTED_DOCUMENTS="+setting)
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v, %s", setting, err, out)
		}
	}
}
