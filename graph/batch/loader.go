// Package batch finds objects by key: none twice in a response, and together those that
// cost less together.
//
// What a level of siblings costs hangs on how many of them are asked for together:
// many users are one page of a list, a few are a call each. The executor resolves
// the siblings one by one, in an order and at a pace of its own, and their lists come
// when Zoom answers. So batches run in rounds: one for each kind of objects and each
// level of the question, a level after the other. A round begins when every field that
// leads to such objects on its level, or on one before, is either resolved or waits for
// the round itself; the fields that wait go on when it is over. What is asked for in which
// round, and what the round finds known, then hangs on the question alone, and neither
// on its wording nor on how busy the machine is.
package batch

import (
	"context"
	"slices"
	"sync"

	"zoomql/internal/zoom"
)

// Loader finds objects by key and does not ask for a key twice. A caller that waits for a
// key leaves when its own context ends.
//
// The zero value has to be given its way to find (see AtOnce and InRounds) before it is
// used.
type Loader[K comparable, T any] struct {
	once   sync.Once
	find   func(context.Context, []K) []zoom.Found[T]
	rounds *Rounds // that it finds keys in; nil where it does so at once
	kind   Kind

	mu    sync.Mutex
	asked map[K]*Promise[T]
	next  map[int]*batch[K, T] // of rounds to come, by level
}

// Promise is an object that is being fetched.
type Promise[T any] struct {
	by    *round
	found zoom.Found[T] // once the round is over
	// sooner is the promise of a round further up, which was asked for the same later.
	sooner *Promise[T]
}

// batch is keys that are found together, and the promises to keep.
type batch[K comparable, T any] struct {
	by       *round
	keys     []K
	promises []*Promise[T]
}

// AtOnce returns the loader, ready to be used: it finds keys at once, which cost a call
// each however many are asked for together.
func (l *Loader[K, T]) AtOnce(find func(context.Context, []K) []zoom.Found[T]) *Loader[K, T] {
	l.once.Do(func() { l.find = find })
	return l
}

// InRounds is AtOnce for keys that cost less together: all that are asked for in a round
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

// Await returns what was promised.
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

func (l *Loader[K, T]) wait(ctx context.Context, by *round) error {
	if by.over() {
		return nil
	}
	if l.rounds != nil {
		level, at := l.rounds.placeOf(ctx, l.kind)
		if level != by.level { // another field on another level has asked before
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

// Begin asks for the objects of the keys, those that were asked for before left out,
// unless that was for a round further down, which waits for the level of the caller.
// In rounds it does not wait for them.
func (l *Loader[K, T]) Begin(ctx context.Context, keys []K) []*Promise[T] {
	promises := make([]*Promise[T], len(keys))
	l.mu.Lock()
	if l.asked == nil {
		l.asked = make(map[K]*Promise[T], len(keys))
	}
	level := 0
	var own *batch[K, T]
	if l.rounds != nil {
		level, _ = l.rounds.placeOf(ctx, l.kind)
		own = l.next[level]
	}
	var fresh []Promise[T]
	for i, key := range keys {
		p := l.asked[key]
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
			l.asked[key] = p
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

// newBatch makes a batch of a level. The caller holds the lock.
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

// run finds a batch, to which no more keys are added. ctx is that of its first caller.
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

// dropKnown keeps the promises of a batch that rounds further up have kept, so that
// nothing is asked for again that was asked for there later than here.
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
