package cache

// Join returns the ticket of an answer that was put together from parts, given
// the tickets of the parts, t among them: it carries the tags of all and is as
// old as the oldest. A part that no store knew makes the whole one unknown.
//
// So an answer whose tags are only known when it is done can be kept: Get it
// without tags, put it together from parts, Set it with the tickets joined.
func (t Ticket) Join(parts ...Ticket) Ticket {
	j := newJoint(&t, len(parts))
	for i := range parts {
		j.add(&parts[i])
	}
	return j.ticket()
}

// joint is a ticket in the making. Tags are gathered in one table, since a large
// answer has hundreds of parts.
type joint struct {
	names  []tagName
	at     map[tagName]int // index in names
	seq    uint64
	stamps []stamp // the version of All, then of each of names
	next   *joint
	broken bool
}

func newJoint(t *Ticket, parts int) *joint {
	j := &joint{seq: t.seq, at: make(map[tagName]int, len(t.names)+parts), names: make([]tagName, 0, len(t.names)+parts), broken: !t.valid()}
	if len(t.stamps) > 0 {
		j.stamps = append(make([]stamp, 0, cap(j.names)+1), t.stamps[0])
	}
	if t.next != nil {
		j.next = newJoint(t.next, parts)
	}
	j.addTags(t)
	return j
}

func (j *joint) add(t *Ticket) {
	if !t.valid() || (j.seq == 0) != (t.seq == 0) || (len(j.stamps) == 0) != (len(t.stamps) == 0) {
		j.broken = true
	}
	if j.broken {
		return
	}
	j.seq = min(j.seq, t.seq)
	if j.next != nil && t.next != nil {
		j.next.add(t.next)
	} else {
		j.next = nil
	}
	if len(j.stamps) > 0 && t.stamps[0] != j.stamps[0] {
		j.broken = true
	}
	j.addTags(t)
}

// addTags adds the tags that are not there yet. An eviction between two parts
// left them with different stamps: then the whole is partly old, and no one
// stamp could say so.
func (j *joint) addTags(t *Ticket) {
	for i, name := range t.names {
		at, known := j.at[name]
		switch {
		case !known:
			j.at[name] = len(j.names)
			j.names = append(j.names, name)
			if len(t.stamps) > 0 {
				j.stamps = append(j.stamps, t.stamps[i+1])
			}
		case len(t.stamps) > 0 && j.stamps[at+1] != t.stamps[i+1]:
			j.broken = true
		}
	}
}

func (j *joint) ticket() Ticket {
	if j.broken {
		return Ticket{}
	}
	t := Ticket{names: j.names, seq: j.seq, stamps: j.stamps}
	if j.next != nil {
		if next := j.next.ticket(); next.valid() {
			t.next = &next
		}
	}
	return t
}
