package zoom

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"zoomql/internal/zoom/types"
)

// ErrIncomplete reports a list that Zoom ended before it returned all items that it counts.
var ErrIncomplete = errors.New("Zoom ended the list before all of it had come")

// IncompleteError reports what is missing in a list: items, by Zoom's own count, or days
// of a range.
type IncompleteError struct {
	Op             string // the operation's pattern
	Given, Counted int64  // how many items Zoom returned, and how many it counts
	AtLeast        bool   // Zoom counts pages, and the last one may hold more
	Missing        Days   // zero if items are missing
}

// Error describes what is missing.
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
	// maxEmptyPages bounds the empty pages in a row that name a next one.
	maxEmptyPages = 10
	// maxPages bounds the pages of a list: more than any list of Zoom's has.
	maxPages = 1000
)

// Trail records the tokens of a list's pages read so far. The next token comes from
// Zoom: tokens must neither form a cycle nor go on for ever, which costs calls, or, if
// the pages are cached, all the time of a processor. The zero value is the beginning of a
// list.
type Trail struct {
	tokens map[string]struct{}
	empty  int
}

// Follow returns an error if the token next, of a page with so many items, must not be
// followed: the context has ended, the token has been followed before, there were too many
// empty pages or too many pages, or the token is too long. token is the page's own.
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
		return badPages(s, "the list leads back to a page that was read already")
	case t.empty >= maxEmptyPages:
		return badPages(s, "the list goes on, but its pages are empty")
	case len(t.tokens) >= maxPages:
		return badPages(s, "the list goes on and on")
	case len(next) > maxToken:
		return badPages(s, "the token of the next page is too long")
	}
	return nil
}

// badPages returns the error for a list whose pages cannot be followed.
func badPages(s *Spec, why string) error {
	return &Error{By: ByZoom, Op: s.Pattern, Kind: ErrBadAnswer, Message: why}
}

// Reading is the state of a list that is being read: its tokens, the items that have
// occurred, and whether it is complete by Zoom's own count. The zero value is the beginning
// of a list.
type Reading[T any] struct {
	// Read is how many items Zoom has sent since the beginning of the list.
	Read  int
	trail Trail
	pages []*Page[T]
	last  *Page[T]       // its items are not in seen yet: most lists have one page
	seen  map[string]int // the part of each item on earlier pages, by identity
	part  int

	given, fresh int // items without repeated ones: of this part, of the last page
	repeated     int // items of this part that were on an earlier page of it
	leftOut      int
	cut          bool
	counted      bool // Zoom has reported the length
	// first, latest and most are of the reported lengths: a list may grow or shrink while it is read.
	first, latest, most int64
	byPages             int64 // the minimum length by Zoom's number of pages
}

// Part begins another listing of the same items, of which so many were read before. It
// retains which items have occurred in earlier parts.
func (r *Reading[T]) Part(read int) {
	*r = Reading[T]{Read: read, last: r.last, seen: r.seen, part: r.part + 1, leftOut: r.leftOut}
}

// Add adds the next page and reports for each of its items whether it was on an earlier
// page; nil if none was.
func (r *Reading[T]) Add(p *Page[T]) []bool {
	r.Read += p.Count()
	r.leftOut += p.LeftOut
	r.cut = r.cut || p.Cut
	if p.Total.Valid {
		if !r.counted {
			r.first = p.Total.N
		}
		r.counted, r.latest, r.most = true, p.Total.N, max(r.most, p.Total.N)
	}
	r.byPages = p.atLeast()
	before, n := r.before(p)
	r.pages, r.last = append(r.pages, p), p
	r.fresh = len(p.Items) - n
	r.given += r.fresh
	r.repeated += n
	return before
}

// before reports which items of a page were on earlier pages, and how many of them in this
// part of the list. Items without an identity may be equal and yet distinct: of these only
// the repetition of a whole page is detected.
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
	r.markSeen()
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
	if named < len(own) && n == named && slices.ContainsFunc(r.pages, same) { // so the items without an identity are repeated too
		return all, len(all)
	}
	return before, n
}

// markSeen adds the items of the last page to seen.
func (r *Reading[T]) markSeen() {
	if r.seen == nil {
		r.seen = map[string]int{}
	}
	part := r.part
	if len(r.pages) == 0 { // the last page belongs to the previous part
		part--
	}
	for _, id := range r.last.identified() {
		if id != "" {
			r.seen[id] = part
		}
	}
}

// identified returns the identities of the items; nil if they have none.
func (p *Page[T]) identified() []string {
	if len(p.identities) == len(p.Items) {
		return p.identities
	}
	return identitiesOf(p.Items)
}

// identitiesOf returns the identity of each item; nil if items of the type have none.
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

// Follow returns an error if the token next, of the last page, must not be followed (see
// [Trail.Follow]), or if the last page has only items of earlier pages.
func (r *Reading[T]) Follow(ctx context.Context, s *Spec, token, next string) error {
	if last := r.pages[len(r.pages)-1]; r.fresh == 0 && len(last.Items) > 0 {
		return badPages(s, "the list goes on with what came before")
	}
	return r.trail.Follow(ctx, s, token, next, r.fresh)
}

// Early returns an error if Zoom's answers contradict the end of the list: it has returned
// fewer items than it counts, the last page repeats earlier ones, or its token cannot be
// read. The last count decides, because a list may shrink while it is read. A repeated item
// takes the place of another one, unless the list has grown by as many: new items on pages that
// were read move others down a page.
func (r *Reading[T]) Early(s *Spec) error {
	last, sent := r.pages[len(r.pages)-1], int64(r.Read-r.repeated)
	moved := min(int64(r.repeated), max(0, r.latest-r.first))
	switch {
	case r.cut:
		return badPages(s, "the list goes on, but the token of its next page cannot be read")
	case r.counted && sent+moved < r.latest:
		return &IncompleteError{Op: s.Pattern, Given: sent, Counted: r.latest}
	case !r.counted && sent < r.byPages:
		return &IncompleteError{Op: s.Pattern, Given: sent, Counted: r.byPages, AtLeast: true}
	case r.fresh == 0 && len(last.Items) > 0 && !r.counted:
		return badPages(s, "the list ends with what came before")
	}
	return nil
}

// LeftOut returns a [LeftOutError] about the items that were left out; nil if none were.
func (r *Reading[T]) LeftOut(s *Spec) error {
	return LeftOut(s, r.leftOut)
}

// Unproven returns an error unless Zoom has returned all items that it counts. Only then an
// item that is not in the list does not exist.
func (r *Reading[T]) Unproven(s *Spec) error {
	if err := r.Early(s); err != nil {
		return err
	}
	if r.counted && int64(r.given) < r.most {
		return &IncompleteError{Op: s.Pattern, Given: int64(r.given), Counted: r.most}
	}
	return r.LeftOut(s)
}
