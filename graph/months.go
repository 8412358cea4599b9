package graph

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/batch"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// ranged is a filter that a range of days is part of.
type ranged[In any] interface {
	*In
	Range() *zoom.Days
}

// maxMonths bounds a range where Zoom does not say how far back it goes: a month
// that holds nothing costs a call too.
const maxMonths = 24

// reported reads a report on a range of days as a connection, month by month,
// newest first.
func reported[In, T any, P ranged[In]](ctx context.Context, s *scope, op zoom.ListOp[In, T], filter In, first int, after *string) (*types.Connection[T], error) {
	windows, err := monthly[In, P](ctx, op.Spec, filter, after)
	if err != nil {
		return nil, err
	}
	return connect(ctx, list[In, T]{in: s, op: op, windows: windows, first: first, after: after})
}

// monthly cuts a filter into one a month, newest first. What lies further back
// than Zoom keeps is told as an error beside the rest; months to come are not
// asked for, unless the report is on what is to come. A filter without a range
// stays as it is: Zoom has one of its own. A list that is read on, after a cursor,
// is cut as on the day when it was begun.
func monthly[In any, P ranged[In]](ctx context.Context, op *zoom.Spec, filter In, after *string) (windows[In], error) {
	begun := begunOn(ctx, after)
	w := windows[In]{asked: filter, day: dayOf(begun)}
	asked := P(&filter).Range()
	if err := keep(ctx, op, asked, begun); err != nil {
		return w, err
	}
	if asked.From.IsZero() {
		w.cut = []In{filter}
		return w, nil
	}
	if end := endOfMonth(begun); !op.Ahead && asked.To.After(end) {
		asked.To.Time = end
	}
	if !op.Ahead && asked.From.After(begun) {
		return w, nil
	}
	spans := months(asked.From.Time, asked.To.Time)
	if len(spans) > maxMonths {
		return w, invalid(fmt.Sprintf("from, to: they are in %d months, more than %d", len(spans), maxMonths))
	}
	w.cut = make([]In, len(spans))
	oldest := oldestOf(op, today(ctx)) // may be younger than what was kept when the list was begun
	for i, month := range spans {
		if month.from.Before(oldest) && !month.to.Before(oldest) {
			month.from = oldest
		}
		w.cut[i] = filter
		*P(&w.cut[i]).Range() = days(month.from, month.to)
	}
	return w, nil
}

// begunOn returns the day on which a list was begun that is read after a cursor:
// today where there is none, or none that can be read.
func begunOn(ctx context.Context, after *string) time.Time {
	now := today(ctx)
	if after == nil {
		return now
	}
	p, _, err := readPlace(*after)
	if begun := p.day.time(); err == nil && p.day != 0 && begun.Before(now) {
		return begun
	}
	return now
}

// oldestOf returns the first day that Zoom keeps on a day; the zero time where it does
// not say.
func oldestOf(op *zoom.Spec, day time.Time) time.Time {
	if op.Months == 0 {
		return time.Time{}
	}
	return day.AddDate(0, -op.Months, 0)
}

// keep cuts off a range what lies further back than Zoom keeps on a day, and tells
// that as an error: alone if nothing is left, beside the rest else.
func keep(ctx context.Context, op *zoom.Spec, days *zoom.Days, day time.Time) error {
	if err := ordered(days.From, days.To); err != nil {
		return err
	}
	oldest := oldestOf(op, day)
	if op.Months == 0 || days.From.IsZero() || !days.From.Before(oldest) {
		return nil
	}
	expired := &zoom.Error{Op: op.Pattern, Kind: zoom.ErrExpired}
	if days.To.Before(oldest) {
		return expired
	}
	graphql.AddError(ctx, expired)
	days.From.Time = oldest
	return nil
}

func days(from, to time.Time) zoom.Days {
	return zoom.Days{From: types.Date{Time: from}, To: types.Date{Time: to}}
}

// today returns the day by UTC. What hangs on it holds until the next one.
func today(ctx context.Context) time.Time {
	day := time.Now().UTC().Truncate(24 * time.Hour)
	zoom.TrueUntil(ctx, day.AddDate(0, 0, 1))
	return day
}

// inMonth asks for figures that Zoom adds up, for a month at most: the sums of
// two months do not make one. Days that the answer leaves out are told beside it.
func inMonth[In, Out any, P ranged[In]](ctx context.Context, s *scope, op zoom.Op[In, Out], filter In) (*Out, error) {
	if err := oneMonth[In, P](ctx, op.Spec, &filter); err != nil {
		return nil, err
	}
	out, err := op.Do(ctx, s.client, filter)
	if err != nil {
		return nil, err
	}
	tellLeftOut(ctx, op.Spec, *P(&filter).Range(), answeredBy(out))
	return out, nil
}

// answeredBy returns the range that an answer without pages is about; zero where it
// names none.
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

// oneMonth refuses a range that Zoom does not take at once, and cuts off what it
// keeps no more.
func oneMonth[In any, P ranged[In]](ctx context.Context, op *zoom.Spec, filter *In) error {
	asked := P(filter).Range()
	if asked.To.After(aMonthAfter(asked.From.Time)) {
		return invalid("from, to: Zoom adds up a month at most")
	}
	return keep(ctx, op, asked, today(ctx))
}

// byMonth asks about a range month by month, all at once, then for what the answers
// left out, and returns the answers oldest first. One that fails fails all, but for what
// Zoom keeps no more, which is told beside the rest.
func byMonth[In comparable, Out any, P ranged[In]](ctx context.Context, s *scope, op zoom.Op[In, Out], filter In) ([]*Out, error) {
	windows, err := monthly[In, P](ctx, op.Spec, filter, nil)
	if err != nil {
		return nil, err
	}
	get := batch.Each(s.client, func(ctx context.Context, in In) (*Out, error) { return op.Do(ctx, s.client, in) })
	type part struct {
		from time.Time
		out  *Out
	}
	var parts []part
	var expired error
	rests := 0
	again := false
	for asked := windows.cut; len(asked) > 0; again = true {
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
			if ok || !again { // or it is about other days, which came before
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

type span struct{ from, to time.Time }

// months cuts a range of days into what Zoom takes, a month at most, newest first.
// What Zoom takes at once is asked at once; a longer range is cut at the ends of
// calendar months, since a whole month that is over never changes again.
func months(from, to time.Time) []span {
	if !to.After(aMonthAfter(from)) {
		return []span{{from, to}}
	}
	var spans []span
	for begin := from; !begin.After(to); {
		end := endOfMonth(begin)
		if end.After(to) {
			end = to
		}
		spans = append(spans, span{begin, end})
		begin = end.AddDate(0, 0, 1)
	}
	slices.Reverse(spans)
	return spans
}

// aMonthAfter returns the same day of the next month, or its last one.
func aMonthAfter(t time.Time) time.Time {
	next := t.AddDate(0, 1, 0)
	if next.Day() != t.Day() {
		return endOfMonth(t.AddDate(0, 0, 1-t.Day()).AddDate(0, 1, 0))
	}
	return next
}

func endOfMonth(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC)
}

// ordered refuses a range that ends before it begins, and half a range.
func ordered(from, to types.Date) error {
	switch {
	case from.IsZero() != to.IsZero():
		return invalid("from, to: Zoom takes both or neither")
	case to.Before(from.Time):
		return errBackwards
	}
	return nil
}

var errBackwards = invalid("from: it is after to")
