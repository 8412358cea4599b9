package list

import (
	"context"
	"fmt"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/errs"
	"zoomql/internal/zoom/types"
)

// Whole reads all of a list, for an answer that hangs on every item of it, up to so many
// items. Where nothing came but an error, that is returned.
func (l List[In, T]) Whole(ctx context.Context, most int) ([]*T, types.Completeness, error) {
	l.First, l.After = most, nil
	at, err := l.begin()
	if err != nil {
		return nil, types.Completeness{}, err
	}
	s, err := l.readFrom(ctx, at, nil)
	switch {
	case err != nil && len(s.Items) == 0:
		return nil, types.Completeness{}, err
	case err != nil:
		s.tell(err)
	case s.more && len(s.Items) == most:
		s.tell(&errs.InputError{Code: types.ErrorCodeLimitExceeded, Message: fmt.Sprintf("The list has more than %d items: the answer is about the first of them.", most)})
	}
	return s.Items, types.Completeness{Cut: s.more, Errs: s.beside}, nil
}

// Tell adds the errors of a list that has not come whole to the field of ctx.
func Tell(ctx context.Context, c types.Completeness) {
	for _, err := range c.Errs {
		graphql.AddError(ctx, err)
	}
}

// Cut returns a page of items that are at hand, as a connection. of says whether they are
// all of the list, which fp names in the cursors. An item whose place has changed since is
// found again by its mark.
func Cut[T any](ctx context.Context, items []*T, of types.Completeness, first int, after *string, fp Fingerprint) (*types.Connection[T], error) {
	if first < 1 || first > MaxFirst {
		return nil, errs.Invalid(fmt.Sprintf("first: %d is not between 1 and %d", first, MaxFirst))
	}
	begin := 0
	if after != nil {
		at, err := decodePlace(*after, fp)
		if err != nil {
			return nil, err
		}
		if begin = behind(items, at); begin < 0 {
			return nil, errCursorGone
		}
	}
	page := items[begin:min(begin+first, len(items))]
	end := begin + len(page)
	Tell(ctx, of)
	total := types.Int{N: int64(len(items)), Valid: of.Whole()}
	return types.NewConnection(page, total, begin > 0, end < len(items) || of.Cut && len(items) > 0, func(i int) string {
		return Place{Size: 1, Offset: uint32(begin + i + 1), Mark: markOf(page[i])}.Encode(fp)
	}), nil
}

// behind returns how many items are up to a place, or -1 where its item is gone.
func behind[T any](items []*T, at Place) int {
	if n := int(at.Offset); n > 0 && n <= len(items) && markOf(items[n-1]) == at.Mark {
		return n
	}
	for i, item := range items {
		if markOf(item) == at.Mark {
			return i + 1
		}
	}
	return -1
}
