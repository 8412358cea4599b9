package zoom

import "sync"

// A page of a list may hold many of the objects that are looked for, or none. Which it is shows
// when it was read. So a search begins only where reading all listings to their ends, which tells
// of each key whether it exists, costs no more than a call for each key; and it goes on as long as
// what was spent leaves a way to the end that costs no more than that. This holds where the
// lengths of the listings are known, and Zoom returns all that it counts. A listing that was
// never read is assumed to have one page; where that is wrong, or where Zoom has returned less
// than it counts, 1/listingPays of the price of a call for each key is spent in vain at most.

const (
	// listingPays is by how much pages must be cheaper than one call per key for a search to
	// begin: a page of 2,000 takes Zoom and this process far longer than one object, so a small
	// saving of calls is none.
	listingPays = 4
	// fewPages is how many pages are read to the end of all listings at most where they cost
	// less than the calls by key, but not clearly less.
	fewPages = 3
)

// spending bounds the cost of a search: pages that hold none of the keys cost the same.
type spending struct {
	keys   int   // missing at the beginning
	pages  int   // requested so far, of all listings
	left   []int // pages of each listing that have not been read, as far as is known
	closed bool  // a likelier listing was not read to its end, so the next are not begun
	atHand bool  // no page is requested
	// notAsked reports that a page would have to be requested: see [Peek].
	notAsked bool
}

func (d *directory[T]) spending(c *Client, keys int) *spending {
	s := &spending{keys: keys, left: make([]int, len(d.listings))}
	for n, l := range d.listings {
		s.left[n] = d.pages(c.length(l.name).items)
	}
	return s
}

// pages returns the number of pages of a list with so many items, at least one.
func (d *directory[T]) pages(items int) int {
	return max(1, (items+d.list.MaxPage-1)/d.list.MaxPage)
}

// allPay reports whether reading all listings uses clearly less of the budget than a call
// for each key.
func (d *directory[T]) allPay(c *Client, missing int) bool {
	pages := 0
	for _, n := range d.spending(c, missing).left {
		pages += n
	}
	if read, forced := c.forced(d.list, missing); forced {
		return read
	}
	return c.weights(d.list, d.one).pay(pages, missing)
}

// forced returns what measurements want of a choice: see [Config].
func (c *Client) forced(list *Spec, keys int) (read, forced bool) {
	if c.cfg.Lists == nil {
		return false, false
	}
	return c.cfg.Lists(list, keys)
}

// pays reports whether the next page of a listing is to be read. The search begins and goes on
// where that uses clearly less of the budget than a call for each missing key. After
// that it also goes on to the end where a call for each of the rest would make it dearer than
// a call for each key had been.
func (d *directory[T]) pays(c *Client, n, missing int, budget *spending) bool {
	if read, forced := c.forced(d.list, missing); forced {
		return read
	}
	w := c.weights(d.list, d.one)
	rest, sure := 0, true
	for k := n; k < len(d.listings); k++ {
		rest += budget.left[k]
		sure = sure && !c.length(d.listings[k].name).vague
	}
	clearly := w.pay(budget.left[n], missing)
	// What was found so far has paid for the rest of this listing.
	if clearly && w.price(budget.pages+budget.left[n], missing) <= w.price(0, budget.keys) {
		return true
	}
	if !sure {
		return clearly && w.pay(budget.pages+budget.left[n], budget.keys)
	}
	return w.prove(budget.pages+rest, budget.keys) && (clearly || w.price(budget.pages, missing) > w.price(0, budget.keys))
}

// weights is what a page of a list and one object weigh.
type weights struct{ page, one float64 }

func (c *Client) weights(list, one *Spec) weights { return c.cfg.Plan.weights(c.Scarcity(), list, one) }

func (p Plan) weights(s Scarcity, list, one *Spec) weights {
	return weights{s.of(list.Rate) * p.Price(list.Rate), s.of(one.Rate) * p.Price(one.Rate)}
}

func (w weights) price(pages, keys int) float64 {
	return float64(pages)*w.page + float64(keys)*w.one
}

// pay reports whether so many pages use clearly less of the budget than so many calls by key.
func (w weights) pay(pages, keys int) bool { return w.price(listingPays*pages, 0) <= w.price(0, keys) }

// prove reports whether so many pages, which are all there are, may be read in the place of a
// call for each key.
func (w weights) prove(pages, keys int) bool {
	return w.pay(pages, keys) || pages <= fewPages && w.price(pages, 0) <= w.price(0, keys)
}

// Price returns what a call of a label weighs, in seconds of the label's budget.
func (p Plan) Price(r Rate) float64 { return 1 / p.perSecond(r) }

// Cheaper reports whether objects are looked for in a list, of whose listings the first has so
// many pages and all together have all, instead of by so many calls for one each, given what is
// left of the plan's budgets.
func (p Plan) Cheaper(s Scarcity, list *Spec, first, all int, one *Spec, keys int) bool {
	w := p.weights(s, list, one)
	return w.pay(first, keys) && w.prove(all, keys)
}

// MostPages returns how many pages of lists are read at most to find objects by so many keys,
// in so many searches; 0 searches are any number.
func (p Plan) MostPages(s Scarcity, list, one *Spec, keys, searches int) int {
	w := p.weights(s, list, one)
	if !w.pay(1, keys) {
		return 0
	}
	each := float64(keys) * w.one / w.page
	most := int(each + 1e-9)
	if searches > 0 {
		most = min(most, max(int(each/listingPays+1e-9), fewPages)+(searches-1)*fewPages)
	}
	return most
}

// UserPages returns how many pages the list of the account's active users has, and how many all
// lists of its users have together; 0 if the credential has read none of them.
func (c *Client) UserPages() (active, all int) {
	known := false
	for n, l := range users.listings {
		own := c.length(l.name)
		known = known || own.known
		all += users.pages(own.items)
		if n == 0 {
			active = all
		}
	}
	if !known {
		return 0, 0
	}
	return active, all
}

// note stores what a page tells of the length of its listing, and returns how many pages are
// left. read is how many items were read, those of the page included.
func (d *directory[T]) note(c *Client, l *listing[T], page *Page[T], read int) (left int) {
	of := length{known: true, items: read}
	switch short := page.Count() < d.list.MaxPage; {
	case page.Next == "":
		of.items = max(read, int(page.Total.N))
	case page.Total.Valid && int(page.Total.N) > read:
		of.items, of.vague = int(page.Total.N), short // Zoom's pages are shorter than was asked for
	default:
		of.items, of.vague = max(c.length(l.name).items, read+1), true
	}
	c.noteLength(l.name, of)
	if page.Next == "" {
		return 0
	}
	return d.pages(of.items - read)
}

// length is what is known of a listing since a credential last read it.
type length struct {
	known bool
	items int
	// vague reports that the listing may have more pages than its items fill, or that it may
	// not hold all that it counts.
	vague bool
}

// maxLengths bounds the listings whose length is stored: each takes a few hundred
// bytes, since names hold ids.
const maxLengths = 4_000

// lengths holds the lengths of listings when a credential last read them: another credential
// may get fewer items.
type lengths struct {
	mu sync.Mutex
	of map[string]length
}

// length returns the length of a listing when the credential last read it.
func (c *Client) length(name string) length { return c.lengths.get(c.credential.ID() + name) }

// noteLength stores a listing's length.
func (c *Client) noteLength(name string, n length) { c.lengths.set(c.credential.ID()+name, n) }

// distrust records that a listing cannot be read, or ended before all had come.
func (c *Client) distrust(name string) {
	of := c.length(name)
	of.vague = true
	c.noteLength(name, of)
}

func (l *lengths) get(name string) length {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.of[name]
}

func (l *lengths) set(name string, n length) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil || len(l.of) >= maxLengths { // only estimates are lost
		l.of = map[string]length{}
	}
	l.of[name] = n
}
