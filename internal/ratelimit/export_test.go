package ratelimit

import (
	"context"
	"runtime"
	"testing"
	"time"
)

// Helpers of internal and external tests.

// Wait reserves a call that leaves at once.
func Wait(ctx context.Context, l *Limiter, limits []Limit) error {
	g, err := l.Reserve(ctx, limits)
	if err == nil {
		g.Sent()
	}
	return err
}

// Take takes a call from a store that does not fail.
func Take(t testing.TB, s Store, maxWait time.Duration, limits ...Limit) Decision {
	t.Helper()
	d, err := s.Take(t.Context(), time.Now(), maxWait, limits)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Left returns how many calls each limit has left.
func Left(t testing.TB, s Store, limits ...Limit) []int {
	t.Helper()
	all, err := s.Remaining(t.Context(), time.Now(), limits)
	if err != nil {
		t.Fatal(err)
	}
	var n []int
	for i, st := range all {
		if st.Key != limits[i].Key || st.Calls != limits[i].Calls {
			t.Errorf("status of %s is %+v", limits[i].Key, st)
		}
		n = append(n, st.Left)
	}
	return n
}

// OneAtATime prevents a bubble from firing two timers at once until the end of the
// test: under -race, that crashes the process (golang/go#78156).
func OneAtATime(t testing.TB) {
	before := runtime.GOMAXPROCS(1)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// State that external tests read.

// Queues returns how many queues a limiter has.
func (l *Limiter) Queues() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queues)
}

// Free returns how much of a pool is free.
func (p *Pool) Free() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.free
}

// Holders returns how many callers hold units of a shared pool.
func (p *Pool) Holders() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.held)
}

// Priorities is the number of priorities.
const Priorities = int(priorities)

// DetectionTime is how long after a replica's last heartbeat all others count it as
// missing.
func DetectionTime() time.Duration {
	t := timings{}.withDefaults()
	return t.detection()
}

// withTimings sets the time limits and intervals.
func withTimings(t timings) Option { return func(r *Redis) { r.timings = t.withDefaults() } }
