// Package endpointtest holds documents that are cheap to send and expensive to validate, for
// tests.
package endpointtest

import (
	"fmt"
	"strings"
)

// Hostile are documents that are cheap to send and expensive to validate. Refused is a
// part of the error message; it is "" for a document that is answered.
var Hostile = []struct {
	Why, Query string
	Refused    string // a part of the message
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
			return chain(i, 11, "latestInstance { meeting { ...f%[1]d } } occurrences { meeting { ...f%[1]d } } polls { meeting { ...f%[1]d } }") + plainFields
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
	{"hundreds of unknown types", "{ account { " + spreads(0, 200) + "} } " + strings.ReplaceAll(fragments(200, func(int) string { return "zoomId" }), "on Account", "on Acount"), "Unknown type"},
	{"a thousand unknown fields", "{ account { " + Names("zoomid", 1000) + "} }", "Cannot query field"},
	{"hundreds of unknown arguments", "{ account { users(" + strings.ReplaceAll(Names("firs", 900), " ", ": 1 ") + ") { totalCount } } }", "Unknown argument"},
	{"hundreds of variables", "query (" + strings.ReplaceAll(Names("$v", 201), " ", ": Int ") + ") { __typename }", "variables"},
	{"a thousand lists within each other", "{ account { users(first: " + strings.Repeat("[", 900) + `"` + strings.Repeat("x", 60_000) + `"` + strings.Repeat("]", 900) + ") { totalCount } } }", "within each other"},
	{"a type of a thousand lists", "query ($v: " + strings.Repeat("[", 900) + "Int" + strings.Repeat("]", 900) + ") { __typename }", "within each other"},
	{"a long value where none is", `{ account { users(first: [[[["` + strings.Repeat("x", 100_000) + `"]]]]) { totalCount } } }`, "…"},
	{"a long document", "{ __typename } # " + strings.Repeat("x", 1<<17), "bytes"},
	{"a document of comments", "{ __typename " + strings.Repeat("#\n", 5000) + "}", "tokens"},
	{"a long name that the parser quotes", "{ account } " + strings.Repeat("x", 100_000), "…"},
	{"fragments in place, within each other", "{ " + strings.Repeat("... { __typename ", 800) + strings.Repeat("}", 801), "within each other"},
	{"fragments in place, within each other, each with fields", "{ " + strings.Repeat("... { "+strings.Repeat("__typename ", 100), 20) + strings.Repeat("}", 21), "pairs of fields to merge"},
	{"many operations that spread one field often", manyOperations(90, "...f") + "fragment f on Query { " + strings.Repeat("__typename ", 300) + "}", "pairs of fields to merge"},
}

const plainFields = " topic agenda type status startTime durationMinutes timezone createdAt uuid number id"

// Allowed are documents just within a limit.
var Allowed = []struct{ Why, Query string }{
	{"comparisons of one field", "{ " + strings.Repeat("__typename ", 310) + "}"},
	{"comparisons of fragments", "{ account { " + spreads(0, 200) + "} } " + fragments(200, func(int) string { return "zoomId" })},
	{"comparisons of objects", "{ " + strings.Repeat("account { zoomId } ", 220) + "}"},
	{"parts", manyOperations(90, "...f") + "fragment f on Query { nodes(ids: [" + strings.Repeat(`"x" `, 300) + "]) { id } }"},
	{"fields, with fragments written out", "{ meeting(by: {number: \"1\"}) { ...f0 } } " +
		strings.ReplaceAll(fragments(10, func(i int) string {
			return chain(i, 10, "latestInstance { meeting { ...f%[1]d } } occurrences { meeting { ...f%[1]d } }") + plainFields
		}), "on Account", "on Meeting")},
	{"a list of values", "{ nodes(ids: [" + strings.Repeat(`"x" `, 4900) + "]) { id } }"},
	{"mistakes of long names", "{ account { " + Names(strings.Repeat("zoomid", 10), 10) + "} }"},
	{"unknown types", "{ account { " + spreads(0, 10) + "} } " + strings.ReplaceAll(fragments(10, func(int) string { return "zoomId" }), "on Account", "on "+strings.Repeat("Acount", 10))},
}

// spreads returns spreads of the fragments from to to-1.
func spreads(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "...f%d ", i)
	}
	return b.String()
}

// fragments returns n fragments with the bodies of a function.
func fragments(n int, body func(int) string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "fragment f%d on Account { %s } ", i, body(i))
	}
	return b.String()
}

// chain returns the body of fragment i of n, which spreads the next one; the last spreads none.
func chain(i, n int, format string) string {
	if i+1 >= n {
		return "zoomId"
	}
	return fmt.Sprintf(format, i+1)
}

// Names returns n names with a common prefix.
func Names(begin string, n int) string {
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

// Deep returns a query of so many levels.
func Deep(levels int) string {
	query := "id"
	for level := levels - 1; level > 1; level-- {
		query = []string{"latestInstance", "meeting"}[level%2] + " { " + query + " }"
	}
	return `{ meeting(by: {number: "999999999"}) { ` + query + ` } }`
}

// DeepFragments returns a query of fragments that each add two levels.
func DeepFragments(n int) string {
	var b strings.Builder
	b.WriteString(`{ meeting(by: {number: "999999999"}) { ...f0 } }`)
	for i := range n {
		fmt.Fprintf(&b, " fragment f%d on Meeting { id latestInstance { meeting { ...f%d } } }", i, i+1)
	}
	fmt.Fprintf(&b, " fragment f%d on Meeting { id }", n)
	return b.String()
}

// Aliases returns a query of so many aliases.
func Aliases(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%d: zoomId", i)
	}
	return "{ account {" + b.String() + " } }"
}

// Roots returns a query of so many root fields.
func Roots(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%d: account { zoomId }", i)
	}
	return "{" + b.String() + " }"
}

// Directives returns a query of so many directives.
func Directives(n int) string {
	return "{ account {" + strings.Repeat(" zoomId @include(if: true)", n) + " } }"
}

// Doubling returns a query of fragments that each spread the next one twice.
func Doubling(levels int) string {
	var b strings.Builder
	b.WriteString("{ account { ...f0 } }")
	for i := range levels {
		fmt.Fprintf(&b, " fragment f%d on Account { ...f%d a%d: zoomId ...f%d }", i, i+1, i, i+1)
	}
	fmt.Fprintf(&b, " fragment f%d on Account { zoomId }", levels)
	return b.String()
}
