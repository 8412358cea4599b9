package zoom

import (
	"cmp"
	"context"
	"strings"
	"sync"

	"zoomql/cache"
)

// exclusive is the layer that lets one write after the other through where Zoom takes one at
// a time on one object and answers the rest with 429: first among those of this process,
// then among the replicas, by a lease. Without a Redis to agree by, what another
// replica writes at the same moment is refused and retried.
//
//	reads:   what is asked
//	writes:  nothing
//	refuses: nothing
func exclusive(account string, leaser cache.Leaser) Layer {
	t := &turns{of: map[string]*turn{}}
	return func(next Handler) Handler {
		return func(ctx context.Context, req *Request) (*Response, error) {
			name := req.Spec.Exclusive
			if name == "" {
				return next(ctx, req)
			}
			// No credential is part of it: the object is the same for all.
			key := strings.Join([]string{"exclusive", cmp.Or(req.Account, account), name, req.Vars[name]}, "\x00")
			if err := t.take(ctx, key); err != nil {
				return nil, err
			}
			defer t.leave(key)
			if leaser != nil {
				_, _, lease := leaser.GetOrLease(ctx, key, leaseOnly)
				defer lease.Release()
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
			}
			return next(ctx, req)
		}
	}
}

// leaseOnly accepts no entry: the caller needs the lease alone.
var leaseOnly = cache.Want{Acceptable: func(*cache.Entry) bool { return false }}

// turns are the objects that are written to, or waited for.
type turns struct {
	mu sync.Mutex
	of map[string]*turn
}

type turn struct {
	busy  chan struct{} // holds one item while a write is under way
	users int           // writes under way and waiting
}

func (t *turns) take(ctx context.Context, key string) error {
	t.mu.Lock()
	at := t.of[key]
	if at == nil {
		at = &turn{busy: make(chan struct{}, 1)}
		t.of[key] = at
	}
	at.users++
	t.mu.Unlock()
	select {
	case at.busy <- struct{}{}:
		return nil
	case <-ctx.Done():
		t.forget(key)
		return ctx.Err()
	}
}

func (t *turns) leave(key string) {
	t.mu.Lock()
	at := t.of[key]
	t.mu.Unlock()
	<-at.busy
	t.forget(key)
}

func (t *turns) forget(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of[key].users--; t.of[key].users == 0 {
		delete(t.of, key)
	}
}
