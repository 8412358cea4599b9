package graph

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// atOnce returns the items of a list that comes at once. What is none is left out, and
// what is missing by Zoom's own count is told, both as an error beside it.
func atOnce[T any](ctx context.Context, op *zoom.Spec, items []*T, c zoom.Counted) []*T {
	if err := c.Early(op, len(items)); err != nil {
		graphql.AddError(ctx, err)
	}
	lacksID := func(item *T) bool { return types.LacksID(item) }
	if !slices.ContainsFunc(items, lacksID) {
		return items
	}
	whole := slices.DeleteFunc(slices.Clone(items), lacksID) // the answer itself is shared
	graphql.AddError(ctx, zoom.LeftOut(op, len(items)-len(whole)))
	return whole
}
