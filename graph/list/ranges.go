package list

import (
	"context"
	"errors"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// maxRests bounds how many times the missing days of a range are requested.
const maxRests = 10

// rangeOf returns the range of days of a filter; nil if it has none.
func rangeOf[In any](filter *In) *zoom.Days {
	if own, ok := any(filter).(interface{ Range() *zoom.Days }); ok {
		return own.Range()
	}
	return nil
}

// filter returns the filter of a place: that of its window, or of the days of the window
// that Zoom left out.
func (l List[In, T]) filter(at Place) In {
	filter := l.Windows.Cut[at.Window]
	if at.Until != 0 {
		*rangeOf(&filter) = Days(at.Since.time(), at.Until.time())
	}
	return filter
}

// foreign reports whether the page of a request for missing days is about none of them: its
// items were read before, or were not requested.
func (l List[In, T]) foreign(at Place, page *zoom.Page[T]) bool {
	if at.Until == 0 {
		return false
	}
	filter := l.filter(at)
	_, ok := leftOut(l.Op.Spec, *rangeOf(&filter), page.Answered(), time.Now())
	return !ok
}

// has reports whether a place is within the range of its window.
func (l List[In, T]) has(at Place) bool {
	if at.Until == 0 {
		return true
	}
	own := rangeOf(&l.Windows.Cut[at.Window])
	return own != nil && !own.From.After(at.Since.time()) && !own.To.Before(at.Until.time())
}

// rest returns the place after a listing: the days that Zoom left out of its range, or
// else the next window. Missing days that are not requested are noted as errors.
func (l List[In, T]) rest(s *Slice[T], r *reading[T], at Place) Place {
	next := Place{Window: at.Window + 1, Size: at.Size, Day: at.Day}
	filter := l.filter(at)
	asked := rangeOf(&filter)
	if asked == nil || l.Windows.Live || l.Windows.Sums {
		return next
	}
	gaps, ok := leftOut(l.Op.Spec, *asked, r.answered, time.Now())
	if len(gaps) > 0 {
		s.total = types.Int{} // it counts a part of the list
	}
	for i, gap := range gaps {
		if ok && i == 0 && r.rests < maxRests {
			r.rests++
			next = Place{Window: at.Window, Size: at.Size, Day: at.Day, Since: DayOf(gap.From.Time), Until: DayOf(gap.To.Time)}
			continue
		}
		s.note(&zoom.IncompleteError{Op: l.Op.Pattern, Missing: gap})
	}
	return next
}

// leftOut returns the requested days that an answer is not about, oldest first. ok is
// false if it is about none of the requested days, so that another request would be
// useless. Future days are in no report, unless it is about the future.
func leftOut(op *zoom.Spec, asked, answered zoom.Days, now time.Time) (gaps []zoom.Days, ok bool) {
	if asked.From.IsZero() || answered.From.IsZero() {
		return nil, true
	}
	if today := now.UTC().Truncate(24 * time.Hour); !op.Ahead && asked.To.After(today) {
		asked.To.Time = today
	}
	if asked.To.Before(asked.From.Time) {
		return nil, true
	}
	if answered.To.Before(asked.From.Time) || answered.From.After(asked.To.Time) {
		return []zoom.Days{asked}, false
	}
	if answered.From.After(asked.From.Time) {
		gaps = append(gaps, Days(asked.From.Time, answered.From.AddDate(0, 0, -1)))
	}
	if answered.To.Before(asked.To.Time) {
		gaps = append(gaps, Days(answered.To.AddDate(0, 0, 1), asked.To.Time))
	}
	return gaps, true
}

// addLeftOut adds errors about the requested days that an answer is not about.
func addLeftOut(ctx context.Context, op *zoom.Spec, asked, answered zoom.Days) {
	gaps, _ := leftOut(op, asked, answered, time.Now())
	for _, gap := range gaps {
		graphql.AddError(ctx, &zoom.IncompleteError{Op: op.Pattern, Missing: gap})
	}
}

// TellShortened returns a function that adds errors about the days that Zoom leaves out of a
// range, by the first page of the list.
func TellShortened[T any](ctx context.Context, op *zoom.Spec, asked zoom.Days) func(*zoom.Page[T]) {
	return func(page *zoom.Page[T]) {
		if asked.To.IsZero() {
			return
		}
		addLeftOut(ctx, op, asked, page.Answered())
		asked = zoom.Days{} // the other pages name the same range
	}
}

// expired returns the place after a window for which Zoom no longer has data: the next
// window if it is more recent, otherwise the end of the list if any page was read. It notes
// the error. Any other error is returned.
func (l List[In, T]) expired(s *Slice[T], r *reading[T], at Place, err error) (Place, error) {
	next := Place{Window: at.Window + 1, Size: at.Size, Day: at.Day}
	if errors.Is(err, zoom.ErrNotCached) && l.within(next) { // of the price: the cache may hold those after it
		r.Part(0)
		return next, nil
	}
	if !errors.Is(err, zoom.ErrExpired) {
		return at, err
	}
	if l.within(next) {
		own, other := rangeOf(&l.Windows.Cut[at.Window]), rangeOf(&l.Windows.Cut[next.Window])
		if own != nil && other.From.After(own.From.Time) {
			s.note(err)
			r.Part(0)
			return next, nil
		}
	}
	if r.page == nil {
		return at, err
	}
	s.note(err)
	return Place{Window: uint16(len(l.Windows.Cut))}, nil
}
