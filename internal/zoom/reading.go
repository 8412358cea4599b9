package zoom

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"zoomql/internal/zoom/types"
)

// ErrIncomplete is of a list that Zoom ended before all had come that it says there
// is.
var ErrIncomplete = errors.New("Zoom ended the list before all of it had come")

// IncompleteError says what is missing in a list: items, by Zoom's own count, or days
// of a range.
type IncompleteError struct {
	Op             string // the operation's pattern
	Given, Counted int64  // how many items came, and how many Zoom counts
	AtLeast        bool   // Zoom counts pages, and the last one may hold more
	Missing        Days   // zero where items are missing
}

// Error says what is missing.
func (e *IncompleteError) Error() string {
	if !e.Missing.To.IsZero() {
		return fmt.Sprintf("Zoom's answer leaves out %s to %s of the range that was asked for.", e.Missing.From, e.Missing.To)
	}
	least := ""
	if e.AtLeast {
		least = "at least "
	}
	return fmt.Sprintf("Zoom counts %s%d here, gave %d, and no way on to the rest.", least, e.Counted, e.Given)
}

// Unwrap returns ErrIncomplete.
func (e *IncompleteError) Unwrap() error { return ErrIncomplete }

const (
	// maxToken bounds a page's token, in bytes. Zoom's have some dozens.
	maxToken = 1 << 10
	// maxEmptyPages is how many pages in a row may hold nothing and lead on.
	maxEmptyPages = 10
	// maxPages is how many pages a list may have: more than any list at Zoom, and fewer
	// than one that never ends.
	maxPages = 1000
)

// Trail is the way through a list so far, page by page. Where a list goes on, Zoom's
// answers alone say: they must not lead in a circle, nor on for ever, which costs
// calls, or, where the pages are in the cache, all of a processor. The zero value is
// the beginning of a list.
type Trail struct {
	tokens map[string]struct{}
	empty  int
}

// Follow returns an error unless the token next, which a page with so many items has
// named, may be followed: the caller has no time left, it has led here already, or
// nothing came for too long. token is the page's own.
func (t *Trail) Follow(ctx context.Context, s *Spec, token, next string, items int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if t.tokens == nil {
		t.tokens = map[string]struct{}{}
	}
	t.tokens[token] = struct{}{}
	if t.empty++; items > 0 {
		t.empty = 0
	}
	switch _, seen := t.tokens[next]; {
	case seen:
		return astray(s, "the list leads back to a page that was read already")
	case t.empty >= maxEmptyPages:
		return astray(s, "the list goes on, but its pages are empty")
	case len(t.tokens) >= maxPages:
		return astray(s, "the list goes on and on")
	case len(next) > maxToken:
		return astray(s, "the token of the next page is too long")
	}
	return nil
}

func astray(s *Spec, why string) error {
	return &Error{By: ByZoom, Op: s.Pattern, Kind: ErrBadAnswer, Message: why}
}

// Reading is a list as far as it was read: the way so far, what of a page came before,
// and whether the end is one by Zoom's own count. The zero value is the beginning of a
// list.
type Reading[T any] struct {
	// Read is how many items Zoom has sent since the beginning of the list.
	Read  int
	trail Trail
	pages []*Page[T]
	last  *Page[T]       // whose items are not in seen yet: most lists have one page
	seen  map[string]int // identities of the items on earlier pages, and of which part
	part  int

	given, fresh int // items without those that came before; of the last page
	leftOut      int
	cut          bool
	counted      bool  // Zoom has told the length
	least, most  int64 // of the lengths told: a list may grow while it is read
	byPages      int64 // how many there are at least, by the number of pages
}

// Part begins another listing of the same items, of which so many were read before.
// What came in an earlier part is known to have come.
func (r *Reading[T]) Part(read int) {
	*r = Reading[T]{Read: read, last: r.last, seen: r.seen, part: r.part + 1, leftOut: r.leftOut}
}

// Add takes the next page and returns which of its items came on a page before; nil
// if none did.
func (r *Reading[T]) Add(p *Page[T]) []bool {
	r.Read += p.Count()
	r.leftOut += p.LeftOut
	r.cut = r.cut || p.Cut
	if p.Total.Valid {
		if !r.counted {
			r.least, r.most = p.Total.N, p.Total.N
		}
		r.counted, r.least, r.most = true, min(r.least, p.Total.N), max(r.most, p.Total.N)
	}
	r.byPages = p.atLeast()
	before, n := r.before(p)
	r.pages, r.last = append(r.pages, p), p
	r.fresh = len(p.Items) - n
	r.given += r.fresh
	return before
}

// before returns which items of a page came before, and how many did in this part of
// the list. Items that nothing identifies may be alike and yet be several: of those
// only a whole page that came before is known.
func (r *Reading[T]) before(p *Page[T]) (before []bool, n int) {
	if r.last == nil || len(p.Items) == 0 {
		return nil, 0
	}
	own, all := p.identified(), slices.Repeat([]bool{true}, len(p.Items))
	same := func(other *Page[T]) bool { return reflect.DeepEqual(other.Items, p.Items) }
	if own == nil {
		if !slices.ContainsFunc(r.pages, same) {
			return nil, 0
		}
		return all, len(all)
	}
	r.see()
	before = make([]bool, len(p.Items))
	named := 0
	for i, id := range own {
		var part int
		if part, before[i] = r.seen[id]; before[i] && part == r.part {
			n++
		}
		if id != "" {
			named++
		}
	}
	if named < len(own) && n == named && slices.ContainsFunc(r.pages, same) { // so are those that nothing identifies
		return all, len(all)
	}
	return before, n
}

// see notes the items of the last page as seen.
func (r *Reading[T]) see() {
	if r.seen == nil {
		r.seen = map[string]int{}
	}
	part := r.part
	if len(r.pages) == 0 { // the last page is of the part before
		part--
	}
	for _, id := range r.last.identified() {
		if id != "" {
			r.seen[id] = part
		}
	}
}

// identified returns the identities of the items, nil where they have none.
func (p *Page[T]) identified() []string {
	if len(p.identities) == len(p.Items) {
		return p.identities
	}
	return identitiesOf(p.Items)
}

// identitiesOf returns what tells each item from all others of its list; nil where
// such items have nothing that does.
func identitiesOf[T any](items []*T) []string {
	if !types.Identified(new(T)) {
		return nil
	}
	identities := make([]string, len(items))
	for i, item := range items {
		identities[i] = types.IdentityOf(item)
	}
	return identities
}

// Follow returns an error unless the token next, which the last page has named, may be
// followed (see Trail). A page that brings nothing but what came before is no way on.
func (r *Reading[T]) Follow(ctx context.Context, s *Spec, token, next string) error {
	if last := r.pages[len(r.pages)-1]; r.fresh == 0 && len(last.Items) > 0 {
		return astray(s, "the list goes on with what came before")
	}
	return r.trail.Follow(ctx, s, token, next, r.fresh)
}

// Early returns an error where Zoom's own words contradict the end of the list: less
// has come than it counts, what came last had come before, or there is a way on that
// cannot be read.
func (r *Reading[T]) Early(s *Spec) error {
	last := r.pages[len(r.pages)-1]
	switch {
	case r.cut:
		return astray(s, "the list goes on, but the token of its next page cannot be read")
	case r.counted && int64(r.Read) < r.least:
		return &IncompleteError{Op: s.Pattern, Given: int64(r.Read), Counted: r.least}
	case !r.counted && int64(r.Read) < r.byPages:
		return &IncompleteError{Op: s.Pattern, Given: int64(r.Read), Counted: r.byPages, AtLeast: true}
	case r.fresh == 0 && len(last.Items) > 0 && (!r.counted || int64(r.given) < r.least):
		return astray(s, "the list ends with what came before")
	}
	return nil
}

// LeftOut returns an error that tells of items that are none; nil where there are no
// such.
func (r *Reading[T]) LeftOut(s *Spec) error {
	return LeftOut(s, r.leftOut)
}

// Unproven returns an error unless all that Zoom counts has come: what is not in a
// list that is proven to be whole is not there.
func (r *Reading[T]) Unproven(s *Spec) error {
	if err := r.Early(s); err != nil {
		return err
	}
	if r.counted && int64(r.given) < r.most {
		return &IncompleteError{Op: s.Pattern, Given: int64(r.given), Counted: r.most}
	}
	return r.LeftOut(s)
}
