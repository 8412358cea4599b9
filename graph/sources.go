package graph

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/errs"
	"zoomql/internal/selection"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// An object may be told by several operations, none of which tells all of it: the row
// of a list, and the object by itself. What one lacks is taken from the other; what
// neither has costs that field, with an error.

// sourced is an object that knows where it was read.
type sourced[T any] interface {
	*T
	GetOrigin() *types.Origin
}

// notTold tells of the fields that are asked for of objects and that neither their row
// nor what was read besides can carry: in one error for each, however many objects
// there are. ops are the operations that were read.
func notTold(ctx context.Context, want *selection.Needs, ops ...string) {
	told := map[string]bool{}
	for _, n := range want.Fields {
		if told[n.Name] || !slices.ContainsFunc(ops, func(op string) bool { return op != "" }) {
			continue
		}
		if !slices.ContainsFunc(ops, func(op string) bool { return !n.Never(op) }) {
			told[n.Name] = true
			at := graphql.GetPath(ctx)
			if !n.InList() {
				at = n.Path(at, -1)
			}
			graphql.AddError(ctx, &errs.PathError{Err: &errs.NotToldError{Fields: []string{n.Name}}, Path: at})
		}
	}
}

// alone checks that an object that is no item of a list carries what is asked for of
// it.
func alone[T any, P sourced[T]](ctx context.Context, object *T, typeName string) *T {
	if object != nil {
		notTold(ctx, needsOf(ctx, typeName), P(object).GetOrigin().Op)
	}
	return object
}

// unavailable tells why an object lacks what only another answer carries.
func unavailable(ctx context.Context, lacking []selection.Need, i int, err error) {
	at := graphql.GetPath(ctx)
	for _, n := range lacking {
		graphql.AddError(ctx, &errs.PathError{Err: err, Path: n.Path(at, i)})
	}
}

// complete exchanges the objects that lack what is asked for by whole ones, which keep
// what the row alone tells. One that cannot be had stays as it is, with the reason at
// each field it lacks. whole is nil where there is no other way to the objects.
func complete[T any, P sourced[T]](ctx context.Context, items []*T, want *selection.Needs, whole func([]*T) []zoom.Found[T]) []*T {
	var lacking []*T
	var places []int
	for i, item := range items {
		if want.LacksOf(P(item).GetOrigin().Op, item) != nil {
			lacking, places = append(lacking, item), append(places, i)
		}
	}
	if lacking == nil {
		return items
	}
	row := P(lacking[0]).GetOrigin().Op
	if whole == nil {
		notTold(ctx, want, row)
		return items
	}
	items = slices.Clone(items)
	other := ""
	for n, f := range whole(lacking) {
		i := places[n]
		if f.Err == nil && f.Object != nil {
			other = P(f.Object).GetOrigin().Op
			items[i] = merged[T, P](items[i], f.Object)
			continue
		}
		unavailable(ctx, want.LacksOf(P(items[i]).GetOrigin().Op, items[i]), i, f.Err)
	}
	if other != "" {
		notTold(ctx, want, row, other)
	}
	return items
}

// merged returns an object with what two answers tell of it, see [selection.Merged].
func merged[T any, P sourced[T]](row, whole *T) *T {
	return selection.Merged(schemaIndex(), row, whole, P(whole).GetOrigin().Op)
}
