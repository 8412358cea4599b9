package plan

import "math"

// MaxFirst bounds how much of a list one field may ask for.
const MaxFirst = 3000

// pageSizes are the page sizes that Zoom is asked for. A few sizes make that
// different questions find the same pages in the cache, and that paging in small steps
// does not cost a call a step.
var pageSizes = []int{30, 100, 300, 1000, 2000}

// PageSizes returns the page sizes that Zoom is asked for.
func PageSizes() []int { return pageSizes }

// PageSize returns the size of the pages that are read for the first items of a list, of
// which a page has most at most.
func PageSize(first, most int) int {
	for _, size := range pageSizes {
		if size >= first {
			return min(size, most)
		}
	}
	return most
}

// listing is a list of Zoom's as far as its pages go.
type listing struct {
	first   int  // items that are wanted
	size    int  // of a page
	windows int  // that a range of days is cut into; 1 where there is none
	after   bool // it is read on after a cursor
	behind  int  // items that stand before the cursor
	counted bool // Zoom counts pages and names no next one
}

// most returns how many pages are asked for at most: each window ends with one page that
// may be short, and where Zoom names no next page, with one that may be empty. After a
// cursor whose token has ended, Zoom refuses it once, and the list is read anew.
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

// likely returns how many pages are read of lists that are as long as is asked for.
func (l listing) likely() int { return max(ceil(l.first, l.size), l.windows) }

func ceil(n, of int) int { return (n + of - 1) / of }

// times multiplies counts, which stay below a bound.
func times(a, b, most int) int {
	if a != 0 && b > most/a {
		return most
	}
	return min(a*b, most)
}

// unpaged is how many items come on the one page of a list without pages.
const unpaged = math.MaxUint16
