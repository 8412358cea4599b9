// Package window is the arithmetic of rate limits: when a call may start under a limit,
// given the calls before it and the estimated usage of other applications. It is pure:
// the time is a parameter, nothing here locks, waits or reads a clock, and a [Counter]
// is a plain value that its owner guards.
//
// Points in time are Unix nanoseconds by the clock of the store that counts.
//
// The Lua scripts of package ratelimit do the same arithmetic inside Redis, in
// microseconds. The reasons are here.
package window

import "time"

// Day is the length of the day that a daily limit counts.
const Day = 24 * time.Hour

// A Limit allows Calls calls to start within any span of Window. It is a plain
// value: the calls that were counted are in a store, under Key.
type Limit struct {
	// Key names the counter. The part before its first ":" is the account,
	// and MUST be the same for all limits of a call: Redis stores an account in one
	// slot, since a script cannot use several.
	Key string

	// Calls is how many calls may start, at least 1.
	Calls int

	// Window is the span in which they may start. A daily limit ignores it.
	Window time.Duration

	// Daily limits are counted per UTC day and reset at 00:00 UTC. They
	// are counters, not logs: any 24 hours may see twice as many calls.
	Daily bool

	// Burst is how many of the calls of a window may start at once; the others
	// follow one by one, spread over half of it. Zero is all of them.
	Burst int

	// Guard stretches the window; of a day, it is how long after midnight the old day
	// still counts. A store times the start of calls and the origin their arrival: a
	// slow call followed by a fast one arrive closer together than they left, and
	// clocks differ. Zero is 4 % of the window, or 2 seconds after midnight; a negative
	// Guard is none.
	Guard time.Duration
}

// Margin returns the guard that applies: Guard, or its default.
func (l *Limit) Margin() time.Duration {
	switch {
	case l.Guard < 0:
		return 0
	case l.Guard > 0:
		return l.Guard
	case l.Daily:
		return 2 * time.Second
	}
	return l.Window / 25
}

// Span returns the window, stretched by the guard.
func (l *Limit) Span() time.Duration { return l.Window + l.Margin() }

// Effective returns the span that applies when competing calls of each window are
// left to other applications. A call that arrives late is one too many only if
// they use all that is left to them, which is rare: so the calls that are left to
// them replace the guard, all but an eighth of it.
func (l *Limit) Effective(competing int) time.Duration {
	guard := l.Margin()
	return l.Window + max(guard-l.Window*time.Duration(competing)/time.Duration(max(l.Calls, 1)), guard/8)
}

// Share returns the part of the limit that one of n replicas has when they do not share
// a count. Less than one call for each makes it one call in a window that is as much
// longer; less than one call a day makes it one, since one too many is better than
// none.
func (l *Limit) Share(n int) Limit {
	part, calls := *l, max(l.Calls, 1)
	switch {
	case n <= 1:
	case calls >= n:
		part.Calls = calls / n
		part.Burst = (l.Burst + n - 1) / n
	case l.Daily:
		part.Calls = 1
	default:
		part.Guard = l.Margin() * time.Duration(n) / time.Duration(calls)
		if part.Guard == 0 {
			part.Guard = -1
		}
		part.Window = l.Window * time.Duration(n) / time.Duration(calls)
		part.Calls, part.Burst = 1, 0
	}
	return part
}

// Portion returns the part of the limit that present of n replicas have together.
// A day is not divided.
func (l *Limit) Portion(present, n int) Limit {
	part := *l
	if !l.Daily {
		part.Calls = max(l.Calls*present/n, 1)
		part.Burst = (l.Burst*present + n - 1) / n
	}
	return part
}
