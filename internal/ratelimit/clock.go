package ratelimit

import (
	"sync"
	"time"
)

// clocks converts times of Redis to the clock of this process, for each account,
// since a cluster has as many clocks as nodes.
//
// A reply holds the time that the clock of Redis showed at some moment between
// the request and the reply. On a busy machine these are far apart; a start that
// was timed from the arrival of its reply would be late by all of that, although
// it was reserved ahead. So the narrowest of the last samples converts all times
// (Cristian's algorithm).
type clocks struct {
	mu   sync.Mutex
	best map[string]clockSample // by account
}

// A clockSample is one reading of the clock of Redis.
type clockSample struct {
	sent, received time.Time // of the request and the reply, by this process's clock
	shown          int64     // by the clock of Redis, in microseconds
}

// sampleLifetime is for how long a narrow sample replaces later, wider ones: two
// clocks may drift apart by half a millisecond in that time.
const sampleLifetime = 5 * time.Second

// add adds a sample and returns the best one.
func (c *clocks) add(account string, s clockSample) clockSample {
	c.mu.Lock()
	defer c.mu.Unlock()
	if best, ok := c.best[account]; ok && s.received.Sub(best.received) < sampleLifetime && s.width() > best.width() && best.agrees(s) {
		return best
	}
	if c.best == nil {
		c.best = map[string]clockSample{}
	}
	c.best[account] = s
	return s
}

// width returns how far apart the request and the reply are.
func (s clockSample) width() time.Duration { return s.received.Sub(s.sent) }

// when returns between which moments the clock of Redis shows a time.
func (s clockSample) when(t int64) (earliest, latest time.Time) {
	d := time.Duration(t-s.shown) * time.Microsecond
	return s.sent.Add(d), s.received.Add(d)
}

// agrees reports whether another sample may be of the same clock, running evenly.
// A clock that was set in between, or that of a node which has taken over, is
// another.
func (s clockSample) agrees(other clockSample) bool {
	earliest, latest := s.when(other.shown)
	return !latest.Before(other.sent) && !earliest.After(other.received)
}
