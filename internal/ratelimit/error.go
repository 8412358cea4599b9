package ratelimit

import (
	"errors"
	"fmt"
	"time"
)

// ErrLimited is the kind of every [Error]: errors.Is(err, ErrLimited).
var ErrLimited = errors.New("ratelimit: limited")

// Error is returned for a call that could not start before its deadline. The call was not
// counted.
type Error struct {
	RetryAt time.Time // when the call could have started
	Key     string    // of the limit that has no calls left
	Daily   bool      // that limit is counted per day
}

// Error names the limit and the time at which it has calls again.
func (e *Error) Error() string {
	return fmt.Sprintf("ratelimit: %s has no calls left until %s", e.Key, e.RetryAt.UTC().Format(time.RFC3339Nano))
}

// Is reports whether target is [ErrLimited].
func (e *Error) Is(target error) bool { return target == ErrLimited }

func limited(d Decision) *Error {
	return &Error{RetryAt: d.Start, Key: d.Limit.Key, Daily: d.Limit.Daily}
}
