// Package ratelimit keeps the calls of an account within limits of "so many
// calls in so long a time", over all replicas.
//
// # Why a log and not GCRA
//
// The origin counts: N calls in any second, the next one is refused. A token
// bucket, or GCRA, which is the same in less memory, cannot say that. Given a
// burst of N it allows N at once after some idle time and goes on at the full
// rate, so up to twice N fall into one second; given half of each, half of the
// account's budget is never used. So this package keeps a log of start times,
// and its rule is the origin's own: the i-th call starts no earlier than one
// window after the (i-N)-th. It costs 8 bytes for each call of a window, and
// windows are small (80 calls). See [Limit] for days, which are only counted.
//
// # Others
//
// Apps that we know nothing of may spend the same budget, and the origin hardly
// ever says how much. But when it refuses, its window is full, and what we have
// not spent of it is what others have. That share is left to them, believed for
// a while and then doubted step by step ([Store.Refuse]).
//
// # Layers
//
// The arithmetic is pure (window.go, day.go, others.go). A [Store] moves the state of all
// limits of one call in one step: [Memory] under a lock, [Redis] in a script,
// [Shared] in Redis as long as it is there and in this process's share of the
// budget otherwise. A [Limiter] waits for what a Store has reserved.
package ratelimit

import (
	"context"
	"time"
)

// A Limit allows Calls calls to start within any span of Window. It is a plain
// value: what was counted is in the Store, under Key.
type Limit struct {
	// Key names what is counted. What precedes its first ":" is the account,
	// and MUST be the same for all limits of a call: Redis keeps an account
	// in one slot, since a script cannot reach further.
	Key string

	// Calls is how many calls may start, at least 1.
	Calls int

	// Window is the span in which they may start. Ignored if Daily.
	Window time.Duration

	// Daily limits are counted per UTC day and begin anew at 00:00 UTC. They
	// are counters, not logs: any 24 hours may see twice as many calls.
	Daily bool

	// Burst is how many of the calls of a window may start at once; the others
	// follow one by one, spread over half of it. Zero is all of them.
	Burst int

	// Guard stretches the window; for a day, it is how long after midnight
	// the old day still counts. We time the start of calls and the origin
	// their arrival: a slow call followed by a fast one arrive closer
	// together than they left, and clocks differ. Zero takes 4 % of the
	// window, or 2 seconds after midnight; a negative Guard is none.
	Guard time.Duration
}

const day = 24 * time.Hour

// span returns the window, stretched by the guard.
func (l Limit) span() time.Duration { return l.Window + l.guard() }

// beside is the span when so many calls of the window are left to others. A call
// of ours that comes late is one too many only where the others take all that is
// left to them, and they seldom do: so that stands in for the guard, all but an
// eighth of it.
func (l *Limit) beside(others int) time.Duration {
	guard := l.guard()
	return l.Window + max(guard-l.Window*time.Duration(others)/time.Duration(max(l.Calls, 1)), guard/8)
}

func (l Limit) guard() time.Duration {
	switch {
	case l.Guard < 0:
		return 0
	case l.Guard > 0:
		return l.Guard
	case l.Daily:
		return 2 * time.Second
	}
	return l.Window / 25
}

// A Store counts calls against limits. Its methods are safe for concurrent use.
type Store interface {
	// Take reserves one call under all limits, or under none when it could
	// not start within maxWait. Reservations are made in the order of Take; a
	// call never starts later than its limits and earlier reservations
	// demand. now is the caller's clock; a store that has its own ignores it.
	Take(ctx context.Context, now time.Time, maxWait time.Duration, limits []Limit) (Decision, error)

	// Cancel gives back what Take reserved, given the same limits. It MUST
	// only be called when the call was not made, and once.
	Cancel(ctx context.Context, d Decision, limits []Limit) error

	// Late says that the call which Take reserved, given the same windows,
	// started only at now, a moment ago: the window after it begins later, too.
	Late(ctx context.Context, now time.Time, d Decision, windows []Limit) error

	// Block says that the origin itself refused: no call under the limit with
	// that key starts before until. A shorter block never lifts a longer one.
	Block(ctx context.Context, key string, until time.Time) error

	// Refuse says that the origin refused a call because the window of l was
	// full. What was not spent of it by calls counted here was spent by others,
	// and that much is left to them from now on.
	Refuse(ctx context.Context, now time.Time, l Limit) error

	// Observe says that the origin told how many calls of a limit are left. If
	// that is less than counted here, others spend too, and it is believed. Of
	// a day, it is never believed that more is left than counted.
	Observe(ctx context.Context, now time.Time, l Limit, left int) error

	// Remaining tells how the limits stand, one Status for each.
	Remaining(ctx context.Context, now time.Time, limits []Limit) ([]Status, error)
}

// A Decision is the answer of [Store.Take].
type Decision struct {
	OK    bool          // the call is reserved
	Start time.Time     // when it may start; if not OK, when it could have
	Wait  time.Duration // how long that is from now, at least 0
	Limit Limit         // the limit that made it wait; zero if none did

	due   time.Time // the earliest that the store may mean by Start, by this process's clock
	id    string    // Redis: the name of the reservation in the logs
	at    int64     // unix nanoseconds of Start by the store's clock
	local bool      // Shared: made in this process, without Redis
}

// A Status tells how one limit stands.
type Status struct {
	Key    string
	Calls  int       // the limit
	Left   int       // calls that could still start now, at least 0
	Others int       // calls of a window that are left to others
	Reset  time.Time // when all Calls will be free again if none is made
}
