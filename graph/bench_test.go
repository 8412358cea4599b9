package graph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"zoomql/cache"
	"zoomql/internal/negotiation"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
)

// BenchmarkAnswers measures the cost of a cached answer: as a whole or, with new variables each
// time, from its cached parts. There is no network; "make bench" measures with one.
func BenchmarkAnswers(b *testing.B) {
	ask, marks := benchHandler(b)
	const user = `user { zoomId displayName email department timezone }`
	for name, query := range map[string]string{
		"small": fmt.Sprintf(`{ user(by: {zoomId: %q}) { displayName email timezone department firstName lastName } }`, marks.HostID),
		"large": fmt.Sprintf(`{ meeting(by: {number: "%[1]d"}) { registrants(first: 300) { nodes { email firstName %[2]s } } }
			meetingInstance(by: {latestOf: "%[1]d"}) { participants(first: 300) { nodes { name joinTime %[2]s } } } }`, marks.BigMeeting, user),
	} {
		b.Run(name+"/kept", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ask(b, query, `{}`)
			}
		})
		b.Run(name+"/parts", func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				ask(b, query, fmt.Sprintf(`{"turn":%d}`, i))
			}
		})
	}
}

// BenchmarkSpellings measures three spellings of a query for the same 300 people, with other
// variables each time. None should cost much more than the others.
func BenchmarkSpellings(b *testing.B) {
	ask, marks := benchHandler(b)
	const item = `email firstName user { zoomId displayName email department timezone }`
	for _, way := range []struct{ name, list, fragments string }{
		{"nodes", `nodes { id ` + item + ` }`, ""},
		{"edges", `edges { node { id ` + item + ` } }`, ""},
		{"fragments", `nodes { ... on Node { id } ...person }`, `fragment person on Registrant { ` + item + ` }`},
	} {
		query := fmt.Sprintf(`{ meeting(by: {number: "%d"}) { registrants(first: 300) { %s } } } %s`, marks.BigMeeting, way.list, way.fragments)
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				ask(b, query, fmt.Sprintf(`{"turn":%d}`, i))
			}
		})
	}
}

// benchHandler returns a function that queries a gateway over a sandbox without limits.
func benchHandler(b *testing.B) (ask func(b *testing.B, query, variables string), marks sandbox.Landmarks) {
	b.Helper()
	box, err := sandbox.New(sandbox.Options{Users: 600, Participants: 300, Registrants: 300, Plan: sandbox.PlanNone})
	if err != nil {
		b.Fatal(err)
	}
	behind := httptest.NewServer(box)
	b.Cleanup(behind.Close)
	store := cache.NewMemory(64 << 20)
	handler := New(Config{Answers: store, Credential: sandboxApp(behind), Client: zoom.New(zoom.Config{
		AccountID: sandbox.AccountID, Plan: zoom.NoLimits, BaseURL: behind.URL + "/v2", Store: store,
		HTTP: behind.Client(),
	})})
	w := &discard{header: http.Header{}}
	ask = func(b *testing.B, query, variables string) {
		b.Helper()
		text, err := json.Marshal(query)
		if err != nil {
			b.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(`{"query":`+string(text)+`,"variables":`+variables+`}`))
		r.Header.Set("Content-Type", negotiation.JSON)
		*w = discard{header: w.header}
		clear(w.header)
		handler.ServeHTTP(w, r)
		if !bytes.HasPrefix(w.begin, []byte(`{"data":`)) {
			b.Fatalf("%s", w.begin)
		}
	}
	return ask, box.Landmarks()
}

// discard is a ResponseWriter that keeps the beginning of an answer.
type discard struct {
	header http.Header
	begin  []byte
}

func (d *discard) Header() http.Header { return d.header }

func (d *discard) WriteHeader(int) {}

func (d *discard) Write(p []byte) (int, error) {
	if d.begin == nil {
		d.begin = bytes.Clone(p[:min(len(p), 300)])
	}
	return len(p), nil
}
