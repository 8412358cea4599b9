package zoom

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
)

// Found is the result for one of the keys of a lookup.
type Found[T any] struct {
	Object *T
	Err    error
}

// directory finds objects of one kind by key, with one call for each or with listings that
// hold many.
type directory[T any] struct {
	get      func(ctx context.Context, c *Client, key string) (*T, error)
	known    func(ctx context.Context, c *Client, key string) (Found[T], bool)
	listings []*listing[T]
	one      *Spec // the operation of get
	list     *Spec // the operation of the listings
	keys     func(*T) []string
}

// listing is a list that may hold the objects. Each function is for the page with a token; known
// returns a cached page, and underWay reports whether a call for the page is in flight.
type listing[T any] struct {
	page     func(ctx context.Context, c *Client, token string) (*Page[T], error)
	known    func(ctx context.Context, c *Client, token string) (*Page[T], bool)
	underWay func(ctx context.Context, c *Client, token string) bool
	// name is the key of the listing's length: see [Client.length].
	name string
}

// find returns the objects of the keys, in their order. It uses cached answers first,
// then the cheapest way to the rest: listings if they use less of the budget, otherwise a
// call for each key. An object that is in no listing does not exist, if all were read to
// their ends and are complete by Zoom's own count.
func (d *directory[T]) find(ctx context.Context, c *Client, keys []string, later Later) []Found[T] {
	return d.findBy(ctx, c, keys, searchLimits{later: later})
}

// Later returns the maximum number of objects that fields below that of a context request one by one,
// whether a list has them or not: for these, a search would read a list in vain. A search calls it
// once, if objects are missing. Nil stands for 0.
type Later func(ctx context.Context) int

// searchLimits limit the pages that a search requests.
type searchLimits struct {
	// noPages allows only pages that are cached or already requested.
	noPages bool
	later   Later
}

// findBy is find with other limits.
func (d *directory[T]) findBy(ctx context.Context, c *Client, keys []string, limits searchLimits) []Found[T] {
	found := make([]Found[T], len(keys))
	missing := make([]int, len(keys))
	for i := range missing {
		missing[i] = i
	}
	missing = d.searchCached(ctx, c, keys, missing, found)
	missing = filter(missing, func(i int) bool {
		f, ok := d.known(ctx, c, keys[i])
		if ok {
			found[i] = f
		}
		return !ok
	})
	missing, end := d.searchListings(ctx, c, keys, missing, found, limits)
	if end != nil {
		for _, i := range missing {
			found[i].Err = end
		}
		return found
	}
	c.Each(len(missing), func(n int) {
		i := missing[n]
		found[i].Object, found[i].Err = d.get(ctx, c, keys[i])
	})
	return found
}

// searchCached searches the cached pages of listings for the missing keys, and returns those
// still missing. It precedes the lookup of single objects, for few keys and for many: one
// read of the cache replaces hundreds, and the same pages are read however the keys were
// divided into batches.
func (d *directory[T]) searchCached(ctx context.Context, c *Client, keys []string, missing []int, found []Found[T]) []int {
	for _, l := range d.listings {
		var trail Trail
		for token := ""; len(missing) > 0; {
			page, ok := l.known(ctx, c, token)
			if !ok {
				break
			}
			index := page.Index(d.keys)
			missing = filter(missing, func(i int) bool {
				found[i].Object = index[keys[i]]
				return found[i].Object == nil
			})
			if page.Next == "" || trail.Follow(ctx, d.list, token, page.Next, len(page.Items)) != nil {
				break
			}
			token = page.Next
		}
	}
	return missing
}

// searchListings searches the listings for the missing keys, as far as that pays, and returns
// those still missing and their error: nil if each has to be requested, because not all
// listings were read to their ends. It reads the listings one after the other, the likeliest
// first. If a key is an e-mail address, it reads their first pages concurrently, if that pays:
// the address may belong to no user, and then all listings have to be read.
func (d *directory[T]) searchListings(ctx context.Context, c *Client, keys []string, missing []int, found []Found[T], limits searchLimits) ([]int, error) {
	complete, budget := len(d.listings) > 0, d.newBudget(c, len(missing))
	budget.noPages = limits.noPages
	if limits.later != nil && len(missing) > 1 {
		budget.later = limits.later(ctx)
	}
	firsts := make([]firstPage[T], len(d.listings))
	if !budget.noPages && slices.ContainsFunc(missing, func(i int) bool { return strings.Contains(keys[i], "@") }) && d.allPay(c, budget) {
		d.firstPages(ctx, c, firsts, budget)
	}
	for n := range d.listings {
		var whole bool
		missing, whole = d.search(ctx, c, n, firsts[n], budget, keys, missing, found)
		complete = complete && whole
		budget.closed = !complete
	}
	switch {
	case budget.notCached:
		return missing, ErrNotCached
	case complete:
		return missing, &Error{By: ByGateway, Op: d.list.Pattern, Kind: ErrNotFound}
	}
	return missing, nil
}

// firstPage is the first page of a listing or its error; neither if it has not been read.
type firstPage[T any] struct {
	page *Page[T]
	err  error
}

// firstPages reads the first page of every listing concurrently.
func (d *directory[T]) firstPages(ctx context.Context, c *Client, firsts []firstPage[T], budget *searchBudget) {
	var wait sync.WaitGroup
	for n, l := range d.listings {
		budget.left[n]--
		if page, ok := l.known(ctx, c, ""); ok {
			firsts[n].page = page
			continue
		}
		budget.pages++
		wait.Go(func() { firsts[n].page, firsts[n].err = l.page(ctx, c, "") })
	}
	wait.Wait()
}

// search reads listing n as long as that pays, and returns the keys still missing and whether
// the listing was read to its end and is complete by Zoom's count. first is its first page, if
// that was read or failed: neither is requested again.
func (d *directory[T]) search(ctx context.Context, c *Client, n int, first firstPage[T], budget *searchBudget, keys []string, missing []int, found []Found[T]) ([]int, bool) {
	l, token := d.listings[n], ""
	if first.err != nil {
		d.failed(ctx, c, l, first.err, budget)
		return missing, false
	}
	var reading Reading[T]
	for page := first.page; len(missing) > 0; page = nil {
		if page == nil {
			page = d.page(ctx, c, n, token, len(missing), budget)
		}
		if page == nil {
			return missing, false // the calls by key report the error
		}
		index := page.Index(d.keys)
		missing = filter(missing, func(i int) bool {
			found[i].Object = index[keys[i]]
			return found[i].Object == nil
		})
		reading.Add(page)
		budget.left[n] = d.note(c, l, page, reading.Read)
		if page.Next == "" {
			whole := reading.Unproven(d.list) == nil
			if !whole {
				c.markVague(l.name)
			}
			return missing, whole
		}
		if reading.Follow(ctx, d.list, token, page.Next) != nil {
			return missing, false
		}
		token = page.Next
	}
	return missing, false
}

// page returns a page of listing n if it is cached, if a call for it is in flight, which costs
// nothing to join, or if it pays; otherwise, or after an error, nil.
func (d *directory[T]) page(ctx context.Context, c *Client, n int, token string, missing int, budget *searchBudget) *Page[T] {
	l := d.listings[n]
	if page, ok := l.known(ctx, c, token); ok {
		return page
	}
	if !l.underWay(ctx, c, token) {
		if budget.noPages || budget.closed || !d.pays(c, n, missing, budget) {
			return nil
		}
		budget.pages++
	}
	page, err := l.page(ctx, c, token)
	if err != nil {
		d.failed(ctx, c, l, err, budget)
		return nil
	}
	return page
}

// failed records that a page of a listing could not be read.
func (d *directory[T]) failed(ctx context.Context, c *Client, l *listing[T], err error, budget *searchBudget) {
	budget.notCached = budget.notCached || errors.Is(err, ErrNotCached)
	if !isTransient(err) && !errors.Is(err, ErrNotCached) && ctx.Err() == nil {
		c.markVague(l.name)
	}
}

// filter returns the items to keep. It reuses the slice.
func filter[T any](items []T, keep func(T) bool) []T {
	kept := items[:0]
	for _, item := range items {
		if keep(item) {
			kept = append(kept, item)
		}
	}
	return kept
}

// findOnPages returns the items of a list by their keys, in the order of the keys, for items of
// which no operation returns one: it reads the list until all are found. key MUST be the same
// function in every call for items of a type (see [Page.Index]).
func findOnPages[In, T any](ctx context.Context, c *Client, list ListOp[In, T], in In, keys []string, key func(*T) string) []Found[T] {
	found, missing := make([]Found[T], len(keys)), make([]int, len(keys))
	for i := range missing {
		missing[i] = i
	}
	index := func(item *T) []string { return []string{key(item)} }
	for page, err := range list.Pages(ctx, c, in, Paging{Size: list.MaxPage}) {
		missing = filter(missing, func(i int) bool {
			if found[i].Err = err; err == nil {
				found[i].Object = page.Index(index)[keys[i]]
			}
			return found[i].Object == nil
		})
		if len(missing) == 0 || err != nil {
			return found
		}
	}
	for _, i := range missing {
		found[i].Err = &Error{By: ByGateway, Op: list.Pattern, Kind: ErrNotFound}
	}
	return found
}

// listingOf returns a listing that reads a list in pages of the largest size.
func listingOf[In, T any](name string, o ListOp[In, T], in In) *listing[T] {
	at := func(token string) listInput[In] { return o.input(in, Paging{Size: o.MaxPage, Token: token}) }
	return &listing[T]{
		name: name,
		page: func(ctx context.Context, c *Client, token string) (*Page[T], error) { return o.Do(ctx, c, at(token)) },
		known: func(ctx context.Context, c *Client, token string) (*Page[T], bool) {
			page, ok, err := o.Known(ctx, c, at(token))
			return page, ok && err == nil
		},
		underWay: func(ctx context.Context, c *Client, token string) bool { return o.underWay(ctx, c, at(token)) },
	}
}
