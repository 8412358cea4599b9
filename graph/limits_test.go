package graph

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/generated"
)

// hostile are documents that are cheap to send and dear to look at. Of those that
// are refused, the bound is told; "" is a mistake of another kind, or an answer.
var hostile = []struct {
	why, query string
	refused    string // a part of the message
}{
	{"one field thousands of times", "{ " + strings.Repeat("__typename ", 4900) + "}", "pairs of fields to merge"},
	{"one field thousands of times, in fragments", "{ " + strings.Repeat("...a ", 1200) + strings.Repeat("...b ", 1200) + "} fragment a on Query { __typename } fragment b on Query { __typename }", "pairs of fields to merge"},
	{"one field thousands of times, in fragments in place", "{ " + strings.Repeat("... { __typename } ", 1200) + "}", "pairs of fields to merge"},
	{"one object hundreds of times, each with fields", "{ " + strings.Repeat("account { zoomId } ", 1000) + "}", "pairs of fields to merge"},
	{"one field below one object hundreds of times", "{ " + strings.Repeat("account { ...f } ", 600) + "} fragment f on Account { zoomId id zoomId id zoomId id zoomId id }", "pairs of fields to merge"},
	{"hundreds of fragments in one place", "{ account { " + spreads(0, 500) + "} } " + fragments(500, func(int) string { return "zoomId" }), "pairs of fields to merge"},
	{"hundreds of fragments below two fields of one name", "{ account { " + spreads(0, 250) + "} account { " + spreads(250, 500) + "} } " + fragments(500, func(int) string { return "zoomId" }), "pairs of fields to merge"},
	{"fragments that spread the next one twice", "{ account { ...f0 } } " + fragments(60, func(i int) string { return chain(i, 60, "...f%[1]d ...f%[1]d") }), ""},
	{"fragments that spread the next two", "{ account { ...f0 } } " + fragments(300, func(i int) string { return chain(i+1, 300, "...f%d ") + chain(i, 300, "...f%d") }), "parts to validate"},
	{"fragments that spread the next one at two fields", "{ account { ...f0 } } " + fragments(60, func(i int) string {
		return chain(i, 60, "owner { account { ...f%[1]d } } users { nodes { account { ...f%[1]d } } }")
	}), "levels"},
	{"fragments that spread the next one at many fields", "{ meeting(by: {number: \"1\"}) { ...f0 } } " +
		strings.ReplaceAll(fragments(11, func(i int) string {
			return chain(i, 11, "instances { meeting { ...f%[1]d } } occurrences { meeting { ...f%[1]d } } polls { meeting { ...f%[1]d } }") + plainFields
		}), "on Account", "on Meeting"), "fields, with fragments written out"},
	{"many operations that spread one large fragment", manyOperations(500, "...f") + "fragment f on Query { nodes(ids: [" + strings.Repeat(`"x" `, 300) + "]) { id } }", "parts to validate"},
	{"a ring of fragments", "{ account { ...f0 } } " + fragments(300, func(i int) string { return fmt.Sprintf("...f%d zoomId", (i+1)%300) }), "parts to validate"},
	{"a small ring of fragments", "{ account { ...f0 } } " + fragments(10, func(i int) string { return fmt.Sprintf("owner { account { ...f%[1]d ...f%[1]d } }", (i+1)%10) }), "within itself"},
	{"a fragment within itself", "{ account { ...f0 } } fragment f0 on Account { ...f0 owner { account { ...f0 } } }", "within itself"},
	{"a long name of a type", "{ viewer { ...f } } fragment f on T" + strings.Repeat("x", 50_000) + " { a }", "a name"},
	{"a long name of a field", "{ " + strings.Repeat("x", 257) + " }", "a name"},
	{"a long name of an operation", "query N" + strings.Repeat("x", 300) + " { __typename }", "a name"},
	{"a long name of a variable", "query ($" + strings.Repeat("x", 300) + ": ID!) { __typename }", "a name"},
	{"a long enum value", "{ account { users(status: " + strings.Repeat("X", 300) + ") { totalCount } } }", "a name"},
	{"a long name of an input field", "{ user(by: {" + strings.Repeat("x", 300) + ": 1}) { email } }", "a name"},
	{"a long name of a directive", "{ __typename @" + strings.Repeat("x", 300) + " }", "a name"},
	{"hundreds of types that nobody knows", "{ account { " + spreads(0, 200) + "} } " + strings.ReplaceAll(fragments(200, func(int) string { return "zoomId" }), "on Account", "on Acount"), "Unknown type"},
	{"a thousand fields that nobody knows", "{ account { " + names("zoomid", 1000) + "} }", "Cannot query field"},
	{"hundreds of arguments that nobody knows", "{ account { users(" + strings.ReplaceAll(names("firs", 900), " ", ": 1 ") + ") { totalCount } } }", "Unknown argument"},
	{"hundreds of variables", "query (" + strings.ReplaceAll(names("$v", 201), " ", ": Int ") + ") { __typename }", "variables"},
	{"a thousand lists within each other", "{ account { users(first: " + strings.Repeat("[", 900) + `"` + strings.Repeat("x", 60_000) + `"` + strings.Repeat("]", 900) + ") { totalCount } } }", "within each other"},
	{"a type of a thousand lists", "query ($v: " + strings.Repeat("[", 900) + "Int" + strings.Repeat("]", 900) + ") { __typename }", "within each other"},
	{"a long value where none is", `{ account { users(first: [[[["` + strings.Repeat("x", 100_000) + `"]]]]) { totalCount } } }`, "…"},
	{"a long document", "{ __typename } # " + strings.Repeat("x", 1<<17), "bytes"},
	{"a document of comments", "{ __typename " + strings.Repeat("#\n", 5000) + "}", "words and signs"},
	{"a long name that the parser quotes", "{ account } " + strings.Repeat("x", 100_000), "…"},
	{"fragments in place, within each other", "{ " + strings.Repeat("... { __typename ", 800) + strings.Repeat("}", 801), "within each other"},
	{"fragments in place, within each other, each with fields", "{ " + strings.Repeat("... { "+strings.Repeat("__typename ", 100), 20) + strings.Repeat("}", 21), "pairs of fields to merge"},
	{"many operations that spread one field often", manyOperations(90, "...f") + "fragment f on Query { " + strings.Repeat("__typename ", 300) + "}", "pairs of fields to merge"},
}

const plainFields = " topic agenda type status startTime durationMinutes timezone createdAt uuid number id"

// allowed are documents that are just within a bound.
var allowed = []struct{ why, query string }{
	{"comparisons of one field", "{ " + strings.Repeat("__typename ", 310) + "}"},
	{"comparisons of fragments", "{ account { " + spreads(0, 200) + "} } " + fragments(200, func(int) string { return "zoomId" })},
	{"comparisons of objects", "{ " + strings.Repeat("account { zoomId } ", 220) + "}"},
	{"parts", manyOperations(90, "...f") + "fragment f on Query { nodes(ids: [" + strings.Repeat(`"x" `, 300) + "]) { id } }"},
	{"fields, with fragments written out", "{ meeting(by: {number: \"1\"}) { ...f0 } } " +
		strings.ReplaceAll(fragments(10, func(i int) string {
			return chain(i, 10, "instances { meeting { ...f%[1]d } } occurrences { meeting { ...f%[1]d } }") + plainFields
		}), "on Account", "on Meeting")},
	{"a list of values", "{ nodes(ids: [" + strings.Repeat(`"x" `, 4900) + "]) { id } }"},
	{"mistakes of long names", "{ account { " + names(strings.Repeat("zoomid", 10), 10) + "} }"},
	{"types that nobody knows", "{ account { " + spreads(0, 10) + "} } " + strings.ReplaceAll(fragments(10, func(int) string { return "zoomId" }), "on Account", "on "+strings.Repeat("Acount", 10))},
}

// TestAllowed reads them: none is over a bound.
func TestAllowed(t *testing.T) {
	r := newReader()
	for _, a := range allowed {
		if _, errs := r.read(t.Context(), &graphql.RawParams{Query: a.query}); errs != nil && errs[0].Extensions["code"] == codeLimit {
			t.Errorf("%s: %v", a.why, errs)
		}
	}
}

// spreads returns the spreads of some fragments, fragments so many of them, chain
// what the last one does not spread, names so many names.
func spreads(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "...f%d ", i)
	}
	return b.String()
}

func fragments(n int, body func(int) string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "fragment f%d on Account { %s } ", i, body(i))
	}
	return b.String()
}

func chain(i, n int, format string) string {
	if i+1 >= n {
		return "zoomId"
	}
	return fmt.Sprintf(format, i+1)
}

func names(begin string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s%d ", begin, i)
	}
	return b.String()
}

func manyOperations(n int, body string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "query q%d { %s } ", i, body)
	}
	return b.String()
}

// TestHostileDocuments sends them all. What is refused spends no call, and says
// which bound it is over.
func TestHostileDocuments(t *testing.T) {
	for _, h := range hostile {
		t.Run(h.why, func(t *testing.T) {
			t.Parallel()
			inRig(t, setup{}, func(r *rig) {
				r.spent()
				a := r.ask(h.query, nil)
				if len(a.body) > 100_000 {
					t.Errorf("an answer of %d bytes", len(a.body))
				}
				if h.refused == "" {
					if a.status != http.StatusOK || len(a.Errors) > 0 {
						t.Errorf("refused: %.300s", a.body)
					}
					return
				}
				r.spends(0)
				if a.status != http.StatusBadRequest || len(a.Errors) == 0 || !strings.Contains(a.Errors[0].Message, h.refused) {
					t.Fatalf("status %d, want 400 and %q: %.300s", a.status, h.refused, a.body)
				}
				if code := a.Errors[0].code(); strings.HasPrefix(a.Errors[0].Message, "The query is too large") != (code == "LIMIT_EXCEEDED") {
					t.Errorf("code %s: %.300s", code, a.body)
				}
			})
		})
	}
}

// TestOperationNameBound asks for an operation by a name of any length.
func TestOperationNameBound(t *testing.T) {
	inRig(t, setup{}, func(r *rig) {
		a := r.post(plainJSON, `{"query": "query A { __typename }", "operationName": "`+strings.Repeat("x", 200_000)+`"}`)
		if len(a.Errors) != 1 || a.Errors[0].code() != "LIMIT_EXCEEDED" || len(a.body) > 1000 {
			t.Errorf("%.300s", a.body)
		}
		if strings.Contains(r.log.String(), "xxx") {
			t.Error("the name stands in the log")
		}
	})
}

// TestSuggestions tells what was probably meant only where the schema may be read.
func TestSuggestions(t *testing.T) {
	for _, query := range []string{
		"{ acount { zoomId } }",
		"{ account { users(firs: 1) { totalCount } } }",
		"{ account { users(status: ACTIV) { totalCount } } }",
		"{ account { users(status: \"ACTIVE\") { totalCount } } }",
		"{ user(by: {emial: \"x\"}) { email } }",
		"{ user(by: {email: actve}) { email } }",
		"{ account { ...f } } fragment f on Acount { zoomId }",
		"{ account { zoomId @include(iff: true) } }",
		"{ account }",
		"{ node(id: \"x\") { email } }",
	} {
		for _, closed := range []bool{true, false} {
			inRig(t, setup{closed: closed}, func(r *rig) {
				a := r.ask(query, nil)
				if suggested := strings.Contains(a.body, "Did you mean"); len(a.Errors) == 0 || suggested && closed {
					t.Errorf("introspection closed: %t, suggested: %t: %s", closed, suggested, a.body)
				}
			})
		}
	}
	inRig(t, setup{}, func(r *rig) {
		if a := r.ask("{ account { users(firs: 1) { totalCount } } }", nil); !strings.Contains(a.body, `Did you mean \"first\"?`) {
			t.Errorf("no suggestion: %s", a.body)
		}
	})
}

// TestMistakesAreCounted answers a document of a thousand mistakes with some of them.
func TestMistakesAreCounted(t *testing.T) {
	inRig(t, setup{}, func(r *rig) {
		a := r.ask("{ account { "+names("zoomid", 1000)+"} }", nil)
		if len(a.Errors) != maxMistakes+1 || a.Errors[maxMistakes].Message != "There are 950 mistakes more." {
			t.Errorf("%d errors: %.300s", len(a.Errors), a.body)
		}
	})
}

// newReader returns a reader as a handler has it.
func newReader() *reader {
	return &reader{schema: generated.NewExecutableSchema(generated.Config{}).Schema(), limits: DefaultLimits, known: NewDocuments(), suggest: true}
}

// BenchmarkHostileDocuments measures what each of them costs until it is refused or
// could be run.
func BenchmarkHostileDocuments(b *testing.B) {
	r := newReader()
	r.known = opened{} // which keeps nothing
	all := allowed
	for _, h := range hostile {
		all = append(all, struct{ why, query string }{h.why, h.query})
	}
	for _, h := range all {
		b.Run(strings.ReplaceAll(h.why, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = r.read(b.Context(), &graphql.RawParams{Query: h.query})
			}
		})
	}
}

// TestDocumentsBound fills the cache of parsed documents with all kinds, and
// measures what it takes.
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

// heapInUse returns what is alive.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestLargeDocumentIsNotKept reads a document twice.
func TestLargeDocumentIsNotKept(t *testing.T) {
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
		t.Error("a large document is kept")
	}
	if first := read("{ __typename }"); first != read("{ __typename }") {
		t.Error("a small document is not kept")
	}
}
