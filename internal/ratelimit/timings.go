package ratelimit

import (
	"cmp"
	"time"

	"zoomql/internal/redisname"
)

// timings are the time limits and intervals of a [Redis] and of a [Shared]. A field
// that is zero has its default. All replicas MUST have the same, so only tests set
// them: a test that does not depend on time sets limits that only a Redis that hangs
// exceeds, since on a busy machine every healthy Redis is slow at times.
type timings struct {
	// operation limits one operation: 250 ms. It is longer than a cache's would
	// be: a call that is to be limited takes as long anyway, and treating a short stall
	// as an outage halves the budget for a while. The limits of the client itself, such
	// as its ReadTimeout, apply too.
	operation time.Duration

	// heartbeat is the interval of heartbeats: 150 ms.
	heartbeat time.Duration

	// probeFirst and probeMax are the first and the longest wait between two
	// attempts to reach a Redis that is unavailable: 50 ms and 300 ms.
	probeFirst, probeMax time.Duration

	// missingAfter is how long after its last heartbeat a replica counts as
	// missing: the others leave its share of each limit to it. 350 ms.
	missingAfter time.Duration

	// heartbeatDelay is how long a heartbeat may take to reach Redis. One that
	// took longer leaves the replica missing. 100 ms.
	heartbeatDelay time.Duration

	// replyLifetime is for how long a replica relies on the number of present
	// replicas in its last heartbeat reply: 300 ms.
	replyLifetime time.Duration

	// forgetAfter is how long after its last heartbeat a replica is no longer
	// counted: 30 s.
	forgetAfter time.Duration

	// forgetEnded is how long after the end of its session was found a missing replica is no
	// longer counted: 1.1 s, in which a window passes that it may have used without Redis.
	forgetEnded time.Duration
}

func (t timings) withDefaults() timings {
	return timings{
		operation:      cmp.Or(t.operation, 250*time.Millisecond),
		heartbeat:      cmp.Or(t.heartbeat, 150*time.Millisecond),
		probeFirst:     cmp.Or(t.probeFirst, 50*time.Millisecond),
		probeMax:       cmp.Or(t.probeMax, 300*time.Millisecond),
		missingAfter:   cmp.Or(t.missingAfter, 350*time.Millisecond),
		heartbeatDelay: cmp.Or(t.heartbeatDelay, 100*time.Millisecond),
		replyLifetime:  cmp.Or(t.replyLifetime, 300*time.Millisecond),
		forgetAfter:    cmp.Or(t.forgetAfter, 30*time.Second),
		forgetEnded:    cmp.Or(t.forgetEnded, 1100*time.Millisecond),
	}
}

// detection returns the detection time: how long after a replica's last heartbeat all
// others count it as missing. A window after that, it may spend its share.
func (t *timings) detection() time.Duration {
	return t.heartbeatDelay + t.missingAfter + t.replyLifetime
}

// An Option changes how a [Redis], or the one that a [Shared] uses, works.
type Option func(*Redis)

// WithNames hashes the names of keys with h, which MUST be the same for all
// replicas. Without it they are hashed without a secret.
func WithNames(h redisname.Hasher) Option { return func(r *Redis) { r.names = h } }
