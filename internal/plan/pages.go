package plan

import "math"

// MaxFirst is the largest argument "first" of a list.
const MaxFirst = 3000

// pageSizes are the page sizes that are requested from Zoom. There are few, so that different queries
// find the same pages in the cache, and paging in small steps does not cost a call for each.
var pageSizes = []int{30, 100, 300, 1000, 2000}

// PageSizes returns the page sizes that are requested from Zoom, the smallest first.
func PageSizes() []int { return pageSizes }

// PageSize returns the size of the pages that are read for the first items of a list whose pages
// have most items at most.
func PageSize(first, most int) int {
	for _, size := range pageSizes {
		if size >= first {
			return min(size, most)
		}
	}
	return most
}

// GrownSize returns the size of the pages that are read from a cursor on, on whose page so many items
// precede the first requested ones: that of the cursor, or on the first page the size of one that has
// them all.
func GrownSize(size, before, first, most int, onFirst bool) int {
	if !onFirst {
		return size
	}
	return max(size, PageSize(before+first, most))
}

// listing is how the pages of a list are read.
type listing struct {
	first   int  // items that are requested
	size    int  // of a page
	windows int  // that a range of days is cut into; 1 without a range
	after   bool // it continues after a cursor
	behind  int  // items before the cursor
	counted bool // Zoom numbers the pages and has no token for the next one
}

// most returns the maximum number of pages: each window ends with a page that may be short, and if
// the pages are numbered, with one that may be empty. If the token of a cursor has expired, Zoom
// rejects it once, and the list is read from its beginning.
func (l listing) most() int {
	pages := ceil(l.behind+l.first, l.size) - 1 + l.windows
	if l.counted {
		pages += l.windows
	}
	if l.after {
		pages++
	}
	return pages
}

// likely returns the number of pages of a list with exactly as many items as are requested.
func (l listing) likely() int { return max(ceil(l.first, l.size), l.windows) }

// ceil returns n/of, rounded up.
func ceil(n, of int) int { return (n + of - 1) / of }

// times returns a*b, but at most most.
func times(a, b, most int) int {
	if a != 0 && b > most/a {
		return most
	}
	return min(a*b, most)
}

// unpaged stands for the page size of a list without pages.
const unpaged = math.MaxUint16
