// Package flight shares the result of one call among concurrent callers of the same key.
//
// The work is bound to none of them: it runs while at least one caller waits, and each
// stops waiting when its own context ends. After the last one the context of the work is
// cancelled. golang.org/x/sync/singleflight can do neither.
package flight

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Longest bounds the duration of work, whatever the deadlines of its callers.
const Longest = time.Minute

// Group is the work under way, by key. The zero value is ready for use, and its methods
// are safe for concurrent use.
type Group[T any] struct {
	mu     sync.Mutex
	active map[string]*flight[T]
}

type flight[T any] struct {
	about   any
	done    chan struct{}
	cancel  context.CancelFunc
	waiters int
	result  T
	err     error
	cut     bool // it failed because its context had ended
}

// Do returns the result of work. If work for the same key is under way, it waits for
// that instead. The work has the deadline of the caller that began it; a caller with a
// later one begins it again when it was cut short. about describes the work, for
// Forget. The result is shared and MUST NOT be changed. A panic of the work is returned
// as an error, since no caller can recover it.
func (g *Group[T]) Do(ctx context.Context, key string, about any, work func(context.Context) (T, error)) (T, error) {
	for {
		g.mu.Lock()
		f, joined := g.active[key]
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

// Here is Do in the goroutine of the caller that begins the work: that saves a context
// switch, and this caller returns only when the work has ended. When its context ends
// and no other caller waits, the context of the work is cancelled.
func (g *Group[T]) Here(ctx context.Context, key string, about any, work func(context.Context) (T, error)) (T, error) {
	for {
		g.mu.Lock()
		f, joined := g.active[key]
		var run func()
		if !joined {
			f, run = g.begin(ctx, key, about, work)
		}
		f.waiters++
		g.mu.Unlock()
		if !joined {
			stop := context.AfterFunc(ctx, func() {
				if !errors.Is(ctx.Err(), context.DeadlineExceeded) { // which is that of the work, too
					g.leave(f)
				}
			})
			run()
			stop()
			return f.result, f.err
		}
		if result, err, again := g.wait(ctx, f, joined); !again {
			return result, err
		}
	}
}

// wait waits for a flight until ctx ends. again means that it was cut short by the
// context of another caller.
func (g *Group[T]) wait(ctx context.Context, f *flight[T], joined bool) (result T, err error, again bool) { //nolint:revive // again is about both
	select {
	case <-f.done:
		return f.result, f.err, joined && f.cut && ctx.Err() == nil
	case <-ctx.Done():
		g.leave(f)
		return result, ctx.Err(), false
	}
}

// begin returns a flight, and the function that runs it. The caller holds the lock.
func (g *Group[T]) begin(ctx context.Context, key string, about any, work func(context.Context) (T, error)) (*flight[T], func()) {
	end := time.Now().Add(Longest)
	if d, ok := ctx.Deadline(); ok && d.Before(end) {
		end = d
	}
	shared, cancel := context.WithDeadline(context.WithoutCancel(ctx), end)
	f := &flight[T]{about: about, done: make(chan struct{}), cancel: cancel}
	if g.active == nil {
		g.active = map[string]*flight[T]{}
	}
	g.active[key] = f
	return f, func() {
		defer cancel()
		f.run(shared, work)
		g.mu.Lock()
		if g.active[key] == f {
			delete(g.active, key)
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
	return g.active[key] != nil
}

// Len returns the number of keys under way.
func (g *Group[T]) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.active)
}

// Waiting returns how many callers wait for a key, that of Here which runs the work
// included.
func (g *Group[T]) Waiting(key string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f := g.active[key]; f != nil {
		return f.waiters
	}
	return 0
}

// Forget detaches the work for which stale reports true, since something has changed:
// later callers begin it again, and do not get its result.
func (g *Group[T]) Forget(stale func(about any) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for key, f := range g.active {
		if stale(f.about) {
			delete(g.active, key)
		}
	}
}
