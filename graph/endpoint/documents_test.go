package endpoint

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/endpoint/endpointtest"
	"zoomql/graph/generated"
	"zoomql/internal/zoom/types"
)

// None of the allowed documents exceeds a limit.
func TestReader_allowedDocuments(t *testing.T) {
	r := newReader()
	for _, a := range endpointtest.Allowed {
		if _, errs := r.read(t.Context(), &graphql.RawParams{Query: a.Query}); errs != nil && errs[0].Extensions["code"] == string(types.ErrorCodeLimitExceeded) {
			t.Errorf("%s: %v", a.Why, errs)
		}
	}
}

// newReader returns a reader with the defaults of an endpoint.
func newReader() *reader {
	return &reader{schema: generated.NewExecutableSchema(generated.Config{}).Schema(), limits: DefaultLimits, cached: NewDocuments(), suggest: true}
}

// An object literal stands only where an input object is expected, also without fields: the executor
// panics for one at a directive.
func TestRead_objectLiterals(t *testing.T) {
	const fits, misfit = "fits", "GRAPHQL_VALIDATION_FAILED"
	for document, want := range map[string]string{
		`{ viewer @include(if: {}) { scopes } }`:                                       misfit,
		`{ viewer { ...F } } fragment F on Viewer { scopes @skip(if: {}) }`:            misfit,
		`{ viewer { ... @defer(label: {}) { scopes } } }`:                              misfit,
		`{ account { users(first: {}) { totalCount } } }`:                              misfit,
		`{ account { users(status: {}) { totalCount } } }`:                             misfit,
		`{ node(id: {}) { id } }`:                                                      misfit,
		`subscription { events(names: {}) { cursor } }`:                                misfit,
		`mutation { createMeeting(input: {meeting: {topic: {}}}) { meeting { id } } }`: misfit,
		`{ user(by: {me: true}) { id } }`:                                              fits,
		`{ account { users { totalCount } } }`:                                         fits,
	} {
		got := fits
		if _, errs := newReader().read(t.Context(), &graphql.RawParams{Query: document}); errs != nil {
			got, _ = errs[0].Extensions["code"].(string)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", document, got, want)
		}
	}
}

// BenchmarkHostileDocuments measures reading documents until they are refused or ready for
// execution.
func BenchmarkHostileDocuments(b *testing.B) {
	r := newReader()
	r.cached = opened{} // caches nothing
	all := endpointtest.Allowed
	for _, h := range endpointtest.Hostile {
		all = append(all, struct{ Why, Query string }{h.Why, h.Query})
	}
	for _, h := range all {
		b.Run(strings.ReplaceAll(h.Why, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = r.read(b.Context(), &graphql.RawParams{Query: h.Query})
			}
		})
	}
}

// The memory of the cached documents is bounded, whatever their kind.
func TestDocumentsBound(t *testing.T) {
	r := newReader()
	before := heapInUse()
	for i := range 1200 {
		var query string
		switch id := fmt.Sprintf("q%d", i); i % 4 {
		case 0:
			query = "query " + id + " { __typename } #" + strings.Repeat("x", 100_000)
		case 1:
			query = "query " + id + " { " + strings.Repeat("... { __typename }", 200) + "}"
		case 2:
			query = "query " + id + " { account { " + strings.Repeat("users(first: 30) { nodes { email @skip(if: false) } } ", 20) + "} }"
		case 3:
			query = "query " + id + " { nodes(ids: [" + strings.Repeat(`"x" `, 1000) + "]) { id } }"
		}
		if _, errs := r.read(t.Context(), &graphql.RawParams{Query: query}); errs != nil {
			t.Fatal(errs)
		}
	}
	if took := heapInUse() - before; took > documentBytes*5/4 || took < documentBytes/4 {
		t.Errorf("documents take %d bytes, and may take %d", took, documentBytes)
	}
	runtime.KeepAlive(r)
}

// heapInUse returns the bytes of live objects.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A large document is not cached.
func TestDocuments_largeNotCached(t *testing.T) {
	r := newReader()
	read := func(query string) *ast.QueryDocument {
		doc, errs := r.read(t.Context(), &graphql.RawParams{Query: query})
		if errs != nil {
			t.Fatal(errs)
		}
		return doc
	}
	large := "{ nodes(ids: [" + strings.Repeat(`"x" `, 4990-20) + "]) { id } } #" + strings.Repeat("x", 100_000)
	if first := read(large); first == read(large) {
		t.Error("a large document is cached")
	}
	if first := read("{ __typename }"); first != read("{ __typename }") {
		t.Error("a small document is not cached")
	}
}
