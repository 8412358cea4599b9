// Package spread resolves the items of lists for the executor, in the place of
// gqlgen's own way.
//
// gqlgen begins with all items of a list at once, and below each of them with all of
// its lists: where everything is known already, what an operation works on is then as
// large as its whole answer, and each item takes a stack, contexts and a tree of what
// it will write. Here the lists of one branch share a breadth: so many items are
// resolved at once, the next when one of them is done, and what is done is text. More are
// where all of them wait for a batch, to be one batch (see [Items]). Of these
// items only few run at once (see gate.Gate); the others wait for Zoom or for each other.
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
	// Breadth is how many items of lists are resolved at once in an operation, without
	// the items that these are below: several times as many as calls may be under way.
	Breadth = 500
	// few is how many a list within a list has at least, should its siblings have none.
	few = 4
)

// share is what the lists of a branch share: how many items at once, and how many there
// are for each list below at least.
type share struct{ items, least int }

// below returns what each of so many items that are resolved at once has.
func (s share) below(width int) share {
	return share{max(s.items/width, s.least), max(s.least/2, 1)}
}

// Items is told by Slice which item begins (see WithItems).
type Items interface {
	// Open is told, before the first item begins, how one more item at once is resolved. It
	// may call more while an item of the list has not begun; done is called when that many
	// are no longer resolved at once.
	Open(more func(done func()))
	// Begin returns the context of item i.
	Begin(ctx context.Context, i int) context.Context
}

type (
	shareKey struct{}
	itemsKey struct{}
)

// WithItems returns the context of a field whose items are told to another.
func WithItems(ctx context.Context, items Items) context.Context {
	return context.WithValue(ctx, itemsKey{}, items)
}

// Width returns how many of a field's n items are resolved at once.
func Width(ctx context.Context, n int) int { return min(n, shareOf(ctx).items) }

func shareOf(ctx context.Context) share {
	if s, ok := ctx.Value(shareKey{}).(share); ok {
		return s
	}
	return share{Breadth, few}
}

// Slice resolves the n items of a list.
func Slice(ctx context.Context, n int, item func(ctx context.Context, i int) graphql.Marshaler) graphql.Array {
	s := &slice{ctx: ctx, item: item, all: make(graphql.Array, n)}
	if n == 0 {
		return s.all
	}
	if n > 1 {
		defer gate.Wait(ctx)()
		if s.items, _ = ctx.Value(itemsKey{}).(Items); s.items != nil {
			s.ctx = context.WithValue(ctx, itemsKey{}, nil) // of this list alone
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
	ctx    context.Context //nolint:containedctx // of the one field
	item   func(ctx context.Context, i int) graphql.Marshaler
	items  Items // nil where nobody is told
	all    graphql.Array
	begun  atomic.Int64
	failed atomic.Bool
}

// resolve resolves one item after the other, until there is none left.
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
	s.all[i] = written(s.item(ctx, i))
}

// text is JSON.
type text []byte

// part is where a part of an answer is written: no buffer, in which there would be room
// for all of it.
type part struct{ *bytes.Buffer }

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxReused is how large a buffer may be to be used again.
const maxReused = 64 << 10

// written returns an object as text, and other values as they are.
func written(m graphql.Marshaler) graphql.Marshaler {
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

// MarshalGQL writes it.
func (t *text) MarshalGQL(w io.Writer) { _, _ = w.Write(*t) }
