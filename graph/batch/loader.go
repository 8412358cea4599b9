// Package batch loads objects by key: each at most once in a response, and in batches if
// that costs less.
//
// The cost of a level of siblings depends on the size of their batch: many users are one
// page of a list, a few are one call each. The executor resolves the siblings one by one, in
// any order and at any time, and their lists arrive when Zoom answers. So batches run in
// rounds: one for each kind of objects and each level of the query, level by level. A round
// begins when every field that leads to such objects on its level, or on an earlier one, is
// either resolved or waits for the round itself; the waiting fields continue after it. So the
// keys of each round, and the objects that are cached by then, depend only on the query, and
// neither on how it is written nor on the load of the machine.
package batch

import (
	"context"
	"slices"
	"sync"

	"zoomql/internal/zoom"
)

// Loader loads objects by key, each key once. A caller that waits for a key returns when its
// own context ends.
//
// The zero value needs a find function before it is used: see AtOnce and InRounds.
type Loader[K comparable, T any] struct {
	once   sync.Once
	find   func(context.Context, []K) []zoom.Found[T]
	rounds *Rounds // nil if it loads keys at once
	kind   Kind

	mu    sync.Mutex
	known map[K]*Promise[T]    // of all keys that were requested
	next  map[int]*batch[K, T] // of rounds that have not begun, by level
}

// Promise is an object that is being loaded.
type Promise[T any] struct {
	by    *round
	found zoom.Found[T] // set when the round is over
	// sooner is a promise for the same key that was made later, in a round of an earlier level.
	sooner *Promise[T]
}

// batch is a set of keys that are loaded together, with their promises.
type batch[K comparable, T any] struct {
	by       *round
	keys     []K
	promises []*Promise[T]
}

// AtOnce sets the find function and returns the loader. It loads keys at once: for objects that
// cost one call each in a batch of any size. find returns the objects in the order of the keys.
func (l *Loader[K, T]) AtOnce(find func(context.Context, []K) []zoom.Found[T]) *Loader[K, T] {
	l.once.Do(func() { l.find = find })
	return l
}

// InRounds is AtOnce for objects that cost less together: all keys that are requested for a round
// are one batch.
func (l *Loader[K, T]) InRounds(r *Rounds, of Kind, find func(context.Context, []K) []zoom.Found[T]) *Loader[K, T] {
	l.once.Do(func() { l.find, l.rounds, l.kind = find, r, of })
	return l
}

// Load returns the object of a key.
func (l *Loader[K, T]) Load(ctx context.Context, key K) (*T, error) {
	f := l.LoadMany(ctx, []K{key})[0]
	return f.Object, f.Err
}

// LoadMany returns the objects of the keys, in their order.
func (l *Loader[K, T]) LoadMany(ctx context.Context, keys []K) []zoom.Found[T] {
	return l.Await(ctx, l.Begin(ctx, keys))
}

// Await waits for the promises and returns their objects.
func (l *Loader[K, T]) Await(ctx context.Context, promises []*Promise[T]) []zoom.Found[T] {
	found := make([]zoom.Found[T], len(promises))
	for i, p := range promises {
		if err := l.wait(ctx, p.by); err != nil {
			found[i].Err = err
		} else {
			found[i] = p.found
		}
	}
	return found
}

// wait waits until a round is over.
func (l *Loader[K, T]) wait(ctx context.Context, by *round) error {
	if by.over() {
		return nil
	}
	if l.rounds != nil {
		level, at := l.rounds.placeOf(ctx, l.kind)
		if level != by.level { // the key was requested before, for another level
			at.expected = 0
		}
		return l.rounds.wait(ctx, by, at)
	}
	select {
	case <-by.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Begin requests the objects of the keys, except for keys that were requested before. A key that
// was requested for a later level is requested again, because that level's round waits for the
// caller's. In rounds, Begin does not wait for the objects.
func (l *Loader[K, T]) Begin(ctx context.Context, keys []K) []*Promise[T] {
	promises := make([]*Promise[T], len(keys))
	l.mu.Lock()
	if l.known == nil {
		l.known = make(map[K]*Promise[T], len(keys))
	}
	level := 0
	var own *batch[K, T]
	if l.rounds != nil {
		level, _ = l.rounds.placeOf(ctx, l.kind)
		own = l.next[level]
	}
	var fresh []Promise[T]
	for i, key := range keys {
		p := l.known[key]
		if p == nil || p.by.level > level && !p.by.over() {
			if own == nil {
				own = l.newBatch(ctx, level)
			}
			if left := len(keys) - i; fresh == nil {
				fresh = make([]Promise[T], 0, left)
				own.keys, own.promises = slices.Grow(own.keys, left), slices.Grow(own.promises, left)
			}
			fresh = append(fresh, Promise[T]{})
			later := p
			p = &fresh[len(fresh)-1]
			p.by = own.by
			if later != nil {
				later.sooner = p
			}
			l.known[key] = p
			own.keys, own.promises = append(own.keys, key), append(own.promises, p)
		}
		promises[i] = p
	}
	l.mu.Unlock()
	if l.rounds == nil && own != nil {
		l.run(ctx, own)
		close(own.by.done)
	}
	return promises
}

// newBatch returns a new batch of a level. The caller holds the lock.
func (l *Loader[K, T]) newBatch(ctx context.Context, level int) *batch[K, T] {
	b := &batch[K, T]{}
	if l.rounds == nil {
		b.by = &round{done: make(chan struct{})}
		return b
	}
	b.by = l.rounds.join(l.kind, level, func() {
		l.mu.Lock()
		delete(l.next, level)
		l.mu.Unlock()
		l.run(ctx, b)
	})
	if l.next == nil {
		l.next = map[int]*batch[K, T]{}
	}
	l.next[level] = b
	return b
}

// run loads a batch, to which no more keys are added. ctx is that of its first caller.
func (l *Loader[K, T]) run(ctx context.Context, b *batch[K, T]) {
	l.dropKnown(b)
	if len(b.keys) == 0 {
		return
	}
	var failed error
	found := make([]zoom.Found[T], len(b.keys))
	defer func() {
		for i, p := range b.promises {
			if p.found = found[i]; failed != nil {
				p.found = zoom.Found[T]{Err: failed}
			}
		}
	}()
	defer Caught(ctx, &failed)
	copy(found, l.find(ctx, b.keys))
}

// dropKnown fulfills promises with objects that rounds of earlier levels have loaded since,
// and removes their keys from the batch.
func (l *Loader[K, T]) dropKnown(b *batch[K, T]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for i, p := range b.promises {
		if p.sooner != nil && p.sooner.by.over() {
			p.found = p.sooner.found
			continue
		}
		b.keys[n], b.promises[n] = b.keys[i], p
		n++
	}
	b.keys, b.promises = b.keys[:n], b.promises[:n]
}
