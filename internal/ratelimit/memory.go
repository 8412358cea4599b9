package ratelimit

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"zoomql/internal/ratelimit/window"
)

// Memory is a Store in this process. Its zero value is ready for use; it never
// returns an error.
type Memory struct {
	mu       sync.Mutex
	counters map[string]*window.Counter // by key of the limit
	sweepAt  int                        // number of counters at which idle ones are dropped
}

// maxCounters bounds the counters, some 400 bytes each. There are few windows and days
// of accounts; the rest are allowances of objects that callers may make up, hosts and
// registrants.
const maxCounters = 1 << 15

// counter returns the counter of a limit as of now. The caller holds the lock.
func (m *Memory) counter(l *Limit, now int64) *window.Counter {
	c := m.counters[l.Key]
	if c == nil {
		c = m.add(l.Key, now)
	}
	c.Forget(now, l)
	return c
}

// add returns a new counter. The caller holds the lock.
func (m *Memory) add(key string, now int64) *window.Counter {
	m.sweep(now)
	c := &window.Counter{}
	m.counters[key] = c
	return c
}

// sweep drops idle counters, often enough that at most half of the counters are idle,
// and seldom enough to cost little: hosts and registrants have limits of their own,
// and their number is not bounded.
func (m *Memory) sweep(now int64) {
	if m.counters == nil {
		m.counters = make(map[string]*window.Counter)
	}
	if len(m.counters) < m.sweepAt {
		return
	}
	for key, c := range m.counters {
		if c.Idle(now) {
			delete(m.counters, key)
		}
	}
	if len(m.counters) >= maxCounters {
		m.shed()
	}
	m.sweepAt = min(2*len(m.counters)+1024, maxCounters)
}

// shed drops half of the counters, those of days that are furthest from their end: the
// origin still counts them, and refuses a call beyond them.
func (m *Memory) shed() {
	var keys []string
	for key, c := range m.counters {
		if !c.Window() {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Compare(m.counters[a].Weight(), m.counters[b].Weight())
	})
	for _, key := range keys[:min(len(keys), len(m.counters)-maxCounters/2)] {
		delete(m.counters, key)
	}
}

// Take implements [Store].
func (m *Memory) Take(_ context.Context, now time.Time, maxWait time.Duration, limits []Limit) (Decision, error) {
	from := now.UnixNano()
	m.mu.Lock()
	defer m.mu.Unlock()
	var few [8]*window.Counter
	counters := few[:0]
	for i := range limits {
		counters = append(counters, m.counter(&limits[i], from))
	}
	t, last := window.Earliest(from, counters, limits)
	wait := time.Duration(t - from)
	start := now.Add(wait)
	d := Decision{Start: start, Wait: wait, due: start, at: t}
	if last >= 0 {
		d.Limit = limits[last]
	}
	if d.Wait > 0 && d.Wait > maxWait {
		return d, nil
	}
	for i := range limits {
		counters[i].Add(t, from, &limits[i])
	}
	d.OK = true
	return d, nil
}

// Cancel implements [Store].
func (m *Memory) Cancel(_ context.Context, d Decision, limits []Limit) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range limits {
		if c := m.counters[limits[i].Key]; c != nil {
			c.Cancel(d.at, &limits[i])
		}
	}
	return nil
}

// Late implements [Store].
func (m *Memory) Late(_ context.Context, now time.Time, d Decision, windows []Limit) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range windows {
		if c := m.counters[windows[i].Key]; c != nil {
			c.Delay(d.at, now.UnixNano())
		}
	}
	return nil
}

// Block implements [Store].
func (m *Memory) Block(_ context.Context, key string, until time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.counters[key]
	if c == nil {
		c = m.add(key, time.Now().UnixNano())
	}
	c.Block(until.UnixNano())
	return nil
}

// Refuse implements [Store].
func (m *Memory) Refuse(_ context.Context, now time.Time, l Limit) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := now.UnixNano()
	m.counter(&l, t).Refuse(t, &l)
	return nil
}

// Observe implements [Store].
func (m *Memory) Observe(_ context.Context, now time.Time, l Limit, left int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := now.UnixNano()
	m.counter(&l, t).Observe(t, left, &l)
	return nil
}

// Remaining implements [Store].
func (m *Memory) Remaining(_ context.Context, now time.Time, limits []Limit) ([]Status, error) {
	t := now.UnixNano()
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]Status, len(limits))
	for i := range limits {
		l := &limits[i]
		u := m.counter(l, t).Usage(t, l)
		all[i] = Status{
			Key: l.Key, Calls: l.Calls, Left: max(l.Calls-u.Competing-u.Calls, 0), Competing: u.Competing,
			Reset: now.Add(time.Duration(u.Reset - t)),
		}
	}
	return all, nil
}

// spent returns the starts that still matter to a window, or the calls of today.
func (m *Memory) spent(l *Limit, now time.Time) (starts []time.Time, calls int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := now.UnixNano()
	c := m.counter(l, t)
	if l.Daily {
		return nil, c.Days.Used(l.DayOf(t))
	}
	for _, start := range c.Log.Starts() {
		starts = append(starts, time.Unix(0, start))
	}
	return starts, 0
}
