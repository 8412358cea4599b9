// Package spread resolves the items of lists for the executor, in place of gqlgen's own
// function.
//
// gqlgen resolves all items of a list concurrently, and below each of them all items of its
// lists. If all data are cached, the memory that an operation needs is then that of its whole
// answer, plus a stack, contexts and a tree of values for each item. Here the lists of one
// branch share a breadth: the number of items that are resolved concurrently. The next item
// begins when one is resolved, and resolved objects are kept as JSON text. More items are
// resolved concurrently if all of them wait for a batch, so that it becomes one batch (see
// [Items]). Few of the items run at once (see gate.Gate); the others wait for Zoom or for each
// other.
package spread

import (
	"bytes"
	"context"
	"io"
	"sync"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/internal/gate"
)

const (
	// Breadth is the number of items of lists that are resolved concurrently in an operation, not
	// counting the items above them: several times the number of concurrent calls.
	Breadth = 500
	// minBreadth is the smallest breadth of a list below an item of a list; further down it is
	// halved on each level.
	minBreadth = 4
)

// share is the breadth of the lists of a branch: the number of concurrent items, and the smallest
// number for each list below.
type share struct{ items, least int }

// below returns the share of the lists below each of width concurrent items.
func (s share) below(width int) share {
	return share{max(s.items/width, s.least), max(s.least/2, 1)}
}

// Items follows the items of a list that [Slice] resolves (see [WithItems]).
type Items interface {
	// Open is called before the first item begins. While an item of the list has not begun, each
	// call of more adds one to the number of items that are resolved concurrently, until done is
	// called, when no item is left to begin.
	Open(more func(done func()))
	// Begin is called when item i begins, and returns its context.
	Begin(ctx context.Context, i int) context.Context
}

type (
	shareKey struct{}
	itemsKey struct{}
)

// WithItems returns the context of a field whose list items has to follow.
func WithItems(ctx context.Context, items Items) context.Context {
	return context.WithValue(ctx, itemsKey{}, items)
}

// Width returns how many of a field's n items are resolved concurrently at first.
func Width(ctx context.Context, n int) int { return min(n, shareOf(ctx).items) }

func shareOf(ctx context.Context) share {
	if s, ok := ctx.Value(shareKey{}).(share); ok {
		return s
	}
	return share{Breadth, minBreadth}
}

// Slice resolves the n items of a list. The result is nil if one of them panics.
func Slice(ctx context.Context, n int, item func(ctx context.Context, i int) graphql.Marshaler) graphql.Array {
	s := &slice{ctx: ctx, item: item, all: make(graphql.Array, n)}
	if n == 0 {
		return s.all
	}
	if n > 1 {
		defer gate.Wait(ctx)()
		if s.items, _ = ctx.Value(itemsKey{}).(Items); s.items != nil {
			s.ctx = context.WithValue(ctx, itemsKey{}, nil) // not for the lists below
		}
		own := shareOf(ctx)
		width := min(n, own.items)
		if below := own.below(width); below != own {
			s.ctx = context.WithValue(s.ctx, shareKey{}, below)
		}
		var wait sync.WaitGroup
		if s.items != nil {
			s.items.Open(func(done func()) {
				wait.Go(func() {
					defer done()
					s.resolve()
				})
			})
		}
		for range width - 1 {
			wait.Go(s.resolve)
		}
		s.resolve()
		wait.Wait()
	} else {
		s.one(s.ctx, 0)
	}
	if s.failed.Load() {
		return nil
	}
	return s.all
}

// slice is a list whose items are being resolved.
type slice struct {
	ctx    context.Context //nolint:containedctx // of the field
	item   func(ctx context.Context, i int) graphql.Marshaler
	items  Items // nil if none follows the list
	all    graphql.Array
	begun  atomic.Int64
	failed atomic.Bool
}

// resolve resolves one item after the other, until none is left to begin.
func (s *slice) resolve() {
	for {
		i := int(s.begun.Add(1)) - 1
		if i >= len(s.all) {
			return
		}
		ctx, exit := gate.Enter(s.ctx)
		s.one(ctx, i)
		exit()
	}
}

func (s *slice) one(ctx context.Context, i int) {
	ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Index: &i})
	defer func() {
		if p := recover(); p != nil {
			graphql.AddError(ctx, graphql.Recover(ctx, p))
			s.failed.Store(true)
		}
	}()
	if s.items != nil {
		ctx = s.items.Begin(ctx, i)
	}
	s.all[i] = asText(s.item(ctx, i))
}

// text is JSON.
type text []byte

// part hides that a writer is a *bytes.Buffer: package render grows such a buffer to hold all of an
// answer.
type part struct{ *bytes.Buffer }

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxReused is the largest capacity of a buffer that is reused, in bytes.
const maxReused = 64 << 10

// asText returns an object as text, and any other value unchanged.
func asText(m graphql.Marshaler) graphql.Marshaler {
	object, ok := m.(*graphql.FieldSet)
	if !ok {
		return m
	}
	buf, _ := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	object.MarshalGQL(part{buf})
	t := text(bytes.Clone(buf.Bytes()))
	if buf.Cap() <= maxReused {
		buffers.Put(buf)
	}
	return &t
}

// MarshalGQL implements [graphql.Marshaler].
func (t *text) MarshalGQL(w io.Writer) { _, _ = w.Write(*t) }
