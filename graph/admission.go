package graph

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// Each item of a list that waits for Zoom below an edge holds a stack and
// contexts, some 15 KiB. What is open at once is therefore bounded: an operation
// with a long list waits at its first one until there is room. Short lists never
// wait, nor does an operation that has begun, so none waits for another that
// waits for it.
const (
	longList  = 100   // items from which on a list counts
	openItems = 5_000 // of long lists, of all operations
)

// admission lets operations with long lists in.
type admission struct{ room *semaphore.Weighted }

func newAdmission() *admission { return &admission{semaphore.NewWeighted(openItems)} }

// stay is what one operation holds.
type stay struct {
	of   *admission
	once sync.Once
	held int64
	err  error
}

// open makes room for a list, at the first long list of an operation.
func (s *stay) open(ctx context.Context, items int) error {
	if items < longList {
		return nil
	}
	s.once.Do(func() {
		n := min(int64(items), openItems)
		if s.err = s.of.room.Acquire(ctx, n); s.err == nil {
			s.held = n
		}
	})
	return s.err
}

// end gives the room back.
func (s *stay) end() {
	s.once.Do(func() {}) // nothing is opened any more
	if s.held > 0 {
		s.of.room.Release(s.held)
		s.held = 0
	}
}
