package list

import (
	"context"
	"errors"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// maxRests bounds how many times a reading asks for what Zoom left out of a range that
// it was asked for.
const maxRests = 10

// rangeOf returns the range of days within a filter, nil where it has none.
func rangeOf[In any](filter *In) *zoom.Days {
	if own, ok := any(filter).(interface{ Range() *zoom.Days }); ok {
		return own.Range()
	}
	return nil
}

// filter returns what a place is read by: the filter of its window, or of what Zoom
// left out of it.
func (l List[In, T]) filter(at Place) In {
	filter := l.Windows.Cut[at.Window]
	if at.Until != 0 {
		*rangeOf(&filter) = Days(at.Since.time(), at.Until.time())
	}
	return filter
}

// foreign reports whether a page is about none of the days that Zoom left out and was
// asked for: what stands there came before, or was not asked for.
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

// rest returns where the list goes on behind a listing: with what Zoom left out of its
// range, or else with the next window. What cannot be asked for is told beside the
// list.
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
		s.tell(&zoom.IncompleteError{Op: l.Op.Pattern, Missing: gap})
	}
	return next
}

// leftOut returns the days that were asked for and that an answer is not about, older
// ones first. ok is false where it is about none of the days asked for, so that asking
// again would lead nowhere. Days to come are in no report, unless it is about those.
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

// tellLeftOut tells the days that were asked for and that an answer is not about.
func tellLeftOut(ctx context.Context, op *zoom.Spec, asked, answered zoom.Days) {
	gaps, _ := leftOut(op, asked, answered, time.Now())
	for _, gap := range gaps {
		graphql.AddError(ctx, &zoom.IncompleteError{Op: op.Pattern, Missing: gap})
	}
}

// TellShortened returns what tells the days that Zoom leaves out of a range, as soon as
// a page of the list says so.
func TellShortened[T any](ctx context.Context, op *zoom.Spec, asked zoom.Days) func(*zoom.Page[T]) {
	return func(page *zoom.Page[T]) {
		if asked.To.IsZero() {
			return
		}
		tellLeftOut(ctx, op, asked, page.Answered())
		asked = zoom.Days{} // the other pages say the same
	}
}

// expired returns where a list goes on when Zoom keeps no data of a window any more:
// with the next one, if it is younger; else it ends there, if there is anything. That
// data are gone is told beside the list. Any other error is returned.
func (l List[In, T]) expired(s *Slice[T], r *reading[T], at Place, err error) (Place, error) {
	if !errors.Is(err, zoom.ErrExpired) {
		return at, err
	}
	next := Place{Window: at.Window + 1, Size: at.Size, Day: at.Day}
	if l.within(next) {
		own, other := rangeOf(&l.Windows.Cut[at.Window]), rangeOf(&l.Windows.Cut[next.Window])
		if own != nil && other.From.After(own.From.Time) {
			s.tell(err)
			r.Part(0)
			return next, nil
		}
	}
	if r.page == nil {
		return at, err
	}
	s.tell(err)
	return Place{Window: uint16(len(l.Windows.Cut))}, nil
}
