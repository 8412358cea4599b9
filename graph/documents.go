package graph

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"
)

// queries is how many parsed documents are kept.
const queries = 1000

// Documents keeps parsed documents, which hold nothing of anybody's: handlers of
// one schema and one set of limits may share it.
type Documents interface {
	graphql.Cache[*ast.QueryDocument]
}

// NewDocuments returns a bounded one.
func NewDocuments() Documents { return lru.New[*ast.QueryDocument](queries) }

// undeferred takes @defer out of documents before anybody has seen them. An answer
// comes whole, which the directive leaves to the server; the executor would answer
// with nulls first and tell the rest to nobody.
//
// Source: https://github.com/graphql/graphql-spec/pull/1110, section @defer.
type undeferred struct{ Documents }

// Add implements [graphql.Cache].
func (u undeferred) Add(ctx context.Context, query string, doc *ast.QueryDocument) {
	for _, op := range doc.Operations {
		undefer(op.SelectionSet)
	}
	for _, f := range doc.Fragments {
		undefer(f.SelectionSet)
	}
	u.Documents.Add(ctx, query, doc)
}

func undefer(set ast.SelectionSet) {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			undefer(s.SelectionSet)
		case *ast.InlineFragment:
			s.Directives = withoutDefer(s.Directives)
			undefer(s.SelectionSet)
		case *ast.FragmentSpread:
			s.Directives = withoutDefer(s.Directives)
		}
	}
}

func withoutDefer(list ast.DirectiveList) ast.DirectiveList {
	return slices.DeleteFunc(list, func(d *ast.Directive) bool { return d.Name == "defer" })
}
