package zoom

import (
	"context"
	"sync"
)

// Found is one of many objects that were asked for by key.
type Found[T any] struct {
	Object *T
	Err    error
}

// listingPays is how much cheaper listings must be than asking one by one
// before they are taken: a page of 2,000 takes Zoom and us far longer than one
// object does, so a narrow win in calls is none.
const listingPays = 4

// directory knows the ways to objects of one kind: by key, or by listings that
// hold many.
type directory[T any] struct {
	get      func(ctx context.Context, c *Client, key string) (*T, error)
	known    func(ctx context.Context, c *Client, key string) (Found[T], bool)
	listings []*listing[T]
	one      *Spec // what get calls
	list     *Spec // what a listing calls
	keys     func(*T) []string
}

// listing is one list that may hold what is looked for.
type listing[T any] struct {
	page  func(ctx context.Context, c *Client, token string) (*Page[T], error)
	known func(ctx context.Context, c *Client, token string) (*Page[T], bool)
	// name is what the client remembers the listing's length by.
	name string
}

// find returns the objects of the keys, in their order. It takes what is known,
// then the cheapest way to the rest: listings where they spend less, a call for
// each key where not. What no listing holds, after all were read to their ends,
// does not exist.
func (d *directory[T]) find(ctx context.Context, c *Client, keys []string) []Found[T] {
	found := make([]Found[T], len(keys))
	missing := make([]int, 0, len(keys))
	for i, key := range keys {
		if f, ok := d.known(ctx, c, key); ok {
			found[i] = f
			continue
		}
		missing = append(missing, i)
	}
	complete := true
	for _, l := range d.listings {
		var whole bool
		missing, whole = d.search(ctx, c, l, keys, missing, found)
		complete = complete && whole
	}
	if complete {
		for _, i := range missing {
			found[i].Err = &Error{Op: d.list.Pattern, Kind: ErrNotFound}
		}
		return found
	}
	var wait sync.WaitGroup
	for _, i := range missing {
		wait.Go(func() { found[i].Object, found[i].Err = d.get(ctx, c, keys[i]) })
	}
	wait.Wait()
	return found
}

// search reads a listing as long as that pays, and returns which keys are still
// missing and whether the listing was read to its end.
func (d *directory[T]) search(ctx context.Context, c *Client, l *listing[T], keys []string, missing []int, found []Found[T]) ([]int, bool) {
	token, read := "", 0
	for len(missing) > 0 {
		page, known := l.known(ctx, c, token)
		if !known {
			if !d.pays(c, l, read, len(missing)) {
				return missing, false
			}
			var err error
			if page, err = l.page(ctx, c, token); err != nil {
				return missing, false // the calls by key will say what is wrong
			}
		}
		index := page.Index(d.keys)
		missing = keep(missing, func(i int) bool {
			found[i].Object = index[keys[i]]
			return found[i].Object == nil
		})
		read += len(page.Items)
		d.note(c, l, page, read)
		if token = page.Next; token == "" {
			return missing, true
		}
	}
	return missing, false
}

// pays reports whether reading on in a listing spends clearly less of the
// budget than asking for each key that is missing. A listing never seen is
// taken to be one page.
func (d *directory[T]) pays(c *Client, l *listing[T], read, missing int) bool {
	left := max(c.lengths.get(l.name)-read, 1)
	pages := (left + d.list.MaxPage - 1) / d.list.MaxPage
	plan := c.cfg.Plan
	byList := float64(pages) / plan.perSecond(d.list.Rate)
	byKey := float64(missing) / plan.perSecond(d.one.Rate)
	return byList*listingPays <= byKey
}

func (d *directory[T]) note(c *Client, l *listing[T], page *Page[T], read int) {
	switch {
	case page.Total.Valid:
		c.lengths.set(l.name, int(page.Total.N))
	case page.Next != "":
		c.lengths.set(l.name, max(c.lengths.get(l.name), read+1))
	}
}

// lengths remembers how long listings were when they were last seen.
type lengths struct {
	mu sync.Mutex
	of map[string]int
}

func (l *lengths) get(name string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.of[name]
}

func (l *lengths) set(name string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil || len(l.of) > 10_000 { // a guess is lost, no more
		l.of = map[string]int{}
	}
	l.of[name] = n
}

func keep[T any](items []T, wanted func(T) bool) []T {
	kept := items[:0]
	for _, item := range items {
		if wanted(item) {
			kept = append(kept, item)
		}
	}
	return kept
}

// listingOf returns a way to a list's pages, as large as Zoom makes them.
func listingOf[In, T any](name string, o ListOp[In, T], in In) *listing[T] {
	at := func(token string) listInput[In] { return o.input(in, Paging{Size: o.MaxPage, Token: token}) }
	return &listing[T]{
		name: name,
		page: func(ctx context.Context, c *Client, token string) (*Page[T], error) { return o.Do(ctx, c, at(token)) },
		known: func(ctx context.Context, c *Client, token string) (*Page[T], bool) {
			page, err, ok := o.Known(ctx, c, at(token))
			return page, ok && err == nil
		},
	}
}
