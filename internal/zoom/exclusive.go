package zoom

import (
	"context"
	"sync"
)

// exclusive lets one write after the other through where Zoom takes one at a time
// on one object and answers the rest with 429. It knows of this process only:
// what another replica writes at the same moment is refused and retried.
func exclusive() Layer {
	t := &turns{of: map[string]*turn{}}
	return func(next Handler) Handler {
		return func(ctx context.Context, req *Request) (*Response, error) {
			if req.Spec.Exclusive == "" {
				return next(ctx, req)
			}
			key := req.Account + "\x00" + req.Spec.Exclusive + "\x00" + req.Vars[req.Spec.Exclusive]
			if err := t.take(ctx, key); err != nil {
				return nil, err
			}
			defer t.leave(key)
			return next(ctx, req)
		}
	}
}

// turns are the objects that are written to, or waited for.
type turns struct {
	mu sync.Mutex
	of map[string]*turn
}

type turn struct {
	busy  chan struct{} // holds one item while a write is under way
	users int           // who writes or waits
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
