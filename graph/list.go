package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// maxFirst bounds how much of a list one field may ask for.
const maxFirst = 3000

// pageSizes are the page sizes that we ask Zoom for. A few sizes make that
// different questions find the same pages in the cache, and that who pages on
// in small steps does not spend a call a step.
var pageSizes = []int{30, 100, 300, 1000, 2000}

func pageSize(first, most int) int {
	for _, size := range pageSizes {
		if size >= first {
			return min(size, most)
		}
	}
	return most
}

// list is a list of Zoom's as a connection needs it: one listing after the
// other, where a range had to be cut into windows, and else just one.
type list[In, T any] struct {
	in      *scope
	op      zoom.ListOp[In, T]
	windows windows[In]
	first   int
	after   *string
	options []zoom.Option
	// saw is told every page; may be nil.
	saw func(*zoom.Page[T])
}

// windows are the filters that together ask for what a caller's filter does.
type windows[In any] struct {
	asked In   // what names the list, whatever day it is read on
	cut   []In // in the order of the list
	day   day  // that they were cut on; 0 where no day counts
	// live tells that the range is none of the caller's.
	live bool
	// sums tells that items are sums over the range, and do not name it: those over the
	// rest of one that Zoom shortens would stand beside them as if they were others.
	sums bool
}

// uncut is a list that is read by the caller's own filter.
func uncut[In any](filter In) windows[In] { return windows[In]{asked: filter, cut: []In{filter}} }

// unnamed is a list that is read by a filter with more in it than names the list:
// which fields of the items are wanted.
func unnamed[In any](filter, asked In) windows[In] {
	return windows[In]{asked: asked, cut: []In{filter}}
}

// slice is the part of a list that was asked for.
type slice[T any] struct {
	items  []*T
	places []place // of each item
	total  types.Int
	before bool
	more   bool
	// beside are what the list has to say of itself: what Zoom left out. It goes on
	// all the same.
	beside []error
}

// read reads as many pages as the slice needs. When a page fails after others
// came, the slice is what there is, and err says why it ends there.
func (l list[In, T]) read(ctx context.Context) (*slice[T], error) {
	if l.first < 1 || l.first > maxFirst {
		return nil, invalid(fmt.Sprintf("first: %d is not between 1 and %d", l.first, maxFirst))
	}
	if len(l.windows.cut) == 0 {
		return &slice[T]{total: types.Int{Valid: true}}, nil
	}
	at, err := l.begin()
	if err != nil {
		return nil, err
	}
	s, err := l.readFrom(ctx, at, nil)
	if errors.Is(err, zoom.ErrPageToken) && len(s.items) == 0 && l.after != nil {
		s, err = l.readFrom(ctx, place{size: at.size, day: at.day}, &at) // the token is dead: find the place anew
	}
	if err != nil && len(s.items) == 0 {
		for _, told := range s.beside {
			graphql.AddError(ctx, told)
		}
		return nil, err
	}
	if full := from(ctx).admit(ctx, len(s.items)); full != nil {
		return nil, full
	}
	if s.total.N < int64(len(s.items)) {
		s.total = types.Int{} // there are more
	}
	return s, err
}

func (l list[In, T]) begin() (place, error) {
	if l.after == nil {
		return place{size: uint16(pageSize(l.first, l.largest())), day: l.windows.day}, nil
	}
	at, err := decodePlace(*l.after, l.fingerprint())
	if err != nil {
		return place{}, err
	}
	if !l.within(at) || int(at.size) > l.largest() || !l.has(at) {
		return place{}, errCursor
	}
	return at, nil
}

// largest is how many items a page has at most; a list without pages has them all
// on one.
func (l list[In, T]) largest() int { return cmp.Or(l.op.MaxPage, math.MaxUint16) }

// fingerprint names the list, so that a cursor of another one, or of another
// account, is refused. A list that cannot be named has no items either.
func (l list[In, T]) fingerprint() fingerprint {
	question, _ := l.op.Question(l.in.client, l.windows.asked)
	return fingerprintOf(l.in.client.Tenant(), l.op.Method()+question)
}

// readFrom reads from a place on. If lost is given, all up to the item that it
// marks is skipped.
func (l list[In, T]) readFrom(ctx context.Context, at place, lost *place) (*slice[T], error) {
	s := &slice[T]{before: at.window > 0 || at.until > 0 || at.offset > 0 || at.index > 0 || lost != nil}
	skipping, r := lost != nil, &reading[T]{}
	r.Part(int(at.offset))
	defer func() { s.tell(r.LeftOut(l.op.Spec)) }() // of all pages that were read
	for {
		paging := zoom.Paging{Size: int(at.size), Token: at.token}
		page, err := l.op.Page(ctx, l.in.client, l.filter(at), paging, l.options...)
		if err != nil {
			next, err := l.expired(s, r, at, err)
			if err != nil || !l.within(next) {
				s.more = err != nil
				return s, err
			}
			at = next
			continue
		}
		if l.saw != nil {
			l.saw(page)
		}
		if len(l.windows.cut) == 1 && at.until == 0 {
			s.total = page.Total
		}
		before, foreign := r.add(page), l.foreign(at, page)
		room := min(l.first-len(s.items), len(page.Items))
		s.items, s.places = slices.Grow(s.items, room), slices.Grow(s.places, room)
		for i := int(at.index); i < len(page.Items); i++ {
			here := at
			here.index, here.offset = uint16(i+1), at.offset+uint32(i)+1
			switch {
			case foreign, i < len(before) && before[i]:
				continue
			case skipping:
				skipping = here.window != lost.window || markOf(page.Items[i]) != lost.mark
				continue
			case len(s.items) == l.first:
				s.more = true
				return s, nil
			}
			s.items, s.places = append(s.items, page.Items[i]), append(s.places, here)
		}
		next, early, err := l.next(ctx, s, r, at, paging)
		switch {
		case !l.within(next):
			s.more = early && len(s.items) > 0 // there are more, and no way to them
			if skipping {
				return s, errCursorGone
			}
			return s, nil
		case len(s.items) == l.first:
			s.more = true
			return s, nil
		case err != nil:
			s.more = true
			return s, err
		}
		at = next
	}
}

// reading is how far a list was read, one listing after the other.
type reading[T any] struct {
	zoom.Reading[T]
	page     *zoom.Page[T] // the last one
	answered zoom.Days     // what the listing is about, if Zoom says it
	rests    int           // how many times the rest of a range was asked for
}

func (r *reading[T]) add(page *zoom.Page[T]) []bool {
	r.page = page
	if r.answered.From.IsZero() {
		r.answered = page.Answered()
	}
	return r.Add(page)
}

// next returns the place where the next page begins: of the same listing, or of the
// one behind it. early tells that Zoom ended the listing before all of it had come.
func (l list[In, T]) next(ctx context.Context, s *slice[T], r *reading[T], at place, paging zoom.Paging) (next place, early bool, err error) {
	next = at
	next.offset, next.index = at.offset+uint32(r.page.Count()), 0
	if next.token = l.op.After(paging, r.page, r.Read); next.token != "" {
		return next, false, r.Follow(ctx, l.op.Spec, at.token, next.token)
	}
	told := len(s.beside)
	s.tell(r.Early(l.op.Spec))
	next = l.rest(s, r, at)
	r.answered = zoom.Days{}
	r.Part(0)
	return next, len(s.beside) > told, ctx.Err()
}

// within reports whether a place is in one of the windows, or behind them.
func (l list[In, T]) within(at place) bool { return int(at.window) < len(l.windows.cut) }

// tell notes what the list has to say of itself.
func (s *slice[T]) tell(err error) {
	if err != nil {
		s.beside = append(s.beside, err)
	}
}

// connection makes a slice a connection. An error that cut it short stands
// beside it: a list that ends early says so.
func connection[In, T, N any](ctx context.Context, l list[In, T], s *slice[T], err error, nodes []*N) *types.Connection[N] {
	for _, told := range s.beside {
		graphql.AddError(ctx, told)
	}
	if err != nil {
		graphql.AddError(ctx, err)
	}
	fp := sync.OnceValue(l.fingerprint) // most pages are read without cursors
	return types.NewConnection(nodes, s.total, s.before, s.more, func(i int) string {
		at := s.places[i]
		at.mark = markOf(s.items[i])
		return at.encode(fp())
	})
}

// connect reads a list as a connection. What its rows do not carry is told.
func connect[In, T any](ctx context.Context, l list[In, T]) (*types.Connection[T], error) {
	s, err := l.read(ctx)
	if s == nil {
		return nil, err
	}
	if len(s.items) > 0 {
		if row, ok := any(s.items[0]).(interface{ GetOrigin() *types.Origin }); ok {
			notTold(ctx, needsOfNodes(ctx, reflect.TypeFor[T]().Name()), row.GetOrigin().Op)
		}
	}
	return connection(ctx, l, s, err, s.items), nil
}

// connectWhole is connect for objects that lists do not hold whole.
func connectWhole[In, T any, P sourced[T]](ctx context.Context, l list[In, T], typeName string, whole func([]*T) []zoom.Found[T]) (*types.Connection[T], error) {
	part, err := l.read(ctx)
	if part == nil {
		return nil, err
	}
	return connection(ctx, l, part, err, complete[T, P](ctx, part.items, needsOfNodes(ctx, typeName), whole)), nil
}

// sourced is an object that knows where it was read.
type sourced[T any] interface {
	*T
	GetOrigin() *types.Origin
}

// pathError is an error of a field further down than the one that met it.
type pathError struct {
	error
	path ast.Path
}

// Unwrap returns the error itself.
func (e *pathError) Unwrap() error { return e.error }
