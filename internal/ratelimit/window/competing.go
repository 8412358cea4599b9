package window

import (
	"math"
	"time"
)

// How long an estimate of competing usage holds before it decays.
const (
	// HoldFirst follows the first refusal. It is short, because applications that have
	// just begun have not used a full window yet.
	HoldFirst = 5 * time.Second

	// HoldShort replaces HoldFirst when nearly all calls of the window were
	// counted here. A call that is delayed on its way causes the same refusal,
	// so there may be no other application at all: the estimate holds for
	// hardly more than a window, and then decays fast.
	HoldShort = 2 * time.Second

	// HoldConfirmed follows a refusal while the estimate decays: the other
	// applications are still there. Each further one doubles it, so that few calls are
	// spent on probing.
	HoldConfirmed = time.Minute

	// HoldMax bounds the doubling.
	HoldMax = 4 * time.Minute

	// Remember is for how long, beyond four times the hold, a refusal counts
	// as a further one and not as the first.
	Remember = time.Minute

	// InFlight is for how long after a refusal further ones carry no information: those
	// calls had left before it.
	InFlight = 300 * time.Millisecond
)

// Competing is the estimate of competing usage: how many calls of a window other
// applications make, which draw on the same budget and are known only by the
// origin's refusals and figures. The zero value estimates none.
type Competing struct {
	Calls   int   // in any window, until the estimate decays
	Until   int64 // when it begins to decay
	Hold    int64 // for how long it held until then, in nanoseconds
	Refused int64 // when the origin last refused a call, those of InFlight aside
}

// At returns the estimate at time t. Once it no longer holds it decays, slowly at
// first, so that an application that is still there causes one refusal and not
// many. Of 80 calls, an estimate of 24 decays within 11 seconds, or within 2 if it
// held for less than HoldFirst.
func (c *Competing) At(t int64, l *Limit) int {
	if c.Calls == 0 || t <= c.Until {
		return c.Calls
	}
	s := float64(t-c.Until) / float64(c.DecayStep(l))
	return max(c.Calls-int(min((s+s*s/8)*float64(l.Calls)/80, 1e6)), 0)
}

// DecayStep returns how long about the first of 80 calls takes to decay.
func (c *Competing) DecayStep(l *Limit) int64 {
	step := max(time.Second, l.Span()/4)
	if c.Hold < int64(HoldFirst) {
		step /= 6
	}
	return int64(step.Round(time.Microsecond)) // as Redis counts
}

// Refuse updates the estimate after the origin refused a call at time t, because the
// window was full, when own calls had started here within the last window: other
// applications made the rest. It returns for how long nothing may start at all.
//
// A first refusal measures too little: an application that has just begun has filled a
// small part of the window. So the estimate is three tenths at least, and any excess
// decays soon.
//
// A further refusal measures their latest usage. While the estimate held,
// they were at their busiest. While it decayed they may have used less than
// usual: a count varies by about its square root, so that much is added, up to a little
// more than the estimate that sufficed. If that had held for HoldConfirmed, it was
// measured before, and they hardly use more.
//
// If most of the window was theirs, the measure is poor: they may have made one burst.
// Then half of what was left here is given up for a short while, and nothing starts
// until the window that they filled is over.
func (c *Competing) Refuse(t int64, own int, l *Limit) (block time.Duration) {
	calls, since := c.At(t, l), t-c.Refused
	if c.Refused == 0 {
		since = int64(Day)
	}
	measured, nearlyAllOwn := 2*own >= l.Calls, own+l.Calls/20 >= l.Calls
	if !measured {
		block = l.Window
	}
	theirs, few, confirmed := l.Calls-own+1, max(l.Calls/40, 1), c.Hold >= int64(HoldConfirmed)
	switch {
	case since < int64(InFlight):
		return block
	case !measured:
		calls += (l.Calls - calls + 1) / 2
		c.Hold = max(2*int64(l.Span()), int64(time.Second))
	case since < int64(l.Span()): // they have not used a full window yet
		step := few // they had before
		if !confirmed {
			step = max(l.Calls/10, 1)
		}
		calls = max(calls, c.Calls) + step
		c.Hold = max(c.Hold, int64(HoldFirst))
	case since < 4*c.Hold+int64(Remember):
		used := theirs + few
		switch {
		case t > c.Until:
			used = min(used+int(math.Ceil(math.Sqrt(float64(theirs)))), c.Calls+max(l.Calls*3/80, 1))
		case confirmed:
			used = min(used, c.Calls+max(l.Calls/80, 1))
		}
		calls = max(calls+1, used)
		least := HoldConfirmed
		if nearlyAllOwn {
			least = HoldFirst
		}
		c.Hold = min(max(2*c.Hold, int64(least), 2*int64(l.Span())), max(int64(HoldMax), 2*int64(l.Span())))
	default:
		calls = max(calls+1, theirs+l.Calls/40, l.Calls*3/10+l.Calls/40)
		first := HoldFirst
		if nearlyAllOwn {
			first = HoldShort
		}
		c.Hold = max(int64(first), 2*int64(l.Span()))
	}
	if calls >= l.Calls {
		block = l.Window // less than one call is left
	}
	c.Refused, c.Calls, c.Until = t, min(calls, l.Calls-1), t+c.Hold
	return block
}

// Observe updates the estimate from the origin's own figure: left calls are left of the
// window, of which own had started here. The figure is older than our count by the
// calls in flight, so the estimate rises to it at once, and falls to it by one call
// at a time.
func (c *Competing) Observe(t int64, own, left int, l *Limit) {
	reported, current := min(max(l.Calls-left-own, 0), l.Calls-1), c.At(t, l)
	if reported == current {
		return
	}
	c.Calls = max(reported, current-1)
	c.Hold = max(c.Hold, int64(l.Span()), int64(HoldFirst))
	c.Until = t + c.Hold
}
