package graph

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/internal/zoom"
)

// squares is a loader of squares, which take a second a batch. Negative numbers
// have none.
func squares(batches *atomic.Int32) *loader[int, int] {
	l := &loader[int, int]{}
	return l.get(func(_ context.Context, keys []int) []zoom.Found[int] {
		batches.Add(1)
		time.Sleep(time.Second)
		found := make([]zoom.Found[int], len(keys))
		for i, n := range keys {
			if square := n * n; n >= 0 {
				found[i].Object = &square
			} else {
				found[i].Err = zoom.ErrNotFound
			}
		}
		return found
	})
}

func TestLoader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches atomic.Int32
		l := squares(&batches)
		go func() { _, _ = l.Load(t.Context(), 3) }()
		found := l.LoadMany(t.Context(), []int{5, 3, -1, 5})
		for i, want := range []int{25, 9, 0, 25} {
			if f := found[i]; want == 0 && !errors.Is(f.Err, zoom.ErrNotFound) || want != 0 && (f.Err != nil || *f.Object != want) {
				t.Errorf("the object of key %d is %+v", i, f)
			}
		}
		if n := batches.Load(); n != 1 {
			t.Errorf("%d batches, want 1", n)
		}
		if got, err := l.Load(t.Context(), 5); err != nil || *got != 25 {
			t.Errorf("asked again: %v, %v", got, err)
		}
		if _, err := l.Load(t.Context(), -1); !errors.Is(err, zoom.ErrNotFound) {
			t.Errorf("asked again for what there is none of: %v", err)
		}
		if n := batches.Load(); n != 1 {
			t.Errorf("%d batches, want 1: nothing was new", n)
		}
	})
}

// Who waits for what another asked for leaves when his own time is over.
func TestLoaderWaiterLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches atomic.Int32
		l := squares(&batches)
		first := make(chan error)
		go func() {
			_, err := l.Load(t.Context(), 3)
			first <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		if _, err := l.Load(ctx, 3); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("he got %v", err)
		}
		if err := <-first; err != nil {
			t.Errorf("the first was disturbed: %v", err)
		}
	})
}
