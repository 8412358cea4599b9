// Package render writes objects that are known without the executor.
//
// The executor takes a goroutine for each item of a list and some microseconds
// for each field of it, which is all there is to do where the values are known.
// So objects write their plain fields themselves (see [types.Object]) where a query
// asks for nothing else, and a list whose items lead to users asks for all of them at
// once. Whatever a plan does not foresee (errors, nulls where there must be none,
// other edges) is left to the executor, whose answer is the same.
package render

import (
	"bytes"
	"io"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/internal/zoom/types"
)

// ready is JSON that is written as it is, once.
type ready struct {
	text *types.Writer // lent
	all  *Buffers
}

// MarshalGQL writes it. Where the answer is put together, it makes room for all that
// is to come.
func (j *ready) MarshalGQL(w io.Writer) {
	if buf, ok := w.(*bytes.Buffer); ok {
		buf.Grow(j.all.room())
	}
	_, _ = w.Write(j.text.Buf)
	j.all.back(j.text)
	j.text = nil
}

// Buffers are what one response has rendered, until it is written. The zero value is
// ready.
type Buffers struct {
	mu     sync.Mutex
	length int // of all that is ready, with what stands around it
	reused int
}

var writers = sync.Pool{New: func() any { return new(types.Writer) }}

// Lend returns an empty writer.
func (r *Buffers) Lend() *types.Writer {
	w, _ := writers.Get().(*types.Writer)
	*w = types.Writer{Buf: w.Buf[:0]}
	return w
}

// around is about how much stands around what is rendered at once.
const around = 100

// Ready returns what was rendered, to be written.
func (r *Buffers) Ready(w *types.Writer) graphql.Marshaler {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.length += len(w.Buf) + around
	return &ready{w, r}
}

// room is how long all is together that is to be written yet.
func (r *Buffers) room() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.length
}

// maxReused is how much memory of an operation's writers is used again.
const maxReused = 4 << 20

// back takes a writer back, whose text MUST NOT be read any more.
func (r *Buffers) back(w *types.Writer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.length -= len(w.Buf) + around
	if r.reused += cap(w.Buf); r.reused <= maxReused {
		w.Follow = nil
		writers.Put(w)
	}
}
