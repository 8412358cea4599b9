package zoom

import (
	"context"
	"sync"
	"time"
)

// Usage counts what one question spent at Zoom. It is safe for concurrent use;
// a nil Usage counts nothing.
type Usage struct {
	mu     sync.Mutex
	calls  map[Rate]int
	hits   int
	waited time.Duration
}

type usageKey struct{}

// WithUsage returns a context below which calls are counted in u.
func WithUsage(ctx context.Context, u *Usage) context.Context {
	return context.WithValue(ctx, usageKey{}, u)
}

func usageFrom(ctx context.Context) *Usage {
	u, _ := ctx.Value(usageKey{}).(*Usage)
	return u
}

func (u *Usage) called(r Rate) {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.calls == nil {
		u.calls = map[Rate]int{}
	}
	u.calls[r]++
}

func (u *Usage) hit() {
	if u == nil {
		return
	}
	u.mu.Lock()
	u.hits++
	u.mu.Unlock()
}

func (u *Usage) wait(d time.Duration) {
	if u == nil {
		return
	}
	u.mu.Lock()
	u.waited = max(u.waited, d)
	u.mu.Unlock()
}

// Calls returns how many calls of a label were sent.
func (u *Usage) Calls(r Rate) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.calls[r]
}

// Hits returns how many answers the cache gave.
func (u *Usage) Hits() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.hits
}

// Waited returns the longest time that a call stood in the limiter's queue.
func (u *Usage) Waited() time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.waited
}
