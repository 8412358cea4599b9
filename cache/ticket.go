package cache

// A Ticket records the versions of some tags at one moment, before the origin is
// called. It belongs to the store that it came from. An entry that is set with the zero
// Ticket is not stored.
type Ticket struct {
	names    []tagName // of its tags
	seq      uint64    // Memory: the number of the last eviction
	versions []version // Redis: the version of All, then of each of names
	next     *Ticket   // Tiered: the ticket of L2
	lease    *Lease    // Redis: under which the origin is called; nil is none
}

// valid reports whether something can be set with t.
func (t *Ticket) valid() bool { return t.seq != 0 || len(t.versions) != 0 }

// IsZero reports whether nothing can be set with t.
func (t Ticket) IsZero() bool { return !t.valid() }

// Join returns the ticket of an answer that is composed of parts, given the tickets of
// the parts, t among them: it carries the tags of all and is as old as the oldest. One
// zero Ticket among them makes the result zero.
//
// So an answer whose tags are only known when it is complete can be stored: Get it
// without tags, compose it of parts, Set it with the tickets joined.
func (t Ticket) Join(parts ...Ticket) Ticket {
	b := newTicketBuilder(&t, len(parts))
	for i := range parts {
		b.add(&parts[i])
	}
	return b.ticket()
}

// ticketBuilder joins tickets. It holds the tags in one table, since a large answer has
// hundreds of parts.
type ticketBuilder struct {
	names    []tagName
	index    map[tagName]int // in names
	seq      uint64
	versions []version // the version of All, then of each of names
	next     *ticketBuilder
	invalid  bool
}

func newTicketBuilder(t *Ticket, parts int) *ticketBuilder {
	n := len(t.names) + parts
	b := &ticketBuilder{seq: t.seq, index: make(map[tagName]int, n), names: make([]tagName, 0, n), invalid: !t.valid()}
	if len(t.versions) > 0 {
		b.versions = append(make([]version, 0, n+1), t.versions[0])
	}
	if t.next != nil {
		b.next = newTicketBuilder(t.next, parts)
	}
	b.addTags(t)
	return b
}

func (b *ticketBuilder) add(t *Ticket) {
	if !t.valid() || (b.seq == 0) != (t.seq == 0) || (len(b.versions) == 0) != (len(t.versions) == 0) {
		b.invalid = true
	}
	if b.invalid {
		return
	}
	b.seq = min(b.seq, t.seq)
	if b.next != nil && t.next != nil {
		b.next.add(t.next)
	} else {
		b.next = nil
	}
	if len(b.versions) > 0 && t.versions[0] != b.versions[0] {
		b.invalid = true
	}
	b.addTags(t)
}

// addTags adds the tags that are not there yet. Two parts hold different versions of a
// tag when it was evicted between them: then the whole is partly outdated, and no one
// version describes it.
func (b *ticketBuilder) addTags(t *Ticket) {
	for i, name := range t.names {
		at, known := b.index[name]
		switch {
		case !known:
			b.index[name] = len(b.names)
			b.names = append(b.names, name)
			if len(t.versions) > 0 {
				b.versions = append(b.versions, t.versions[i+1])
			}
		case len(t.versions) > 0 && b.versions[at+1] != t.versions[i+1]:
			b.invalid = true
		}
	}
}

func (b *ticketBuilder) ticket() Ticket {
	if b.invalid {
		return Ticket{}
	}
	t := Ticket{names: b.names, seq: b.seq, versions: b.versions}
	if b.next != nil {
		if next := b.next.ticket(); next.valid() {
			t.next = &next
		}
	}
	return t
}
