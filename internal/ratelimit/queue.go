package ratelimit

import (
	"slices"
	"strings"
	"time"
)

const (
	// horizon is how far ahead starts are reserved for those who wait. Far
	// enough that a start is there when its time comes; near enough that what
	// is learned meanwhile, and who comes meanwhile to any replica, counts.
	horizon = 50 * time.Millisecond

	// askEvery is how soon the Store is asked again, whatever it has said:
	// another replica may give back what it has reserved.
	askEvery = 200 * time.Millisecond

	// cullEvery bounds how often all who wait are looked at.
	cullEvery = 50 * time.Millisecond
)

// A queue holds those who wait under the same windows, and starts reserved for
// them. A start is nobody's until its time comes: then it goes to who is next.
// All of it is guarded by the Limiter's lock.
type queue struct {
	key     string
	windows []Limit
	turns   turns

	starts []*start    // sorted
	void   []Decision  // to be given back to the Store
	got    []time.Time // when the last ones were given away
	most   []int       // of these in any one span of each window

	// What the Store said when it last had no start within the horizon.
	next  time.Time // the first start that it has; zero when it was not asked
	limit Limit     // what decided that

	round  int       // grows when starts that were reserved before are void
	askAt  time.Time // when the Store is asked for a start again
	culled time.Time
	moved  bool // since it was culled
	wake   chan struct{}
}

// A start is reserved; timer gives it away.
type start struct {
	d     Decision
	timer *time.Timer
}

// A waiter is one Reserve that does not return at once. It is guarded by the
// Limiter's lock while it is in a queue.
type waiter struct {
	caller   string
	prio     Priority
	wants    int64 // of a Pool
	deadline time.Time
	days     []Limit // counted already, as day says
	day      Decision

	q     *queue // nil when in none
	d     Decision
	err   error
	ready chan struct{} // closed when it may start or has failed
	held  bool          // it has been in one
}

// split tells the windows among limits from the days, and names the windows.
// Days decide whether a call may be made, and hardly ever when, so they do not
// keep calls apart that wait for the same window.
func split(limits []Limit) (windows, days []Limit, key string) {
	i := slices.IndexFunc(limits, func(l Limit) bool { return l.Daily })
	if i < 0 {
		return limits, nil, nameOf(limits)
	}
	for _, l := range limits {
		if l.Daily {
			days = append(days, l)
		} else {
			windows = append(windows, l)
		}
	}
	return windows, days, nameOf(windows)
}

func nameOf(windows []Limit) string {
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

// poke has the queue's keeper look at it.
func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// reserve files a start.
func (q *queue) reserve(s *start) {
	i := len(q.starts)
	for i > 0 && q.starts[i-1].d.Start.After(s.d.Start) {
		i--
	}
	q.starts = slices.Insert(q.starts, i, s)
}

// drop makes all starts void: they were reserved before something was learned.
func (q *queue) drop() {
	for _, s := range q.starts {
		s.timer.Stop()
		q.void = append(q.void, s.d)
	}
	q.starts = nil
	q.round++
	q.next, q.askAt, q.culled = time.Time{}, time.Time{}, time.Time{}
	q.poke()
}

// turn returns when the one behind so many others starts at the earliest, zero
// if that is not known yet.
func (q *queue) turn(ahead int, now time.Time) time.Time {
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
		rounds := (ahead - len(q.starts)) / q.share(i)
		if t := q.next.Add(time.Duration(rounds) * l.Span()); t.After(at) {
			at = t
		}
	}
	return at
}

// share returns how many starts of the i-th window the queue may hope for: the
// most that it had in one lately, if it wanted all of that, else the whole. Not
// what it had of the last one: after a pause, in which the origin or an outage
// held all back, that is next to nothing.
func (q *queue) share(i int) int {
	l := &q.windows[i]
	if len(q.got) == 0 || q.got[len(q.got)-1].Sub(q.got[0]) < l.Span() {
		return max(l.Calls, 1)
	}
	return min(q.most[i], max(l.Calls, 1))
}

// lately is how many windows back a queue remembers what it had.
const lately = 4

// served notes a start that was given away.
func (q *queue) served(now time.Time) {
	q.got = append(q.got, now)
	longest := time.Duration(0)
	for _, l := range q.windows {
		longest = max(longest, l.Span())
	}
	if old, _ := slices.BinarySearchFunc(q.got, now.Add(-lately*longest), time.Time.Compare); old > len(q.got)/2 {
		q.got = slices.Delete(q.got, 0, old)
	}
	q.most = q.most[:0]
	for _, l := range q.windows {
		q.most = append(q.most, crowded(q.got, l.Span()))
	}
}

// crowded returns how many of some sorted times lie in one span at most.
func crowded(times []time.Time, span time.Duration) (most int) {
	first := 0
	for i, t := range times {
		for t.Sub(times[first]) >= span {
			first++
		}
		most = max(most, i+1-first)
	}
	return most
}

// paused forgets what the queue had: nothing starts for longer than a window, and
// what comes then may be more or less.
func (q *queue) paused() { q.got, q.most = nil, nil }

// cull fails those whose turn cannot come in time any more, because others came
// who go first, or because the origin refused.
func (q *queue) cull(now time.Time) {
	q.culled, q.moved = now, false
	if q.next.IsZero() {
		return
	}
	i := 0
	for _, w := range q.turns.order() {
		at := q.turn(i, now)
		if at.IsZero() || !at.After(w.deadline) {
			i++
			continue
		}
		q.turns.remove(w)
		w.fail(&Error{RetryAt: at, Key: q.limit.Key, Daily: q.limit.Daily})
	}
}

// fail ends the waiting, once w is out of the turns.
func (w *waiter) fail(err error) {
	w.q, w.err = nil, err
	close(w.ready)
}
