package endpoint

import (
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"

	"zoomql/graph/endpoint/endpointtest"
	"zoomql/graph/generated"
)

// FuzzLimits compares the measured size of operations with the size of their expansion.
func FuzzLimits(f *testing.F) {
	schema := generated.NewExecutableSchema(generated.Config{}).Schema()
	for _, query := range []string{
		endpointtest.Deep(9), endpointtest.DeepFragments(4), endpointtest.Aliases(5), endpointtest.Roots(3), endpointtest.Directives(4), endpointtest.Doubling(6),
		`query A($a: Boolean!) { ...q @skip(if: $a) } fragment q on Query { x: account { ... on Account @include(if: $a) { y: zoomId } ...a } ...r } fragment a on Account { z: id } fragment r on Query { account { ...a ...a } }`,
		`mutation { endMeeting(input: {meeting: {number: "1"}}) { userErrors { c: code } } }`,
	} {
		f.Add(query)
	}
	most := Limits{Depth: 1000, Aliases: 1000, Directives: 1000}
	f.Fuzz(func(t *testing.T, query string) {
		doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: query}, 1000)
		if err != nil || validator.ValidateWithRules(schema, doc, nil) != nil {
			return
		}
		for _, op := range doc.Operations {
			m := measurer{of: doc.Fragments, fragments: map[string]measure{}, most: most}
			got := m.set(op.SelectionSet)
			budget := 20_000
			want := spreadOut(op.SelectionSet, &budget)
			if budget < 0 {
				continue // the expansion is too large to be counted
			}
			want.aliases, want.directives = min(want.aliases, most.Aliases+1), min(want.directives, most.Directives+1)
			if got != want {
				t.Fatalf("measured %+v, counted %+v: %s", got, want, query)
			}
		}
	})
}

// spreadOut measures a selection set by expanding every spread.
func spreadOut(set ast.SelectionSet, budget *int) measure {
	var sum measure
	for _, sel := range set {
		if *budget--; *budget < 0 {
			return sum
		}
		var part measure
		switch sel := sel.(type) {
		case *ast.Field:
			part = spreadOut(sel.SelectionSet, budget)
			part.depth++
			part.directives += len(sel.Directives)
			if sel.Alias != sel.Name {
				part.aliases++
			}
		case *ast.InlineFragment:
			part = spreadOut(sel.SelectionSet, budget)
			part.directives += len(sel.Directives)
		case *ast.FragmentSpread:
			part = spreadOut(sel.Definition.SelectionSet, budget)
			part.directives += len(sel.Directives)
		}
		sum.depth = max(sum.depth, part.depth)
		sum.aliases += part.aliases
		sum.directives += part.directives
	}
	return sum
}
