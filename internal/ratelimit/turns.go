package ratelimit

import "slices"

// turns says who of those who wait is next: by priority, and within one the
// callers in turn, each with its calls in order of arrival. So a caller with a
// thousand calls in line delays another's single call by one start. The zero
// value is empty.
type turns struct {
	lines [priorities]line
	size  int
}

// line is those of one priority. ring holds the callers, who is next first.
type line struct {
	ring   []*caller
	size   int
	passed int // starts that went to other lines since this one had its last
}

type caller struct {
	name  string
	calls []*waiter
}

// push puts w at the end of its caller's calls.
func (t *turns) push(w *waiter) {
	l := &t.lines[w.prio]
	if i := l.of(w.caller); i >= 0 {
		l.ring[i].calls = append(l.ring[i].calls, w)
	} else {
		l.ring = append(l.ring, &caller{w.caller, []*waiter{w}})
	}
	if l.size == 0 {
		l.passed = 0
	}
	l.size++
	t.size++
}

// of returns where a caller stands in the ring, or -1.
func (l *line) of(name string) int {
	return slices.IndexFunc(l.ring, func(c *caller) bool { return c.name == name })
}

// pop takes out who is next. There MUST be someone.
func (t *turns) pop() *waiter {
	w := t.next(nil)
	t.serve(w)
	return w
}

// next returns the first in turn of those that fit; nil if there is none. All do if
// fits is nil.
func (t *turns) next(fits func(*waiter) bool) *waiter {
	due := t.due()
	if due == nil {
		return nil
	}
	if w := due.next(fits); w != nil {
		return w
	}
	for i := range t.lines {
		if w := t.lines[i].next(fits); w != nil {
			return w
		}
	}
	return nil
}

func (l *line) next(fits func(*waiter) bool) *waiter {
	for _, c := range l.ring {
		if w := c.calls[0]; fits == nil || fits(w) {
			return w
		}
	}
	return nil
}

// serve takes out the first call of a caller, and puts the caller behind the others.
func (t *turns) serve(w *waiter) {
	of := &t.lines[w.prio]
	for i := range t.lines {
		if l := &t.lines[i]; l != of && l.size > 0 {
			l.passed++
		}
	}
	of.passed = 0
	i := of.of(w.caller)
	c := of.ring[i]
	c.calls = c.calls[1:]
	of.ring = slices.Delete(of.ring, i, i+1)
	if len(c.calls) > 0 {
		of.ring = append(of.ring, c)
	}
	of.size--
	t.size--
}

// due returns the line that the next start goes to.
func (t *turns) due() *line {
	var first *line
	for i := range t.lines {
		l := &t.lines[i]
		switch {
		case l.size == 0:
		case first == nil:
			first = l
		case l.passed >= patience[i]:
			return l
		}
	}
	return first
}

// remove takes w out, wherever it stands.
func (t *turns) remove(w *waiter) {
	l := &t.lines[w.prio]
	i := l.of(w.caller)
	if i < 0 {
		return
	}
	c := l.ring[i]
	at := slices.Index(c.calls, w)
	if at < 0 {
		return
	}
	c.calls = slices.Delete(c.calls, at, at+1)
	if len(c.calls) == 0 {
		l.ring = slices.Delete(l.ring, i, i+1)
	}
	l.size--
	t.size--
}

// ahead returns how many would be served before one more call of a caller,
// counting nobody who may still come.
func (t *turns) ahead(p Priority, name string) int {
	l := &t.lines[p]
	at, own := l.of(name), 0
	if at >= 0 {
		own = len(l.ring[at].calls)
	}
	same := own
	for i, c := range l.ring {
		switch {
		case i == at:
		case at < 0 || i < at:
			same += min(len(c.calls), own+1)
		default:
			same += min(len(c.calls), own)
		}
	}
	before := same
	for i := range p {
		before += t.lines[i].size
	}
	if p == Interactive {
		return before
	}
	return min(before, (same+1)*(patience[p]+1)-1)
}

// order returns those who wait, as they would be served.
func (t *turns) order() []*waiter {
	c := turns{size: t.size}
	for i, l := range t.lines {
		c.lines[i] = line{size: l.size, passed: l.passed}
		for _, from := range l.ring {
			copied := *from
			c.lines[i].ring = append(c.lines[i].ring, &copied)
		}
	}
	all := make([]*waiter, 0, c.size)
	for c.size > 0 {
		all = append(all, c.pop())
	}
	return all
}
