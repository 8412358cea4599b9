package ratelimit

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// A Priority says whose calls go first.
type Priority uint8

// The priorities, the first to go first.
const (
	Interactive Priority = iota // someone waits for the answer
	Background                  // refreshes and reading ahead
	priorities
)

// A Limiter makes callers wait until their limits allow a call. It is safe for
// concurrent use.
//
// Every waiter has reserved a start in the Store, so the times are exact and
// other replicas see the queue. In this process, waiters under the same windows
// share their starts: when the time of one comes, the first in line takes it,
// interactive before background and then in order of arrival, and who had
// reserved it gets the start of the one who left. So a background call may be
// overtaken until it fails. Between replicas the order is that of reservation.
type Limiter struct {
	store   Store
	maxWait time.Duration

	waiting atomic.Int64 // in all queues
	mu      sync.Mutex   // guards what follows, the queues and the waiters in them
	seq     uint64
	queues  map[string]*queue // by queueKey
}

// NewLimiter returns a Limiter over a Store, which stays the caller's to close.
// No call waits longer than maxWait, whatever its context allows.
func NewLimiter(store Store, maxWait time.Duration) *Limiter {
	return &Limiter{store: store, maxWait: maxWait, queues: make(map[string]*queue)}
}

// Wait returns nil when a call under all limits may start; it is counted then.
// If that cannot be before the end of ctx, it says so at once with an [*Error]
// and nothing is counted. If ctx ends while waiting, its error is returned and
// the call given back. Other errors are the Store's ([Shared] has none). limits
// MUST NOT be changed afterwards.
func (l *Limiter) Wait(ctx context.Context, limits []Limit, prio Priority) error {
	if err := ctx.Err(); err != nil || len(limits) == 0 {
		return err
	}
	now := time.Now()
	deadline := now.Add(l.maxWait)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	d, err := l.store.Take(ctx, now, deadline.Sub(now), limits)
	if err != nil {
		return err
	}
	if d.OK && d.Wait <= 0 && l.waiting.Load() == 0 {
		return nil
	}
	w := &waiter{limits: limits, prio: prio, deadline: deadline, d: d, ready: make(chan struct{}), moved: make(chan struct{}, 1)}
	if d.OK {
		if l.join(w) {
			return nil
		}
	} else if err := l.overtake(ctx, w); err != nil {
		return err
	}
	return l.stand(ctx, w)
}

// overtake puts w, whose own start would come too late, into the queue if one
// of the starts there is in time and held by someone who has to give way.
func (l *Limiter) overtake(ctx context.Context, w *waiter) error {
	refusal := limited(w.d)
	if w.prio != Interactive || w.d.Limit.Daily || !l.hasStart(w) {
		return refusal
	}
	// The start that w brings along is for whom it overtakes. It may have
	// moved since Take was asked, but hardly by more than a window.
	d, err := l.store.Take(ctx, time.Now(), w.d.Wait+w.d.Limit.span(), w.limits)
	if err != nil {
		return err
	}
	if !d.OK {
		return refusal
	}
	w.d = d
	l.join(w)
	return nil
}

// stand waits in the queue until it is w's turn.
func (l *Limiter) stand(ctx context.Context, w *waiter) error {
	timer := time.NewTimer(l.untilStart(w))
	defer timer.Stop()
	for {
		select {
		case <-w.ready:
			return nil
		case <-ctx.Done():
			l.leave(ctx, w)
			return ctx.Err()
		case <-timer.C:
			if done, err := l.turn(ctx, w); done {
				return err
			}
		case <-w.moved:
			if err := l.again(ctx, w); err != nil {
				return err
			}
		}
		timer.Reset(l.untilStart(w))
	}
}

// turn gives the start that w holds, whose time has come, to the first in line.
// It reports whether w is done: it was the first, or is left with a start that
// comes too late, as the error says.
func (l *Limiter) turn(ctx context.Context, w *waiter) (done bool, err error) {
	l.mu.Lock()
	if w.q == nil {
		l.mu.Unlock()
		return true, nil // another gave its start to w in this moment
	}
	if w.stale || time.Now().Before(w.d.Start) {
		l.mu.Unlock()
		return false, nil // it was given another start in this moment
	}
	first := w.q.first()
	first.d, w.d = w.d, first.d
	l.remove(first)
	close(first.ready)
	late := first != w && w.d.Start.After(w.deadline)
	refusal := limited(w.d)
	l.mu.Unlock()
	if !late {
		return first == w, nil
	}
	l.leave(ctx, w)
	return true, refusal
}

// again reserves anew for a waiter whose limits were blocked.
func (l *Limiter) again(ctx context.Context, w *waiter) error {
	l.mu.Lock()
	if w.q == nil || !w.stale {
		l.mu.Unlock()
		return nil
	}
	w.stale = false
	l.remove(w) // nobody swaps with it meanwhile
	l.mu.Unlock()

	_ = l.store.Cancel(context.WithoutCancel(ctx), w.d, w.limits) // at worst, one start is lost
	now := time.Now()
	d, err := l.store.Take(ctx, now, w.deadline.Sub(now), w.limits)
	if err != nil {
		return err
	}
	if !d.OK {
		return limited(d)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	w.d = d
	l.insert(w)
	return nil
}

// leave takes w out of the queue and gives the latest start there back, so that
// those behind w move up.
func (l *Limiter) leave(ctx context.Context, w *waiter) {
	l.mu.Lock()
	if w.q != nil {
		if last := w.q.last(); last != w {
			last.d, w.d = w.d, last.d
			last.tell()
		}
		l.remove(w)
	}
	d := w.d
	l.mu.Unlock()
	_ = l.store.Cancel(context.WithoutCancel(ctx), d, w.limits) // at worst, one start is lost
}

// Block says that the origin itself refused a call under the limit with that
// key, and will until then. Those who wait for that limit wait longer or fail.
func (l *Limiter) Block(ctx context.Context, key string, until time.Time) error {
	err := l.store.Block(ctx, key, until)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, q := range l.queues {
		q.each(func(w *waiter) {
			if w.under(key) {
				w.stale = true
				w.tell()
			}
		})
	}
	return err
}

// Observe tells the Store what the origin says is left of a daily limit.
func (l *Limiter) Observe(ctx context.Context, limit Limit, left int) error {
	return l.store.Observe(ctx, time.Now(), limit, left)
}

// Remaining tells how the limits stand now, one Status for each.
func (l *Limiter) Remaining(ctx context.Context, limits []Limit) ([]Status, error) {
	return l.store.Remaining(ctx, time.Now(), limits)
}
