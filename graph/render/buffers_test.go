package render

import (
	"io"
	"slices"
	"testing"

	"zoomql/internal/zoom/types"
)

// An operation returns at most maxReused bytes of buffers to the pool.
func TestReusedBuffers(t *testing.T) {
	r := &Buffers{}
	var lent []*types.Writer
	for range 20 {
		w := r.Lend()
		w.Buf = append(slices.Grow(w.Buf, 1<<20), "null"...)
		lent = append(lent, w)
	}
	for _, w := range lent {
		r.Ready(w).MarshalGQL(io.Discard)
	}
	if n := r.room(); n != 0 {
		t.Errorf("%d bytes are still to be written", n)
	}
	mine, again := map[*types.Writer]bool{}, 0
	for _, w := range lent {
		mine[w] = true
	}
	for range 20 {
		if w, _ := writers.Get().(*types.Writer); mine[w] {
			again++
		}
	}
	if again > maxReused>>20 {
		t.Errorf("%d buffers of a megabyte are used again, want %d at most", again, maxReused>>20)
	}
}
