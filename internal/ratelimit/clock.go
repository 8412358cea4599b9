package ratelimit

import (
	"sync"
	"time"
)

// clocks tells what the times of Redis are by the clock of this process, for each
// account, since a cluster has as many clocks as nodes.
//
// An answer says what Redis's clock showed between the question and the answer. On
// a busy machine that can be a long while; were a start timed from when its answer
// came, it would be late by all of it, though it was reserved ahead. So the
// narrowest of the last answers is what all are read by (Cristian's algorithm).
type clocks struct {
	mu   sync.Mutex
	best map[string]glance
}

// A glance is a look at another clock.
type glance struct {
	asked, told time.Time
	showed      int64 // microseconds
}

// glanceHolds is for how long a glance is relied on: two clocks may part by half a
// millisecond meanwhile.
const glanceHolds = 5 * time.Second

// look takes note of a glance and returns the best one.
func (c *clocks) look(account string, g glance) glance {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.best[account]; ok && g.told.Sub(old.told) < glanceHolds && g.width() > old.width() && old.agrees(g) {
		return old
	}
	if c.best == nil {
		c.best = map[string]glance{}
	}
	c.best[account] = g
	return g
}

func (g glance) width() time.Duration { return g.told.Sub(g.asked) }

// when returns between which moments the other clock shows a time.
func (g glance) when(t int64) (earliest, latest time.Time) {
	d := time.Duration(t-g.showed) * time.Microsecond
	return g.asked.Add(d), g.told.Add(d)
}

// agrees reports whether another glance may have been at the same clock, running
// evenly: one that was set meanwhile, or that of a node which has taken over, is
// another.
func (g glance) agrees(other glance) bool {
	earliest, latest := g.when(other.showed)
	return !latest.Before(other.asked) && !earliest.After(other.told)
}
