// Package list reads lists of Zoom's as connections: as many pages as are asked for, the
// windows that a range of days is cut into, and the cursors by which a list is read on.
//
// A list that ends before all of it has come says so beside its items: what Zoom left out
// is an error of the field, and the items are still there.
package list

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/errs"
	"zoomql/internal/plan"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// MaxFirst bounds how much of a list one field may ask for.
const MaxFirst = plan.MaxFirst

// List is a list of Zoom's as a connection needs it: one listing after the
// other, where a range had to be cut into windows, and else just one.
type List[In, T any] struct {
	Client  *zoom.Client
	Op      zoom.ListOp[In, T]
	Windows Windows[In]
	// First is how many items are wanted, behind the one that the cursor After names.
	First   int
	After   *string
	Options []zoom.Option
	// Saw is called with every page; may be nil.
	Saw func(*zoom.Page[T])
}

// Windows are the filters that together ask for what a caller's filter does.
type Windows[In any] struct {
	Asked In   // what names the list, whatever day it is read on
	Cut   []In // in the order of the list
	Day   Day  // that they were cut on; 0 where no day counts
	// Live says that the range is not the caller's.
	Live bool
	// Sums says that items are sums over the range, and do not name it: those over the
	// rest of one that Zoom shortens would stand beside them as if they were others.
	Sums bool
}

// Uncut is a list that is read by the caller's own filter.
func Uncut[In any](filter In) Windows[In] { return Windows[In]{Asked: filter, Cut: []In{filter}} }

// Unnamed is a list that is read by a filter with more in it than names the list:
// which fields of the items are wanted.
func Unnamed[In any](filter, asked In) Windows[In] {
	return Windows[In]{Asked: asked, Cut: []In{filter}}
}

// Slice is the part of a list that was asked for.
type Slice[T any] struct {
	// Items are what was read.
	Items  []*T
	places []Place // of each item
	total  types.Int
	before bool
	more   bool
	// beside are the errors of the list itself: what Zoom left out. It is read on all the
	// same.
	beside []error
}

// Read reads as many pages as the slice needs. When a page fails after others
// came, the slice is what there is, and err says why it ends there.
func (l List[In, T]) Read(ctx context.Context) (*Slice[T], error) {
	if l.First < 1 || l.First > MaxFirst {
		return nil, errs.Invalid(fmt.Sprintf("first: %d is not between 1 and %d", l.First, MaxFirst))
	}
	if len(l.Windows.Cut) == 0 {
		return &Slice[T]{total: types.Int{Valid: true}}, nil
	}
	at, err := l.begin()
	if err != nil {
		return nil, err
	}
	s, err := l.readFrom(ctx, at, nil)
	if errors.Is(err, zoom.ErrPageToken) && len(s.Items) == 0 && l.After != nil {
		s, err = l.readFrom(ctx, Place{Size: at.Size, Day: at.Day}, &at) // the token has expired: find the place anew
	}
	if err != nil && len(s.Items) == 0 {
		for _, told := range s.beside {
			graphql.AddError(ctx, told)
		}
		return nil, err
	}
	if s.total.N < int64(len(s.Items)) {
		s.total = types.Int{} // there are more
	}
	return s, err
}

func (l List[In, T]) begin() (Place, error) {
	if l.After == nil {
		return Place{Size: uint16(plan.PageSize(l.First, l.largest())), Day: l.Windows.Day}, nil
	}
	at, err := decodePlace(*l.After, l.fingerprint())
	if err != nil {
		return Place{}, err
	}
	if !l.within(at) || int(at.Size) > l.largest() || !l.has(at) {
		return Place{}, errCursor
	}
	return at, nil
}

// largest is how many items a page has at most; a list without pages has them all
// on one.
func (l List[In, T]) largest() int { return cmp.Or(l.Op.MaxPage, math.MaxUint16) }

// fingerprint names the list, so that a cursor of another one, or of another
// account, is refused. A list that cannot be named has no items either.
func (l List[In, T]) fingerprint() Fingerprint {
	question, _ := l.Op.Question(l.Client, l.Windows.Asked)
	return FingerprintOf(l.Client.Tenant(), l.Op.Method()+question)
}

// readFrom reads from a place on. If lost is given, all up to the item that it
// marks is skipped.
func (l List[In, T]) readFrom(ctx context.Context, at Place, lost *Place) (*Slice[T], error) {
	s := &Slice[T]{before: at.Window > 0 || at.Until > 0 || at.Offset > 0 || at.Index > 0 || lost != nil}
	skipping, r := lost != nil, &reading[T]{}
	r.Part(int(at.Offset))
	defer func() { s.tell(r.LeftOut(l.Op.Spec)) }() // of all pages that were read
	for {
		paging := zoom.Paging{Size: int(at.Size), Token: at.Token}
		page, err := l.Op.Page(ctx, l.Client, l.filter(at), paging, l.Options...)
		if err != nil {
			next, err := l.expired(s, r, at, err)
			if err != nil || !l.within(next) {
				s.more = err != nil
				return s, err
			}
			at = next
			continue
		}
		if l.Saw != nil {
			l.Saw(page)
		}
		if len(l.Windows.Cut) == 1 && at.Until == 0 {
			s.total = page.Total
		}
		before, foreign := r.add(page), l.foreign(at, page)
		room := min(l.First-len(s.Items), len(page.Items))
		s.Items, s.places = slices.Grow(s.Items, room), slices.Grow(s.places, room)
		for i := int(at.Index); i < len(page.Items); i++ {
			here := at
			here.Index, here.Offset = uint16(i+1), at.Offset+uint32(i)+1
			switch {
			case foreign, i < len(before) && before[i]:
				continue
			case skipping:
				skipping = here.Window != lost.Window || markOf(page.Items[i]) != lost.Mark
				continue
			case len(s.Items) == l.First:
				s.more = true
				return s, nil
			}
			s.Items, s.places = append(s.Items, page.Items[i]), append(s.places, here)
		}
		next, early, err := l.next(ctx, s, r, at, paging)
		switch {
		case !l.within(next):
			s.more = early && len(s.Items) > 0 // there are more, and no way to them
			if skipping {
				return s, errCursorGone
			}
			return s, nil
		case len(s.Items) == l.First:
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
func (l List[In, T]) next(ctx context.Context, s *Slice[T], r *reading[T], at Place, paging zoom.Paging) (next Place, early bool, err error) {
	next = at
	next.Offset, next.Index = at.Offset+uint32(r.page.Count()), 0
	if next.Token = l.Op.After(paging, r.page, r.Read); next.Token != "" {
		return next, false, r.Follow(ctx, l.Op.Spec, at.Token, next.Token)
	}
	told := len(s.beside)
	s.tell(r.Early(l.Op.Spec))
	next = l.rest(s, r, at)
	r.answered = zoom.Days{}
	r.Part(0)
	return next, len(s.beside) > told, ctx.Err()
}

// within reports whether a place is in one of the windows, or behind them.
func (l List[In, T]) within(at Place) bool { return int(at.Window) < len(l.Windows.Cut) }

// tell notes an error of the list itself.
func (s *Slice[T]) tell(err error) {
	if err != nil {
		s.beside = append(s.beside, err)
	}
}

// Connection makes a slice a connection. An error that cut it short stands
// beside it: a list that ends early says so.
func Connection[In, T, N any](ctx context.Context, l List[In, T], s *Slice[T], err error, nodes []*N) *types.Connection[N] {
	for _, told := range s.beside {
		graphql.AddError(ctx, told)
	}
	if err != nil {
		graphql.AddError(ctx, err)
	}
	fp := sync.OnceValue(l.fingerprint) // most pages are read without cursors
	return types.NewConnection(nodes, s.total, s.before, s.more, func(i int) string {
		at := s.places[i]
		at.Mark = markOf(s.Items[i])
		return at.Encode(fp())
	})
}
