package graph

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"zoomql/graph/endpoint"
	"zoomql/graph/schema"
	"zoomql/internal/negotiation"
)

const (
	namedQuery = `query Zoom($no: Boolean = false) { account { zoomId name @include(if: $no) } }`
	typeQuery  = `{__typename}`
	// typeHash is the hash of typeQuery, from Apollo's documentation.
	typeHash = "ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38"
)

func persisted(hash string) string {
	return `{"persistedQuery":{"version":1,"sha256Hash":"` + hash + `"}}`
}

// byURL sends a GET request.
func (r *rig) byURL(params map[string]string) *answer {
	r.t.Helper()
	q := url.Values{}
	for name, value := range params {
		q.Set(name, value)
	}
	req, err := http.NewRequest(http.MethodGet, "http://gateway.test/graphql?"+q.Encode(), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Accept", negotiation.GraphQLResponse)
	return r.send(req)
}

func (r *rig) expect(a *answer, status int, code, text string) {
	r.t.Helper()
	switch {
	case a.status != status, text != "" && !strings.Contains(a.body, text), code == "" && len(a.Errors) > 0:
		r.t.Errorf("status %d, want %d with %q: %s", a.status, status, text, a.body)
	case code != "" && (len(a.Errors) != 1 || a.Errors[0].code() != code || a.Data != nil):
		r.t.Errorf("want code %s: %s", code, a.body)
	}
}

// TestPersistedQueries sends a hash, then the query with it, then the hash again, as
// Apollo's and urql's clients do.
func TestPersistedQueries(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		post := func(body string) *answer { return r.post("application/json", body) }
		hash := hexHash(namedQuery)
		// The protocol defines the message: clients compare it.
		unknown := post(`{"operationName":"Zoom","variables":{},"extensions":` + persisted(hash) + `}`)
		r.expect(unknown, 400, "PERSISTED_QUERY_NOT_FOUND", `"message":"PersistedQueryNotFound"`)
		r.expect(r.byURL(map[string]string{"extensions": persisted(hash)}), 400, "PERSISTED_QUERY_NOT_FOUND", "")
		if got := unknown.header.Get("Cache-Control"); !strings.Contains(got, "no-store") {
			t.Errorf("that a document is not known is true until it is sent: Cache-Control %s", got)
		}

		// Invalid documents and wrong hashes are not stored.
		r.expect(post(`{"query":"{","extensions":`+persisted(hexHash("{"))+`}`), 400, "GRAPHQL_PARSE_FAILED", "")
		r.expect(post(`{"extensions":`+persisted(hexHash("{"))+`}`), 400, "PERSISTED_QUERY_NOT_FOUND", "")
		r.expect(post(`{"query":"{ account { id } }","extensions":`+persisted(hash)+`}`), 400, "BAD_REQUEST", "provided sha does not match query")
		r.expect(post(`{"extensions":`+persisted(hash)+`}`), 400, "PERSISTED_QUERY_NOT_FOUND", "")

		quoted, err := json.Marshal(namedQuery)
		if err != nil {
			t.Fatal(err)
		}
		r.expect(post(`{"query":`+string(quoted)+`,"extensions":`+persisted(hash)+`}`), 200, "", r.fill("${AccountID}"))
		r.expect(post(`{"extensions":`+persisted(hash)+`}`), 200, "", r.fill("${AccountID}"))
		r.expect(r.byURL(map[string]string{"extensions": persisted(hash), "variables": `{"no":true}`}), 200, "", `"name"`)
		r.expect(r.byURL(map[string]string{"documentId": "sha256:" + hash}), 200, "", r.fill("${AccountID}"))
		r.expect(r.byURL(map[string]string{"query": typeQuery, "extensions": persisted(typeHash)}), 200, "", `{"__typename":"Query"}`)
		r.expect(post(`{"extensions":`+persisted(typeHash)+`}`), 200, "", `{"__typename":"Query"}`)

		const bad = `{"query":"{__typename}","extensions":{"persistedQuery":`
		r.expect(post(bad+`{"version":2,"sha256Hash":"`+typeHash+`"}}}`), 400, "BAD_REQUEST", "version")
		r.expect(post(bad+`{"version":1}}}`), 400, "BAD_REQUEST", "sha256Hash")
		r.expect(post(bad+`"x"}}`), 400, "BAD_REQUEST", "sha256Hash")
		r.expect(post(bad+`null}}`), 200, "", `{"__typename":"Query"}`)

		mutation := `mutation { deleteMeeting(input: {meeting: {number: "1"}}) { deletedMeetingId } }`
		r.expect(r.byURL(map[string]string{"query": mutation, "extensions": persisted(hexHash(mutation))}), 405, "BAD_REQUEST", "")

		for line := range strings.Lines(r.log.String()) {
			var entry struct{ MS float64 }
			if json.Unmarshal([]byte(line), &entry) != nil || entry.MS > 60_000 {
				t.Errorf("a refusal took long: %s", line)
			}
		}
		time.Sleep(24*time.Hour + time.Minute)
		r.expect(post(`{"extensions":`+persisted(hash)+`}`), 400, "PERSISTED_QUERY_NOT_FOUND", "")
	})
}

func manifests(t *testing.T, texts ...string) *endpoint.Trusted {
	t.Helper()
	var list []endpoint.Manifest
	for _, text := range texts {
		list = append(list, endpoint.Manifest{Name: "manifest.json", Text: []byte(text)})
	}
	trusted, err := endpoint.ReadTrusted(schema.Load(), list...)
	if err != nil {
		t.Fatal(err)
	}
	return trusted
}

// TestTrustedDocuments sends the ids of manifests in the formats of several tools.
func TestTrustedDocuments(t *testing.T) {
	t.Parallel()
	trusted := manifests(
		t,
		`{"0123456789abcdef0123456789abcdef": "query Relay { account { zoomId } }", "`+typeHash+`": "{__typename}"}`,
		`{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "apollo-1", "name": "Zoom", "type": "query", "body": "query Zoom { account { zoomId } }"}]}`,
	)
	for _, only := range []bool{false, true} {
		inRig(t, setup{trusted: trusted, only: only}, func(r *rig) {
			post := func(body string) *answer { return r.post("application/json", body) }
			account := r.fill("${AccountID}")
			r.expect(post(`{"documentId":"0123456789abcdef0123456789abcdef"}`), 200, "", account)
			r.expect(post(`{"doc_id":"0123456789abcdef0123456789abcdef","variables":{}}`), 200, "", account)
			r.expect(post(`{"documentId":"apollo-1","operationName":"Zoom"}`), 200, "", account)
			r.expect(post(`{"extensions":`+persisted("apollo-1")+`}`), 200, "", account)
			r.expect(post(`{"extensions":`+persisted(typeHash)+`}`), 200, "", "Query")
			r.expect(r.byURL(map[string]string{"documentId": "sha256:" + typeHash}), 200, "", "Query")
			r.expect(r.byURL(map[string]string{"documentId": "apollo-1"}), 200, "", account)
			// The text of a trusted document is accepted like its id; with the id of another it is refused.
			r.expect(post(`{"query":"{__typename}"}`), 200, "", "Query")
			r.expect(post(`{"query":"query Zoom { account { zoomId } }","extensions":`+persisted("apollo-1")+`}`), 200, "", account)
			r.expect(post(`{"query":"{__typename}","documentId":"apollo-1"}`), 400, "BAD_REQUEST", "does not match")
			r.expect(post(`{"documentId":"apollo-1","operationName":"Other"}`), 400, "GRAPHQL_VALIDATION_FAILED", "Zoom")
			r.expect(post(`{"documentId":""}`), 400, "BAD_REQUEST", "the request has no query")

			unknown, code := post(`{"documentId":"nobody"}`), "PERSISTED_QUERY_NOT_FOUND"
			if only {
				code = "DOCUMENT_NOT_TRUSTED"
				r.expect(post(`{"query":"{ account { zoomId } }"}`), 400, code, "")
				r.expect(post(`{"query":"{ account { zoomId } }","extensions":`+persisted(hexHash("{ account { zoomId } }"))+`}`), 400, code, "")
				r.expect(r.byURL(map[string]string{"query": "{ __schema { types { name } } }"}), 400, code, "")
			}
			r.expect(unknown, 400, code, "")
			r.expect(post(`{"extensions":`+persisted(hexHash("nothing"))+`}`), 400, code, "")
		})
	}
}

func hexHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
