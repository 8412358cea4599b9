package window

import (
	"slices"
	"sort"
)

// A Log is a sliding window log: the start times of calls, sorted, from one span
// ago into the future. Starts in the future are reservations. They may leave gaps
// (a call under two limits starts when the later one allows it), so the log takes
// a start at any place, not only at its end. The zero value is empty.
type Log struct {
	starts []int64
	head   int // starts[:head] is forgotten
}

// Starts returns the starts that the log holds, sorted. The slice is the log's own,
// valid until the log changes.
func (w *Log) Starts() []int64 { return w.starts[w.head:] }

// Forget drops the starts that no call from now on can be too close to.
func (w *Log) Forget(now, span int64) {
	for w.head < len(w.starts) && w.starts[w.head] <= now-span {
		w.head++
	}
	if w.head > len(w.starts)/2 {
		w.starts = w.starts[:copy(w.starts, w.starts[w.head:])]
		w.head = 0
	}
}

// Earliest returns the first time from t on at which a call may start, so that
// no span holds more than n.
//
// Any n starts in a row that lie closer together than a span forbid the times
// that would make n+1: from one span before the last of them to one span after
// the first, both exclusive. Both ends grow along the log, so one pass suffices.
func (w *Log) Earliest(t, span int64, n int) int64 {
	s := w.Starts()
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

// Count returns how many calls started after from and until to.
func (w *Log) Count(from, to int64) int {
	s := w.Starts()
	after := func(t int64) int { return sort.Search(len(s), func(k int) bool { return s[k] > t }) }
	return after(to) - after(from)
}

// Add inserts a start.
func (w *Log) Add(t int64) {
	i := len(w.starts)
	for i > w.head && w.starts[i-1] > t {
		i--
	}
	w.starts = slices.Insert(w.starts, i, t)
}

// Remove removes one start at t. It reports whether there was one.
func (w *Log) Remove(t int64) bool {
	i, ok := slices.BinarySearch(w.Starts(), t)
	if ok {
		w.starts = slices.Delete(w.starts, w.head+i, w.head+i+1)
	}
	return ok
}
