package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"zoomql/internal/lab/upstream"
)

// usage is the usage of one label in some time.
type usage struct {
	taken     int         // calls that were charged
	throttled []time.Time // when a call was answered 429
}

// spent counts the calls of a label that arrived from one time to another, and for
// which ours reports true.
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

// anyApp matches the calls of every app.
func anyApp(upstream.Call) bool { return true }

// after counts the times from t on.
func after(moments []time.Time, t time.Time) int {
	n := 0
	for _, m := range moments {
		if !m.Before(t) {
			n++
		}
	}
	return n
}

// byPath counts calls by pattern and path. The token of a page is left out, since it
// differs each time; refused calls count.
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

// A difference counts the calls beyond a set, and those of it that are missing.
type difference struct {
	extra, missing int
	first          []string // of each kind, for the log
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

// An observation is whether all was normal at one time.
type observation struct {
	begin, end time.Time
	ok         bool
}

// recoveryTime returns how long after t the last observation ended that was not ok, of
// those that began after t; 0 if there was none.
func recoveryTime(observations []observation, t time.Time) time.Duration {
	var d time.Duration
	for _, s := range observations {
		if !s.ok && !s.begin.Before(t) {
			d = max(d, s.end.Sub(t))
		}
	}
	return d
}
