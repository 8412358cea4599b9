package graph

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"
)

// zoomDirective stands before each field that costs a call. A plain field of an
// object that could not be completed answers with the reason.
func zoomDirective(ctx context.Context, obj any, next graphql.Resolver, _ string) (any, error) {
	if o, ok := obj.(interface {
		Lack() error
		Op() string
	}); ok && o.Lack() != nil {
		f := graphql.GetFieldContext(ctx).Field
		if info := infoOf(f.ObjectDefinition, f.Definition); !info.edge && !slices.Contains(info.ops, o.Op()) {
			return nil, o.Lack()
		}
	}
	return next(ctx)
}
