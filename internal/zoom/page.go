package zoom

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"zoomql/internal/zoom/types"
)

// Page is one page of a list.
type Page[T any] struct {
	Items []*T      `json:"zoomql_items"`
	Next  string    `json:"next_page_token,omitzero"` // "" after the last page
	Total types.Int `json:"total_records,omitzero"`   // the length of the list, if Zoom reports it
	Size  types.Int `json:"page_size,omitzero"`       // of the pages, if Zoom reports it: it may be smaller than requested
	Pages types.Int `json:"page_count,omitzero"`      // how many there are of that size, if Zoom reports it
	// From and To are the range that the answer is about, if Zoom names one: it may
	// be shorter than the requested one.
	From types.Time `json:"from,omitzero"`
	To   types.Time `json:"to,omitzero"`
	// LeftOut counts the items of Zoom's that are left out: null, without an id, or of
	// another JSON type. Repeated counts duplicates of items on this page.
	LeftOut  int `json:"zoomql_left_out,omitzero"`
	Repeated int `json:"zoomql_repeated,omitzero"`
	// Cut reports that the next page's token cannot be read.
	Cut bool `json:"zoomql_cut,omitzero"`
	// Beside is an object of the fields next to the items that Spec.Beside names.
	Beside jsontext.Value `json:"zoomql_beside,omitzero"`

	identities []string // of the items; nil if they have none
	once       sync.Once
	index      map[string]*T
}

// Count returns how many items Zoom sent, without duplicates: Zoom counts a duplicate in
// place of another item.
func (p *Page[T]) Count() int { return len(p.Items) + p.LeftOut }

// tokenLife bounds how long a page with a token is fresh: the token expires after 15
// minutes, and a page with an expired token has no next one.
//
// Source: https://developers.zoom.us/docs/api/pagination/
const tokenLife = 14 * time.Minute

// keep returns how long the page may be stored, at most ttl. first means that no page precedes it.
func (p *Page[T]) keep(ttl time.Duration, first bool) time.Duration {
	switch {
	case p.lacks(first):
		return min(ttl, absent)
	case p.Next != "":
		return min(ttl, tokenLife)
	}
	return ttl
}

// lacks reports whether the page is without items that Zoom has sent, or that it counts if the page
// is the whole list. The next request may bring them.
func (p *Page[T]) lacks(first bool) bool {
	sent := int64(p.Count() + p.Repeated)
	return p.LeftOut > 0 || p.Cut || first && p.Next == "" && p.Total.Valid && sent < p.Total.N
}

// Index returns the items by the keys that the function returns for them. The index is
// built by the first call, so all calls MUST pass the same function.
func (p *Page[T]) Index(keys func(*T) []string) map[string]*T {
	p.once.Do(func() {
		p.index = make(map[string]*T, 2*len(p.Items))
		for _, item := range p.Items {
			for _, key := range keys(item) {
				if key != "" {
					p.index[key] = item
				}
			}
		}
	})
	return p.index
}

// decode reads an answer whose items have the name that the operation's row gives. The
// cache's encoding uses names that no field of Zoom's has. An item of another JSON type is
// left out: [types.Read] decodes it as null.
func (p *Page[T]) decode(s *Spec, dec *jsontext.Decoder) error {
	if kind := dec.PeekKind(); kind != '{' {
		return types.UnmarshalDecode(dec, &struct{}{}) // returns the error
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	beside := map[string]jsontext.Value{}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		if err := p.member(s, name.String(), dec, beside); err != nil {
			return err
		}
	}
	if len(beside) > 0 && p.Beside == nil { // the cache's encoding has the field itself
		p.Beside, _ = types.Marshal(beside) // cannot fail: the values have just been read
	}
	_, err := dec.ReadToken()
	return err
}

// errNoItems reports a list without a single item that can be read: it is not the requested
// one.
var errNoItems = errors.New("the items of the list are of another kind")

func (p *Page[T]) member(s *Spec, name string, dec *jsontext.Decoder, beside map[string]jsontext.Value) error {
	switch name {
	case s.Array, "zoomql_items":
		return p.readItems(dec)
	case "next_page_token":
		if p.Cut = strings.ContainsRune("{[tf", rune(dec.PeekKind())); p.Cut {
			return dec.SkipValue()
		}
		return types.UnmarshalDecode(dec, (*types.Text)(&p.Next))
	case "zoomql_beside":
		return types.UnmarshalDecode(dec, &p.Beside)
	}
	if slices.Contains(s.Beside, name) {
		v, err := dec.ReadValue()
		if err != nil {
			return err
		}
		beside[name] = v.Clone()
		dec = jsontext.NewDecoder(bytes.NewReader(beside[name]), types.Lenient)
	}
	switch name {
	case "total_records":
		return types.UnmarshalDecode(dec, &p.Total)
	case "page_size":
		return types.UnmarshalDecode(dec, &p.Size)
	case "page_count":
		return types.UnmarshalDecode(dec, &p.Pages)
	case "from":
		return types.UnmarshalDecode(dec, &p.From)
	case "to":
		return types.UnmarshalDecode(dec, &p.To)
	case "zoomql_left_out":
		return types.UnmarshalDecode(dec, &p.LeftOut)
	case "zoomql_repeated":
		return types.UnmarshalDecode(dec, &p.Repeated)
	case "zoomql_cut":
		return types.UnmarshalDecode(dec, &p.Cut)
	}
	return dec.SkipValue()
}

// readItems reads the items, and removes those that could not be read.
func (p *Page[T]) readItems(dec *jsontext.Decoder) error {
	p.Items = nil
	if err := types.UnmarshalDecode(dec, &p.Items); err != nil {
		return err
	}
	sent := len(p.Items)
	p.Items = slices.DeleteFunc(p.Items, func(item *T) bool { return item == nil })
	if p.LeftOut += sent - len(p.Items); sent > 0 && len(p.Items) == 0 {
		return errNoItems
	}
	return nil
}

// Paging is the part of a list's input that selects a page.
type Paging struct {
	Size  int    `query:"page_size"`
	Token string `query:"next_page_token"`
}

// ListOp is an operation that returns pages of a list.
type ListOp[In, T any] struct {
	Op[listInput[In], Page[T]]
	// within extracts the page from a larger answer; nil if the answer is the page.
	within func(context.Context, *Client, listInput[In], []Option) (*Page[T], error)
}

// listInput is the input of a list with the requested page: by token, or by number if Zoom
// accepts no token. Outside of this package the number is passed as the token, so that
// readers of a list need not distinguish them.
type listInput[In any] struct {
	Filter In
	Paging
	Number int `query:"page_number"`
}

// Question returns a string that identifies the request of a filter, whichever its page:
// filters with the same values have the same.
func (o ListOp[In, T]) Question(c *Client, in In) (string, error) {
	req, err := o.request(c, o.input(in, Paging{}), nil)
	if err != nil {
		return "", err
	}
	return req.Path + "?" + req.Query, nil
}

func (o ListOp[In, T]) input(in In, p Paging) listInput[In] {
	if !o.Numbered {
		return listInput[In]{Filter: in, Paging: p}
	}
	if token, ok := strings.CutPrefix(p.Token, tokenMark); ok {
		return listInput[In]{Filter: in, Paging: Paging{Size: p.Size, Token: token}}
	}
	number, _ := strconv.Atoi(p.Token) // none is the first
	return listInput[In]{Filter: in, Paging: Paging{Size: p.Size}, Number: max(number, 1)}
}

// tokenMark precedes a token of Zoom's where a page number is expected: Zoom returns tokens
// in lists that it documents with numbers.
const tokenMark = "="

// After returns the token of the page after the one that p selected, "" after the last.
// Zoom's answer has it; for lists with page numbers, it follows from the number of pages or
// the length of the list, or, without either, from whether the page is full. read is how
// many items Zoom has sent, including those of that page.
func (o ListOp[In, T]) After(p Paging, page *Page[T], read int) string {
	switch {
	case !o.Numbered:
		return page.Next
	case page.Next != "":
		return tokenMark + page.Next
	case strings.HasPrefix(p.Token, tokenMark), page.Count() == 0:
		return ""
	}
	size := cmp.Or(p.Size, defaultPage)
	if page.Size.Valid && page.Size.N > 0 && page.Size.N < int64(size) {
		size = int(page.Size.N)
	}
	number, _ := strconv.Atoi(p.Token)
	number = max(number, 1)
	switch {
	case page.Pages.Valid && page.Pages.N > int64(number):
	case page.Total.Valid:
		if int64(max(read, number*size)) >= page.Total.N {
			return ""
		}
	case page.Count()+page.Repeated < size:
		return ""
	}
	return strconv.Itoa(number + 1)
}

// defaultPage is the size of Zoom's pages unless the request sets it.
const defaultPage = 30

// list registers an operation that returns pages of a list. adopt, if given, completes each
// item with values of the input.
func list[In, T any](s Spec, adopt ...func(In, *T)) ListOp[In, T] {
	return ListOp[In, T]{Op: op(s, func(in listInput[In], p *Page[T]) {
		filter := in.Filter
		if own, ok := any(&filter).(interface{ Range() *Days }); ok && p.Answered() != (Days{}) {
			*own.Range() = p.Answered() // the range of the items, which may differ from the requested one
		}
		for _, item := range p.Items {
			for _, complete := range adopt {
				complete(filter, item)
			}
		}
		p.tidy()
	})}
}

// Answered returns the range that Zoom has named; zero if it has named none.
func (p *Page[T]) Answered() Days { return answered(p.From.Time, p.To.Time) }

// atLeast returns the minimum length of the list by Zoom's number of pages.
func (p *Page[T]) atLeast() int64 {
	const most = 1 << 30 // of each factor, so that the product does not overflow
	if !p.Pages.Valid || !p.Size.Valid || p.Pages.N < 2 || p.Pages.N > most || p.Size.N < 1 || p.Size.N > most {
		return 0
	}
	return (p.Pages.N-1)*p.Size.N + 1
}

// tidy removes items without an id, if items of the kind have one, and duplicates. It drops
// a length that is less than the number of items on the page.
func (p *Page[T]) tidy() {
	defer func() {
		if p.Total.N < int64(len(p.Items)) {
			p.Total = types.Int{}
		}
	}()
	sent := len(p.Items)
	p.Items = slices.DeleteFunc(p.Items, func(item *T) bool { return types.LacksID(item) })
	p.LeftOut += sent - len(p.Items)
	p.identities = identitiesOf(p.Items)
	if p.identities == nil {
		return
	}
	seen, kept := make(map[string]struct{}, len(p.Items)), 0
	for i, id := range p.identities {
		if _, twice := seen[id]; twice && id != "" {
			p.Repeated++
			continue
		}
		seen[id] = struct{}{}
		p.Items[kept], p.identities[kept] = p.Items[i], id
		kept++
	}
	clear(p.Items[kept:])
	p.Items, p.identities = p.Items[:kept], p.identities[:kept]
}

// within returns the list that is a part of an operation's answers. pick extracts its page;
// it returns nil for an answer without one.
func within[In, Out, T any](o Op[listInput[In], Out], pick func(*Out) *Page[T]) ListOp[In, T] {
	return ListOp[In, T]{
		Op: Op[listInput[In], Page[T]]{Spec: o.Spec},
		within: func(ctx context.Context, c *Client, in listInput[In], options []Option) (*Page[T], error) {
			out, err := o.Do(ctx, c, in, options...)
			if err != nil {
				return nil, err
			}
			page := pick(out)
			if page == nil {
				return nil, &Error{By: ByZoom, Op: o.Pattern, Kind: ErrBadAnswer, Message: "the answer has no list of what is asked for"}
			}
			page.tidy()
			return page, nil
		},
	}
}

// Page requests one page. A size of 0 means Zoom's default.
func (o ListOp[In, T]) Page(ctx context.Context, c *Client, in In, p Paging, options ...Option) (*Page[T], error) {
	if o.within != nil {
		return o.within(ctx, c, o.input(in, p), options)
	}
	return o.Do(ctx, c, o.input(in, p), options...)
}

// KnownPage returns a page if it is in the cache, and nil otherwise.
func (o ListOp[In, T]) KnownPage(ctx context.Context, c *Client, in In, p Paging) *Page[T] {
	if o.within != nil {
		return nil
	}
	page, ok, err := o.Known(ctx, c, o.input(in, p))
	if !ok || err != nil {
		return nil
	}
	return page
}

// Pages requests one page after the other, each of the given size, until the list ends, an
// error occurs or the caller stops. A list that ends early yields an error: items that were
// not in it may exist.
func (o ListOp[In, T]) Pages(ctx context.Context, c *Client, in In, p Paging, options ...Option) iter.Seq2[*Page[T], error] {
	return func(yield func(*Page[T], error) bool) {
		whole := p.Token == ""
		var reading Reading[T]
		for {
			page, err := o.Page(ctx, c, in, p, options...)
			if err != nil {
				yield(nil, err)
				return
			}
			reading.Add(page)
			if !yield(page, nil) {
				return
			}
			next := o.After(p, page, reading.Read)
			if next == "" {
				if err := reading.Unproven(o.Spec); err != nil && whole {
					yield(nil, err)
				}
				return
			}
			if err := reading.Follow(ctx, o.Spec, p.Token, next); err != nil {
				yield(nil, err)
				return
			}
			p.Token = next
		}
	}
}
