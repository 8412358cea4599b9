package ratelimit

import (
	"testing"
	"time"
)

// TestPlan_waiterTooLate_cancelsItsStart: a waiter that cannot start in time fails,
// and the start that was reserved for it is cancelled in the same step.
func TestPlan_waiterTooLate_cancelsItsStart(t *testing.T) {
	now := time.Now()
	l := NewLimiter(&Memory{}, hour)
	q := &queue{key: second.Key, windows: []Limit{second}, changed: true, next: now}
	q.insert(&start{d: Decision{Start: now.Add(hour)}, timer: time.NewTimer(hour)})
	w := &waiter{deadline: now, q: q, ready: make(chan struct{})}
	q.waiters.push(w)
	l.queues[q.key] = q
	l.waiting.Add(1)
	if got := l.plan(q); !got.done || len(got.surplus) != 1 || w.err == nil || len(l.queues) != 0 {
		t.Errorf("got %+v; the waiter: %v; %d queues", got, w.err, len(l.queues))
	}
}
