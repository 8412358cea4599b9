package list

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// AtOnce returns the items of a list without pages. It leaves out items without an id,
// and adds an error for these and for items that Zoom counts and did not send.
func AtOnce[T any](ctx context.Context, op *zoom.Spec, items []*T, c zoom.Counted) []*T {
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
