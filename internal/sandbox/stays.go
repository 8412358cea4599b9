package sandbox

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// stay is one row of a participants' list: one person from joining to leaving
// on one device. Who leaves and comes back, joins twice, or waits at the door
// has several.
type stay struct {
	person      int         // of the run; the host is 0
	user        int         // of the account, or -1
	registrant  int         // of the meeting, or -1
	entry       *registrant // who registered, of a meeting that is held; else nil
	row         int
	join, leave time.Time
	waiting     bool
	failover    bool
	key         bool // came through an app that gives customer keys
	phone       bool
}

func (s *stay) seconds() int { return int(s.leave.Sub(s.join) / time.Second) }

// rowID is the user_id, which is of this stay alone.
func (s *stay) rowID() string { return strconv.Itoa(16_778_240 + 1024*s.row) }

func (s *stay) status() string {
	if s.waiting {
		return "in_waiting_room"
	}
	return "in_meeting"
}

// userID is the id of who joined signed in, and empty for the others.
func (s *stay) userID(w *world) string {
	if s.user < 0 {
		return ""
	}
	return w.userID(s.user)
}

// crowd returns how many persons, and at most how many rows, a run has.
func (w *world) crowd(i *instance) (persons, rows int) {
	switch {
	case i.m.n == special(slotBig) && i.k == 0:
		return 1 << 20, w.opt.Participants
	case i.m.n == special(slotOnePerson):
		return 1, 1 << 20
	case isWebinar(i.m.n):
		return 20, 1 << 20
	case i.m.n == special(slotWeekly) || i.m.n == special(slotBig) || i.m.n == special(slotPending):
		return 12, 1 << 20
	}
	d := w.dice("crowd", instanceKey(i.m.n, i.k))
	if d.chance(10) {
		return 1, 1 << 20
	}
	return 2 + d.n(9), 1 << 20
}

// stays returns the rows of a run in the order in which people joined.
//
// Persons have habits by their number: the 1st of eight leaves and comes back,
// the 2nd is a guest, the 3rd joins on a second device, the 4th waits at the
// door, the 5th comes through an app with customer keys, the 7th dials in.
func (w *world) stays(i *instance) []*stay {
	if i.held != nil {
		return slices.Clone(i.held)
	}
	persons, rows := w.crowd(i)
	var all []*stay
	for p := 0; p < persons && len(all) < rows; p++ {
		all = append(all, w.visit(i, p)...)
	}
	all = all[:min(len(all), rows)]
	for row, s := range all {
		s.row = row
	}
	slices.SortStableFunc(all, func(a, b *stay) int { return a.join.Compare(b.join) })
	return all
}

// visit returns the stays of one person.
func (w *world) visit(i *instance, p int) []*stay {
	s := stay{person: p, user: i.m.host, registrant: -1, join: i.start, leave: i.end}
	if p == 0 {
		return []*stay{&s}
	}
	d := w.dice("visit", instanceKey(i.m.n, i.k)<<8^uint64(p))
	length := i.end.Sub(i.start)
	late := min(time.Duration(d.n(300))*time.Second, length.Truncate(4*time.Second)/4)
	early := min(time.Duration(d.n(240))*time.Second, length.Truncate(4*time.Second)/4)
	s.join, s.leave = i.start.Add(late), i.end.Add(-early)
	s.user = w.who(i.m.n, p)
	switch {
	case p%8 == 7:
		s.user, s.phone = -1, true
	case p < w.seededRegistrants(i.m) && p < w.approved(i.m.n):
		s.registrant = p
	}
	s.key = p%8 == 5
	s.failover = d.chance(3)
	return s.habits(p, length)
}

func (s stay) habits(p int, length time.Duration) []*stay {
	first, second := s, s
	part := func(n time.Duration) time.Duration { return (length / n).Truncate(time.Second) }
	switch p % 8 {
	case 1:
		first.leave = s.join.Add(part(4))
		second.join = first.leave.Add(part(10))
	case 3:
		second.join, second.leave = s.join.Add(part(8)), s.leave.Add(-part(8))
	case 4:
		first.waiting = true
		first.leave = s.join.Add(part(20))
		second.join = first.leave
	default:
		return []*stay{&first}
	}
	return []*stay{&first, &second}
}

// registrantID is the id of the registration that somebody came by; "" is none.
func (s *stay) registrantID(w *world, m *meeting) string {
	switch {
	case s.entry != nil:
		return s.entry.ID
	case s.registrant >= 0:
		return w.registrantID(m.n, s.registrant)
	}
	return ""
}

// customerKey is the key that an app has given who came through it; "" is none.
func (s *stay) customerKey() string {
	if !s.key {
		return ""
	}
	return fmt.Sprintf("customer-%d", s.person)
}

// shown returns the name and the e-mail that Zoom shows of who stayed. The
// address of a guest is an empty string, unless the guest gave it in the
// meeting's registration.
//
// Source: Zoom support, "API email address display rules".
func (w *world) shown(i *instance, s *stay) (name, email string) {
	if s.phone {
		return fmt.Sprintf("120255501%02d", s.person%100), ""
	}
	if s.entry != nil {
		return strings.TrimSpace(s.entry.FirstName + " " + deref(s.entry.LastName)), s.entry.Email
	}
	if s.user >= 0 {
		return w.name(s.user).String(), w.email(s.user)
	}
	guest, email := w.person(i.m.n, s.person)
	if s.registrant < 0 {
		email = ""
	}
	return guest.String(), email
}

type totals struct{ persons, minutes int }

// totals counts the people of a run and the minutes they were in it.
func (w *world) totals(i *instance) totals {
	stays := w.stays(i)
	seconds := 0
	for _, s := range stays {
		if !s.waiting {
			seconds += s.seconds()
		}
	}
	return totals{persons(stays), (seconds + 59) / 60}
}

func persons(stays []*stay) int {
	if len(stays) == 0 {
		return 0
	}
	last := slices.MaxFunc(stays, func(a, b *stay) int { return cmp.Compare(a.person, b.person) })
	return last.person + 1
}
