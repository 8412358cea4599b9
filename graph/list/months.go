package list

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/batch"
	"zoomql/graph/errs"
	"zoomql/internal/plan"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// Ranged is a filter with a range of days.
type Ranged[In any] interface {
	*In
	Range() *zoom.Days
}

// Monthly cuts a filter into one per month, newest first. Days for which Zoom no longer has
// data are reported by an error of the field; future months are not requested, unless the
// report is about the future. A filter without a range is not cut: Zoom has a default
// range. A list that is continued after a cursor is cut as on the day when it was begun.
func Monthly[In any, P Ranged[In]](ctx context.Context, op *zoom.Spec, filter In, after *string) (Windows[In], error) {
	begun := BegunOn(ctx, after)
	w := Windows[In]{Asked: filter, Day: DayOf(begun)}
	asked := P(&filter).Range()
	if err := truncate(ctx, op, asked, begun); err != nil {
		return w, err
	}
	if asked.From.IsZero() {
		w.Cut = []In{filter}
		return w, nil
	}
	left := plan.Begun(op, plan.Span{From: asked.From.Time, To: asked.To.Time}, begun)
	if left.To.Before(left.From) {
		return w, nil
	}
	spans := plan.Months(left.From, left.To)
	if len(spans) > plan.MaxMonths {
		return w, errs.Invalid(fmt.Sprintf("from, to: they are in %d months, more than %d", len(spans), plan.MaxMonths))
	}
	w.Cut = make([]In, len(spans))
	oldest := plan.Oldest(op, Today(ctx)) // may be later than on the day when the list was begun
	for i, month := range spans {
		if month.From.Before(oldest) && !month.To.Before(oldest) {
			month.From = oldest
		}
		w.Cut[i] = filter
		*P(&w.Cut[i]).Range() = Days(month.From, month.To)
	}
	return w, nil
}

// BegunOn returns the day on which the list of a cursor was begun: today without a cursor, or
// if it cannot be read.
func BegunOn(ctx context.Context, after *string) time.Time {
	now := Today(ctx)
	if after == nil {
		return now
	}
	p, _, err := ReadPlace(*after)
	if begun := p.Day.time(); err == nil && p.Day != 0 && begun.Before(now) {
		return begun
	}
	return now
}

// truncate removes the days from a range for which Zoom has no more data on a day. It
// reports them by an error of the field, or returns the error if no day is left.
func truncate(ctx context.Context, op *zoom.Spec, days *zoom.Days, day time.Time) error {
	if err := Ordered(days.From, days.To); err != nil {
		return err
	}
	left, gone := plan.Kept(op, plan.Span{From: days.From.Time, To: days.To.Time}, day)
	if !gone {
		return nil
	}
	expired := &zoom.Error{Op: op.Pattern, Kind: zoom.ErrExpired}
	if left.To.Before(left.From) {
		return expired
	}
	graphql.AddError(ctx, expired)
	days.From.Time = left.From
	return nil
}

// Days returns the range from one day to another.
func Days(from, to time.Time) zoom.Days {
	return zoom.Days{From: types.Date{Time: from}, To: types.Date{Time: to}}
}

// Today returns the current day in UTC. It limits the validity of ctx's answer to that day.
func Today(ctx context.Context) time.Time {
	day := time.Now().UTC().Truncate(24 * time.Hour)
	zoom.ValidUntil(ctx, day.AddDate(0, 0, 1))
	return day
}

// InMonth reads figures that Zoom adds up over a range of at most a month: such sums cannot
// be combined. Days that are missing in the answer are reported by errors of the field.
func InMonth[In, Out any, P Ranged[In]](ctx context.Context, client *zoom.Client, op zoom.Op[In, Out], filter In) (*Out, error) {
	if err := OneMonth[In, P](ctx, op.Spec, &filter); err != nil {
		return nil, err
	}
	out, err := op.Do(ctx, client, filter)
	if err != nil {
		return nil, err
	}
	addLeftOut(ctx, op.Spec, *P(&filter).Range(), answeredBy(out))
	return out, nil
}

// answeredBy returns the range of an answer without pages; zero if it names none.
func answeredBy(out any) zoom.Days {
	switch out := out.(type) {
	case interface{ Answered() zoom.Days }:
		return out.Answered()
	case *types.QualityScores:
		own := zoom.AnsweredDays{From: out.From, To: out.To}
		return own.Answered()
	}
	return zoom.Days{}
}

// OneMonth rejects a range of more than a month, and removes days for which Zoom no longer
// has data.
func OneMonth[In any, P Ranged[In]](ctx context.Context, op *zoom.Spec, filter *In) error {
	asked := P(filter).Range()
	if asked.To.After(plan.AMonthAfter(asked.From.Time)) {
		return errs.Invalid("from, to: Zoom adds up a month at most")
	}
	return truncate(ctx, op, asked, Today(ctx))
}

// ByMonth reads a range month by month, concurrently, then the days that the answers left
// out, and returns the answers oldest first. Any error fails all, except for ErrExpired,
// which is added to the field of ctx.
func ByMonth[In comparable, Out any, P Ranged[In]](ctx context.Context, client *zoom.Client, op zoom.Op[In, Out], filter In) ([]*Out, error) {
	windows, err := Monthly[In, P](ctx, op.Spec, filter, nil)
	if err != nil {
		return nil, err
	}
	get := batch.Each(client, func(ctx context.Context, in In) (*Out, error) { return op.Do(ctx, client, in) })
	type part struct {
		from time.Time
		out  *Out
	}
	var parts []part
	var expired error
	rests := 0
	again := false
	for asked := windows.Cut; len(asked) > 0; again = true {
		var rest []In
		for i, f := range get(ctx, asked) {
			if errors.Is(f.Err, zoom.ErrExpired) {
				expired = f.Err
				continue
			}
			if f.Err != nil {
				return nil, f.Err
			}
			own := *P(&asked[i]).Range()
			gaps, ok := leftOut(op.Spec, own, answeredBy(f.Object), time.Now())
			if ok && len(gaps) > 0 && gaps[0].From == own.From {
				own.From.Time = gaps[0].To.AddDate(0, 0, 1)
			}
			if ok || !again { // otherwise it is about other days, which have been read before
				parts = append(parts, part{own.From.Time, f.Object})
			}
			for _, gap := range gaps {
				if rests++; !ok || rests > maxRests {
					graphql.AddError(ctx, &zoom.IncompleteError{Op: op.Pattern, Missing: gap})
					continue
				}
				left := asked[i]
				*P(&left).Range() = gap
				rest = append(rest, left)
			}
		}
		asked = rest
	}
	if expired != nil && len(parts) == 0 {
		return nil, expired
	}
	if expired != nil {
		graphql.AddError(ctx, expired)
	}
	slices.SortStableFunc(parts, func(a, b part) int { return a.from.Compare(b.from) })
	answers := make([]*Out, len(parts))
	for i, p := range parts {
		answers[i] = p.out
	}
	return answers, nil
}

// Ordered rejects a range that ends before it begins, and half a range.
func Ordered(from, to types.Date) error {
	switch {
	case from.IsZero() != to.IsZero():
		return errs.Invalid("from, to: Zoom takes both or neither")
	case to.Before(from.Time):
		return ErrBackwards
	}
	return nil
}

// ErrBackwards is the error of a range that ends before it begins.
var ErrBackwards = errs.Invalid("from: it is after to")
