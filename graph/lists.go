package graph

import (
	"context"
	"reflect"

	"zoomql/graph/list"
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

// connect reads a list as a connection. What its rows do not carry is told.
func connect[In, T any](ctx context.Context, l list.List[In, T]) (*types.Connection[T], error) {
	s, err := readList(ctx, l)
	if s == nil {
		return nil, err
	}
	if len(s.Items) > 0 {
		if row, ok := any(s.Items[0]).(interface{ GetOrigin() *types.Origin }); ok {
			notTold(ctx, needsOfNodes(ctx, reflect.TypeFor[T]().Name()), row.GetOrigin().Op)
		}
	}
	return list.Connection(ctx, l, s, err, s.Items), nil
}

// connectWhole is connect for objects that lists do not hold whole.
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
