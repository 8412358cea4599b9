package zoom

import (
	"cmp"
	"context"
	"strings"
	"sync"

	"zoomql/cache"
)

// exclusive is the layer that serializes writes to one object where Zoom accepts one at a
// time and answers the others with 429: by a mutex within this process, and by a lease
// among the replicas. Without Redis, a write that coincides with one of another replica is
// refused by Zoom and retried.
//
//	reads:   the request
//	writes:  nothing
//	refuses: nothing
//
// A user may be named by e-mail address or by id. Writes by either exclude each other if the
// cache holds the user of the address.
func exclusive(account string, leaser cache.Leaser, idOf func(context.Context, *Request, string) string) Layer {
	locks := &keyLocks{of: map[string]*keyLock{}}
	return func(next Handler) Handler {
		return func(ctx context.Context, req *Request) (*Response, error) {
			name := req.Spec.Exclusive
			if name == "" {
				return next(ctx, req)
			}
			// The credential is not part of it: the object is the same for all.
			key := strings.Join([]string{"exclusive", cmp.Or(req.Account, account), name, idOf(ctx, req, req.Vars[name])}, "\x00")
			if err := locks.lock(ctx, key); err != nil {
				return nil, err
			}
			defer locks.unlock(key)
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

// keyLocks are mutexes by key. A mutex exists while it is held or waited for.
type keyLocks struct {
	mu sync.Mutex
	of map[string]*keyLock
}

type keyLock struct {
	held  chan struct{} // holds one item while the mutex is locked
	users int           // its holder and waiters
}

// lock waits until it holds the key's mutex, or until ctx ends.
func (l *keyLocks) lock(ctx context.Context, key string) error {
	l.mu.Lock()
	k := l.of[key]
	if k == nil {
		k = &keyLock{held: make(chan struct{}, 1)}
		l.of[key] = k
	}
	k.users++
	l.mu.Unlock()
	select {
	case k.held <- struct{}{}:
		return nil
	case <-ctx.Done():
		l.release(key)
		return ctx.Err()
	}
}

func (l *keyLocks) unlock(key string) {
	l.mu.Lock()
	k := l.of[key]
	l.mu.Unlock()
	<-k.held
	l.release(key)
}

// release deletes the key's mutex after its last user.
func (l *keyLocks) release(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of[key].users--; l.of[key].users == 0 {
		delete(l.of, key)
	}
}
