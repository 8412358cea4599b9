package zoom

import (
	"context"
	"slices"
	"strings"
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
	page     func(ctx context.Context, c *Client, token string) (*Page[T], error)
	known    func(ctx context.Context, c *Client, token string) (*Page[T], bool)
	underWay func(c *Client, token string) bool
	// name is what the client remembers the listing's length by.
	name string
}

// find returns the objects of the keys, in their order. It takes what is known,
// then the cheapest way to the rest: listings where they spend less, a call for
// each key where not. What no listing holds, after all were read to their ends and are
// whole by Zoom's own count, does not exist.
func (d *directory[T]) find(ctx context.Context, c *Client, keys []string) []Found[T] {
	found := make([]Found[T], len(keys))
	missing := make([]int, len(keys))
	for i := range missing {
		missing[i] = i
	}
	missing = d.lookInKnown(ctx, c, keys, missing, found)
	missing = keep(missing, func(i int) bool {
		f, ok := d.known(ctx, c, keys[i])
		if ok {
			found[i] = f
		}
		return !ok
	})
	missing, complete := d.look(ctx, c, keys, missing, found)
	if complete {
		for _, i := range missing {
			found[i].Err = &Error{By: ByGateway, Op: d.list.Pattern, Kind: ErrNotFound}
		}
		return found
	}
	c.Each(len(missing), func(n int) {
		i := missing[n]
		found[i].Object, found[i].Err = d.get(ctx, c, keys[i])
	})
	return found
}

// lookInKnown looks for the missing keys on the pages of listings that the cache
// holds, and returns which are missing still. It comes before single objects, for
// few keys and for many: one look instead of hundreds, and the same pages are read
// however a set of keys was divided into batches.
func (d *directory[T]) lookInKnown(ctx context.Context, c *Client, keys []string, missing []int, found []Found[T]) []int {
	for _, l := range d.listings {
		var trail Trail
		for token := ""; len(missing) > 0; {
			page, ok := l.known(ctx, c, token)
			if !ok {
				break
			}
			index := page.Index(d.keys)
			missing = keep(missing, func(i int) bool {
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

// look looks for the missing keys in the listings, as far as that pays, and
// returns which are missing still and whether all listings were read to their
// ends. The listings are read one after the other, likeliest first, unless a key
// is an e-mail: a stranger's stands in none of them, so all would be read anyhow.
func (d *directory[T]) look(ctx context.Context, c *Client, keys []string, missing []int, found []Found[T]) ([]int, bool) {
	complete, budget := len(d.listings) > 0, &spending{keys: len(missing)}
	firsts := make([]*Page[T], len(d.listings))
	if slices.ContainsFunc(missing, func(i int) bool { return strings.Contains(keys[i], "@") }) && d.allPay(c, len(missing)) {
		d.firstPages(ctx, c, firsts, budget)
	}
	for n, l := range d.listings {
		var whole bool
		missing, whole = d.search(ctx, c, l, firsts[n], budget, keys, missing, found)
		complete = complete && whole
		budget.closed = !complete
	}
	return missing, complete
}

// firstPages reads the first page of every listing at once. One that fails is
// left out; the search will meet the reason.
func (d *directory[T]) firstPages(ctx context.Context, c *Client, pages []*Page[T], budget *spending) {
	var wait sync.WaitGroup
	for n, l := range d.listings {
		if page, ok := l.known(ctx, c, ""); ok {
			pages[n] = page
			continue
		}
		budget.pages++
		wait.Go(func() { pages[n], _ = l.page(ctx, c, "") })
	}
	wait.Wait()
}

// allPay reports whether reading all listings at once spends clearly less than
// asking for each key.
func (d *directory[T]) allPay(c *Client, missing int) bool {
	pages := 0
	for _, l := range d.listings {
		pages += d.pages(max(c.length(l.name), 1))
	}
	return d.cheaper(c, pages, missing)
}

// spending is what a search may cost: pages that turn out not to hold what is
// looked for are spent all the same.
type spending struct {
	keys   int  // that were not known at the beginning
	pages  int  // asked for so far, of all listings
	closed bool // the likelier listings were left, so the others are not begun
}

// search reads a listing as long as that pays, and returns which keys are still
// missing and whether the listing was read to its end, as far as that is proven. first
// is its first page, if that was read already.
func (d *directory[T]) search(ctx context.Context, c *Client, l *listing[T], first *Page[T], budget *spending, keys []string, missing []int, found []Found[T]) ([]int, bool) {
	token := ""
	var reading Reading[T]
	for page := first; len(missing) > 0; page = nil {
		if page == nil {
			page = d.page(ctx, c, l, token, reading.Read, len(missing), budget)
		}
		if page == nil {
			return missing, false // the calls by key will say what is wrong
		}
		index := page.Index(d.keys)
		missing = keep(missing, func(i int) bool {
			found[i].Object = index[keys[i]]
			return found[i].Object == nil
		})
		reading.Add(page)
		d.note(c, l, page, reading.Read)
		if page.Next == "" {
			return missing, reading.Unproven(d.list) == nil
		}
		if reading.Follow(ctx, d.list, token, page.Next) != nil {
			return missing, false
		}
		token = page.Next
	}
	return missing, false
}

// page returns the next page of a listing if it is known, if a call for
// it is under way already, which costs nothing to wait for, or if it pays; and nil
// if none of this is so, or if it cannot be had.
func (d *directory[T]) page(ctx context.Context, c *Client, l *listing[T], token string, read, missing int, budget *spending) *Page[T] {
	if page, ok := l.known(ctx, c, token); ok {
		return page
	}
	if !l.underWay(c, token) {
		if budget.closed || !d.pays(c, l, read, missing, budget) {
			return nil
		}
		budget.pages++
	}
	page, err := l.page(ctx, c, token)
	if err != nil {
		return nil
	}
	return page
}

// pays reports whether reading on in a listing spends clearly less of the
// budget than asking for each key that is missing, and whether all that was read
// would still have been worth it had it held nothing. A listing never seen is
// taken to be one page.
func (d *directory[T]) pays(c *Client, l *listing[T], read, missing int, budget *spending) bool {
	pages := d.pages(max(c.length(l.name)-read, 1))
	return d.cheaper(c, pages, missing) && d.cheaper(c, budget.pages+pages, budget.keys)
}

// pages returns how many pages hold so many items.
func (d *directory[T]) pages(items int) int { return (items + d.list.MaxPage - 1) / d.list.MaxPage }

// cheaper reports whether so many pages of a listing spend clearly less of the
// budget than so many calls by key.
func (d *directory[T]) cheaper(c *Client, pages, keys int) bool {
	return c.cfg.Plan.Cheaper(d.list, pages, d.one, keys)
}

// Cheaper reports whether so many pages of a list spend clearly less of the plan's budgets
// than so many calls for one object each.
func (p Plan) Cheaper(list *Spec, pages int, one *Spec, keys int) bool {
	return listingPays*float64(pages)/p.perSecond(list.Rate) <= float64(keys)/p.perSecond(one.Rate)
}

// MostPages returns how many pages of lists are read at most to find objects by so many
// keys, instead of asking for each: so many as Cheaper allows.
func (p Plan) MostPages(list, one *Spec, keys int) int {
	n := int(float64(keys) * p.perSecond(list.Rate) / (listingPays * p.perSecond(one.Rate)))
	if p.Cheaper(list, n+1, one, keys) {
		return n + 1 // the quotient was rounded down
	}
	return n
}

// UserPages returns how many pages all lists of the account's users have together; 0 where
// the credential has not read all of them.
func (c *Client) UserPages() int {
	pages, known := 0, false
	for _, l := range users.listings {
		n := c.length(l.name)
		known = known || n > 0
		pages += users.pages(max(n, 1))
	}
	if !known {
		return 0
	}
	return pages
}

func (d *directory[T]) note(c *Client, l *listing[T], page *Page[T], read int) {
	switch {
	case page.Total.Valid:
		c.noteLength(l.name, int(page.Total.N))
	case page.Next != "":
		c.noteLength(l.name, max(c.length(l.name), read+1))
	}
}

// maxLengths bounds the listings whose length is remembered: each takes a few hundred
// bytes, since names hold ids.
const maxLengths = 4_000

// lengths remembers how long listings were when a credential last saw them: another one
// may see fewer items.
type lengths struct {
	mu sync.Mutex
	of map[string]int
}

// length returns how long a listing was when the credential last saw it.
func (c *Client) length(name string) int { return c.lengths.get(c.credential.ID() + name) }

// noteLength remembers it.
func (c *Client) noteLength(name string, n int) { c.lengths.set(c.credential.ID()+name, n) }

func (l *lengths) get(name string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.of[name]
}

func (l *lengths) set(name string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil || len(l.of) >= maxLengths { // a guess is lost, no more
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

// findOnPages returns the items of a list by their keys, in the order of the keys, where
// there is no call for one of them: the list is read as far as need be. key is the same
// function for all keys of such items.
func findOnPages[In, T any](ctx context.Context, c *Client, list ListOp[In, T], in In, keys []string, key func(*T) string) []Found[T] {
	found, missing := make([]Found[T], len(keys)), make([]int, len(keys))
	for i := range missing {
		missing[i] = i
	}
	index := func(item *T) []string { return []string{key(item)} }
	for page, err := range list.Pages(ctx, c, in, Paging{Size: list.MaxPage}) {
		missing = keep(missing, func(i int) bool {
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

// listingOf returns a way to a list's pages, as large as Zoom makes them.
func listingOf[In, T any](name string, o ListOp[In, T], in In) *listing[T] {
	at := func(token string) listInput[In] { return o.input(in, Paging{Size: o.MaxPage, Token: token}) }
	return &listing[T]{
		name: name,
		page: func(ctx context.Context, c *Client, token string) (*Page[T], error) { return o.Do(ctx, c, at(token)) },
		known: func(ctx context.Context, c *Client, token string) (*Page[T], bool) {
			page, ok, err := o.Known(ctx, c, at(token))
			return page, ok && err == nil
		},
		underWay: func(c *Client, token string) bool { return o.underWay(c, at(token)) },
	}
}
