package zoom

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"zoomql/internal/zoom/types"
)

// Page is one page of a list.
type Page[T any] struct {
	Items []*T      `json:"items"`
	Next  string    `json:"next_page_token,omitzero"` // "" after the last page
	Total types.Int `json:"total_records,omitzero"`   // the length of the list, if Zoom says it
	// Beside is an object of what stands beside the items, as far as the row of
	// the operation names it.
	Beside jsontext.Value `json:"beside,omitzero"`

	once  sync.Once
	index map[string]*T
}

// tokenLife is how long a page with a token is believed at most: the token ends
// after 15 minutes, and a page whose token is dead leads nowhere.
//
// Source: https://developers.zoom.us/docs/api/pagination/
const tokenLife = 14 * time.Minute

// keep returns how long the page may be kept of the time that its kind allows.
func (p *Page[T]) keep(ttl time.Duration) time.Duration {
	if p.Next != "" {
		return min(ttl, tokenLife)
	}
	return ttl
}

// Index returns the items by the keys that the function gives them; it is
// worked out at the first call, and the function is the same at every call.
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

// decode reads an answer whose items stand under the name that the operation's
// row gives; our own encoding calls them "items".
func (p *Page[T]) decode(s *Spec, dec *jsontext.Decoder) error {
	if kind := dec.PeekKind(); kind != '{' {
		return types.UnmarshalDecode(dec, &struct{}{}) // says what is wrong
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
	if len(beside) > 0 {
		p.Beside, _ = types.Marshal(beside) // values that were just read
	}
	_, err := dec.ReadToken()
	return err
}

// errNoItems is of a list without a single item that can be read: it is not the one that
// was asked for.
var errNoItems = errors.New("the items of the list are of another kind")

func (p *Page[T]) member(s *Spec, name string, dec *jsontext.Decoder, beside map[string]jsontext.Value) error {
	switch name {
	case s.Array, "items":
		err := types.UnmarshalDecode(dec, &p.Items)
		if err == nil && len(p.Items) > 0 && !slices.ContainsFunc(p.Items, func(item *T) bool { return item != nil }) {
			return errNoItems
		}
		return err
	case "next_page_token":
		return types.UnmarshalDecode(dec, (*types.Text)(&p.Next))
	case "total_records":
		return types.UnmarshalDecode(dec, &p.Total)
	case "beside":
		return types.UnmarshalDecode(dec, &p.Beside)
	}
	if !slices.Contains(s.Beside, name) {
		return dec.SkipValue()
	}
	v, err := dec.ReadValue()
	beside[name] = v.Clone()
	return err
}

// Paging is the part of a list's input that picks a page.
type Paging struct {
	Size  int    `query:"page_size"`
	Token string `query:"next_page_token"`
}

// ListOp is an operation that answers with pages.
type ListOp[In, T any] struct {
	Op[listInput[In], Page[T]]
	// within reads the page out of a larger answer; nil where the answer is
	// the page.
	within func(context.Context, *Client, listInput[In], []Option) (*Page[T], error)
}

// listInput is the input of a list with the page that is wanted: by its token, or
// by its number where Zoom takes no token. The number then stands in the token's
// place outside, so that whoever reads a list need not know the difference.
type listInput[In any] struct {
	Filter In
	Paging
	Number int `query:"page_number"`
}

// unusedPaging returns the parameter that the operation does not pick a page by.
func (s *Spec) unusedPaging() string {
	if s.Numbered {
		return "next_page_token"
	}
	return "page_number"
}

// Question returns what a filter asks for, whichever page of it is wanted: the same
// for filters that are the same in every value.
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
	number, _ := strconv.Atoi(p.Token) // none is the first
	return listInput[In]{Filter: in, Paging: Paging{Size: p.Size}, Number: max(number, 1)}
}

// nextNumber returns the number of the page after one that was asked for by its
// number: by the length of the list, or, where Zoom does not say it, as long as
// pages are full.
func nextNumber[In, T any](in listInput[In], p *Page[T]) string {
	size := cmp.Or(in.Size, defaultPage)
	if len(p.Items) == 0 || p.Total.Valid && int64(in.Number*size) >= p.Total.N || !p.Total.Valid && len(p.Items) < size {
		return ""
	}
	return strconv.Itoa(in.Number + 1)
}

// defaultPage is how many items Zoom puts on a page when nobody says.
const defaultPage = 30

// list registers an operation that answers with pages. adopt, if given,
// completes each item with what only the question knows.
func list[In, T any](s Spec, adopt ...func(In, *T)) ListOp[In, T] {
	return ListOp[In, T]{Op: op(s, func(in listInput[In], p *Page[T]) {
		if s.Numbered {
			p.Next = nextNumber(in, p)
		}
		for _, item := range p.Items {
			for _, complete := range adopt {
				complete(in.Filter, item)
			}
		}
	})}
}

// within is the list that stands within the answers of an operation, beside what
// they say once.
func within[In, Out, T any](o Op[listInput[In], Out], pick func(*Out) *Page[T]) ListOp[In, T] {
	return ListOp[In, T]{
		Op: Op[listInput[In], Page[T]]{Spec: o.Spec},
		within: func(ctx context.Context, c *Client, in listInput[In], options []Option) (*Page[T], error) {
			out, err := o.Do(ctx, c, in, options...)
			if err != nil {
				return nil, err
			}
			return pick(out), nil
		},
	}
}

// Page asks for one page. A size of 0 leaves it to Zoom.
func (o ListOp[In, T]) Page(ctx context.Context, c *Client, in In, p Paging, options ...Option) (*Page[T], error) {
	if o.within != nil {
		return o.within(ctx, c, o.input(in, p), options)
	}
	return o.Do(ctx, c, o.input(in, p), options...)
}

// Pages asks for one page after the other, each of the given size, until the
// list ends, an error comes or the caller stops.
func (o ListOp[In, T]) Pages(ctx context.Context, c *Client, in In, p Paging, options ...Option) iter.Seq2[*Page[T], error] {
	return func(yield func(*Page[T], error) bool) {
		var trail Trail
		for {
			page, err := o.Page(ctx, c, in, p, options...)
			if !yield(page, err) || err != nil || page.Next == "" {
				return
			}
			if err := trail.Follow(ctx, o.Spec, p.Token, page.Next, len(page.Items)); err != nil {
				yield(nil, err)
				return
			}
			p.Token = page.Next
		}
	}
}

const (
	// maxToken bounds a page's token, in bytes. Zoom's have some dozens.
	maxToken = 1 << 10
	// maxEmptyPages is how many pages in a row may hold nothing and lead on.
	maxEmptyPages = 10
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
	var astray string
	switch _, seen := t.tokens[next]; {
	case seen:
		astray = "the list leads back to a page that was read already"
	case t.empty >= maxEmptyPages:
		astray = "the list goes on, but its pages are empty"
	case len(next) > maxToken:
		astray = "the token of the next page is too long"
	default:
		return nil
	}
	return &Error{Op: s.Pattern, Kind: ErrBadAnswer, Message: astray}
}
