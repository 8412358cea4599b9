package ratelimit

import (
	"context"
	"sync"
)

// A Pool is a weighted semaphore: it grants units of a fixed number, such as calls that
// may be in flight, or bytes that may be held. If too few units are free, the request
// waits, and waiting requests are served as a [Limiter] serves them: by priority, and
// by round robin over the callers (see [WithCaller]). So a caller with a thousand
// waiting requests delays another's single one by one of these. The next request is
// served next, even if it needs more than is free and a later one would fit: none
// starves.
//
// A holder of units MUST NOT wait for more of the same Pool: several that do would
// deadlock.
type Pool struct {
	size   int64
	shares bool

	mu      sync.Mutex
	free    int64
	held    map[string]int64 // by caller, if shares
	waiters scheduler
}

// NewPool returns a Pool of a size, at least 1.
func NewPool(size int64) *Pool { return &Pool{size: size, free: size} }

// NewSharedPool returns a Pool in which no caller holds more than it leaves free. One
// caller alone has half of it at most; several that request as much as possible have equal
// parts, and as much as one part remains free for the next caller. It is for units that
// are held for long. A caller that holds no units may take any number that is free.
func NewSharedPool(size int64) *Pool {
	return &Pool{size: size, free: size, shares: true, held: make(map[string]int64)}
}

// Acquire waits until n units are free, or the size of the Pool if that is less, and
// the request is the next by priority and caller of ctx. The caller MUST call release
// once. The error is that of ctx, and then no units are taken.
func (p *Pool) Acquire(ctx context.Context, n int64) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := &waiter{caller: CallerFrom(ctx), priority: PriorityFrom(ctx), wants: min(n, p.size)}
	release = func() { p.release(w) }
	if p.take(w, true) {
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
	case <-w.ready: // served at this moment
		p.reclaim(w)
	default:
		p.waiters.remove(w)
		p.serve() // later requests may need less
	}
	return nil, ctx.Err()
}

// TryAcquire is Acquire without waiting: ok reports whether n was taken. It does not
// overtake requests that wait.
func (p *Pool) TryAcquire(ctx context.Context, n int64) (release func(), ok bool) {
	w := &waiter{caller: CallerFrom(ctx), priority: PriorityFrom(ctx), wants: min(n, p.size)}
	if !p.take(w, false) {
		return nil, false
	}
	return func() { p.release(w) }, true
}

// Waiting returns how many requests wait.
func (p *Pool) Waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiters.size
}

// take grants w its units, if they are available now. Otherwise it reports false, and
// queues w if wait is set.
func (p *Pool) take(w *waiter, wait bool) (ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if (p.waiters.size == 0 || p.shares && p.waiters.next(p.fits) == nil) && p.fits(w) && w.wants <= p.free {
		p.grant(w)
		return true
	}
	if wait {
		w.ready = make(chan struct{})
		p.waiters.push(w)
	}
	return false
}

// fits reports whether a caller's part allows the units of w. The caller holds the
// lock.
func (p *Pool) fits(w *waiter) bool {
	return !p.shares || p.held[w.caller] == 0 || p.held[w.caller]+w.wants <= p.free
}

// grant counts the units of w as held. The caller holds the lock.
func (p *Pool) grant(w *waiter) {
	p.free -= w.wants
	if p.shares {
		p.held[w.caller] += w.wants
	}
}

func (p *Pool) release(w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reclaim(w)
}

// reclaim frees the units of w. The caller holds the lock.
func (p *Pool) reclaim(w *waiter) {
	p.free += w.wants
	if p.shares {
		if p.held[w.caller] -= w.wants; p.held[w.caller] == 0 {
			delete(p.held, w.caller)
		}
	}
	p.serve()
}

// serve serves the next requests, as far as enough is free. The caller holds the lock.
func (p *Pool) serve() {
	for {
		w := p.waiters.next(p.fits)
		if w == nil || w.wants > p.free {
			return
		}
		p.waiters.serve(w)
		p.grant(w)
		close(w.ready)
	}
}
