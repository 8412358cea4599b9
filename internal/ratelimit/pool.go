package ratelimit

import (
	"context"
	"sync"
)

// A Pool lends what there is a fixed amount of: calls that may be under way, bytes
// that may be held. Where it is short, those who wait are served as a [Limiter]
// serves them: by priority, and the callers in turn (see [WithCaller]), so that one
// with a thousand requests in line delays another's single one by one of these.
// What is next in turn is served next, also when it wants more than is free and
// what stands behind it would fit: nothing waits for ever.
//
// Who holds a part MUST NOT wait for more of the same Pool: several that do would
// wait for each other.
type Pool struct {
	size   int64
	shares bool

	mu    sync.Mutex
	free  int64
	held  map[string]int64 // by caller, where there are shares
	turns turns
}

// NewPool returns a Pool of a size, at least 1.
func NewPool(size int64) *Pool { return &Pool{size: size, free: size} }

// NewSharedPool returns a Pool in which no caller holds more than it leaves free: one
// alone has half of it at most, and of several that want all they can get each has
// an equal part, and so much is left for the next to come. It is for what is held
// for long. Who holds nothing may take any amount that is free.
func NewSharedPool(size int64) *Pool {
	return &Pool{size: size, free: size, shares: true, held: make(map[string]int64)}
}

// Acquire takes n, or all there is if that is less, as soon as it is free and the
// caller's turn has come. release gives it back; it MUST be called once. An error is
// that of ctx, and nothing is taken then.
func (p *Pool) Acquire(ctx context.Context, n int64) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := &waiter{caller: CallerFrom(ctx), prio: PriorityFrom(ctx), wants: min(n, p.size)}
	release = func() { p.release(w) }
	if !p.take(w, true) {
		return release, nil
	}
	select {
	case <-w.ready:
		return release, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-w.ready: // in this moment
		p.give(w)
	default:
		p.turns.remove(w)
		p.serve() // what stands behind it may want less
	}
	return nil, ctx.Err()
}

// TryAcquire is Acquire without waiting: ok tells whether n was taken. Nothing goes
// past what waits.
func (p *Pool) TryAcquire(ctx context.Context, n int64) (release func(), ok bool) {
	w := &waiter{caller: CallerFrom(ctx), prio: PriorityFrom(ctx), wants: min(n, p.size)}
	if p.take(w, false) {
		return nil, false
	}
	return func() { p.release(w) }, true
}

// Waiting returns how many stand in line.
func (p *Pool) Waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.turns.size
}

// take takes what w wants if it can be had now, and else reports that it cannot, and
// puts w in line if it is to wait.
func (p *Pool) take(w *waiter, wait bool) (short bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if (p.turns.size == 0 || p.shares && p.turns.next(p.fits) == nil) && p.fits(w) && w.wants <= p.free {
		p.lend(w)
		return false
	}
	if wait {
		w.ready = make(chan struct{})
		p.turns.push(w)
	}
	return true
}

// fits reports whether a caller's part allows what w wants. The caller holds the
// lock.
func (p *Pool) fits(w *waiter) bool {
	return !p.shares || p.held[w.caller] == 0 || p.held[w.caller]+w.wants <= p.free
}

// lend gives w what it wants. The caller holds the lock.
func (p *Pool) lend(w *waiter) {
	p.free -= w.wants
	if p.shares {
		p.held[w.caller] += w.wants
	}
}

func (p *Pool) release(w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.give(w)
}

// give takes back what w has. The caller holds the lock.
func (p *Pool) give(w *waiter) {
	p.free += w.wants
	if p.shares {
		if p.held[w.caller] -= w.wants; p.held[w.caller] == 0 {
			delete(p.held, w.caller)
		}
	}
	p.serve()
}

// serve serves those who are next, as far as there is enough. The caller holds the
// lock.
func (p *Pool) serve() {
	for {
		w := p.turns.next(p.fits)
		if w == nil || w.wants > p.free {
			return
		}
		p.turns.serve(w)
		p.lend(w)
		close(w.ready)
	}
}
