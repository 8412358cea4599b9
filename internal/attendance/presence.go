package attendance

import (
	"slices"
	"time"
)

// Answer is yes, no or unknown.
type Answer int

// The answers.
const (
	Unknown Answer = iota
	Yes
	No
)

func answer(yes bool) Answer {
	if yes {
		return Yes
	}
	return No
}

// Interval is the time from From until To, which it excludes.
type Interval struct{ From, To time.Time }

// Presence is when a person was present, by the rules.
type Presence struct {
	// Times are when the person was present; overlapping stays are merged.
	Times []Interval
	// FirstJoin and LastLeave are the ends of these. LastLeave is zero while the person is
	// present, and both are zero if no time is known.
	FirstJoin, LastLeave time.Time
	// Seconds is the sum of Times or, if no time is known, the longest stay.
	Seconds int
	// Attended says that the person was present for long enough.
	Attended bool
	// Late and LeftEarly are unknown if there is no time to compare with, LeftEarly also
	// while the meeting is in progress. Neither is concluded from a time that is not known.
	Late, LeftEarly Answer
}

// longestStay bounds the length of a stay. No meeting of Zoom's lasts for days.
const longestStay = 7 * 24 * time.Hour

// measure computes the presence of a person, and reports whether all times are known.
func (p *Person) measure(m Meeting, stays []Stay, rules Rules) (complete bool) {
	complete = true
	var times []Interval
	longest, there := 0, false // of the stays without times; still in the meeting
	var known bounds
	for _, i := range p.Stays {
		s := &stays[i]
		if s.Waiting && !rules.CountWaiting {
			continue
		}
		t := s.timed(m)
		complete = complete && t.exact
		there = there || t.open
		if t.placed {
			times = append(times, t.Interval)
			known.add(t)
		} else {
			longest = max(longest, t.seconds)
			known.before, known.after = true, true
		}
	}
	p.Times = union(times, rules.MergeGap)
	p.Seconds = secondsOf(p.Times)
	p.Attended = (len(times) > 0 || longest > 0) && max(p.Seconds, longest) >= int(rules.Minimum/time.Second)
	if len(p.Times) == 0 {
		p.Seconds = longest
		return complete
	}
	p.FirstJoin = p.Times[0].From
	if !there {
		p.LastLeave = p.Times[len(p.Times)-1].To
	}
	p.judge(m, rules, known)
	return complete
}

// bounds are the earliest and the latest time at which a person is known to have been present.
type bounds struct {
	first, last time.Time
	// before and after say that the person may have come before first, or left after last.
	before, after bool
}

// add adds a stay whose interval is known, at least in part.
func (b *bounds) add(t timed) {
	from, to := t.From, t.To
	if !t.joined {
		from = to
	}
	if !t.left {
		to = t.From
	}
	if b.first.IsZero() || from.Before(b.first) {
		b.first = from
	}
	if to.After(b.last) {
		b.last = to
	}
	b.before, b.after = b.before || !t.joined, b.after || !t.left
}

// judge computes whether a person was late or left early. The end is the scheduled or the
// actual one, whichever is earlier.
func (p *Person) judge(m Meeting, rules Rules, known bounds) {
	start := m.ScheduledStart
	if start.IsZero() {
		start = m.Start
	}
	if late := known.first.After(start.Add(rules.LateAfter)); !start.IsZero() && (!late || !known.before) {
		p.Late = answer(late)
	}
	if m.End.IsZero() || p.LastLeave.IsZero() {
		return
	}
	end := m.End
	if !m.ScheduledEnd.IsZero() && m.ScheduledEnd.Before(end) {
		end = m.ScheduledEnd
	}
	if early := known.last.Before(end.Add(-rules.LeftEarlyBefore)); !early || !known.after {
		p.LeftEarly = answer(early)
	}
}

// timed is the known time of a stay.
type timed struct {
	Interval
	placed  bool // the interval is known, at least in part
	exact   bool // it is all of the stay
	joined  bool // it begins when the stay did
	left    bool // it ends when the stay did
	open    bool // it goes on
	seconds int  // of a stay without an interval
}

// timed computes the time of a stay: from its own ends, then from its length. A missing end
// is that of the meeting or, while that is in progress, the time of reading.
func (s *Stay) timed(m Meeting) timed {
	length := time.Duration(min(max(s.Seconds, 0), int(longestStay/time.Second))) * time.Second
	possible := !s.Leave.Before(s.Join) && s.Leave.Sub(s.Join) <= longestStay
	switch {
	case s.Join.IsZero() && s.Leave.IsZero():
		return timed{seconds: int(length / time.Second)}
	case s.Join.IsZero() && length > 0:
		return timed{Interval: Interval{s.Leave.Add(-length), s.Leave}, placed: true, exact: true, joined: true, left: true}
	case s.Join.IsZero():
		t := between(m.Start, s.Leave, s.Leave)
		t.joined, t.left = false, true
		return t
	case !s.Leave.IsZero() && possible:
		return timed{Interval: Interval{s.Join, s.Leave}, placed: true, exact: true, joined: true, left: true}
	case length > 0:
		return timed{Interval: Interval{s.Join, s.Join.Add(length)}, placed: true, exact: true, joined: true, left: true}
	case !s.Leave.IsZero():
		return between(s.Join, s.Join, s.Join)
	case m.End.IsZero():
		t := between(s.Join, m.AsOf, s.Join)
		t.open = true
		return t
	}
	return between(s.Join, m.End, s.Join)
}

// between returns a time with one end that is not the stay's own: the last one, unless the
// caller sets joined and left. If that end is impossible, both are the known one.
func between(from, to, known time.Time) timed {
	if from.IsZero() || to.Before(from) || to.Sub(from) > longestStay {
		from, to = known, known
	}
	return timed{Interval: Interval{from, to}, placed: true, joined: true}
}

// union returns intervals without overlaps, in order. It fills gaps of up to gap.
func union(times []Interval, gap time.Duration) []Interval {
	slices.SortFunc(times, func(a, b Interval) int { return a.From.Compare(b.From) })
	var out []Interval
	for _, t := range times {
		if n := len(out); n > 0 && !t.From.After(out[n-1].To.Add(gap)) {
			if t.To.After(out[n-1].To) {
				out[n-1].To = t.To
			}
		} else {
			out = append(out, t)
		}
	}
	return out
}

func secondsOf(times []Interval) int {
	var sum time.Duration
	for _, t := range times {
		sum += t.To.Sub(t.From)
	}
	return int(sum / time.Second)
}
