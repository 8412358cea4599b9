package cache

import (
	"cmp"
	"time"
)

// Timings are the time limits and intervals of a [Redis]. A field that is zero has
// its default. A test that does not depend on time sets limits that only a hang
// exceeds: on a busy machine every healthy Redis is slow at times.
type Timings struct {
	// Operation limits one operation: 100 ms. The origin takes about as long, so
	// waiting longer would be slower than no cache. The limits of the client
	// itself, such as its ReadTimeout, apply too.
	Operation time.Duration

	// Attempt and Claim limit one attempt of a [Redis.Claim] and all of them
	// together, before the claim is refused: 1 s and 5 s. A create must not be done
	// twice, so callers wait for longer.
	Attempt, Claim time.Duration

	// Lease is how long others wait for a holder that has died: 5 s.
	Lease time.Duration

	// TripAfter is for how long operations must have failed, three in a row,
	// before Redis counts as unreachable: 150 ms. A stall that ends at once fails
	// all operations under way together.
	TripAfter time.Duration

	// ProbeMin and ProbeMax are the shortest and the longest wait between two
	// attempts to reach an unreachable Redis: 100 ms and 300 ms.
	ProbeMin, ProbeMax time.Duration

	// PingAfter is how long a subscription may be silent before a ping, and how
	// long after that before it counts as broken: 2 s.
	PingAfter time.Duration

	// CompareEvery is how often the number of evictions received is compared with
	// the number of evictions done: 1 s.
	CompareEvery time.Duration

	// ReplayWindow is how far back evictions are done again when Redis was
	// unreachable, since a Redis that crashed may have lost them: 10 s.
	ReplayWindow time.Duration
}

// opTimeout is the default of Timings.Operation.
const opTimeout = 100 * time.Millisecond

func (t Timings) withDefaults() Timings {
	return Timings{
		Operation:    cmp.Or(t.Operation, opTimeout),
		Attempt:      cmp.Or(t.Attempt, time.Second),
		Claim:        cmp.Or(t.Claim, 5*time.Second),
		Lease:        cmp.Or(t.Lease, 5*time.Second),
		TripAfter:    cmp.Or(t.TripAfter, 150*time.Millisecond),
		ProbeMin:     cmp.Or(t.ProbeMin, 100*time.Millisecond),
		ProbeMax:     cmp.Or(t.ProbeMax, 300*time.Millisecond),
		PingAfter:    cmp.Or(t.PingAfter, 2*time.Second),
		CompareEvery: cmp.Or(t.CompareEvery, time.Second),
		ReplayWindow: cmp.Or(t.ReplayWindow, 10*time.Second),
	}
}

// WithTimings sets the time limits and intervals.
func WithTimings(t Timings) RedisOption { return func(r *Redis) { r.timings = t.withDefaults() } }
