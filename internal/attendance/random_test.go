package attendance

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var (
	meetings    = flag.Int("meetings", 60, "how many meetings TestGeneratedMeetings generates")
	mostPeople  = flag.Int("meetings.people", 200, "how many people come to the largest of them")
	meetingSeed = flag.Uint64("meetings.seed", 1, "the seed of TestGeneratedMeetings; 0 takes a new one")
)

// TestGeneratedMeetings compares attendance with a simulation second by second, of meetings where
// people do all that people do, and for each source of rows.
func TestGeneratedMeetings(t *testing.T) {
	seed := cmp.Or(*meetingSeed, rand.Uint64())
	t.Logf("-meetings.seed=%d", seed)
	can, did := map[string]int{}, map[string]int{}
	for n := range *meetings {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, uint64(n)))}
		g.meeting(1 + g.IntN(1 + n**mostPeople / *meetings))
		for name, source := range sources {
			rows := make([]Stay, len(g.rows))
			for i, row := range g.rows {
				rows[i] = source(row)
			}
			a := Of(g.held, rows, g.rules)
			if err := g.check(a, rows); err != "" {
				t.Fatalf("meeting %d of -meetings.seed=%d, %s: %s", n, seed, name, err)
			}
			merged, all := g.merged(a.Persons, rows)
			can[name], did[name] = can[name]+all, did[name]+merged
		}
	}
	for name := range sources {
		share := float64(did[name]) / float64(can[name])
		t.Logf("%s: %d of %d stays merged that it can merge, %.2f %%", name, did[name], can[name], 100*share)
		if share < 0.99 {
			t.Errorf("%s: that is too few", name)
		}
	}
}

// sources are what each operation tells of a stay.
var sources = map[string]func(Stay) Stay{
	"past meeting or webinar": func(s Stay) Stay {
		s.CustomerKey, s.Phone, s.ParticipantUUID = "", "", ""
		return s
	},
	"report on a meeting or webinar": func(s Stay) Stay {
		s.Phone, s.ParticipantUUID = "", ""
		return s
	},
	"dashboard of a meeting or webinar": func(s Stay) Stay { return s },
}

// generator makes one meeting: who came, and the rows that tell of it.
type generator struct {
	*rand.Rand
	held   Meeting
	rules  Rules
	rows   []Stay
	people []int // whose each row is
	uuids  int
}

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func (g *generator) meeting(people int) {
	length := 600 + g.IntN(6600)
	g.held = Meeting{ScheduledStart: nine, ScheduledEnd: nine.Add(time.Hour), Start: nine, End: g.second(length), AsOf: g.second(length + 600)}
	g.rules = Rules{
		LateAfter: time.Duration(g.IntN(600)) * time.Second, LeftEarlyBefore: time.Duration(g.IntN(600)) * time.Second,
		Minimum: time.Duration(g.IntN(1200)) * time.Second, CountWaiting: g.chance(30),
	}
	if g.chance(50) {
		g.rules.MergeGap = time.Duration(g.IntN(120)) * time.Second
	}
	for p := range people {
		g.person(p, length)
	}
	g.Shuffle(len(g.rows), func(i, k int) {
		g.rows[i], g.rows[k] = g.rows[k], g.rows[i]
		g.people[i], g.people[k] = g.people[k], g.people[i]
	})
}

func (g *generator) second(n int) time.Time { return nine.Add(time.Duration(n) * time.Second) }

// person generates somebody and all rows of this person.
func (g *generator) person(p, length int) {
	who := Stay{Name: fmt.Sprintf("Name %d", g.IntN(p+1))} // names come twice
	switch g.IntN(10) {
	case 0, 1, 2: // of the account
		who.UserID, who.Email = fmt.Sprintf("user-%d", p), fmt.Sprintf("u%d@example.com", p)
	case 3: // of another account
		who.UserID = fmt.Sprintf("other-%d", p)
	case 4, 5: // registered, and perhaps signed in
		who.RegistrantID, who.Email = fmt.Sprintf("reg-%d", p), fmt.Sprintf("r%d@example.com", p)
		if g.chance(30) {
			who.UserID = fmt.Sprintf("user-%d", p)
		}
		if g.chance(2) { // with the account of a room
			who.UserID = "room"
		}
	case 6: // by an app
		who.CustomerKey = fmt.Sprintf("key-%d", p)
	case 7: // by telephone, at times through a switchboard
		who.Phone = fmt.Sprintf("+1 202 555 %04d", p)
		if g.chance(5) {
			who.Phone = "+1 202 555 9999"
		}
	case 8: // an address typed into a form, at times that of a colleague who is signed in
		who.Email = fmt.Sprintf("g%d@example.com", p)
		if g.chance(2) {
			who.Email, who.UserID = "team@example.com", fmt.Sprintf("other-%d", p)
		}
	}
	if who.Phone == "+1 202 555 9999" { // several at a time, all to the end
		g.stay(p, who, 0, length, false)
		return
	}
	g.visits(p, who, length)
}

// visits generates the rows of one person, who may come more than once.
func (g *generator) visits(p int, who Stay, length int) {
	from := g.IntN(length)
	if g.chance(70) {
		from = g.IntN(min(length, 300))
	}
	if g.chance(15) {
		to := from + g.IntN(length-from)
		g.stay(p, who, from, to, true)
		from = to
	}
	for range 5 {
		to := min(from+1+g.IntN(length), length)
		g.rooms(p, who, from, to)
		if from = to + g.IntN(200); from >= length || !g.chance(30) {
			break
		}
	}
	if g.chance(10) && who.Phone == "" { // on a second device at the same time
		begin := g.IntN(length)
		second := who
		switch link := who.RegistrantID != ""; {
		case link && g.chance(10): // or a colleague has the link
			second.UserID, second.Name, second.Email = fmt.Sprintf("colleague-%d", p), "Colleague", ""
		case link && g.chance(50): // which is not signed in
			second.UserID = ""
		}
		g.stay(p, second, begin, begin+g.IntN(length-begin), false)
	}
}

// rooms generates one visit, perhaps through breakout rooms.
func (g *generator) rooms(p int, who Stay, from, to int) {
	g.uuids++
	who.ParticipantUUID = fmt.Sprintf("uuid-%d", g.uuids)
	for g.chance(10) && to-from > 2 {
		middle := from + 1 + g.IntN(to-from-1)
		g.stay(p, who, from, middle, false)
		from = middle
	}
	g.stay(p, who, from, to, false)
}

func (g *generator) stay(p int, s Stay, from, to int, waiting bool) {
	if from == to {
		return
	}
	s.Join, s.Leave, s.Seconds, s.Waiting = g.second(from), g.second(to), to-from, waiting
	if g.chance(5) {
		s.Seconds = 0 // is not ready yet
	}
	if s.Seconds > 0 && g.chance(2) && s.Phone == "" {
		s.Leave = time.Time{} // is told by the length
	}
	g.rows, g.people = append(g.rows, s), append(g.people, p)
}

// check compares with a simulation of every second of the meeting, and returns what
// differs.
func (g *generator) check(a *Attendance, rows []Stay) string {
	seen := make([]bool, len(rows))
	horizon := int(g.held.End.Sub(nine)/time.Second) + 1
	counts := make([]int, horizon)
	for _, p := range a.Persons {
		for _, i := range p.Stays {
			if seen[i] {
				return fmt.Sprintf("row %d is there twice", i)
			}
			seen[i] = true
			if g.people[i] != g.people[p.Stays[0]] {
				return fmt.Sprintf("two people are merged by %d: %+v and %+v", p.Evidence, rows[p.Stays[0]], rows[i])
			}
		}
		there := g.simulate(p, rows, horizon)
		if err := g.compare(p, there); err != "" {
			return fmt.Sprintf("person of rows %v: %s", p.Stays, err)
		}
		for s, in := range there {
			if in {
				counts[s]++
			}
		}
	}
	if slices.Contains(seen, false) {
		return "a row is nobody's"
	}
	return g.compareCounts(a, counts)
}

// simulate returns for each second whether a person was there.
func (g *generator) simulate(p *Person, rows []Stay, horizon int) []bool {
	there := make([]bool, horizon)
	for _, i := range p.Stays {
		row := rows[i]
		if row.Waiting && !g.rules.CountWaiting {
			continue
		}
		leave := row.Leave
		if leave.IsZero() {
			leave = row.Join.Add(time.Duration(row.Seconds) * time.Second)
		}
		for s := range there {
			if now := g.second(s); !now.Before(row.Join) && now.Before(leave) {
				there[s] = true
			}
		}
	}
	last := -1
	for s, in := range there {
		if !in {
			continue
		}
		if gap := s - last - 1; last >= 0 && time.Duration(gap)*time.Second <= g.rules.MergeGap {
			for k := last + 1; k < s; k++ {
				there[k] = true
			}
		}
		last = s
	}
	return there
}

func (g *generator) compare(p *Person, there []bool) string {
	seconds := 0
	for _, in := range there {
		if in {
			seconds++
		}
	}
	if p.Seconds != seconds {
		return fmt.Sprintf("%d seconds, the simulation has %d", p.Seconds, seconds)
	}
	if seconds == 0 {
		return ""
	}
	first := slices.Index(there, true)
	last := len(there)
	for !there[last-1] {
		last--
	}
	end := min(int(g.held.End.Sub(nine)/time.Second), 3600)
	want := Presence{
		Attended: seconds >= int(g.rules.Minimum/time.Second),
		Late:     answer(time.Duration(first)*time.Second > g.rules.LateAfter), LeftEarly: answer(time.Duration(last)*time.Second < time.Duration(end)*time.Second-g.rules.LeftEarlyBefore),
	}
	if p.Attended != want.Attended || p.Late != want.Late || p.LeftEarly != want.LeftEarly {
		return fmt.Sprintf("%+v, the simulation has %+v", p.Presence, want)
	}
	return ""
}

func (g *generator) compareCounts(a *Attendance, counts []int) string {
	if peak := slices.Max(counts); a.Peak.Count != peak {
		return fmt.Sprintf("the peak is %d, the simulation has %d", a.Peak.Count, peak)
	}
	count, next := 0, 0
	curve := a.Curve(1 << 30)
	for s, want := range counts {
		for next < len(curve) && !curve[next].At.After(g.second(s)) {
			count, next = curve[next].Count, next+1
		}
		if count != want {
			return fmt.Sprintf("second %d has %d people, the simulation has %d", s, count, want)
		}
	}
	return ""
}

// merged counts the stays that a source can merge with another one of the same person,
// since a chain of values connects the two, and those of them that are.
func (g *generator) merged(persons []*Person, rows []Stay) (did, can int) {
	type value struct {
		person int
		kind   Evidence
		text   string
	}
	parents, holders := make([]int, len(rows)), map[value]int{}
	for i := range rows {
		parents[i] = i
		for e := ParticipantUUID; e <= RegistrantID; e++ {
			v := value{g.people[i], e, rows[i].value(e)}
			if v.text == "" {
				continue
			}
			if other, ok := holders[v]; ok {
				join(parents, other, i)
			} else {
				holders[v] = i
			}
		}
	}
	of := make([]int, len(rows))
	for n, p := range persons {
		for _, i := range p.Stays {
			of[i] = n
		}
	}
	parts := map[[2]int]bool{}
	for i := range rows {
		root := rootOf(parents, i)
		if root != i {
			can++
		}
		parts[[2]int{root, of[i]}] = true
	}
	roots := len(rows) - can
	return len(rows) - len(parts), len(rows) - roots
}
