package plan

import (
	"time"

	"zoomql/internal/zoom"
)

// MaxMonths bounds a range where Zoom does not say how far back it goes: a month
// that holds nothing costs a call too.
const MaxMonths = 24

// Span is a range of days, both ends included.
type Span struct{ From, To time.Time }

// Months cuts a range of days into what Zoom takes, a month at most, newest first.
// What Zoom takes at once is asked at once; a longer range is cut at the ends of
// calendar months, since a whole month that is over never changes again.
func Months(from, to time.Time) []Span {
	if !to.After(AMonthAfter(from)) {
		return []Span{{from, to}}
	}
	spans := make([]Span, monthsIn(from, to))
	begin := from
	for i := len(spans) - 1; i >= 0; i-- {
		end := EndOfMonth(begin)
		if end.After(to) {
			end = to
		}
		spans[i] = Span{begin, end}
		begin = end.AddDate(0, 0, 1)
	}
	return spans
}

// monthsIn counts the calendar months that a range of days has a part of.
func monthsIn(from, to time.Time) int {
	return max(0, (to.Year()-from.Year())*12+int(to.Month())-int(from.Month())+1)
}

// AMonthAfter returns the same day of the next month, or its last one.
func AMonthAfter(t time.Time) time.Time {
	next := t.AddDate(0, 1, 0)
	if next.Day() != t.Day() {
		return EndOfMonth(t.AddDate(0, 0, 1-t.Day()).AddDate(0, 1, 0))
	}
	return next
}

// EndOfMonth returns the last day of a time's month.
func EndOfMonth(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC)
}

// Oldest returns the first day that Zoom keeps on a day; the zero time where it does
// not say.
func Oldest(op *zoom.Spec, day time.Time) time.Time {
	if op.Months == 0 {
		return time.Time{}
	}
	return day.AddDate(0, -op.Months, 0)
}

// Kept cuts off a range what lies further back than Zoom keeps on a day. gone tells that
// something was cut off; what is left is empty, From after To, where all of it was.
func Kept(op *zoom.Spec, asked Span, day time.Time) (left Span, gone bool) {
	oldest := Oldest(op, day)
	if oldest.IsZero() || asked.From.IsZero() || !asked.From.Before(oldest) {
		return asked, false
	}
	return Span{oldest, asked.To}, true
}

// Begun cuts off a range the months to come, unless the operation is about those: those
// after the month of a day. What is left is empty where none of it has begun.
func Begun(op *zoom.Spec, asked Span, day time.Time) Span {
	if op.Ahead {
		return asked
	}
	if asked.From.After(day) {
		return Span{asked.From, time.Time{}}
	}
	if end := EndOfMonth(day); asked.To.After(end) {
		asked.To = end
	}
	return asked
}

// windows returns how many listings a range of days costs on a day; 0 where nothing is
// asked for.
func windows(op *zoom.Spec, asked Span, day time.Time) int {
	if asked.From.IsZero() != asked.To.IsZero() || asked.To.Before(asked.From) {
		return 0 // it is refused
	}
	if asked.From.IsZero() {
		return 1
	}
	left, _ := Kept(op, asked, day)
	if left = Begun(op, left, day); left.To.Before(left.From) {
		return 0
	}
	if !left.To.After(AMonthAfter(left.From)) {
		return 1
	}
	if n := monthsIn(left.From, left.To); n <= MaxMonths {
		return n
	}
	return 0
}
