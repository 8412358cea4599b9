// Package ratelimit holds the calls of an account within limits of N calls in a span of
// time, over all replicas. The README has a worked example.
//
// # Why a log and not GCRA
//
// The origin counts: N calls in any second, the next one is refused. A token
// bucket, or GCRA, which is the same in less memory, cannot express that. Given a
// burst of N it allows N at once after some idle time and continues at the full rate,
// so up to twice N fall into one second; given half of each, half of the account's
// budget is never used. So this package keeps a sliding window log of start times, and
// its rule is the origin's own: the i-th call starts no earlier than one window after
// the (i-N)-th. It costs 8 bytes for each call of a window, and windows are small (80
// calls). Days are only counted: see [Limit].
//
// # Competing usage
//
// Other applications may use the same budget, and the origin hardly ever reports how
// much. But when it refuses, its window is full, and the calls of it that did not start
// here were theirs. That much is left to them: an estimate, which holds for a while and
// then decays ([Store.Refuse], [window.Competing]).
//
// # Layers
//
// The arithmetic is pure (package window). A [Store] moves the state of all
// limits of one call in one step: [Memory] under a lock, [Redis] in a script,
// [Shared] in Redis while that is available and in this process, within its share
// of the budget, while it is not. A [Limiter] waits for the starts that a Store has
// reserved. A [Pool] limits concurrency instead of frequency, and serves waiting
// callers in the same order.
package ratelimit

import (
	"context"
	"time"

	"zoomql/internal/ratelimit/window"
)

// A Limit allows so many calls to start within any span of time, or on any UTC day:
// see [window.Limit].
type Limit = window.Limit

// A Store counts calls against limits. Its methods are safe for concurrent use.
type Store interface {
	// Take reserves one call under all limits, or under none if it could
	// not start within maxWait. Reservations are made in the order of Take; a
	// call never starts later than its limits and earlier reservations
	// demand. now is the caller's clock; a store that has its own ignores it.
	Take(ctx context.Context, now time.Time, maxWait time.Duration, limits []Limit) (Decision, error)

	// Cancel cancels a reservation of Take with the same limits. It MUST
	// only be called if the call was not made, and once.
	Cancel(ctx context.Context, d Decision, limits []Limit) error

	// Late records that the call which Take reserved, with the same windows, left only
	// at now, a moment ago: the window after it begins later, too.
	Late(ctx context.Context, now time.Time, d Decision, windows []Limit) error

	// Block records that the origin itself refused: no call under the limit with
	// that key starts before until. A shorter block never lifts a longer one.
	Block(ctx context.Context, key string, until time.Time) error

	// Refuse records that the origin refused a call because the window of l was full.
	// Other applications have used the rest of it, and that much is left to them from
	// now on.
	Refuse(ctx context.Context, now time.Time, l Limit) error

	// Observe records the origin's figure: left calls of a limit are left. If that is
	// less than counted here, other applications use the same budget, and the origin's
	// figure applies. The figure never lowers the count of a day.
	Observe(ctx context.Context, now time.Time, l Limit, left int) error

	// Remaining returns how much of the limits is left, one Status for each.
	Remaining(ctx context.Context, now time.Time, limits []Limit) ([]Status, error)
}

// A Decision is the result of [Store.Take].
type Decision struct {
	OK    bool          // the call is reserved
	Start time.Time     // when it may start; if not OK, when it could have
	Wait  time.Duration // how long that is from now, at least 0
	Limit Limit         // the limit that delays it; zero if none does

	due   time.Time // the earliest that Start may be by this process's clock
	id    string    // Redis: the name of the reservation in the logs
	at    int64     // unix nanoseconds of Start by the store's clock
	local bool      // Shared: made in this process, without Redis
}

// A Status is how much of one limit is left.
type Status struct {
	Key       string    // of the limit
	Calls     int       // of the limit
	Left      int       // calls that could still start now, at least 0
	Competing int       // calls of a window that are left to other applications
	Reset     time.Time // when all Calls will be free again if none is made
}
