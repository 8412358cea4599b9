package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Limits bound the size of one query. What a query costs at Zoom is another
// matter: these keep a document from costing too much here.
type Limits struct {
	Tokens     int // of the document
	Depth      int // of nested fields
	Aliases    int
	RootFields int
	Directives int
}

// DefaultLimits are far above what clients send and far below what hurts.
var DefaultLimits = Limits{Tokens: 5000, Depth: 25, Aliases: 30, RootFields: 20, Directives: 50}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = Limits{}

// ExtensionName names the extension.
func (Limits) ExtensionName() string { return "Limits" }

// Validate has nothing to check.
func (Limits) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext refuses an operation that is over a limit.
func (l Limits) MutateOperationContext(_ context.Context, opCtx *graphql.OperationContext) *gqlerror.Error {
	m := measurer{fragments: map[string]measure{}, most: l}
	got := m.set(opCtx.Operation.SelectionSet)
	got.directives += len(opCtx.Operation.Directives)
	roots := len(graphql.CollectFields(opCtx, opCtx.Operation.SelectionSet, nil))
	for _, check := range []struct {
		what      string
		got, most int
	}{
		{"levels", got.depth, l.Depth},
		{"aliases", got.aliases, l.Aliases},
		{"root fields", roots, l.RootFields},
		{"directives", got.directives, l.Directives},
	} {
		if check.got > check.most {
			return withCode(gqlerror.Errorf("The query is too large: more than %d %s.", check.most, check.what), codeLimit)
		}
	}
	return nil
}

// measure is the size of a selection set, with its fragments spread out.
type measure struct{ depth, aliases, directives int }

// measurer measures each fragment once, however often it is spread: fragments
// within fragments double with each level.
type measurer struct {
	fragments map[string]measure
	most      Limits
}

func (m *measurer) set(set ast.SelectionSet) measure {
	var sum measure
	for _, sel := range set {
		var part measure
		switch sel := sel.(type) {
		case *ast.Field:
			part = m.set(sel.SelectionSet)
			part.depth++
			part.directives += len(sel.Directives)
			if sel.Alias != sel.Name {
				part.aliases++
			}
		case *ast.InlineFragment:
			part = m.set(sel.SelectionSet)
			part.directives += len(sel.Directives)
		case *ast.FragmentSpread:
			part = m.fragment(sel)
		}
		sum.depth = max(sum.depth, part.depth)
		sum.aliases = min(sum.aliases+part.aliases, m.most.Aliases+1)
		sum.directives = min(sum.directives+part.directives, m.most.Directives+1)
	}
	return sum
}

func (m *measurer) fragment(spread *ast.FragmentSpread) measure {
	got, ok := m.fragments[spread.Name]
	if !ok && spread.Definition != nil {
		got = m.set(spread.Definition.SelectionSet)
		m.fragments[spread.Name] = got
	}
	got.directives += len(spread.Directives)
	return got
}
