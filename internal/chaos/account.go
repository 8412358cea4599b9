package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"zoomql/internal/bench/upstream"
)

// usage is what was spent of one label in some time.
type usage struct {
	taken     int         // calls that were charged
	throttled []time.Time // when a call was answered 429
}

// spent counts the calls of a label that arrived from one moment to another and
// of which ours is true.
func spent(calls []upstream.Call, label string, from, to time.Time, ours func(upstream.Call) bool) usage {
	var u usage
	for _, c := range calls {
		switch {
		case c.Label != label || c.Start.Before(from) || !c.Start.Before(to) || !ours(c):
		case c.Status == 429:
			u.throttled = append(u.throttled, c.Start)
		default:
			u.taken++
		}
	}
	return u
}

// everybody is for calls whoever made them.
func everybody(upstream.Call) bool { return true }

// after counts the moments from t on.
func after(moments []time.Time, t time.Time) int {
	n := 0
	for _, m := range moments {
		if !m.Before(t) {
			n++
		}
	}
	return n
}

// byPath counts calls by what they ask. A page's token differs each time, and a
// call that was refused is one too.
func byPath(calls []upstream.Call) map[string]int {
	n := map[string]int{}
	for _, c := range calls {
		path, token, paged := strings.Cut(c.Path, "next_page_token=")
		if paged {
			_, rest, _ := strings.Cut(token, "&")
			path += "next_page_token=…&" + rest
		}
		n[c.Pattern+" "+path]++
	}
	return n
}

// A difference is what was made beyond a set of calls, and what of it was not.
type difference struct {
	extra, missing int
	first          []string // of each, for who wants to know which
}

func compare(made, set map[string]int) difference {
	var d difference
	for _, side := range []struct {
		a, b map[string]int
		n    *int
		sign string
	}{{made, set, &d.extra, "+"}, {set, made, &d.missing, "-"}} {
		for _, path := range slices.Sorted(maps.Keys(side.a)) {
			if more := side.a[path] - side.b[path]; more > 0 {
				*side.n += more
				d.first = append(d.first, fmt.Sprintf("%s%d %s", side.sign, more, path))
			}
		}
	}
	return d
}

// A sign says at one moment whether all was as it is on a good day.
type sign struct {
	begin, end time.Time
	well       bool
}

// recovered returns how long after t the last sign ended that was not well, of
// those that began after t; 0 if there was none.
func recovered(signs []sign, t time.Time) time.Duration {
	var d time.Duration
	for _, s := range signs {
		if !s.well && !s.begin.Before(t) {
			d = max(d, s.end.Sub(t))
		}
	}
	return d
}
