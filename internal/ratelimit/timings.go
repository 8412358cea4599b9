package ratelimit

import (
	"cmp"
	"time"

	"zoomql/internal/redisname"
)

// timings are the time limits and intervals of a [Redis] and of a [Shared]. A field
// that is zero has its default. All replicas MUST have the same, so only tests set
// them: a test of what is done, and not of when, sets limits that only a hang exceeds: on a busy machine
// every healthy Redis is slow now and then.
type timings struct {
	// Operation limits one operation: 250 ms. It is longer than a cache's would
	// be: a call that is to be limited takes as long anyway, and taking a short
	// stall for an outage halves the budget for a while. The limits of the client
	// itself, such as its ReadTimeout, apply too.
	Operation time.Duration

	// Heartbeat is how often a replica says that it is there: 150 ms.
	Heartbeat time.Duration

	// ProbeFirst and ProbeEvery are the first and the longest wait between two
	// attempts to reach a Redis that is away: 50 ms and 300 ms.
	ProbeFirst, ProbeEvery time.Duration

	// Lapsed is after how long without a heartbeat the other replicas take one to
	// be alone, and leave its share to it: 350 ms.
	Lapsed time.Duration

	// Stale is how long a heartbeat may take to be one: 100 ms.
	Stale time.Duration

	// Known is for how long a replica relies on what its last heartbeat told it
	// of the others: 300 ms.
	Known time.Duration

	// Gone is after how long without a heartbeat a replica is counted no more: 30 s.
	Gone time.Duration
}

func (t timings) withDefaults() timings {
	return timings{
		Operation:  cmp.Or(t.Operation, 250*time.Millisecond),
		Heartbeat:  cmp.Or(t.Heartbeat, 150*time.Millisecond),
		ProbeFirst: cmp.Or(t.ProbeFirst, 50*time.Millisecond),
		ProbeEvery: cmp.Or(t.ProbeEvery, 300*time.Millisecond),
		Lapsed:     cmp.Or(t.Lapsed, 350*time.Millisecond),
		Stale:      cmp.Or(t.Stale, 100*time.Millisecond),
		Known:      cmp.Or(t.Known, 300*time.Millisecond),
		Gone:       cmp.Or(t.Gone, 30*time.Second),
	}
}

// detection is how long after a replica has sent its last heartbeat all others
// have found out: only a window later its share is its own.
func (t *timings) detection() time.Duration { return t.Stale + t.Lapsed + t.Known }

// An Option changes how a [Redis], or the one that a [Shared] uses, works.
type Option func(*Redis)

// WithNames has the names of keys made by h, which MUST be the same for all
// replicas.
func WithNames(h redisname.Hasher) Option { return func(r *Redis) { r.names = h } }
