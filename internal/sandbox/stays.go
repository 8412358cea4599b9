package sandbox

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// stay is one row of a list of participants: one person from joining to leaving on one device.
// A person who leaves and rejoins, joins from two devices, or waits in the waiting room has
// several.
type stay struct {
	person      int         // of the instance; the host is 0
	user        int         // of the account, or -1
	registrant  int         // of the meeting, or -1
	entry       *registrant // the registrant, in a held meeting; otherwise nil
	row         int
	join, leave time.Time
	waiting     bool
	failover    bool
	key         bool // joined through an app that sets customer keys
	phone       bool
	guest       int // the number that determines a guest's name, if it is not person
	room        int // the breakout room; 0 is the meeting itself
	connection  int // the connection's first row plus 1: stays in rooms share a connection; 0 means a connection of its own
	// goesOn means that the connection existed before the stay, and staysOn that it
	// exists after it.
	goesOn, staysOn bool
}

func (s *stay) seconds() int { return int(s.leave.Sub(s.join) / time.Second) }

// rowID returns the user_id, which identifies this stay alone.
func (s *stay) rowID() string { return strconv.Itoa(16_778_240 + 1024*s.row) }

// sessionID is the user_id in the meeting itself, which a connection keeps while it goes to
// breakout rooms and comes back.
func (s *stay) sessionID() string {
	if s.connection > 0 {
		return (&stay{row: s.connection - 1}).rowID()
	}
	return s.rowID()
}

func (s *stay) status() string {
	if s.waiting {
		return "in_waiting_room"
	}
	return "in_meeting"
}

// userID returns the id of a participant who was signed in, or "".
func (s *stay) userID(w *world) string {
	if s.user < 0 {
		return ""
	}
	return w.userID(s.user)
}

// headcount returns the number of persons of an instance, and the maximum of rows.
func (w *world) headcount(i *instance) (persons, rows int) {
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
	d := w.rng("crowd", instanceKey(i.m.n, i.k))
	if d.chance(10) {
		return 1, 1 << 20
	}
	return 2 + d.n(9), 1 << 20
}

// stays returns the rows of an instance, sorted by the time of joining.
//
// A person's behavior follows from their number: of eight persons, the 1st leaves and rejoins,
// the 2nd is a guest, the 3rd joins from a second device, the 4th waits in the waiting room,
// the 5th joins through an app with customer keys, the 7th dials in.
func (w *world) stays(i *instance) []*stay {
	if i.held != nil {
		return slices.Clone(i.held)
	}
	persons, rows := w.headcount(i)
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
	d := w.rng("visit", instanceKey(i.m.n, i.k)<<8^uint64(p))
	length := i.end.Sub(i.start)
	late := min(time.Duration(d.n(300))*time.Second, length.Truncate(4*time.Second)/4)
	early := min(time.Duration(d.n(240))*time.Second, length.Truncate(4*time.Second)/4)
	s.join, s.leave = i.start.Add(late), i.end.Add(-early)
	s.user = w.registrantUser(i.m.n, p)
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

// registrantID returns the id of a participant's registration, or "".
func (s *stay) registrantID(w *world, m *meeting) string {
	switch {
	case s.entry != nil:
		return s.entry.ID
	case s.registrant >= 0:
		return w.registrantID(m.n, s.registrant)
	}
	return ""
}

// customerKey returns the key that an app set for a participant, or "".
func (s *stay) customerKey() string {
	if !s.key {
		return ""
	}
	return fmt.Sprintf("customer-%d", s.person)
}

// shown returns the name and the e-mail address that Zoom shows for a participant. The address
// of a guest is an empty string, unless the guest entered it in the registration of the
// meeting.
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
	guest, email := w.person(i.m.n, cmp.Or(s.guest, s.person))
	if s.registrant < 0 {
		email = ""
	}
	return guest.String(), email
}

// breakoutID returns the id of the breakout room of a stay, or "". In seeded instances the
// person's number determines the room.
func (w *world) breakoutID(i *instance, s *stay) string {
	room := s.room
	if i.held == nil && s.person%6 == 5 {
		room = 1 + s.person%3
	}
	if room == 0 {
		return ""
	}
	return sealID(w.seed, sealOther, i.m.n<<8|uint64(room-1))
}

type totals struct{ persons, minutes int }

// totals counts the participants of an instance and their minutes.
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
