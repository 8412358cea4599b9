package zoom

import (
	"fmt"
	"time"

	"zoomql/internal/zoom/types"
)

// Counted is what Zoom says of the length of a list that comes at once, without pages.
type Counted struct {
	Total types.Int `json:"total_records,omitzero"`
}

// Early returns an error where fewer items came than Zoom counts.
func (c Counted) Early(s *Spec, given int) error {
	if !c.Total.Valid || int64(given) >= c.Total.N {
		return nil
	}
	return &IncompleteError{Op: s.Pattern, Given: int64(given), Counted: c.Total.N}
}

// AnsweredDays is the range that an answer without pages names.
type AnsweredDays struct {
	From types.Date `json:"from,omitzero"`
	To   types.Date `json:"to,omitzero"`
}

// Answered returns the range; zero where Zoom has named none.
func (a *AnsweredDays) Answered() Days { return answered(a.From.Time, a.To.Time) }

// answered returns the range that an answer names; zero where that is none.
func answered(from, to time.Time) Days {
	if from.IsZero() || to.IsZero() || to.Before(from) {
		return Days{}
	}
	day := func(t time.Time) types.Date { return types.Date{Time: t.Truncate(24 * time.Hour)} }
	return Days{From: day(from), To: day(to)}
}

// LeftOutError is of a list with items that are none: without an id, or of another
// shape. The others stand beside it.
type LeftOutError struct {
	Op    string // the operation's pattern
	Items int
}

// Error says how many items are left out.
func (e *LeftOutError) Error() string {
	if e.Items == 1 {
		return "1 row of Zoom's list has no id, or cannot be read, and is left out."
	}
	return fmt.Sprintf("%d rows of Zoom's list have no id, or cannot be read, and are left out.", e.Items)
}

// Unwrap returns ErrBadAnswer.
func (e *LeftOutError) Unwrap() error { return ErrBadAnswer }

// LeftOut returns an error that tells of so many items of a list that are none; nil for
// none.
func LeftOut(s *Spec, n int) error {
	if n == 0 {
		return nil
	}
	return &LeftOutError{s.Pattern, n}
}
