package graph

import (
	"context"
	"reflect"
	"slices"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/errs"
	"zoomql/graph/list"
	"zoomql/internal/selection"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// readList reads a list, and admits it if it is long.
func readList[In, T any](ctx context.Context, l list.List[In, T]) (*list.Slice[T], error) {
	s, err := l.Read(ctx)
	if s != nil {
		if full := from(ctx).Admit(ctx, len(s.Items)); full != nil {
			return nil, full
		}
	}
	return s, err
}

// connect reads a list as a connection, with an error for each selected field that its rows
// lack.
func connect[In, T any](ctx context.Context, l list.List[In, T]) (*types.Connection[T], error) {
	s, err := readList(ctx, l)
	if s == nil {
		return nil, err
	}
	if len(s.Items) > 0 {
		if row, ok := any(s.Items[0]).(interface{ GetOrigin() *types.Origin }); ok {
			notReturned(ctx, needsOfNodes(ctx, reflect.TypeFor[T]().Name()), row.GetOrigin().Op)
		}
	}
	return list.Connection(ctx, l, s, err, s.Items), nil
}

// connectWhole is connect for objects that lists do not have whole.
func connectWhole[In, T any, P sourced[T]](ctx context.Context, l list.List[In, T], typeName string, whole func([]*T) []zoom.Found[T]) (*types.Connection[T], error) {
	part, err := readList(ctx, l)
	if part == nil {
		return nil, err
	}
	return list.Connection(ctx, l, part, err, complete[T, P](ctx, part.Items, needsOfNodes(ctx, typeName), whole)), nil
}

// reported reads a report on a range of days as a connection, month by month,
// newest first.
func reported[In, T any, P list.Ranged[In]](ctx context.Context, s *scope, op zoom.ListOp[In, T], filter In, first int, after *string) (*types.Connection[T], error) {
	windows, err := list.Monthly[In, P](ctx, op.Spec, filter, after)
	if err != nil {
		return nil, err
	}
	return connect(ctx, list.List[In, T]{Client: s.client, Op: op, Windows: windows, First: first, After: after})
}

// Several operations may return an object, and none all of its fields: the list that has it as
// a row, and the operation that reads it alone. A field that one lacks is taken from the other;
// a field that both lack is null, with an error.

// sourced is an object that has the operation that returned it.
type sourced[T any] interface {
	*T
	GetOrigin() *types.Origin
}

// notReturned adds an error for each selected field that none of the operations returns: one
// error, however many objects there are.
func notReturned(ctx context.Context, want *selection.Needs, ops ...string) {
	reported := map[string]bool{}
	for _, n := range want.Fields {
		if reported[n.Name] || !slices.ContainsFunc(ops, func(op string) bool { return op != "" }) {
			continue
		}
		if !slices.ContainsFunc(ops, func(op string) bool { return !n.Never(op) }) {
			reported[n.Name] = true
			at := graphql.GetPath(ctx)
			if !n.InList() {
				at = n.Path(at, -1)
			}
			graphql.AddError(ctx, &errs.PathError{Err: &errs.NotReturnedError{Fields: []string{n.Name}}, Path: at})
		}
	}
}

// alone is notReturned for an object that is no item of a list. It returns the object.
func alone[T any, P sourced[T]](ctx context.Context, object *T, typeName string) *T {
	if object != nil {
		notReturned(ctx, needsOf(ctx, typeName), P(object).GetOrigin().Op)
	}
	return object
}

// unavailable adds to each field that an object lacks the error of reading it.
func unavailable(ctx context.Context, lacking []selection.Need, i int, err error) {
	at := graphql.GetPath(ctx)
	for _, n := range lacking {
		graphql.AddError(ctx, &errs.PathError{Err: err, Path: n.Path(at, i)})
	}
}

// complete replaces the objects that lack selected fields by whole ones, which keep the fields
// that only the row has. An object that cannot be read stays as it is, with the error at each
// field that it lacks. whole is nil if no other operation returns the objects.
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
		notReturned(ctx, want, row)
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
		notReturned(ctx, want, row, other)
	}
	return items
}

// merged returns an object with the fields of two answers, see [selection.Merged].
func merged[T any, P sourced[T]](row, whole *T) *T {
	return selection.Merged(schemaIndex(), row, whole, P(whole).GetOrigin().Op)
}
