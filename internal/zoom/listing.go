package zoom

import "sync"

// A page of a list may hold many of the searched objects or none, which is known only after it has
// been read. So a search begins only if reading all listings to their ends, which shows for each key
// whether it exists, costs no more than a call for each key. It continues as long as the total,
// including the pages already read, stays within that cost. This holds if the lengths of the
// listings are known, and Zoom returns all items that it counts. A listing that was never read is
// assumed to have one page. If that is wrong, or if Zoom returns fewer items than it counts, at most
// the price of a call for each key, divided by the list's factor (see [weights]), is wasted.
//
// Some of the objects may be requested one by one later, because other fields of them are selected
// that lists lack. Pages save no call for these. Which they are is not known yet, only how many at most:
// so the pages have to pay for the other keys alone.

const (
	// listingPays is the factor by which pages must be cheaper than a call for each key for a
	// search to begin: a page of 2,000 items takes Zoom and this process far longer than one
	// object, which outweighs a small saving of calls. It is 1 for a list that is [Spec.Short].
	listingPays = 4
	// fewPages is the largest number of pages of all listings together that are read if they cost
	// less than a call for each key, but not listingPays times less.
	fewPages = 3
)

// searchBudget has the pages that a search has spent and may still spend.
type searchBudget struct {
	keys      int   // missing at the beginning
	pages     int   // requested so far, of all listings
	left      []int // unread pages of each listing, as far as is known
	later     int   // the maximum number of objects that are requested one by one afterwards
	closed    bool  // a likelier listing was not read to its end, so no page is requested
	noPages   bool  // no page is requested: see searchLimits
	notCached bool  // a page is not in the cache, below the context of a [Peek]
}

func (d *directory[T]) newBudget(c *Client, keys int) *searchBudget {
	s := &searchBudget{keys: keys, left: make([]int, len(d.listings))}
	for n, l := range d.listings {
		s.left[n] = d.pages(c.length(l.name).items)
	}
	return s
}

// pages returns the number of pages of a list with so many items, at least one.
func (d *directory[T]) pages(items int) int {
	return max(1, (items+d.list.MaxPage-1)/d.list.MaxPage)
}

// saves returns the number of calls that so many keys on pages save for certain.
func (s *searchBudget) saves(keys int) int { return max(0, keys-s.later) }

// allPay reports whether reading all listings, of which none has been read, uses clearly less of the
// budget than a call for each key.
func (d *directory[T]) allPay(c *Client, budget *searchBudget) bool {
	pages := 0
	for _, n := range budget.left {
		pages += n
	}
	if read, forced := c.forced(d.list, budget.keys); forced {
		return read
	}
	return c.weights(d.list, d.one).pay(pages, budget.saves(budget.keys))
}

// forced returns the choice that [Config.Lists] forces, if it does.
func (c *Client) forced(list *Spec, keys int) (read, forced bool) {
	if c.cfg.Lists == nil {
		return false, false
	}
	return c.cfg.Lists(list, keys)
}

// pays reports whether the next page of listing n is to be read. The search begins and continues
// if that uses clearly less of the budget than a call for each missing key. Afterwards it also
// continues to the end if, with a call for each key that is still missing, it would cost more
// than a call for each key had cost at the beginning.
func (d *directory[T]) pays(c *Client, n, missing int, budget *searchBudget) bool {
	if read, forced := c.forced(d.list, missing); forced {
		return read
	}
	w, saved := c.weights(d.list, d.one), budget.saves(budget.keys)
	rest, sure := 0, true
	for k := n; k < len(d.listings); k++ {
		rest += budget.left[k]
		sure = sure && !c.length(d.listings[k].name).vague
	}
	clearly := w.pay(budget.left[n], budget.saves(missing))
	// The calls that the found keys save cost no less than the pages read and the rest of this listing.
	if clearly && w.price(budget.pages+budget.left[n], missing) <= w.price(0, budget.keys) {
		return true
	}
	if !sure {
		return clearly && w.pay(budget.pages+budget.left[n], saved)
	}
	return w.prove(budget.pages+rest, saved) && (clearly || w.price(budget.pages, missing) > w.price(0, budget.keys))
}

// weights are the prices of a page of a list and of one object (see [Plan.Price]), and the factor by
// which pages must be cheaper to be clearly cheaper: listingPays, or 1.
type weights struct {
	page, one float64
	factor    int
}

func (c *Client) weights(list, one *Spec) weights {
	return c.cfg.Plan.weights(c.Scarcity(), list, one)
}

func (p Plan) weights(s Scarcity, list, one *Spec) weights {
	w := weights{s.of(list.Rate) * p.Price(list.Rate), s.of(one.Rate) * p.Price(one.Rate), listingPays}
	if list.Short {
		w.factor = 1
	}
	return w
}

// price returns the price of so many pages and calls by key.
func (w weights) price(pages, keys int) float64 {
	return float64(pages)*w.page + float64(keys)*w.one
}

// pay reports whether so many pages use clearly less of the budget than so many calls by key.
func (w weights) pay(pages, keys int) bool {
	return w.price(w.factor*pages, 0) <= w.price(0, keys)
}

// prove reports whether so many pages, which are all pages of all listings, may be read instead of
// so many calls by key.
func (w weights) prove(pages, keys int) bool {
	return w.pay(pages, keys) || pages <= fewPages && w.price(pages, 0) <= w.price(0, keys)
}

// Price returns the price of a call of a label: the time, in seconds, for which the plan allows one
// call.
func (p Plan) Price(r Rate) float64 { return 1 / p.perSecond(r) }

// Cheaper reports whether objects are searched for in listings, instead of a call for each of so
// many keys, with the present scarcity. first is the number of pages of the first listing, and all
// that of all listings together. later is the maximum number of objects that are requested one by
// one afterwards.
func (p Plan) Cheaper(s Scarcity, list *Spec, first, all int, one *Spec, keys, later int) bool {
	w, saved := p.weights(s, list, one), max(0, keys-later)
	return w.pay(first, saved) && w.prove(all, saved)
}

// MostPages returns the maximum number of pages of lists that are read to find objects by so many
// keys, in so many searches; 0 searches stand for an unknown number.
func (p Plan) MostPages(s Scarcity, list, one *Spec, keys, searches int) int {
	w := p.weights(s, list, one)
	if !w.pay(1, keys) {
		return 0
	}
	each := float64(keys) * w.one / w.page
	most := int(each + 1e-9)
	if searches > 0 {
		most = min(most, max(int(each/float64(w.factor)+1e-9), fewPages)+(searches-1)*fewPages)
	}
	return most
}

// UserPages returns the number of pages of the list of the account's active users, and of all lists
// of its users together; 0 and 0 if the credential has read none of them.
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

// note stores the length of a listing as far as a page shows it, and returns the number of pages
// left. read is the number of items read, including those of the page.
func (d *directory[T]) note(c *Client, l *listing[T], page *Page[T], read int) (left int) {
	of := length{known: true, items: read}
	switch short := page.Count() < d.list.MaxPage; {
	case page.Next == "":
		of.items = max(read, int(page.Total.N))
	case page.Total.Valid && int(page.Total.N) > read:
		of.items, of.vague = int(page.Total.N), short // Zoom's pages are shorter than requested
	default:
		of.items, of.vague = max(c.length(l.name).items, read+1), true
	}
	c.noteLength(l.name, of)
	if page.Next == "" {
		return 0
	}
	return d.pages(of.items - read)
}

// length is the length of a listing when a credential last read it.
type length struct {
	known bool
	items int
	// vague reports that the listing may have more pages than its items fill, or fewer items than
	// Zoom counts, or that it cannot be read.
	vague bool
}

// maxLengths is the largest number of stored lengths: each takes a few hundred bytes, because
// names contain ids.
const maxLengths = 4_000

// lengths holds the lengths of listings, by credential and name: another credential may get fewer
// items.
type lengths struct {
	mu sync.Mutex
	of map[string]length
}

// length returns the length of a listing when the credential last read it.
func (c *Client) length(name string) length { return c.lengths.get(c.credential.ID() + name) }

// noteLength stores a listing's length.
func (c *Client) noteLength(name string, n length) { c.lengths.set(c.credential.ID()+name, n) }

// markVague records that a listing cannot be read, or ended before all items had come.
func (c *Client) markVague(name string) {
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
