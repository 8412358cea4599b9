package zoom

import (
	"fmt"
	"time"

	"zoomql/internal/zoom/types"
)

// Counted is the length that Zoom reports of a list without pages.
type Counted struct {
	Total types.Int `json:"total_records,omitzero"`
}

// Early returns an error if fewer items came than Zoom counts.
func (c Counted) Early(s *Spec, given int) error {
	if !c.Total.Valid || int64(given) >= c.Total.N {
		return nil
	}
	return &IncompleteError{Op: s.Pattern, Given: int64(given), Counted: c.Total.N}
}

// AnsweredDays is the range of days that an answer without pages names.
type AnsweredDays struct {
	From types.Date `json:"from,omitzero"`
	To   types.Date `json:"to,omitzero"`
}

// Answered returns the range; zero if Zoom has named none.
func (a *AnsweredDays) Answered() Days { return answered(a.From.Time, a.To.Time) }

// answered returns the range that an answer names; zero if it is not valid.
func answered(from, to time.Time) Days {
	if from.IsZero() || to.IsZero() || to.Before(from) {
		return Days{}
	}
	day := func(t time.Time) types.Date { return types.Date{Time: t.Truncate(24 * time.Hour)} }
	return Days{From: day(from), To: day(to)}
}

// LeftOutError reports items of a list that are left out because they have no id or cannot
// be read. The other items are returned.
type LeftOutError struct {
	Op    string // the operation's pattern
	Items int
}

// Error names the number of items.
func (e *LeftOutError) Error() string {
	if e.Items == 1 {
		return "1 row of Zoom's list has no id, or cannot be read, and is left out."
	}
	return fmt.Sprintf("%d rows of Zoom's list have no id, or cannot be read, and are left out.", e.Items)
}

// Unwrap returns ErrBadAnswer.
func (e *LeftOutError) Unwrap() error { return ErrBadAnswer }

// LeftOut returns a [LeftOutError] about n items; nil if n is 0.
func LeftOut(s *Spec, n int) error {
	if n == 0 {
		return nil
	}
	return &LeftOutError{s.Pattern, n}
}
