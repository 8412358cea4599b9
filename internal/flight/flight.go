// Package flight lets one piece of work do for all who want the same at once.
//
// The work belongs to none of them: it goes on while anyone waits, and each
// leaves when his own context ends. When the last one has left, the work is told
// so by its own context. golang.org/x/sync/singleflight can do neither.
package flight

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Longest bounds work, whoever waits for it.
const Longest = time.Minute

// Group is work under way, by what is wanted. The zero value is ready, and its
// methods are safe for concurrent use.
type Group[T any] struct {
	mu    sync.Mutex
	under map[string]*flight[T]
}

type flight[T any] struct {
	about   any
	done    chan struct{}
	cancel  context.CancelFunc
	waiters int
	result  T
	err     error
	cut     bool // it failed because its time was over, or all had left
}

// Do returns what work returns. If the same key is under way, it waits for that
// instead. The work has the deadline of the one who began it; who has more time
// begins it anew when it was cut short. about says what the work is about, for
// Forget. The result is shared and MUST NOT be changed. A panic of the work is an
// error here: nobody above its goroutine could catch it.
func (g *Group[T]) Do(ctx context.Context, key string, about any, work func(context.Context) (T, error)) (T, error) {
	for {
		g.mu.Lock()
		f, joined := g.under[key]
		if !joined {
			var run func()
			f, run = g.begin(ctx, key, about, work)
			go run()
		}
		f.waiters++
		g.mu.Unlock()
		if result, err, again := g.wait(ctx, f, joined); !again {
			return result, err
		}
	}
}

// Here is Do, but who begins the work does it himself: that spares him the change
// of goroutines, and keeps him until the work has ended, which it is told to when
// he would have left and nobody else waits.
func (g *Group[T]) Here(ctx context.Context, key string, about any, work func(context.Context) (T, error)) (T, error) {
	for {
		g.mu.Lock()
		f, joined := g.under[key]
		var run func()
		if !joined {
			f, run = g.begin(ctx, key, about, work)
		}
		f.waiters++
		g.mu.Unlock()
		if !joined {
			stay := context.AfterFunc(ctx, func() {
				if !errors.Is(ctx.Err(), context.DeadlineExceeded) { // which the work has, too, and ends by
					g.leave(f)
				}
			})
			run()
			stay()
			return f.result, f.err
		}
		if result, err, again := g.wait(ctx, f, joined); !again {
			return result, err
		}
	}
}

// wait waits for a flight as long as the caller has time. again says that it was
// cut short by the time of somebody else.
func (g *Group[T]) wait(ctx context.Context, f *flight[T], joined bool) (result T, err error, again bool) { //nolint:revive // again is about both
	select {
	case <-f.done:
		return f.result, f.err, joined && f.cut && ctx.Err() == nil
	case <-ctx.Done():
		g.leave(f)
		return result, ctx.Err(), false
	}
}

// begin makes a flight, and what carries it out. The caller holds the lock.
func (g *Group[T]) begin(ctx context.Context, key string, about any, work func(context.Context) (T, error)) (*flight[T], func()) {
	end := time.Now().Add(Longest)
	if d, ok := ctx.Deadline(); ok && d.Before(end) {
		end = d
	}
	shared, cancel := context.WithDeadline(context.WithoutCancel(ctx), end)
	f := &flight[T]{about: about, done: make(chan struct{}), cancel: cancel}
	if g.under == nil {
		g.under = map[string]*flight[T]{}
	}
	g.under[key] = f
	return f, func() {
		defer cancel()
		f.run(shared, work)
		g.mu.Lock()
		if g.under[key] == f {
			delete(g.under, key)
		}
		g.mu.Unlock()
		close(f.done)
	}
}

func (f *flight[T]) run(ctx context.Context, work func(context.Context) (T, error)) {
	defer func() {
		if p := recover(); p != nil {
			f.err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	f.result, f.err = work(ctx)
	f.cut = f.err != nil && ctx.Err() != nil
}

func (g *Group[T]) leave(f *flight[T]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f.waiters--; f.waiters == 0 {
		f.cancel()
	}
}

// Has reports whether work for a key is under way.
func (g *Group[T]) Has(key string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.under[key] != nil
}

// Len returns how much is under way.
func (g *Group[T]) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.under)
}

// Waiting returns how many wait for a key, the one who does the work included.
func (g *Group[T]) Waiting(key string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f := g.under[key]; f != nil {
		return f.waiters
	}
	return 0
}

// Forget lets nobody join any more what was wanted before something changed: who
// wants it now must not get the result of before.
func (g *Group[T]) Forget(stale func(about any) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for key, f := range g.under {
		if stale(f.about) {
			delete(g.under, key)
		}
	}
}
