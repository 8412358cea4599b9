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
// Who finds room starts at once. Else it joins a queue, one for all calls under
// the same windows, whose keeper reserves starts in the Store a moment ahead;
// when the time of one comes it goes to who is next: by priority, and then the
// callers in turn (see [WithCaller] and [WithPriority]). Between replicas the
// order is that of reservation, and since none reserves far ahead, one with a
// long queue delays a call on another by no more than that moment.
type Limiter struct {
	store   Store
	maxWait time.Duration

	waiting atomic.Int64 // in all queues
	mu      sync.Mutex   // guards what follows, the queues and the waiters in them
	queues  map[string]*queue
}

// NewLimiter returns a Limiter over a Store, which stays the caller's to close.
// No call waits longer than maxWait, whatever its context allows.
func NewLimiter(store Store, maxWait time.Duration) *Limiter {
	return &Limiter{store: store, maxWait: maxWait, queues: make(map[string]*queue)}
}

// Waiting returns how many calls stand in line in this process.
func (l *Limiter) Waiting() int { return int(l.waiting.Load()) }

// Reserve returns when a call under all limits may start; it is counted then. If
// that cannot be before the end of ctx, it says so with an [*Error], as soon as it
// is known, and nothing is counted. If the caller leaves meanwhile, the error of
// ctx is returned and the call given back. Other errors are the Store's ([Shared]
// has none). limits MUST NOT be changed afterwards.
func (l *Limiter) Reserve(ctx context.Context, limits []Limit) (Grant, error) {
	if err := ctx.Err(); err != nil || len(limits) == 0 {
		return Grant{}, err
	}
	w := &waiter{caller: CallerFrom(ctx), prio: PriorityFrom(ctx), deadline: time.Now().Add(l.maxWait)}
	if d, ok := ctx.Deadline(); ok && d.Before(w.deadline) {
		w.deadline = d
	}
	for {
		err := l.wait(ctx, w, limits)
		switch {
		case err == nil:
			windows, _, _ := split(limits)
			return Grant{l.store, w.d, windows, w.held}, nil
		case !errors.Is(err, errAgain):
			return Grant{}, err
		}
	}
}

// A Grant is the right to make one call.
type Grant struct {
	store   Store
	d       Decision
	windows []Limit
	held    bool
}

// Held reports whether the call was held back: a budget had no room for it at first, or
// others stood in the queue. It may have taken a while all the same, to ask Redis.
func (g Grant) Held() bool { return g.held }

// Sent says that the call leaves now. If that is so late that a window's guard does
// not cover it, the Store is told, meanwhile: a process that has too few processors
// wakes late, and sends late.
func (g Grant) Sent() {
	now := time.Now()
	for i := range g.windows {
		if now.Sub(g.d.due) > g.windows[i].Margin()/4 {
			go func() { _ = g.store.Late(context.Background(), now, g.d, g.windows) }() // at worst, the origin refuses one
			return
		}
	}
}

// errAgain tells a waiter that a day which it was counted on is closed.
var errAgain = errors.New("ratelimit: again")

func (l *Limiter) wait(ctx context.Context, w *waiter, limits []Limit) error {
	windows, days, key := split(limits)
	w.days, w.err = days, nil
	var first *start
	round, busy := l.busy(key)
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
	if err := l.join(w, key, windows, first, round); err != nil {
		l.giveDaysBack(ctx, w)
		return err
	}
	return l.stand(ctx, w, windows)
}

// takeDays counts w on its days, tomorrow's if today's are spent and w has the
// time to wait for it.
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
		l.giveDaysBack(ctx, w)
		return ctx.Err()
	}
}

func (l *Limiter) giveDaysBack(ctx context.Context, w *waiter) {
	if len(w.days) > 0 {
		_ = l.store.Cancel(context.WithoutCancel(ctx), w.day, w.days) // at worst, one call is lost
	}
}

// busy reports whether anyone stands in line. round is for join.
func (l *Limiter) busy(key string) (round int, busy bool) {
	if l.waiting.Load() == 0 {
		return 0, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.queues[key]
	if q == nil {
		return 0, false
	}
	return q.round, q.turns.size > 0
}

// join puts w into its queue, together with the start it brings, if any. It
// refuses who could not be served in time.
func (l *Limiter) join(w *waiter, key string, windows []Limit, first *start, round int) error {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.queues[key]
	if q == nil {
		q = &queue{key: key, windows: windows, wake: make(chan struct{}, 1), round: round}
		l.queues[key] = q
		go l.keep(q)
	}
	if first != nil {
		l.file(q, first, round)
	} else if at := q.turn(q.turns.ahead(w.prio, w.caller), now); at.After(w.deadline) {
		q.poke()
		return &Error{RetryAt: at, Key: q.limit.Key, Daily: q.limit.Daily}
	}
	w.q, w.ready = q, make(chan struct{})
	q.turns.push(w)
	q.moved = true
	l.waiting.Add(1)
	q.poke()
	return nil
}

// file puts a start into the queue, unless what was learned since it was asked
// for has made it void. The caller holds the lock.
func (l *Limiter) file(q *queue, s *start, round int) {
	if q.round != round {
		q.void = append(q.void, s.d)
		return
	}
	s.timer = time.AfterFunc(time.Until(s.d.Start), func() { l.grant(q, s) })
	q.reserve(s)
}

// grant gives a start, whose time has come, to who is next.
func (l *Limiter) grant(q *queue, s *start) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := 0
	for ; i < len(q.starts) && q.starts[i] != s; i++ {
	}
	if i == len(q.starts) {
		return // void
	}
	q.starts = append(q.starts[:i], q.starts[i+1:]...)
	q.poke()
	if q.turns.size == 0 {
		q.void = append(q.void, s.d)
		return
	}
	w := q.turns.pop()
	w.d, w.q = s.d, nil
	l.waiting.Add(-1)
	q.served(time.Now())
	close(w.ready)
}

// stand waits for w's turn.
func (l *Limiter) stand(ctx context.Context, w *waiter, windows []Limit) error {
	timer := time.NewTimer(time.Until(w.deadline))
	defer timer.Stop()
	select {
	case <-w.ready:
	case <-ctx.Done():
		return l.leave(ctx, w, windows, ctx.Err())
	case <-timer.C:
		return l.leave(ctx, w, windows, nil)
	}
	if w.err != nil {
		l.giveDaysBack(ctx, w)
		return w.err
	}
	return l.thisDay(ctx, w, windows)
}

// thisDay counts w on the day that has begun while it waited.
func (l *Limiter) thisDay(ctx context.Context, w *waiter, windows []Limit) error {
	if len(w.days) == 0 || w.days[0].DayOf(w.day.at) == w.days[0].DayOf(w.d.at) {
		return nil
	}
	l.giveDaysBack(ctx, w)
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

// leave takes w out of the queue, because of err or, if that is nil or a
// deadline, because its time is over.
func (l *Limiter) leave(ctx context.Context, w *waiter, windows []Limit, err error) error {
	l.giveDaysBack(ctx, w)
	l.mu.Lock()
	q := w.q
	if q == nil { // it was its turn in this moment, or it has failed
		l.mu.Unlock()
		if w.err == nil {
			_ = l.store.Cancel(context.WithoutCancel(ctx), w.d, windows) // at worst, one start is lost
		}
		if err == nil {
			err = w.err
		}
		return errOr(err, context.DeadlineExceeded)
	}
	defer l.mu.Unlock()
	q.turns.remove(w)
	w.q = nil
	l.waiting.Add(-1)
	q.poke()
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		at := q.next
		if now := time.Now(); at.Before(now) {
			at = now
		}
		return &Error{RetryAt: at, Key: q.windows[0].Key}
	}
	return err
}

func errOr(err, other error) error {
	if err == nil || errors.Is(err, errAgain) {
		return other
	}
	return err
}

// keep reserves starts for those who wait, until nobody does.
func (l *Limiter) keep(q *queue) {
	ctx := context.Background()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		todo := l.look(q)
		for _, d := range todo.void {
			_ = l.store.Cancel(ctx, d, q.windows) // at worst, one start is lost
		}
		switch {
		case todo.over:
			return
		case todo.ask:
			l.ask(ctx, q, todo.round)
		default:
			timer.Reset(todo.sleep)
			select {
			case <-timer.C:
			case <-q.wake:
			}
		}
	}
}

// todo is what a queue's keeper has to do next.
type todo struct {
	void  []Decision
	over  bool
	ask   bool
	round int
	sleep time.Duration
}

// look finds out what is to be done for a queue.
func (l *Limiter) look(q *queue) todo {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	t := todo{round: q.round, sleep: time.Hour}
	if q.moved {
		if wait := q.culled.Add(cullEvery).Sub(now); wait > 0 {
			t.sleep = wait
		} else {
			l.cull(q, now)
		}
	}
	for len(q.starts) > q.turns.size { // the last is the one to be missed least
		last := q.starts[len(q.starts)-1]
		last.timer.Stop()
		q.starts = q.starts[:len(q.starts)-1]
		q.void = append(q.void, last.d)
	}
	t.void, q.void = q.void, nil
	switch wait := q.askAt.Sub(now); {
	case q.turns.size == 0 && len(q.starts) == 0:
		t.over = true
		delete(l.queues, q.key)
	case q.turns.size <= len(q.starts):
	case wait <= 0:
		t.ask = true
	default:
		t.sleep = min(t.sleep, wait)
	}
	return t
}

func (l *Limiter) cull(q *queue, now time.Time) {
	before := q.turns.size
	q.cull(now)
	l.waiting.Add(int64(q.turns.size - before))
}

// ask reserves one start more.
func (l *Limiter) ask(ctx context.Context, q *queue, round int) {
	d, err := l.store.Take(ctx, time.Now(), horizon, q.windows)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil:
		for _, w := range q.turns.order() {
			q.turns.remove(w)
			w.fail(err)
			l.waiting.Add(-1)
		}
	case d.OK:
		l.file(q, &start{d: d}, round)
	case q.round == round:
		now := time.Now()
		first := q.next.IsZero()
		q.next, q.limit = d.Start, d.Limit
		if i := slices.IndexFunc(q.windows, func(l Limit) bool { return d.Start.Sub(now) <= l.Span() }); i < 0 {
			q.paused()
		}
		q.askAt = d.Start.Add(-horizon)
		if soon := now.Add(time.Millisecond); q.askAt.Before(soon) {
			q.askAt = soon
		} else if late := now.Add(askEvery); q.askAt.After(late) {
			q.askAt = late
		}
		if first {
			l.cull(q, now)
		}
	}
}

// Block says that the origin itself refused a call under the limit with that
// key, and will until then. Those who wait for that limit wait longer or fail.
func (l *Limiter) Block(ctx context.Context, key string, until time.Time) error {
	err := l.store.Block(ctx, key, until)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, q := range l.queues {
		if under(q.windows, key) {
			q.drop()
			continue
		}
		for _, w := range q.turns.order() {
			if under(w.days, key) {
				q.turns.remove(w)
				l.waiting.Add(-1)
				w.fail(errAgain)
			}
		}
		q.poke()
	}
	return err
}

// Refuse says that the origin refused a call because the window of a limit was
// full, though we had counted on room: others spend too.
func (l *Limiter) Refuse(ctx context.Context, limit Limit) error {
	err := l.store.Refuse(ctx, time.Now(), limit)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, q := range l.queues {
		if under(q.windows, limit.Key) {
			q.drop()
		}
	}
	return err
}

// Observe tells the Store what the origin says is left of a limit.
func (l *Limiter) Observe(ctx context.Context, limit Limit, left int) error {
	return l.store.Observe(ctx, time.Now(), limit, left)
}

// Remaining tells how the limits stand now, one Status for each.
func (l *Limiter) Remaining(ctx context.Context, limits []Limit) ([]Status, error) {
	return l.store.Remaining(ctx, time.Now(), limits)
}
