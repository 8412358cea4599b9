// Package render writes objects whose values are loaded, without gqlgen's executor.
//
// The executor starts a goroutine for each item of a list and takes some microseconds
// for each of its fields, which is the whole work if the values are loaded. So objects
// write their plain fields themselves (see [types.Object]) if a query selects nothing else,
// and a list whose items lead to users loads all of them at once. Whatever a plan does not
// cover (errors, nulls in non-null fields, other edges) is left to the executor, whose
// answer is the same.
package render

import (
	"bytes"
	"io"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/internal/zoom/types"
)

// ready is rendered JSON, to be written once.
type ready struct {
	text *types.Writer // borrowed
	all  *Buffers
}

// MarshalGQL writes the JSON. It first grows the answer's buffer for all JSON that is still
// to be written.
func (j *ready) MarshalGQL(w io.Writer) {
	if buf, ok := w.(*bytes.Buffer); ok {
		buf.Grow(j.all.room())
	}
	_, _ = w.Write(j.text.Buf)
	j.all.back(j.text)
	j.text = nil
}

// Buffers hold the rendered JSON of one response until it is written. The zero value is
// ready.
type Buffers struct {
	mu     sync.Mutex
	length int // of all rendered JSON, with the text around it
	reused int
}

var writers = sync.Pool{New: func() any { return new(types.Writer) }}

// Lend returns an empty writer.
func (r *Buffers) Lend() *types.Writer {
	w, _ := writers.Get().(*types.Writer)
	*w = types.Writer{Buf: w.Buf[:0]}
	return w
}

// around estimates the text around one piece of rendered JSON, in bytes.
const around = 100

// Ready returns a Marshaler that writes the rendered JSON.
func (r *Buffers) Ready(w *types.Writer) graphql.Marshaler {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.length += len(w.Buf) + around
	return &ready{w, r}
}

// room returns the length of all JSON that is still to be written.
func (r *Buffers) room() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.length
}

// maxReused bounds the memory that an operation returns to the pool.
const maxReused = 4 << 20

// back returns a writer to the pool. Its text MUST NOT be read afterwards.
func (r *Buffers) back(w *types.Writer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.length -= len(w.Buf) + around
	if r.reused += cap(w.Buf); r.reused <= maxReused {
		w.Follow = nil
		writers.Put(w)
	}
}
