package ratelimit

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Limiter makes callers wait until their limits allow a call. It is safe for
// concurrent use.
//
// A call that its limits allow starts at once. Any other joins the queue of its
// windows, which reserves starts in the Store up to horizon ahead. When a start is due,
// it is granted to the next waiter: by priority, and within one priority by round robin
// over the callers (see [WithCaller] and [WithPriority]). Between replicas the order is
// that of reservation, and since no replica reserves far ahead, a long queue on one
// delays a call on another by no more than horizon.
type Limiter struct {
	store   Store
	maxWait time.Duration

	waiting atomic.Int64 // in all queues
	mu      sync.Mutex   // guards queues, their fields and the waiters in them
	queues  map[string]*queue
}

// NewLimiter returns a Limiter over a Store, which the caller closes. No call waits
// longer than maxWait, whatever its context allows.
func NewLimiter(store Store, maxWait time.Duration) *Limiter {
	return &Limiter{store: store, maxWait: maxWait, queues: make(map[string]*queue)}
}

// Waiting returns how many calls wait in the queues of this process.
func (l *Limiter) Waiting() int { return int(l.waiting.Load()) }

// WaitingFor returns how many of them wait for the limit with that key.
func (l *Limiter) WaitingFor(key string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, q := range l.queues {
		if under(q.windows, key) {
			n += q.waiters.size
		}
	}
	return n
}

// Reserve waits until a call under all limits may start, and counts it. If that
// cannot be before the deadline of ctx, it returns an [*Error] as soon as that is
// known. If ctx is cancelled in between, it returns the error of ctx. In both cases
// the call is not counted. Other errors are the Store's ([Shared] has none). The caller
// MUST NOT change limits afterwards.
func (l *Limiter) Reserve(ctx context.Context, limits []Limit) (Grant, error) {
	if err := ctx.Err(); err != nil || len(limits) == 0 {
		return Grant{}, err
	}
	w := &waiter{caller: CallerFrom(ctx), priority: PriorityFrom(ctx), deadline: time.Now().Add(l.maxWait)}
	if d, ok := ctx.Deadline(); ok && d.Before(w.deadline) {
		w.deadline = d
	}
	for {
		err := l.wait(ctx, w, limits)
		switch {
		case err == nil:
			windows, _, _ := split(limits)
			return Grant{l.store, w.d, windows, w.held}, nil
		case !errors.Is(err, errDayBlocked):
			return Grant{}, err
		}
	}
}

// A Grant is the right to make one call. The zero value is that of a call without
// limits.
type Grant struct {
	store   Store
	d       Decision
	windows []Limit
	held    bool
}

// Held reports whether the call was held back: a limit had no room for it at first, or
// other calls waited in the queue. A call that was not held back may still have taken a
// while, for the round trip to Redis.
func (g Grant) Held() bool { return g.held }

// Sent records that the call leaves now. If that is later than a window's guard covers,
// Sent reports it to the Store in the background: a process that is short of CPU wakes
// late, and sends late.
func (g Grant) Sent() {
	now := time.Now()
	for i := range g.windows {
		if now.Sub(g.d.due) > g.windows[i].Margin()/4 {
			go func() { _ = g.store.Late(context.Background(), now, g.d, g.windows) }() // at worst, the origin refuses one
			return
		}
	}
}

// errDayBlocked is the error of a waiter whose day the origin has blocked since it was
// counted.
var errDayBlocked = errors.New("ratelimit: day blocked")

func (l *Limiter) wait(ctx context.Context, w *waiter, limits []Limit) error {
	windows, days, key := split(limits)
	w.days, w.err = days, nil
	var first *start
	generation, busy := l.busy(key)
	if !busy && len(windows) > 0 {
		now := time.Now()
		d, err := l.store.Take(ctx, now, min(horizon, w.deadline.Sub(now)), limits)
		switch {
		case err != nil:
			return err
		case d.OK && d.Wait <= 0:
			w.d = d
			return nil
		case d.OK:
			first, w.day = &start{d: d}, d
		case d.Start.After(w.deadline):
			return limited(d)
		}
	}
	if first == nil && len(days) > 0 {
		if err := l.takeDays(ctx, w); err != nil {
			return err
		}
	}
	if len(windows) == 0 {
		return nil
	}
	w.held = true
	if err := l.enqueue(w, key, windows, first, generation); err != nil {
		l.cancelDays(ctx, w)
		return err
	}
	return l.await(ctx, w, windows)
}

// takeDays counts w on its days, on tomorrow's if today's are spent and the deadline
// of w leaves time to wait for that.
func (l *Limiter) takeDays(ctx context.Context, w *waiter) error {
	now := time.Now()
	d, err := l.store.Take(ctx, now, w.deadline.Sub(now), w.days)
	switch {
	case err != nil:
		return err
	case !d.OK:
		return limited(d)
	}
	w.day = d
	if d.Wait <= 0 {
		return nil
	}
	timer := time.NewTimer(d.Wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		l.cancelDays(ctx, w)
		return ctx.Err()
	}
}

func (l *Limiter) cancelDays(ctx context.Context, w *waiter) {
	if len(w.days) > 0 {
		_ = l.store.Cancel(context.WithoutCancel(ctx), w.day, w.days) // at worst, one call is lost
	}
}

// busy reports whether any call waits in the queue. enqueue takes the generation.
func (l *Limiter) busy(key string) (generation int, busy bool) {
	if l.waiting.Load() == 0 {
		return 0, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.queues[key]
	if q == nil {
		return 0, false
	}
	return q.generation, q.waiters.size > 0
}

// enqueue adds w to its queue, together with the start that it has reserved, if
// any. It returns an error if w cannot start before its deadline.
func (l *Limiter) enqueue(w *waiter, key string, windows []Limit, first *start, generation int) error {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.queues[key]
	if q == nil {
		q = &queue{key: key, windows: windows, wake: make(chan struct{}, 1), generation: generation}
		l.queues[key] = q
		go l.run(q)
	}
	if first != nil {
		l.addStart(q, first, generation)
	} else if at := q.startAfter(q.waiters.ahead(w.priority, w.caller), now); at.After(w.deadline) {
		q.signal()
		return &Error{RetryAt: at, Key: q.limit.Key, Daily: q.limit.Daily}
	}
	w.q, w.ready = q, make(chan struct{})
	q.waiters.push(w)
	q.changed = true
	l.waiting.Add(1)
	q.signal()
	return nil
}

// addStart adds a start to the queue. If the queue was invalidated since the start was
// requested, it is cancelled. The caller holds the lock.
func (l *Limiter) addStart(q *queue, s *start, generation int) {
	if q.generation != generation {
		q.surplus = append(q.surplus, s.d)
		return
	}
	s.timer = time.AfterFunc(time.Until(s.d.Start), func() { l.grant(q, s) })
	q.insert(s)
}

// grant grants a start that is due to the next waiter.
func (l *Limiter) grant(q *queue, s *start) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(q.starts, s)
	if i < 0 {
		return // it was invalidated
	}
	q.starts = slices.Delete(q.starts, i, i+1)
	q.signal()
	if q.waiters.size == 0 {
		q.surplus = append(q.surplus, s.d)
		return
	}
	w := q.waiters.pop()
	w.d, w.q = s.d, nil
	l.waiting.Add(-1)
	q.recordGrant(time.Now())
	close(w.ready)
}

// await waits until w is granted a start or has failed.
func (l *Limiter) await(ctx context.Context, w *waiter, windows []Limit) error {
	timer := time.NewTimer(time.Until(w.deadline))
	defer timer.Stop()
	select {
	case <-w.ready:
	case <-ctx.Done():
		return l.dequeue(ctx, w, windows, ctx.Err())
	case <-timer.C:
		return l.dequeue(ctx, w, windows, nil)
	}
	if w.err != nil {
		l.cancelDays(ctx, w)
		return w.err
	}
	return l.recountDay(ctx, w, windows)
}

// recountDay counts w on today's day, if midnight has passed while it waited.
func (l *Limiter) recountDay(ctx context.Context, w *waiter, windows []Limit) error {
	if len(w.days) == 0 || w.days[0].DayOf(w.day.at) == w.days[0].DayOf(w.d.at) {
		return nil
	}
	l.cancelDays(ctx, w)
	d, err := l.store.Take(ctx, time.Now(), 0, w.days)
	if err == nil && d.OK {
		return nil
	}
	_ = l.store.Cancel(context.WithoutCancel(ctx), w.d, windows) // at worst, one start is lost
	if err != nil {
		return err
	}
	return limited(d)
}

// dequeue removes w from its queue, because of err or, if err is nil, because its
// deadline has passed. It returns the error of the call.
func (l *Limiter) dequeue(ctx context.Context, w *waiter, windows []Limit, err error) error {
	l.cancelDays(ctx, w)
	l.mu.Lock()
	q := w.q
	if q == nil { // it was granted a start at this moment, or has failed
		l.mu.Unlock()
		if w.err == nil {
			_ = l.store.Cancel(context.WithoutCancel(ctx), w.d, windows) // at worst, one start is lost
		}
		if err == nil {
			err = w.err
		}
		if err == nil || errors.Is(err, errDayBlocked) {
			err = context.DeadlineExceeded
		}
		return err
	}
	defer l.mu.Unlock()
	q.waiters.remove(w)
	w.q = nil
	l.waiting.Add(-1)
	q.signal()
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		at := q.next
		if now := time.Now(); at.Before(now) {
			at = now
		}
		return &Error{RetryAt: at, Key: q.windows[0].Key}
	}
	return err
}

// run reserves starts for the waiters of a queue, until there are none.
func (l *Limiter) run(q *queue) {
	ctx := context.Background()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next := l.plan(q)
		for _, d := range next.surplus {
			_ = l.store.Cancel(ctx, d, q.windows) // at worst, one start is lost
		}
		switch {
		case next.done:
			return
		case next.reserve:
			l.reserveStart(ctx, q, next.generation)
		default:
			timer.Reset(next.sleep)
			select {
			case <-timer.C:
			case <-q.wake:
			}
		}
	}
}

// A step is the next step of run for a queue.
type step struct {
	surplus    []Decision // to be cancelled in the Store
	done       bool
	reserve    bool
	generation int
	sleep      time.Duration
}

// plan returns the next step for a queue.
func (l *Limiter) plan(q *queue) step {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	next := step{generation: q.generation, sleep: time.Hour}
	if q.changed {
		if wait := q.checked.Add(checkEvery).Sub(now); wait > 0 {
			next.sleep = wait
		} else {
			l.failLate(q, now)
		}
	}
	for len(q.starts) > q.waiters.size { // the last start delays the fewest waiters
		last := q.starts[len(q.starts)-1]
		last.timer.Stop()
		q.starts = q.starts[:len(q.starts)-1]
		q.surplus = append(q.surplus, last.d)
	}
	next.surplus, q.surplus = q.surplus, nil
	switch wait := q.retryAt.Sub(now); {
	case q.waiters.size == 0 && len(q.starts) == 0:
		next.done = true
		delete(l.queues, q.key)
	case q.waiters.size <= len(q.starts):
	case wait <= 0:
		next.reserve = true
	default:
		next.sleep = min(next.sleep, wait)
	}
	return next
}

// failLate fails the waiters of a queue that cannot start before their deadlines. The
// caller holds the lock.
func (l *Limiter) failLate(q *queue, now time.Time) {
	before := q.waiters.size
	q.failLate(now)
	l.waiting.Add(int64(q.waiters.size - before))
}

// reserveStart reserves one more start.
func (l *Limiter) reserveStart(ctx context.Context, q *queue, generation int) {
	d, err := l.store.Take(ctx, time.Now(), horizon, q.windows)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil:
		for _, w := range q.waiters.order() {
			l.fail(q, w, err)
		}
	case d.OK:
		l.addStart(q, &start{d: d}, generation)
	case q.generation == generation:
		now := time.Now()
		first := q.next.IsZero()
		q.recordNoStart(d, now)
		if first {
			l.failLate(q, now)
		}
	}
}

// fail removes w from its queue with an error. The caller holds the lock.
func (l *Limiter) fail(q *queue, w *waiter, err error) {
	q.waiters.remove(w)
	l.waiting.Add(-1)
	w.fail(err)
}

// Block records that the origin itself refuses calls under the limit with that key
// until then. Calls that wait for that limit wait longer or fail. The error is the
// Store's.
func (l *Limiter) Block(ctx context.Context, key string, until time.Time) error {
	err := l.store.Block(ctx, key, until)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, q := range l.queues {
		if under(q.windows, key) {
			q.invalidate()
			continue
		}
		for _, w := range q.waiters.order() {
			if under(w.days, key) {
				l.fail(q, w, errDayBlocked)
			}
		}
		q.signal()
	}
	return err
}

// Refuse records that the origin refused a call because the window of a limit was full,
// although the Store had room for it: other applications use the same budget. The error
// is the Store's.
func (l *Limiter) Refuse(ctx context.Context, limit Limit) error {
	err := l.store.Refuse(ctx, time.Now(), limit)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, q := range l.queues {
		if under(q.windows, limit.Key) {
			q.invalidate()
		}
	}
	return err
}

// Observe records the origin's figure of how many calls of a limit are left. The error
// is the Store's.
func (l *Limiter) Observe(ctx context.Context, limit Limit, left int) error {
	return l.store.Observe(ctx, time.Now(), limit, left)
}

// Remaining returns how much of the limits is left now, one Status for each. The
// error is the Store's.
func (l *Limiter) Remaining(ctx context.Context, limits []Limit) ([]Status, error) {
	return l.store.Remaining(ctx, time.Now(), limits)
}
