package ratelimit

import (
	"errors"
	"fmt"
	"time"
)

// ErrLimited is the kind of every [Error]: errors.Is(err, ErrLimited).
var ErrLimited = errors.New("ratelimit: limited")

// Error says that a call could not be had in time. Nothing was spent.
type Error struct {
	RetryAt time.Time // when it could have been had
	Key     string    // of the limit that is spent
	Daily   bool      // that limit is counted per day
}

func (e *Error) Error() string {
	return fmt.Sprintf("ratelimit: %s is spent until %s", e.Key, e.RetryAt.UTC().Format(time.RFC3339Nano))
}

// Is reports whether target is [ErrLimited].
func (e *Error) Is(target error) bool { return target == ErrLimited }

func limited(d Decision) *Error {
	return &Error{RetryAt: d.Start, Key: d.Limit.Key, Daily: d.Limit.Daily}
}
