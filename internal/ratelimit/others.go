package ratelimit

import (
	"math"
	"time"
)

// For how long a share of others is believed before it is doubted bit by bit: not
// long when the wall is first met, since those who have just come do not show in
// full yet; longer when the doubt meets it again, and each time twice as long, so
// that few calls are spent on asking whether the others are still there.
//
// When nearly all of the window was our own, there may be no others: a call that was
// long on its way does the same. Then hardly more than a window is given to see
// whether they are there, and what is believed for so short a time is doubted fast.
const (
	shortBelief  = 2 * time.Second
	firstBelief  = 5 * time.Second
	secondBelief = time.Minute
	longBelief   = 4 * time.Minute
	memory       = time.Minute // beyond what is believed

	// underWay is for how long after a refusal others follow that tell nothing
	// new: those calls had left before.
	underWay = 300 * time.Millisecond
)

// others is what other programs are held to spend of a window: apps that we know
// nothing of draw on the account's budget too. Times are those of the store, in
// nanoseconds. The scripts do the same in Redis; the reasons are here.
type others struct {
	calls   int   // in any window
	till    int64 // believed until then
	hold    int64 // for how long it was believed
	refused int64 // when the wall was last met
}

// now returns what others spend: less and less once it is no longer believed,
// slowly at first, so that one who is still there is met by one call and not by
// a crowd. Where there are 80 calls, a share of 24 is doubted for 11 seconds, or
// for two if it was believed but shortly.
func (o *others) now(t int64, l *Limit) int {
	if o.calls == 0 || t <= o.till {
		return o.calls
	}
	s := float64(t-o.till) / float64(o.doubt(l))
	return max(o.calls-int(min((s+s*s/8)*float64(l.Calls)/80, 1e6)), 0)
}

// doubt is how long it takes to give up about the first of 80 calls.
func (o *others) doubt(l *Limit) int64 {
	unit := max(time.Second, l.span()/4)
	if o.hold < int64(firstBelief) {
		unit /= 6
	}
	return int64(unit.Round(time.Microsecond)) // as Redis counts
}

// refuse learns from a refusal at time t, when own calls had started within the
// last window. What filled the rest of the window was others'. It returns how
// long nothing may start at all.
//
// Met for the first time, the wall says too little: others who have just come
// fill a small part of the window still. So three tenths are left to them, and
// what that is too much comes back soon.
//
// Met again, it says what they have just spent. Beyond what was believed they were
// at their busiest. In doubt it may have been less: a count varies by about its
// square root, so that much is added, as long as it is not much more than what was
// believed before and had been enough. If that was believed for so long that they
// were measured already, they are hardly more.
//
// If most of the window was others', there is little to measure by: perhaps they
// came in one burst. Then half of what we had is given up, for a short while, and
// the window that they filled is waited for.
func (o *others) refuse(t int64, own int, l *Limit) (block time.Duration) {
	calls, since := o.now(t, l), t-o.refused
	if o.refused == 0 {
		since = int64(day)
	}
	measured, nearlyAll := 2*own >= l.Calls, own+l.Calls/20 >= l.Calls
	if !measured {
		block = l.Window
	}
	theirs, few, long := l.Calls-own+1, max(l.Calls/40, 1), o.hold >= int64(secondBelief)
	switch {
	case since < int64(underWay):
		return block
	case !measured:
		calls += (l.Calls - calls + 1) / 2
		o.hold = max(2*int64(l.span()), int64(time.Second))
	case since < int64(l.span()): // they do not show in full yet
		step := few // if they did before
		if !long {
			step = max(l.Calls/10, 1)
		}
		calls = max(calls, o.calls) + step
		o.hold = max(o.hold, int64(firstBelief))
	case since < 4*o.hold+int64(memory):
		seen := theirs + few
		switch {
		case t > o.till:
			seen = min(seen+int(math.Ceil(math.Sqrt(float64(theirs)))), o.calls+max(l.Calls*3/80, 1))
		case long:
			seen = min(seen, o.calls+max(l.Calls/80, 1))
		}
		calls = max(calls+1, seen)
		least := secondBelief
		if nearlyAll {
			least = firstBelief
		}
		o.hold = min(max(2*o.hold, int64(least), 2*int64(l.span())), max(int64(longBelief), 2*int64(l.span())))
	default:
		calls = max(calls+1, theirs+l.Calls/40, l.Calls*3/10+l.Calls/40)
		first := firstBelief
		if nearlyAll {
			first = shortBelief
		}
		o.hold = max(int64(first), 2*int64(l.span()))
	}
	if calls >= l.Calls {
		block = l.Window // less than one call is nothing to go on with
	}
	o.refused, o.calls, o.till = t, min(calls, l.Calls-1), t+o.hold
	return block
}

// told learns from the origin's own figure of what is left. It is older than our
// count by the calls that are on their way, so it is believed at once when it
// says more, and in steps when it says less.
func (o *others) told(t int64, own, left int, l *Limit) {
	calls, is := min(max(l.Calls-left-own, 0), l.Calls-1), o.now(t, l)
	if calls == is {
		return
	}
	o.calls = max(calls, is-1)
	o.hold = max(o.hold, int64(l.span()), int64(firstBelief))
	o.till = t + o.hold
}

// pace spreads calls over a window: after a burst, and as soon as a call has to
// wait, each starts a step after the one before. Without it, the calls of a full
// window would start together, and again a window later; and if others have
// taken a part of it meanwhile, a crowd would be refused instead of one.
type pace struct {
	next int64 // when the call after the last may start, if there is no slack
	step int64
}

// slack is by how much calls may run ahead of their step.
func (l *Limit) slack() int64 {
	return stepOf(l, l.Calls) * int64(max(l.Burst-1, 0))
}

// stepOf spreads n calls over half of the window: over all of it, a batch of some
// windows' calls would take up to one window more, and over less, more calls are
// under way when the wall is met.
func stepOf(l *Limit, n int) int64 { return int64(l.span()) / int64(2*max(n, 1)) }

func (p *pace) from(l *Limit) int64 {
	if l.Burst <= 0 {
		return 0
	}
	return p.next - l.slack()
}

// add notes that a call starts at t, asked for now, where n may in a window.
func (p *pace) add(t, now int64, n int, l *Limit) {
	if l.Burst <= 0 {
		return
	}
	if t > now {
		p.next = max(p.next, t+l.slack())
	}
	p.step = stepOf(l, n)
	p.next = max(p.next, t) + p.step
}

// remove takes a call back.
func (p *pace) remove() { p.next -= p.step }
