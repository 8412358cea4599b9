package graph

import (
	"context"
	"sync"

	"github.com/graph-gophers/dataloader/v7"

	"zoomql/internal/zoom"
)

// loader is a dataloader that does not ask for a key twice. It remembers itself
// what was asked: a thunk of dataloader's holds a lock as long as it waits, so
// those who wait with it could not leave when their context ends, and its
// LoadMany takes a goroutine a key.
//
// The zero value has to be given its way to find (see get) before it is used.
type loader[K comparable, T any] struct {
	once  sync.Once
	batch *dataloader.Loader[K, *T]

	mu    sync.Mutex
	asked map[K]*promise[T]
}

// promise is an object that somebody fetches.
type promise[T any] struct {
	done  chan struct{}
	found zoom.Found[T]
}

// get returns the loader, ready to be used: its batches are found together.
func (l *loader[K, T]) get(find func(context.Context, []K) []zoom.Found[T]) *loader[K, T] {
	l.once.Do(func() {
		batch := func(ctx context.Context, keys []K) []*dataloader.Result[*T] {
			results := make([]*dataloader.Result[*T], len(keys))
			for i, f := range find(ctx, keys) {
				results[i] = &dataloader.Result[*T]{Data: f.Object, Error: f.Err}
			}
			return results
		}
		l.batch = dataloader.NewBatchedLoader(batch, dataloader.WithWait[K, *T](stragglers), dataloader.WithCache[K, *T](&dataloader.NoCache[K, *T]{}))
	})
	return l
}

// Load returns the object of a key.
func (l *loader[K, T]) Load(ctx context.Context, key K) (*T, error) {
	f := l.LoadMany(ctx, []K{key})[0]
	return f.Object, f.Err
}

// LoadMany returns the objects of the keys, in their order.
func (l *loader[K, T]) LoadMany(ctx context.Context, keys []K) []zoom.Found[T] {
	promises := make([]*promise[T], len(keys))
	thunks := make([]dataloader.Thunk[*T], len(keys)) // of what nobody had asked for
	l.expect(len(keys))
	for i, key := range keys {
		promises[i], thunks[i] = l.ask(ctx, key)
	}
	for i, thunk := range thunks {
		if thunk != nil {
			promises[i].found.Object, promises[i].found.Err = thunk()
			close(promises[i].done)
		}
	}
	found := make([]zoom.Found[T], len(keys))
	for i, p := range promises {
		select {
		case <-p.done:
			found[i] = p.found
		case <-ctx.Done():
			found[i].Err = ctx.Err()
		}
	}
	return found
}

// expect makes room for some keys.
func (l *loader[K, T]) expect(keys int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked == nil {
		l.asked = make(map[K]*promise[T], keys)
	}
}

// ask returns the promise of a key. Who is the first to ask for it gets a thunk
// too, and MUST keep the promise.
func (l *loader[K, T]) ask(ctx context.Context, key K) (*promise[T], dataloader.Thunk[*T]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.asked[key]; p != nil {
		return p, nil
	}
	p := &promise[T]{done: make(chan struct{})}
	l.asked[key] = p
	return p, l.batch.Load(ctx, key)
}
