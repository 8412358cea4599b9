package ratelimit

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// Memory is a Store in this process. Its zero value is ready for use; it never
// returns an error.
type Memory struct {
	mu      sync.Mutex
	counts  map[string]*count
	sweepAt int // number of counts at which idle ones are dropped
}

// count is what is known of one limit. Times are Unix nanoseconds.
type count struct {
	window  window
	others  others
	pace    pace
	days    days
	blocked int64 // no start before
	idle    int64 // when nothing of this matters any more
	spans   bool  // it is a window's
}

// maxCounts bounds the counts, some 400 bytes each. There are few windows and days of
// accounts; the rest are allowances of objects that callers may make up, hosts and
// registrants.
const maxCounts = 1 << 15

// count returns the count of a limit as of now. The caller holds the lock.
func (m *Memory) count(l *Limit, now int64) *count {
	c := m.counts[l.Key]
	if c == nil {
		m.sweep(now)
		c = &count{}
		m.counts[l.Key] = c
	}
	if l.Daily {
		c.days.forget(dayOf(now, int64(l.guard())))
	} else {
		c.spans = true
		c.window.forget(now, int64(l.span()))
	}
	return c
}

// sweep drops what is idle, often enough to keep at most half of the counts
// idle and seldom enough to cost nothing: hosts and registrants have limits of
// their own, and there is no end of them.
func (m *Memory) sweep(now int64) {
	if m.counts == nil {
		m.counts = make(map[string]*count)
	}
	if len(m.counts) < m.sweepAt {
		return
	}
	for key, c := range m.counts {
		if c.idle < now {
			delete(m.counts, key)
		}
	}
	if len(m.counts) >= maxCounts {
		m.shed()
	}
	m.sweepAt = min(2*len(m.counts)+1024, maxCounts)
}

// shed forgets half of the counts, those of days that are furthest from their end: the
// origin still counts them, and refuses what is one too many.
func (m *Memory) shed() {
	var keys []string
	for key, c := range m.counts {
		if !c.spans {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Compare(m.counts[a].worth(), m.counts[b].worth()) })
	for _, key := range keys[:min(len(keys), len(m.counts)-maxCounts/2)] {
		delete(m.counts, key)
	}
}

// worth says how much is lost with a count of days.
func (c *count) worth() (calls int) {
	for _, d := range c.days {
		calls = max(calls, d.used)
	}
	if c.blocked > 0 {
		calls++
	}
	return calls
}

// earliest returns the first time from t on that the limit allows.
func (c *count) earliest(t, now int64, l *Limit) int64 {
	t = max(t, c.blocked)
	if l.Daily {
		return c.days.earliest(t, int64(l.guard()), max(l.Calls, 1))
	}
	others := c.others.now(now, l)
	return c.window.earliest(max(t, c.pace.from(l)), int64(l.beside(others)), max(l.Calls-others, 1))
}

func (c *count) add(t, now int64, l *Limit) {
	if l.Daily {
		guard := int64(l.guard())
		d := dayOf(t, guard)
		c.days.add(d, 1)
		c.idle = max(c.idle, dayStart(d+1, guard))
		return
	}
	c.window.add(t)
	c.pace.add(t, now, max(l.Calls-c.others.now(now, l), 1), l)
	c.idle = max(c.idle, t+int64(l.span()), c.pace.next)
}

// Take implements [Store].
func (m *Memory) Take(_ context.Context, now time.Time, maxWait time.Duration, limits []Limit) (Decision, error) {
	from := now.UnixNano()
	m.mu.Lock()
	defer m.mu.Unlock()
	var few [8]*count
	counts := few[:0]
	for i := range limits {
		counts = append(counts, m.count(&limits[i], from))
	}
	// Each limit may push the start to where another forbids it: go round
	// until all agree. The start only ever grows, and beyond the last
	// reservation nobody objects.
	t, last := from, -1
	for agreed, i := 0, 0; agreed < len(limits); i = (i + 1) % len(limits) {
		if u := counts[i].earliest(t, from, &limits[i]); u > t {
			t, last, agreed = u, i, 0
		}
		agreed++
	}
	start := now.Add(time.Duration(t - from))
	d := Decision{Start: start, Wait: time.Duration(t - from), due: start, at: t}
	if last >= 0 {
		d.Limit = limits[last]
	}
	if d.Wait > 0 && d.Wait > maxWait {
		return d, nil
	}
	for i := range limits {
		counts[i].add(t, from, &limits[i])
	}
	d.OK = true
	return d, nil
}

// Cancel implements [Store].
func (m *Memory) Cancel(_ context.Context, d Decision, limits []Limit) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range limits {
		l := &limits[i]
		if c := m.counts[l.Key]; c == nil {
			continue
		} else if l.Daily {
			c.days.add(dayOf(d.at, int64(l.guard())), -1)
		} else {
			c.window.remove(d.at)
			c.pace.remove()
		}
	}
	return nil
}

// Late implements [Store].
func (m *Memory) Late(_ context.Context, now time.Time, d Decision, windows []Limit) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range windows {
		if c := m.counts[windows[i].Key]; c != nil && now.UnixNano() > d.at && c.window.remove(d.at) {
			c.window.add(now.UnixNano())
		}
	}
	return nil
}

// Block implements [Store].
func (m *Memory) Block(_ context.Context, key string, until time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.counts[key]
	if c == nil {
		m.sweep(time.Now().UnixNano())
		c = &count{}
		m.counts[key] = c
	}
	c.blocked = max(c.blocked, until.UnixNano())
	c.idle = max(c.idle, c.blocked)
	return nil
}

// Refuse implements [Store].
func (m *Memory) Refuse(_ context.Context, now time.Time, l Limit) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := now.UnixNano()
	c := m.count(&l, t)
	c.blocked = max(c.blocked, t+int64(c.others.refuse(t, c.window.count(t-int64(l.Window), t), &l)))
	c.learned(t, &l)
	return nil
}

// learned has nothing start in a crowd after something was learned.
func (c *count) learned(t int64, l *Limit) {
	c.pace.next = max(c.pace.next, t+l.slack())
	c.idle = max(c.idle, t+5*c.others.hold+int64(memory)+60*int64(l.span()))
}

// Observe implements [Store].
func (m *Memory) Observe(_ context.Context, now time.Time, l Limit, left int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := now.UnixNano()
	c := m.count(&l, t)
	if !l.Daily {
		c.others.told(t, c.window.count(t-int64(l.Window), t), left, &l)
		c.learned(t, &l)
		return nil
	}
	d := dayOf(t, int64(l.guard()))
	if more := l.Calls - left - c.days.used(d); more > 0 {
		c.days.add(d, more)
		c.idle = max(c.idle, dayStart(d+1, int64(l.guard())))
	}
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
		c := m.count(l, t)
		used, reset, foreign := 0, t, 0
		if l.Daily {
			d := dayOf(t, int64(l.guard()))
			used, reset = c.days.used(d), dayStart(d+1, int64(l.guard()))
		} else {
			foreign = c.others.now(t, l)
			if s := c.window.starts(); len(s) > 0 {
				used, reset = len(s), s[len(s)-1]+int64(l.span())
			}
		}
		if c.blocked > t {
			used, reset = l.Calls, max(reset, c.blocked)
		}
		all[i] = Status{Key: l.Key, Calls: l.Calls, Left: max(l.Calls-foreign-used, 0), Others: foreign, Reset: now.Add(time.Duration(reset - t))}
	}
	return all, nil
}
