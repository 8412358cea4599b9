package ratelimit

import (
	"slices"
	"sort"
)

// A window is the log of one limit: the start times of calls, in nanoseconds,
// sorted, from one span ago into the future. Starts in the future are
// reservations. They may leave gaps (a call under two limits starts when the
// later one allows it), so the log takes a start at any place, not only last.
type window struct {
	log  []int64
	head int // log[:head] is forgotten
}

// starts returns what is remembered.
func (w *window) starts() []int64 { return w.log[w.head:] }

// forget drops the starts that no call from now on can be too close to.
func (w *window) forget(now, span int64) {
	for w.head < len(w.log) && w.log[w.head] <= now-span {
		w.head++
	}
	if w.head > len(w.log)/2 {
		w.log = w.log[:copy(w.log, w.log[w.head:])]
		w.head = 0
	}
}

// earliest returns the first time from t on at which a call may start, so that
// no span holds more than n.
//
// Any n starts in a row that lie closer together than a span forbid the times
// that would make n+1: from one span before the last of them to one span after
// the first, both exclusive. Both ends grow along the log, so one pass will do.
func (w *window) earliest(t, span int64, n int) int64 {
	s := w.starts()
	runs := len(s) - n + 1
	if runs <= 0 {
		return t
	}
	first := sort.Search(runs, func(k int) bool { return s[k]+span > t })
	for k := first; k < runs; k++ {
		oldest, newest := s[k], s[k+n-1]
		if newest-span >= t {
			break
		}
		if newest-oldest < span && t < oldest+span {
			t = oldest + span
		}
	}
	return t
}

// count returns how many calls started after from and until to.
func (w *window) count(from, to int64) int {
	s := w.starts()
	after := func(t int64) int { return sort.Search(len(s), func(k int) bool { return s[k] > t }) }
	return after(to) - after(from)
}

// add writes a start into the log.
func (w *window) add(t int64) {
	i := len(w.log)
	for i > w.head && w.log[i-1] > t {
		i--
	}
	w.log = slices.Insert(w.log, i, t)
}

// remove takes one start at t out of the log. It reports whether there was one.
func (w *window) remove(t int64) bool {
	i, ok := slices.BinarySearch(w.starts(), t)
	if ok {
		w.log = slices.Delete(w.log, w.head+i, w.head+i+1)
	}
	return ok
}
