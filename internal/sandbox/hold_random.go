package sandbox

import (
	"math/rand/v2"
	"slices"
	"time"
)

// script generates the stays of an instance from a seed.
type script struct {
	*rand.Rand
	w      *world
	inst   *instance
	all    []*stay
	person int // the next one
}

// mostPeople is the largest number of participants, without the host, of an instance without
// registrants.
const mostPeople = 24

// random returns the stays of an instance that follow from a seed. If the meeting has
// registrants, they alone join, with the panelists of a webinar.
func (w *world) random(inst *instance, seed uint64) []*stay {
	s := &script{Rand: rand.New(rand.NewPCG(seed, inst.m.n)), w: w, inst: inst}
	s.add(stay{user: inst.m.host, registrant: -1, join: inst.start, leave: inst.end})
	s.person++
	var registered []*registrant
	for _, r := range w.registrants(inst.m) {
		if r.Status == "approved" {
			registered = append(registered, r)
		}
	}
	for i, r := range registered {
		if s.chance(80) || i == 0 {
			visit := w.registered(inst, r, i)
			s.addVisits(stay{user: visit.user, registrant: -1, entry: r})
		}
	}
	if len(registered) == 0 {
		for range 1 + s.IntN(mostPeople) {
			s.addVisits(s.randomPerson())
		}
	}
	slices.SortStableFunc(s.all, func(a, b *stay) int { return a.join.Compare(b.join) })
	return s.all
}

func (s *script) chance(percent int) bool { return s.IntN(100) < percent }

// randomPerson returns a user, a guest, a person who joins through an app, or one who dials in.
func (s *script) randomPerson() stay {
	guest := stay{user: -1, registrant: -1, guest: 8*s.person + 2} // every eighth person is a guest
	switch n := s.IntN(10); {
	case n < 5:
		if user := s.w.member(s.inst.m.n, s.person); user >= 0 {
			return stay{user: user, registrant: -1}
		}
	case n == 8:
		guest.key = true
	case n == 9:
		guest.phone = true
	}
	return guest
}

// add adds a stay of the next person.
func (s *script) add(one stay) {
	one.person, one.row = s.person, len(s.all)
	s.all = append(s.all, &one)
}

// addVisits adds the stays of the next person.
func (s *script) addVisits(who stay) {
	length := int(s.inst.end.Sub(s.inst.start) / time.Second)
	from := s.IntN(min(length/10, 300) + 1)
	if s.chance(25) { // late
		from = s.IntN(length / 2)
	}
	if s.chance(20) {
		from = s.wait(who, from, length)
	}
	for range 4 {
		to := length
		if s.chance(45) { // leaves, loses the connection, or rejoins soon
			to = from + 1 + s.IntN(length-from)
		}
		s.connect(who, from, to)
		if from = to + 5 + s.IntN(120); from >= length-1 {
			break
		}
	}
	if s.chance(12) && !who.phone {
		second := who
		second.phone = who.entry == nil && who.user < 0 && s.chance(30)
		begin := s.IntN(length - 1)
		s.connect(second, begin, begin+1+s.IntN(length-begin-1))
	}
	s.person++
}

// wait adds a stay in the waiting room, and returns when it ends.
func (s *script) wait(who stay, from, length int) int {
	to := min(from+1+s.IntN(180), length-1)
	if to <= from || isWebinar(s.inst.m.n) {
		return from
	}
	who.waiting = true
	who.join, who.leave = s.at(from), s.at(to)
	s.add(who)
	return to
}

// connect adds the stays of one connection: in the meeting, and perhaps in a breakout room in
// between.
func (s *script) connect(who stay, from, to int) {
	who.connection = len(s.all) + 1
	cuts := []int{from, to}
	if s.chance(30) && to-from > 10 && !isWebinar(s.inst.m.n) {
		middle := from + 1 + s.IntN(to-from-4)
		cuts = []int{from, middle, middle + 1 + s.IntN(to-middle-1), to}
	}
	room := 1 + s.IntN(3)
	for i := range len(cuts) - 1 {
		one := who
		one.join, one.leave = s.at(cuts[i]), s.at(cuts[i+1])
		one.goesOn, one.staysOn = i > 0, i < len(cuts)-2
		if i == 1 {
			one.room = room
		}
		s.add(one)
	}
}

func (s *script) at(seconds int) time.Time {
	return s.inst.start.Add(time.Duration(seconds) * time.Second)
}
