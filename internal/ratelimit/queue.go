package ratelimit

import (
	"slices"
	"strings"
	"time"
)

const (
	// horizon is how far ahead starts are reserved for waiters. It is long
	// enough that a start is there when its time comes, and short enough that it takes
	// into account what the origin reports and which calls any replica requests in
	// between.
	horizon = 50 * time.Millisecond

	// retryEvery bounds the time until the next request for a start, whatever the Store
	// has replied: another replica may cancel one that it has reserved.
	retryEvery = 200 * time.Millisecond

	// checkEvery bounds how often the deadlines of all waiters are checked.
	checkEvery = 50 * time.Millisecond
)

// A queue holds the waiters under the same windows, and starts reserved for
// them. A start is assigned to no waiter until it is due: then it is granted to the
// next one. The Limiter's lock guards all of it.
type queue struct {
	key     string
	windows []Limit
	waiters scheduler

	starts  []*start    // sorted
	surplus []Decision  // to be cancelled in the Store
	granted []time.Time // when the last starts were granted
	peak    []int       // of these in any one span of each window

	// The last reply of the Store that had no start within the horizon.
	next  time.Time // the first start that it has; zero if there was no such reply
	limit Limit     // the limit that decided that

	generation int       // grows when the starts reserved before are invalidated
	retryAt    time.Time // when a start is requested from the Store again
	checked    time.Time // when the deadlines of all waiters were checked
	changed    bool      // waiters were added since then
	wake       chan struct{}
}

// A start is a reserved start; timer grants it.
type start struct {
	d     Decision
	timer *time.Timer
}

// A waiter is one Reserve, or one Acquire of a Pool, that does not return at once.
// The lock of the Limiter or the Pool guards it while it waits.
type waiter struct {
	caller   string
	priority Priority
	wants    int64 // of a Pool
	deadline time.Time
	days     []Limit // that have counted it already
	day      Decision

	q     *queue // nil when in none
	d     Decision
	err   error
	ready chan struct{} // closed when it may start or has failed
	held  bool          // it has been in a queue
}

// split separates windows from days, and returns the key of the windows' queue.
// Days decide whether a call may be made, and hardly ever when, so they do not
// separate calls that wait for the same window.
func split(limits []Limit) (windows, days []Limit, key string) {
	i := slices.IndexFunc(limits, func(l Limit) bool { return l.Daily })
	if i < 0 {
		return limits, nil, keyOf(limits)
	}
	for _, l := range limits {
		if l.Daily {
			days = append(days, l)
		} else {
			windows = append(windows, l)
		}
	}
	return windows, days, keyOf(windows)
}

func keyOf(windows []Limit) string {
	if len(windows) == 1 {
		return windows[0].Key
	}
	var b strings.Builder
	for _, l := range windows {
		b.WriteString(l.Key)
		b.WriteByte(0)
	}
	return b.String()
}

func under(limits []Limit, key string) bool {
	return slices.ContainsFunc(limits, func(l Limit) bool { return l.Key == key })
}

// signal makes Limiter.run plan its next step.
func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// insert adds a start in order of time.
func (q *queue) insert(s *start) {
	i := len(q.starts)
	for i > 0 && q.starts[i-1].d.Start.After(s.d.Start) {
		i--
	}
	q.starts = slices.Insert(q.starts, i, s)
}

// invalidate cancels all starts: they were reserved before the origin reported
// something that changes them.
func (q *queue) invalidate() {
	for _, s := range q.starts {
		s.timer.Stop()
		q.surplus = append(q.surplus, s.d)
	}
	q.starts = nil
	q.generation++
	q.next, q.retryAt, q.checked = time.Time{}, time.Time{}, time.Time{}
	q.signal()
}

// startAfter returns the earliest start of a waiter behind ahead others, zero if that
// is not known yet.
func (q *queue) startAfter(ahead int, now time.Time) time.Time {
	if ahead < len(q.starts) {
		return q.starts[ahead].d.Start
	}
	if q.next.IsZero() {
		return time.Time{}
	}
	at := q.next
	if at.Before(now) {
		at = now
	}
	for i, l := range q.windows {
		windows := (ahead - len(q.starts)) / q.rate(i)
		if t := q.next.Add(time.Duration(windows) * l.Span()); t.After(at) {
			at = t
		}
	}
	return at
}

// rate returns how many starts of the i-th window the queue may expect: the most that
// it was granted in one of the last rateWindows, or the whole limit if its grants do
// not cover a window yet. The last window is no measure: after a pause, in which the
// origin or an outage held all calls back, it has next to none.
func (q *queue) rate(i int) int {
	l := &q.windows[i]
	if len(q.granted) == 0 || q.granted[len(q.granted)-1].Sub(q.granted[0]) < l.Span() {
		return max(l.Calls, 1)
	}
	return min(q.peak[i], max(l.Calls, 1))
}

// rateWindows is for how many windows a queue retains its grants.
const rateWindows = 4

// recordGrant records a start that was granted.
func (q *queue) recordGrant(now time.Time) {
	q.granted = append(q.granted, now)
	longest := time.Duration(0)
	for _, l := range q.windows {
		longest = max(longest, l.Span())
	}
	if old, _ := slices.BinarySearchFunc(q.granted, now.Add(-rateWindows*longest), time.Time.Compare); old > len(q.granted)/2 {
		q.granted = slices.Delete(q.granted, 0, old)
	}
	q.peak = q.peak[:0]
	for _, l := range q.windows {
		q.peak = append(q.peak, maxWithin(q.granted, l.Span()))
	}
}

// maxWithin returns the largest number of sorted times within one span.
func maxWithin(times []time.Time, span time.Duration) (most int) {
	first := 0
	for i, t := range times {
		for t.Sub(times[first]) >= span {
			first++
		}
		most = max(most, i+1-first)
	}
	return most
}

// recordNoStart records that the Store has no start within the horizon, and when to
// request one again.
func (q *queue) recordNoStart(d Decision, now time.Time) {
	q.next, q.limit = d.Start, d.Limit
	if !slices.ContainsFunc(q.windows, func(l Limit) bool { return d.Start.Sub(now) <= l.Span() }) {
		// No call starts for longer than a window: the rate before does not predict the
		// rate after.
		q.granted, q.peak = nil, nil
	}
	q.retryAt = d.Start.Add(-horizon)
	if soon := now.Add(time.Millisecond); q.retryAt.Before(soon) {
		q.retryAt = soon
	} else if late := now.Add(retryEvery); q.retryAt.After(late) {
		q.retryAt = late
	}
}

// failLate fails the waiters that cannot start before their deadlines any more,
// because calls that precede them arrived, or because the origin refused.
func (q *queue) failLate(now time.Time) {
	q.checked, q.changed = now, false
	if q.next.IsZero() {
		return
	}
	ahead := 0
	for _, w := range q.waiters.order() {
		at := q.startAfter(ahead, now)
		if at.IsZero() || !at.After(w.deadline) {
			ahead++
			continue
		}
		q.waiters.remove(w)
		w.fail(&Error{RetryAt: at, Key: q.limit.Key, Daily: q.limit.Daily})
	}
}

// fail ends the wait of w, which no queue holds any more.
func (w *waiter) fail(err error) {
	w.q, w.err = nil, err
	close(w.ready)
}
