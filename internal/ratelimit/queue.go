package ratelimit

import (
	"slices"
	"strings"
	"time"
)

// A queue holds those who wait under the same windows. Each brought a start, and
// any start in it serves any of them.
type queue struct {
	key   string
	lines [priorities][]*waiter // each in order of arrival
}

// A waiter is one Wait that does not return at once. All but the channels is
// guarded by the Limiter's lock while q is set.
type waiter struct {
	limits   []Limit
	prio     Priority
	deadline time.Time
	seq      uint64 // order of arrival

	q     *queue   // nil when not in a queue
	d     Decision // the start it holds
	stale bool     // its start is void

	ready chan struct{} // closed when it may start
	moved chan struct{} // has a value when d or stale was changed by others
}

// tell wakes w to look at its start.
func (w *waiter) tell() {
	select {
	case w.moved <- struct{}{}:
	default:
	}
}

func (w *waiter) under(key string) bool {
	return slices.ContainsFunc(w.limits, func(l Limit) bool { return l.Key == key })
}

// queueKey names the windows among limits. Days are left out: they decide
// whether a call may be made, and hardly ever when.
func queueKey(limits []Limit) string {
	var b strings.Builder
	for _, l := range limits {
		if !l.Daily {
			b.WriteString(l.Key)
			b.WriteByte(0)
		}
	}
	return b.String()
}

// first returns who is next in line. The queue MUST NOT be empty.
func (q *queue) first() *waiter {
	for _, line := range q.lines {
		if len(line) > 0 {
			return line[0]
		}
	}
	panic("ratelimit: empty queue")
}

// last returns who holds the latest start. The queue MUST NOT be empty.
func (q *queue) last() (last *waiter) {
	q.each(func(w *waiter) {
		if last == nil || w.d.Start.After(last.d.Start) {
			last = w
		}
	})
	return last
}

func (q *queue) each(f func(*waiter)) {
	for _, line := range q.lines {
		for _, w := range line {
			f(w)
		}
	}
}

// join puts w at the end of its line. It reports true, and does not, if nobody
// is in line and w's start has come.
func (l *Limiter) join(w *waiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.d.Wait <= 0 && l.queues[queueKey(w.limits)] == nil {
		return true
	}
	l.seq++
	w.seq = l.seq
	l.insert(w)
	return false
}

// hasStart reports whether the queue holds a start that is in time for w and
// not for one who goes before.
func (l *Limiter) hasStart(w *waiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.queues[queueKey(w.limits)]
	if q == nil {
		return false
	}
	starts := 0
	q.each(func(o *waiter) {
		if !o.d.Start.After(w.deadline) {
			starts++
		}
	})
	return starts > len(q.lines[Interactive])
}

// untilStart returns how long it is to the start that w holds.
func (l *Limiter) untilStart(w *waiter) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Until(w.d.Start)
}

// insert puts w into its queue by order of arrival. The caller holds the lock.
func (l *Limiter) insert(w *waiter) {
	key := queueKey(w.limits)
	q := l.queues[key]
	if q == nil {
		q = &queue{key: key}
		l.queues[key] = q
	}
	line := &q.lines[w.prio]
	*line = slices.Insert(*line, place(*line, w), w)
	w.q = q
	l.waiting.Add(1)
}

// remove takes w out of its queue. The caller holds the lock.
func (l *Limiter) remove(w *waiter) {
	line := &w.q.lines[w.prio]
	i := place(*line, w)
	*line = slices.Delete(*line, i, i+1)
	if len(w.q.lines[Interactive])+len(w.q.lines[Background]) == 0 {
		delete(l.queues, w.q.key)
	}
	w.q = nil
	l.waiting.Add(-1)
}

func place(line []*waiter, w *waiter) int {
	i, _ := slices.BinarySearchFunc(line, w, func(a, b *waiter) int {
		return int(int64(a.seq) - int64(b.seq))
	})
	return i
}
