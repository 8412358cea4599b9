package list

import (
	"context"
	"errors"

	"zoomql/internal/plan"
	"zoomql/internal/zoom"
)

// guess puts into s what the first page most likely has that the cache does not hold, where the
// price of an operation is worked out: the same list may be there in pages of another size. It
// reports whether there is such a page.
func (l List[In, T]) guess(ctx context.Context, s *Slice[T], at Place, err error) bool {
	if !errors.Is(err, zoom.ErrNotCached) || len(l.Windows.Cut) > 1 || !at.OnFirst() {
		return false
	}
	var best *zoom.Page[T]
	for _, size := range plan.PageSizes() {
		size = min(size, l.largest())
		if page := l.Op.Guess(ctx, l.Client, l.filter(at), zoom.Paging{Size: size}); page != nil && (best == nil || len(page.Items) > len(best.Items)) {
			best = page
		}
	}
	if best == nil {
		return false
	}
	items, want := best.Items[:min(len(best.Items), l.First)], l.First
	switch {
	case best.Next == "":
		want = len(items)
	case best.Total.Valid:
		want = min(want, int(best.Total.N))
	}
	share := 1.0
	if len(items) < want {
		share = float64(len(items)) / float64(want)
	}
	zoom.Guessed(ctx, l.Op.Spec, share)
	for _, item := range items {
		s.Items, s.places = append(s.Items, item), append(s.places, at)
	}
	return true
}
