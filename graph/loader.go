package graph

import (
	"context"
	"sync"
	"time"

	"zoomql/internal/zoom"
)

// loader finds objects by key, a batch at a time, and does not ask for a key twice.
// Those who wait for a key leave when their context ends.
//
// Keys that are asked for together stay together: a batch is closed by time, and
// what it costs hangs on how many keys are in it, so a level of siblings that
// entered key by key would cost more on a busy machine than on an idle one.
//
// The zero value has to be given its way to find (see get) before it is used.
type loader[K comparable, T any] struct {
	once sync.Once
	find func(context.Context, []K) []zoom.Found[T]

	mu    sync.Mutex
	asked map[K]*promise[T]
	next  *batch[K, T] // that takes keys still; nil where none does
}

// promise is an object that somebody fetches.
type promise[T any] struct {
	done  chan struct{}
	found zoom.Found[T]
}

// batch is keys that are found together, and the promises to keep.
type batch[K comparable, T any] struct {
	keys     []K
	promises []*promise[T]
}

// keptPromise is done of the promises that were kept when they were made.
var keptPromise = func() chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}()

// get returns the loader, ready to be used: its batches are found together.
func (l *loader[K, T]) get(find func(context.Context, []K) []zoom.Found[T]) *loader[K, T] {
	l.once.Do(func() { l.find = find })
	return l
}

// Load returns the object of a key.
func (l *loader[K, T]) Load(ctx context.Context, key K) (*T, error) {
	f := l.LoadMany(ctx, []K{key})[0]
	return f.Object, f.Err
}

// LoadMany returns the objects of the keys, in their order.
func (l *loader[K, T]) LoadMany(ctx context.Context, keys []K) []zoom.Found[T] {
	found := make([]zoom.Found[T], len(keys))
	for i, p := range l.begin(ctx, keys) {
		select {
		case <-p.done:
			found[i] = p.found
		case <-ctx.Done():
			found[i].Err = ctx.Err()
		}
	}
	return found
}

// begin asks for the objects of the keys, all in one batch but for those that were
// asked for before, and does not wait for them.
func (l *loader[K, T]) begin(ctx context.Context, keys []K) []*promise[T] {
	promises := make([]*promise[T], len(keys))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked == nil {
		l.asked = make(map[K]*promise[T], len(keys))
	}
	for i, key := range keys {
		p := l.asked[key]
		if p == nil {
			p = &promise[T]{done: make(chan struct{})}
			l.asked[key] = p
			if l.next == nil {
				l.next = &batch[K, T]{}
				go l.run(ctx, l.next)
			}
			l.next.keys, l.next.promises = append(l.next.keys, key), append(l.next.promises, p)
		}
		promises[i] = p
	}
	return promises
}

// each exchanges keys by those that f makes of them, which can see whether a key
// was asked for.
func (l *loader[K, T]) each(keys []K, f func(key K, has func(K) bool) K) {
	l.mu.Lock()
	defer l.mu.Unlock()
	has := func(key K) bool { return l.asked[key] != nil }
	for i, key := range keys {
		keys[i] = f(key, has)
	}
}

// put gives the loader objects that were found without it; those that are nil
// are left out.
func (l *loader[K, T]) put(keys []K, objects []*T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked == nil {
		l.asked = make(map[K]*promise[T], len(keys))
	}
	for i, key := range keys {
		if objects[i] != nil && l.asked[key] == nil {
			l.asked[key] = &promise[T]{keptPromise, zoom.Found[T]{Object: objects[i]}}
		}
	}
}

// run finds a batch after it has waited for stragglers. ctx is of the first who
// asked.
func (l *loader[K, T]) run(ctx context.Context, b *batch[K, T]) {
	l.gather(ctx)
	var failed error
	found := make([]zoom.Found[T], len(b.keys))
	defer func() {
		for i, p := range b.promises {
			if p.found = found[i]; failed != nil {
				p.found = zoom.Found[T]{Err: failed}
			}
			close(p.done)
		}
	}()
	defer caught(ctx, &failed)
	copy(found, l.find(ctx, b.keys))
}

// gather waits for stragglers and closes the batch.
func (l *loader[K, T]) gather(ctx context.Context) {
	timer := time.NewTimer(stragglers)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next = nil
}
