package plan

import (
	"time"

	"zoomql/internal/zoom"
)

// MaxMonths is the largest number of months of a range: an empty month costs a call, too, and Zoom
// does not document for all operations how far back they have data.
const MaxMonths = 24

// Span is a range of days, both ends included.
type Span struct{ From, To time.Time }

// Months cuts a range of days into ranges that Zoom accepts, of a month at most, newest first. A
// range that Zoom accepts is not cut; a longer one is cut at the ends of calendar months, because
// data of a whole month in the past never change.
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

// AMonthAfter returns the same day of the next month, or that month's last day if it is shorter.
func AMonthAfter(t time.Time) time.Time { return monthsAfter(t, 1) }

// monthsAfter returns the same day so many months later, or that month's last day if it is shorter.
func monthsAfter(t time.Time, months int) time.Time {
	other := t.AddDate(0, months, 0)
	if other.Day() != t.Day() {
		return other.AddDate(0, 0, -other.Day())
	}
	return other
}

// EndOfMonth returns the last day of a time's month, in UTC.
func EndOfMonth(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC)
}

// Oldest returns the first day for which Zoom has data on the given day, which is the last one of its
// month if that is too short; the zero time if Zoom does not document it.
func Oldest(op *zoom.Spec, day time.Time) time.Time {
	if op.Months == 0 {
		return time.Time{}
	}
	return monthsAfter(day, -op.Months)
}

// Kept removes the days of a range for which Zoom no longer has data on the given day. gone reports
// whether there were any; if all days were removed, From is after To in what is left.
func Kept(op *zoom.Spec, asked Span, day time.Time) (left Span, gone bool) {
	oldest := Oldest(op, day)
	if oldest.IsZero() || asked.From.IsZero() || !asked.From.Before(oldest) {
		return asked, false
	}
	return Span{oldest, asked.To}, true
}

// Begun removes the months of a range that come after that of the given day, unless the operation
// accepts future days. If the range begins after the day, nothing is left: To is before From.
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

// windows returns the number of listings that a range of days is cut into on the given day; 0 if the
// range is rejected or nothing of it is read.
func windows(op *zoom.Spec, asked Span, day time.Time) int {
	if asked.From.IsZero() != asked.To.IsZero() || asked.To.Before(asked.From) {
		return 0 // it is rejected
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
