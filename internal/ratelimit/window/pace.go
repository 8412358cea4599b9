package window

// A Pace spreads calls over a window: after a burst, and as soon as a call has to
// wait, each call starts a step after the one before. Without it, the calls of a
// full window would start together, and again a window later; and if another
// application had taken a part of it in between, many calls would be refused instead of
// one. The zero value allows a burst.
type Pace struct {
	next int64 // when the call after the last may start, if there is no slack
	step int64
}

// Slack returns by how much calls may run ahead of their step.
func (l *Limit) Slack() int64 { return l.Step(l.Calls) * int64(max(l.Burst-1, 0)) }

// Step spreads n calls over half of the window and returns the time from one to the
// next. Over all of the window, a batch of some windows' calls would take up to one
// window more; over less of it, more calls are in flight when the origin refuses
// one.
func (l *Limit) Step(n int) int64 { return int64(l.Span()) / int64(2*max(n, 1)) }

// from returns the first time at which the pace allows a call.
func (p *Pace) from(l *Limit) int64 {
	if l.Burst <= 0 {
		return 0
	}
	return p.next - l.Slack()
}

// add records that a call starts at t, requested at now, where n may start in a window.
func (p *Pace) add(t, now int64, n int, l *Limit) {
	if l.Burst <= 0 {
		return
	}
	if t > now {
		p.next = max(p.next, t+l.Slack())
	}
	p.step = l.Step(n)
	p.next = max(p.next, t) + p.step
}

// endBurst uses up the slack: the next calls start one by one.
func (p *Pace) endBurst(t int64, l *Limit) { p.next = max(p.next, t+l.Slack()) }

// remove undoes add.
func (p *Pace) remove() { p.next -= p.step }
