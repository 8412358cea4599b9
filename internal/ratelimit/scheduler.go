package ratelimit

import "slices"

// A scheduler orders waiters: by priority, and within one priority by round robin
// over the callers, each with its waiters in order of arrival. So a caller with a
// thousand waiting calls delays another's single call by one. The zero value is
// empty.
type scheduler struct {
	classes [priorities]class
	size    int
}

// A class holds the waiters of one priority.
type class struct {
	ring   []*caller // the next one first
	size   int
	passed int // waiters of other classes that were served since this one's last
}

// A caller is one name in the ring of a class.
type caller struct {
	name    string
	waiters []*waiter
}

// push adds w behind the other waiters of its caller.
func (s *scheduler) push(w *waiter) {
	c := &s.classes[w.priority]
	if i := c.index(w.caller); i >= 0 {
		c.ring[i].waiters = append(c.ring[i].waiters, w)
	} else {
		c.ring = append(c.ring, &caller{w.caller, []*waiter{w}})
	}
	if c.size == 0 {
		c.passed = 0
	}
	c.size++
	s.size++
}

// index returns the place of a caller in the ring, or -1.
func (c *class) index(name string) int {
	return slices.IndexFunc(c.ring, func(of *caller) bool { return of.name == name })
}

// pop removes and returns the next waiter. There MUST be one.
func (s *scheduler) pop() *waiter {
	w := s.next(nil)
	s.serve(w)
	return w
}

// next returns the first waiter that fits, or nil. If fits is nil, all fit.
func (s *scheduler) next(fits func(*waiter) bool) *waiter {
	due := s.due()
	if due == nil {
		return nil
	}
	if w := due.next(fits); w != nil {
		return w
	}
	for i := range s.classes {
		if w := s.classes[i].next(fits); w != nil {
			return w
		}
	}
	return nil
}

func (c *class) next(fits func(*waiter) bool) *waiter {
	for _, of := range c.ring {
		if w := of.waiters[0]; fits == nil || fits(w) {
			return w
		}
	}
	return nil
}

// serve removes w, the first waiter of its caller, and moves the caller to the end of
// the ring.
func (s *scheduler) serve(w *waiter) {
	c := &s.classes[w.priority]
	for i := range s.classes {
		if other := &s.classes[i]; other != c && other.size > 0 {
			other.passed++
		}
	}
	c.passed = 0
	i := c.index(w.caller)
	of := c.ring[i]
	of.waiters = of.waiters[1:]
	c.ring = slices.Delete(c.ring, i, i+1)
	if len(of.waiters) > 0 {
		c.ring = append(c.ring, of)
	}
	c.size--
	s.size--
}

// due returns the class whose waiter is next, nil if there is none.
func (s *scheduler) due() *class {
	var first *class
	for i := range s.classes {
		c := &s.classes[i]
		switch {
		case c.size == 0:
		case first == nil:
			first = c
		case c.passed >= maxPassed[i]:
			return c
		}
	}
	return first
}

// remove removes w, wherever it is.
func (s *scheduler) remove(w *waiter) {
	c := &s.classes[w.priority]
	i := c.index(w.caller)
	if i < 0 {
		return
	}
	of := c.ring[i]
	at := slices.Index(of.waiters, w)
	if at < 0 {
		return
	}
	of.waiters = slices.Delete(of.waiters, at, at+1)
	if len(of.waiters) == 0 {
		c.ring = slices.Delete(c.ring, i, i+1)
	}
	c.size--
	s.size--
}

// ahead returns how many waiters would be served before one more of a caller, if no
// other arrived.
func (s *scheduler) ahead(p Priority, name string) int {
	c := &s.classes[p]
	at, own := c.index(name), 0
	if at >= 0 {
		own = len(c.ring[at].waiters)
	}
	same := own
	for i, of := range c.ring {
		switch {
		case i == at:
		case at < 0 || i < at:
			same += min(len(of.waiters), own+1)
		default:
			same += min(len(of.waiters), own)
		}
	}
	before := same
	for i := range p {
		before += s.classes[i].size
	}
	if p == Interactive {
		return before
	}
	return min(before, (same+1)*(maxPassed[p]+1)-1)
}

// order returns the waiters in the order in which they would be served.
func (s *scheduler) order() []*waiter {
	rest := scheduler{size: s.size}
	for i, c := range s.classes {
		rest.classes[i] = class{size: c.size, passed: c.passed}
		for _, of := range c.ring {
			copied := *of
			rest.classes[i].ring = append(rest.classes[i].ring, &copied)
		}
	}
	all := make([]*waiter, 0, rest.size)
	for rest.size > 0 {
		all = append(all, rest.pop())
	}
	return all
}
