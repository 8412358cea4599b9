// Package list reads lists of Zoom's as connections: as many pages as needed, the windows
// that a range of days is cut into, and the cursors at which a list is continued.
//
// If Zoom ends a list before it has returned all items, the field has an error in addition
// to the items.
package list

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/internal/plan"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// MaxFirst bounds the argument first.
const MaxFirst = plan.MaxFirst

// List is a list of Zoom's that is read as a connection. It has several listings, read one
// after the other, if its range is cut into windows, and otherwise one.
type List[In, T any] struct {
	Client  *zoom.Client
	Op      zoom.ListOp[In, T]
	Windows Windows[In]
	// First is the number of requested items, after the cursor After.
	First   int
	After   *string
	Options []zoom.Option
	// Saw is called with every page; may be nil.
	Saw func(*zoom.Page[T])
}

// Windows are the filters that together have the range of a caller's filter.
type Windows[In any] struct {
	Asked In   // identifies the list, on whatever day it is read
	Cut   []In // in the order of the list
	Day   Day  // on which they were cut; 0 if the windows do not depend on it
	// Live reports that the range is not the caller's.
	Live bool
	// Sums reports that items are sums over the range that do not name it. If Zoom shortens
	// the range, the sums over the rest would look like other items.
	Sums bool
}

// Uncut returns the window of a list that is read by the caller's own filter.
func Uncut[In any](filter In) Windows[In] { return Windows[In]{Asked: filter, Cut: []In{filter}} }

// Unnamed returns the window of a list whose filter also selects fields of the items, which
// do not identify the list.
func Unnamed[In any](filter, asked In) Windows[In] {
	return Windows[In]{Asked: asked, Cut: []In{filter}}
}

// Slice is the requested part of a list.
type Slice[T any] struct {
	// Items are the items read.
	Items  []*T
	places []Place // of each item
	total  types.Int
	before bool
	more   bool
	// beside are errors about items that Zoom left out. They do not end the reading.
	beside []error
}

// Read reads as many pages as the slice needs. If a page fails after others have been read,
// Read returns both their items and the error.
func (l List[In, T]) Read(ctx context.Context) (*Slice[T], error) {
	if err := Sized(l.First); err != nil {
		return nil, err
	}
	if len(l.Windows.Cut) == 0 {
		return &Slice[T]{total: types.Int{Valid: true}}, nil
	}
	at, err := l.begin()
	if err != nil {
		return nil, err
	}
	at.Size = l.grown(ctx, at, int(at.Index))
	s, err := l.readFrom(ctx, at, nil)
	if l.After != nil && len(s.Items) == 0 && (errors.Is(err, zoom.ErrPageToken) || errors.Is(err, errMoved)) {
		begin := Place{Window: at.Window, Since: at.Since, Until: at.Until, Size: at.Size, Day: at.Day}
		begin.Size = l.grown(ctx, begin, int(at.Offset)+int(at.Index))
		s, err = l.readFrom(ctx, begin, &at)
	}
	if err != nil && len(s.Items) == 0 {
		for _, missing := range s.beside {
			graphql.AddError(ctx, missing)
		}
		return nil, err
	}
	if s.total.N < int64(len(s.Items)) {
		s.total = types.Int{} // Zoom's count is too low
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

// grown returns the size of the pages from a place on, at which so many items precede the requested
// ones. It is the cursor's, since a token is valid for its own size only, except on the first page:
// this is requested in the size that has all, unless the cache has it in the cursor's size with all.
func (l List[In, T]) grown(ctx context.Context, at Place, before int) uint16 {
	size := plan.GrownSize(int(at.Size), before, l.First, l.largest(), at.OnFirst())
	if paging := (zoom.Paging{Size: int(at.Size)}); size > paging.Size && !l.secret() {
		page := l.Op.KnownPage(ctx, l.Client, l.filter(at), paging)
		if page != nil && (l.Op.After(paging, page, page.Count()) == "" || len(page.Items) >= before+l.First) {
			return at.Size
		}
	}
	return uint16(size)
}

// largest returns the maximum number of items on a page; a list without pages has all of
// its items on one.
func (l List[In, T]) largest() int { return cmp.Or(l.Op.MaxPage, math.MaxUint16) }

// fingerprint identifies the list, so that a cursor of another one, or of another
// account, is rejected. The error is ignored: a list with an invalid filter has no items.
func (l List[In, T]) fingerprint() Fingerprint {
	request, _ := l.Op.Question(l.Client, l.Windows.Asked)
	return FingerprintOf(l.Client.Tenant(), l.Op.Method()+request)
}

// errMoved reports that the item that a cursor points behind is on another page by now.
var errMoved = errors.New("list: the item before the cursor is on another page")

// readFrom reads from a place on, which may be anywhere on its page by now. If lost is given,
// it skips the items up to the one with the mark of lost, which is sought as far as the items
// that would be read if nothing had moved: the price includes these pages and no more.
func (l List[In, T]) readFrom(ctx context.Context, at Place, lost *Place) (*Slice[T], error) {
	s := &Slice[T]{before: at.Window > 0 || at.Until > 0 || at.Offset > 0 || at.Index > 0 || lost != nil}
	skipping, continued, r := lost != nil, lost == nil && at.Index > 0, &reading[T]{}
	r.Part(int(at.Offset))
	defer func() { s.note(r.LeftOut(l.Op.Spec)) }() // of all pages read
	for {
		paging := zoom.Paging{Size: int(at.Size), Token: at.Token}
		page, err := l.Op.Page(ctx, l.Client, l.filter(at), paging, l.Options...)
		if err != nil {
			if l.guess(ctx, s, at, err) {
				return s, nil
			}
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
		if continued {
			n := countUpTo(page.Items, Place{Offset: uint32(at.Index), Mark: at.Mark})
			if n < 0 {
				return s, errMoved
			}
			at.Index, continued = uint16(n), false
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
		if n := len(s.places); n > 0 && next.Token != "" && s.places[n-1].Offset == next.Offset && l.secret() {
			s.places[n-1] = next // its own page would be read again, since secrets are not cached
		}
		switch {
		case skipping && !lost.reaches(next, l.First):
			return s, errCursorGone
		case lost != nil && len(s.Items) < l.First && l.within(next) && next.Window == lost.Window && !lost.reaches(next, l.First):
			if len(s.Items) == 0 {
				return s, errCursorGone // a page without items has no cursor to go on from
			}
			s.more = true // the page is short, lest it costs more than its price
			return s, nil
		case !l.within(next):
			s.more = early && len(s.Items) > 0 // there are more, which cannot be read
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

// reading is the state of a list that is being read, one listing after the other.
type reading[T any] struct {
	zoom.Reading[T]
	page     *zoom.Page[T] // the last one
	answered zoom.Days     // the range of the listing, if Zoom names it
	rests    int           // how many times the rest of a range was requested
}

func (r *reading[T]) add(page *zoom.Page[T]) []bool {
	r.page = page
	if r.answered.From.IsZero() {
		r.answered = page.Answered()
	}
	return r.Add(page)
}

// next returns the place where the next page begins: of the same listing, or of the one
// after it. early reports that Zoom ended the listing before it had returned all items.
func (l List[In, T]) next(ctx context.Context, s *Slice[T], r *reading[T], at Place, paging zoom.Paging) (next Place, early bool, err error) {
	next = at
	next.Offset, next.Index = at.Offset+uint32(r.page.Count()), 0
	if next.Token = l.Op.After(paging, r.page, r.Read); next.Token != "" {
		return next, false, r.Follow(ctx, l.Op.Spec, at.Token, next.Token)
	}
	noted := len(s.beside)
	s.note(r.Early(l.Op.Spec))
	next = l.rest(s, r, at)
	r.answered = zoom.Days{}
	r.Part(0)
	return next, len(s.beside) > noted, ctx.Err()
}

// secret reports whether the pages have secrets.
func (l List[In, T]) secret() bool {
	var req zoom.Request
	for _, option := range l.Options {
		option(&req)
	}
	return req.Secrets
}

// within reports whether a place is in one of the windows, not after the last.
func (l List[In, T]) within(at Place) bool { return int(at.Window) < len(l.Windows.Cut) }

// note adds an error about items that Zoom left out.
func (s *Slice[T]) note(err error) {
	if err != nil {
		s.beside = append(s.beside, err)
	}
}

// Connection returns the connection of a slice. Errors about missing items, and err, which
// ended the reading early, are added to the field of ctx.
func Connection[In, T, N any](ctx context.Context, l List[In, T], s *Slice[T], err error, nodes []*N) *types.Connection[N] {
	for _, missing := range s.beside {
		graphql.AddError(ctx, missing)
	}
	if err != nil {
		graphql.AddError(ctx, err)
	}
	fp := sync.OnceValue(l.fingerprint) // most queries select no cursors
	return types.NewConnection(nodes, s.total, s.before, s.more, func(i int) string {
		at := s.places[i]
		at.Mark = markOf(s.Items[i])
		return at.Encode(fp())
	})
}
