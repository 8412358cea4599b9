package graph

import (
	"context"
	"sync"

	"zoomql/internal/ratelimit"
)

// Each item of a list that waits for Zoom below an edge holds a stack and
// contexts, some 15 KiB. What is open at once is therefore bounded: an operation
// with a long list waits at its first one until there is room. Short lists never
// wait, nor does an operation that has begun, so none waits for another that
// waits for it. Callers take turns at the room,
// and none takes all of it.
const (
	longList  = 100    // items from which on a list counts
	openItems = 10_000 // of long lists, of all operations; one caller has half of them at most
)

// admission lets operations with long lists in.
type admission struct{ room *ratelimit.Pool }

// stay is what one operation holds.
type stay struct {
	of   *admission
	once sync.Once
	give func() // what is held; nil for nothing
	err  error
}

// open makes room for a list, at the first long list of an operation.
func (s *stay) open(ctx context.Context, items int) error {
	if items < longList {
		return nil
	}
	s.once.Do(func() {
		s.give, s.err = s.of.room.Acquire(ctx, int64(items))
	})
	return s.err
}

// end gives the room back.
func (s *stay) end() {
	s.once.Do(func() {}) // nothing is opened any more
	if s.give != nil {
		s.give()
		s.give = nil
	}
}
