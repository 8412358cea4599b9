package list

import (
	"context"
	"fmt"
	"math"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/errs"
	"zoomql/internal/zoom/types"
)

// Whole reads all of a list, up to so many items, for an answer that depends on every item.
// An error after which there are no items is returned.
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
		s.note(err)
	case s.more && len(s.Items) == most:
		s.note(&errs.InputError{Code: types.ErrorCodeLimitExceeded, Message: fmt.Sprintf("The list has more than %d items: the answer is about the first of them.", most)})
	}
	return s.Items, types.Completeness{Cut: s.more, Errs: s.beside}, nil
}

// Tell adds the errors of an incomplete list to the field of ctx.
func Tell(ctx context.Context, c types.Completeness) {
	for _, err := range c.Errs {
		graphql.AddError(ctx, err)
	}
}

// Sized refuses a page of no items, and one of more than MaxFirst.
func Sized(first int) error {
	if first < 1 || first > MaxFirst {
		return errs.Invalid(fmt.Sprintf("first: %d is not between 1 and %d", first, MaxFirst))
	}
	return nil
}

// Cut returns a page of items as a connection. of reports whether they are the whole list,
// and fp identifies the list in its cursors. An item whose position has changed since is
// found by its mark.
func Cut[T any](ctx context.Context, items []*T, of types.Completeness, first int, after *string, fp Fingerprint) (*types.Connection[T], error) {
	return CutAs(ctx, items, of, first, after, fp, func(page []*T) []*T { return page })
}

// CutAs is Cut for items of which those on the page are shown in another way, such as rows
// that another answer completes.
func CutAs[T, N any](ctx context.Context, items []*T, of types.Completeness, first int, after *string, fp Fingerprint, shown func(page []*T) []*N) (*types.Connection[N], error) {
	if err := Sized(first); err != nil {
		return nil, err
	}
	begin := 0
	if after != nil {
		at, err := decodePlace(*after, fp)
		if err != nil {
			return nil, err
		}
		if begin = countUpTo(items, at); begin < 0 {
			return nil, errCursorGone
		}
	}
	page := items[begin:min(begin+first, len(items))]
	end := begin + len(page)
	Tell(ctx, of)
	total := types.Int{N: int64(len(items)), Valid: of.Whole()}
	return types.NewConnection(shown(page), total, begin > 0, end < len(items) || of.Cut && len(page) > 0, func(i int) string {
		return Place{Size: 1, Offset: uint32(begin + i + 1), Mark: markOf(page[i])}.Encode(fp)
	}), nil
}

// countUpTo returns the number of items up to a place, or -1 if its item is gone. Of several items
// with the same mark, it is the nearest one to where the item was.
func countUpTo[T any](items []*T, at Place) int {
	if n := int(at.Offset); n > 0 && n <= len(items) && markOf(items[n-1]) == at.Mark {
		return n
	}
	found, away := -1, math.MaxInt
	for i, item := range items {
		if d := max(i+1-int(at.Offset), int(at.Offset)-i-1); d < away && markOf(item) == at.Mark {
			found, away = i+1, d
		}
	}
	return found
}
