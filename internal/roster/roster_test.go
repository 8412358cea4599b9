package roster

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/internal/events"
)

var noon = time.Date(2026, 3, 16, 12, 0, 0, 0, time.UTC)

// event returns an event of a meeting. what is its name and the id of the stay: "joined 3". "joined
// 3@b" is in the breakout room b, and "joined 3=1" is another device of the person with stay 1.
func event(n int, run, what string, at time.Duration) *events.Stored {
	name, id, _ := strings.Cut(what, " ")
	participant := ""
	if id != "" {
		name = "participant_" + name
		room := ""
		if who, of, ok := strings.Cut(id, "@"); ok {
			id, room = who, fmt.Sprintf(`,"breakout_room_uuid":%q`, of)
		}
		id, person, ok := strings.Cut(id, "=")
		if !ok {
			person = id
		}
		participant = fmt.Sprintf(`%s,"participant":{"user_id":%q,"participant_uuid":"u%s","user_name":"N%s","date_time":%q}`, room, id, person, person, noon.Add(at).Format(time.RFC3339))
	}
	body := fmt.Sprintf(`{"event":"meeting.%s","event_ts":%d,"payload":{"account_id":"A","object":{"id":"1","uuid":%q%s}}}`, name, noon.Add(at).UnixMilli(), run, participant)
	e, err := events.Parse([]byte(body), noon.Add(at))
	if err != nil {
		panic(err)
	}
	return &events.Stored{Event: e, Served: "A", Cursor: fmt.Sprintf("%d-0", n+1)}
}

// shown writes a roster: state, stays, number of people, and whether it is complete.
func shown(s *Snapshot) string {
	var ids []string
	for _, p := range s.Participants {
		id := p.StayID
		if p.Waiting {
			id += "w"
		}
		if p.Room != "" {
			id += "@" + p.Room
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return fmt.Sprintf("%d %s %d %v", s.State, strings.Join(ids, ","), s.People, s.Complete)
}

// TestRoom_orderMakesNoDifference applies events in random orders, the first of them twice.
func TestRoom_orderMakesNoDifference(t *testing.T) {
	const s = time.Second
	for name, c := range map[string]struct {
		events []*events.Stored
		want   string
	}{
		"two joined, one left": {[]*events.Stored{
			event(0, "r", "started", 0), event(1, "r", "joined 1", s), event(2, "r", "joined 2", 2*s), event(3, "r", "left 1", 3*s),
		}, "1 2 1 true"},
		"a rejoin": {[]*events.Stored{
			event(0, "r", "started", 0), event(1, "r", "joined 1", s), event(2, "r", "left 1", 2*s), event(3, "r", "joined 1", 3*s),
		}, "1 1 1 true"},
		"no start": {[]*events.Stored{event(1, "r", "joined 1", s), event(2, "r", "joined 2", 2*s)}, "1 1,2 2 false"},
		"the waiting room": {[]*events.Stored{
			event(0, "r", "started", 0), event(1, "r", "joined_waiting_room 1", s), event(2, "r", "joined_waiting_room 2", s), event(3, "r", "admitted 2", 2*s), event(4, "r", "joined 2", 3*s),
		}, "1 1w,2 1 true"},
		"a breakout room": {[]*events.Stored{
			event(0, "r", "started", 0), event(1, "r", "joined 1", s), event(2, "r", "joined_breakout_room 1@b", 2*s),
		}, "1 1,1@b 1 true"},
		"leave before join": {[]*events.Stored{
			event(0, "r", "started", 0), event(1, "r", "left 1", s), event(2, "r", "joined 1", 2*s),
		}, "1 1 1 true"},
		"leave without join": {[]*events.Stored{
			event(0, "r", "started", 0), event(1, "r", "left 1", s), event(2, "r", "joined 2", 2*s),
		}, "1 2 1 true"},
		"join and leave in one second": {[]*events.Stored{
			event(0, "r", "started", 0), event(1, "r", "joined 1", s), event(2, "r", "left 1", s),
		}, "1  0 true"},
		"one person on several devices": {[]*events.Stored{
			event(0, "r", "started", 0), event(1, "r", "joined 1", s), event(2, "r", "joined 2=1", 2*s), event(3, "r", "joined 3=1", 3*s), event(4, "r", "left 2=1", 4*s),
		}, "1 1,3 1 true"},
		"the end": {[]*events.Stored{
			event(0, "r", "started", 0), event(1, "r", "joined 1", s), event(2, "r", "ended", 2*s),
		}, "2  0 true"},
		"the end after the next start": {[]*events.Stored{
			event(0, "r", "started", 0), event(1, "r", "joined 1", s), event(2, "r", "ended", 2*s), event(3, "next", "started", 3*s), event(4, "next", "joined 2", 4*s),
		}, "1 2 1 true"},
	} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			for range 200 {
				synctest.Test(t, func(t *testing.T) {
					room := New("", noon)
					order := rng.Perm(len(c.events))
					for _, i := range append(order, order[0]) {
						room.Apply(c.events[i])
					}
					room.Flush()
					if now, _ := room.Now(); shown(now) != c.want {
						t.Fatalf("in the order %v: %s, want %s", order, shown(now), c.want)
					}
					room.Close()
				})
			}
		})
	}
}

// TestRoom_putInWaitingRoom puts a participant into the waiting room during a meeting, and admits
// them again.
func TestRoom_putInWaitingRoom(t *testing.T) {
	room := New("", noon)
	for i, step := range []struct{ what, want string }{
		{"started", "1  0 true"}, {"joined 1", "1 1 1 true"}, {"put_in_waiting_room 1", "1 1w 0 true"}, {"admitted 1", "1 1 1 true"}, {"left 1", "1  0 true"},
	} {
		room.Apply(event(i, "r", step.what, time.Duration(i)*time.Second))
		room.Flush()
		if now, _ := room.Now(); shown(now) != step.want {
			t.Errorf("%s: %s, want %s", step.what, shown(now), step.want)
		}
	}
}

// TestRoom_seeded adds a list that is older than an event: the stay that the event ended stays ended.
func TestRoom_seeded(t *testing.T) {
	room := New("", noon)
	room.Apply(event(0, "r", "left 1", time.Minute))
	room.Apply(event(1, "r", "joined 2", time.Minute))
	room.Seed(listed("1", "3"), true, room.Request(noon))
	room.Flush()
	now, _ := room.Now()
	if got := shown(now); got != "1 2,3 2 true" || !now.Seeded || now.UUID != "r" {
		t.Errorf("%s %+v", got, now)
	}
	room.Apply(event(2, "r", "left 3", 2*time.Minute))
	room.Flush()
	if now, _ := room.Now(); shown(now) != "1 2 1 true" {
		t.Error(shown(now))
	}
	empty := New("", noon)
	empty.NotHeld(empty.Request(noon.Add(1500 * time.Millisecond))) // the gateway's clock is ahead of Zoom's
	if now, _ := empty.Now(); shown(now) != "2  0 true" {
		t.Error(shown(now))
	}
	empty.Apply(event(0, "r", "joined 1", time.Second))
	empty.Flush()
	if now, _ := empty.Now(); shown(now) != "1 1 1 false" {
		t.Error(shown(now))
	}
}

// listed returns a list of stays that began at noon. "1-" has left half a minute later, "1w" is in
// the waiting room, and "1@" in a breakout room.
func listed(ids ...string) []*Listed {
	var list []*Listed
	for _, id := range ids {
		who := strings.TrimRight(id, "-w@")
		p := &Listed{Participant: Participant{Person: events.Person{StayID: who, UUID: "u" + who}, Joined: noon, Waiting: strings.HasSuffix(id, "w")}, InRoom: strings.HasSuffix(id, "@")}
		if strings.HasSuffix(id, "-") {
			p.Left = noon.Add(30 * time.Second)
		}
		list = append(list, p)
	}
	return list
}

// TestRoom_compared adds lists that contradict the events: the list wins for what is older than
// listLag, except for ends that events have reported.
func TestRoom_compared(t *testing.T) {
	const m = time.Minute
	for name, c := range map[string]struct {
		events []*events.Stored
		list   []*Listed
		cut    bool // the list is not whole
		want   string
	}{
		"events and list agree":            {[]*events.Stored{event(0, "r", "started", 0), event(1, "r", "joined 1", 0)}, listed("1"), false, "1 1 1 true"},
		"a lost leave: not in the list":    {[]*events.Stored{event(0, "r", "started", 0), event(1, "r", "joined 1", 0), event(2, "r", "joined 2", 0)}, listed("2"), false, "1 2 1 true"},
		"not in a list that is not whole":  {[]*events.Stored{event(0, "r", "started", 0), event(1, "r", "joined 1", 0), event(2, "r", "joined 2", 0)}, listed("2"), true, "1 1,2 2 true"},
		"a lost leave: ended in the list":  {[]*events.Stored{event(0, "r", "started", 0), event(1, "r", "joined 1", 0)}, listed("1-"), false, "1  0 true"},
		"a lost join":                      {[]*events.Stored{event(0, "r", "started", 0)}, listed("1"), false, "1 1 1 true"},
		"joined too late for the list":     {[]*events.Stored{event(0, "r", "started", 0), event(1, "r", "joined 1", 5*m-time.Second)}, listed(), false, "1 1 1 true"},
		"an event has ended the stay":      {[]*events.Stored{event(0, "r", "started", 0), event(1, "r", "left 1", 5*m)}, listed("1"), false, "1  0 true"},
		"in the waiting room":              {[]*events.Stored{event(0, "r", "started", 0), event(1, "r", "joined_waiting_room 1", 0)}, listed("1w"), false, "1 1w 0 true"},
		"a lost leave of the waiting room": {[]*events.Stored{event(0, "r", "started", 0), event(1, "r", "joined_waiting_room 1", 0)}, listed(), false, "1  0 true"},
		"a breakout room, by another id": {[]*events.Stored{event(0, "r", "started", 0), event(1, "r", "joined 1", 0)},
			[]*Listed{{Participant: Participant{Person: events.Person{StayID: "9", UUID: "u1"}, Joined: noon}, InRoom: true}}, false, "1 1,9 1 true"},
		"a breakout room that the list lacks": {[]*events.Stored{event(0, "r", "started", 0), event(1, "r", "joined 1", 0), event(2, "r", "joined_breakout_room 1@b", 0)}, listed("1"), false, "1 1,1@b 1 true"},
		"a lost leave of a breakout room":     {[]*events.Stored{event(0, "r", "started", 0), event(1, "r", "joined_breakout_room 1@b", 0)}, listed("2"), false, "1 2 1 true"},
		"ended just before the list":          {[]*events.Stored{event(0, "r", "started", 0), event(1, "r", "joined 1", 0), event(2, "r", "ended", 5*m-time.Second)}, listed("1"), false, "2  0 true"},
		"a lost start of the next instance":   {[]*events.Stored{event(0, "r", "started", -2*m), event(2, "r", "ended", -m)}, listed("1"), false, "1 1 1 true"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				room := New("", noon)
				defer room.Close()
				for _, e := range c.events {
					room.Apply(e)
				}
				room.Seed(c.list, !c.cut, room.Request(noon.Add(5*m)))
				room.Flush()
				now, _ := room.Now()
				if shown(now) != c.want || now.Compared.IsZero() != c.cut {
					t.Errorf("%s, want %s; compared at %v", shown(now), c.want, now.Compared)
				}
			})
		})
	}
}

// TestRoom_comparedAgain reverts what a later list contradicts, with a change for each, and makes no
// version for a list that changes nothing.
func TestRoom_comparedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := New("", noon)
		defer room.Close()
		room.Apply(event(0, "r", "started", 0))
		room.Apply(event(1, "r", "joined 1", 0))
		room.Flush()
		for i, c := range []struct {
			list []*Listed
			want string // the numbers of those who joined, of those who left, and of versions
		}{{listed("2"), "1 1 1"}, {listed("1", "2"), "1 0 1"}, {listed("2", "1"), "0 0 0"}, {listed("1-", "2"), "0 1 1"}, {listed("1-", "2"), "0 0 0"}} {
			before, _ := room.Now()
			at := noon.Add(time.Duration(5*(i+1)) * time.Minute)
			room.Seed(c.list, true, room.Request(at))
			room.Flush()
			now, _ := room.Now()
			joined, left, _ := room.Between(before.Version, now.Version)
			if got := fmt.Sprint(len(joined), len(left), now.Version-before.Version); got != c.want || !now.Compared.Equal(at) {
				t.Errorf("list %d: %s, want %s; compared at %v", i, got, c.want, now.Compared)
			}
		}
	})
}

// TestRoom_gap has a gap in the events: the roster is incomplete until the gap has ended and a list
// that was requested after it is added.
func TestRoom_gap(t *testing.T) {
	gap := func(kind events.Gap) *events.Stored {
		return &events.Stored{Event: &events.Event{Gap: kind, AccountID: "A", Time: noon}, Served: "A", Cursor: "9-0"}
	}
	room := New("", noon)
	wants := func(why, want string) {
		t.Helper()
		room.Flush()
		if now, _ := room.Now(); shown(now) != want {
			t.Errorf("%s: %s, want %s", why, shown(now), want)
		}
	}
	room.Apply(event(0, "r", "started", 0))
	room.Apply(event(1, "r", "joined 1", 0))
	wants("at first", "1 1 1 true")
	early := room.Request(noon)
	room.Apply(gap(events.GapBegan))
	wants("in a gap", "1 1 1 false")
	room.Seed(listed("1"), true, room.Request(noon))
	wants("compared in a gap", "1 1 1 false")
	room.Apply(gap(events.GapEnded))
	wants("after a gap", "1 1 1 false")
	room.Seed(listed("1", "2"), true, early)
	wants("by a list from before", "1 1,2 2 false")
	room.Seed(listed("1", "2"), false, room.Request(noon))
	wants("by a list that is not whole", "1 1,2 2 false")
	room.Seed(listed("2"), true, room.Request(noon.Add(2*time.Minute)))
	wants("by a list", "1 2 1 true")
	room.Apply(gap(events.GapEnded))
	room.NotHeld(room.Request(noon.Add(30 * time.Second)))
	wants("not held, shortly after an event", "1 2 1 false")
	room.NotHeld(room.Request(noon.Add(10 * time.Minute)))
	wants("not held", "2  0 true")
	room.Apply(event(3, "r", "joined 3", 11*time.Minute))
	wants("it goes on", "1 2,3 2 true")
}

// TestRoom_between returns the changes between versions. Many simultaneous joins make one version.
func TestRoom_between(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := New("", noon)
		room.Apply(event(0, "r", "started", 0))
		first, more := room.Now()
		for i := range 100 {
			room.Apply(event(i+1, "r", fmt.Sprint("joined ", i), time.Second))
		}
		<-more
		now, _ := room.Now()
		joined, left, ok := room.Between(first.Version, now.Version)
		if now.Version != first.Version+1 || len(joined) != 100 || len(left) != 0 || !ok {
			t.Errorf("version %d after %d: %d joined, %d left, %v", now.Version, first.Version, len(joined), len(left), ok)
		}
		for i := range maxChanges + 200 {
			room.Apply(event(i+200, "r", fmt.Sprint("joined again", i), time.Duration(i)*time.Second))
			if i%200 == 0 {
				time.Sleep(time.Second) // for another version
			}
		}
		time.Sleep(time.Second)
		last, _ := room.Now()
		if _, _, ok := room.Between(first.Version, last.Version); ok || len(room.changes) > maxChanges {
			t.Errorf("%d changes are kept", len(room.changes))
		}
		if _, _, ok := room.Between(last.Version, last.Version); !ok {
			t.Error("the last version is not kept")
		}
	})
}

// TestRoom_isBounded exceeds the bounds of stays and instances.
func TestRoom_isBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := New("", noon)
		room.Apply(event(0, "r", "started", 0))
		e := event(1, "r", "joined 1", time.Second)
		for i := range maxStays + 100 {
			one, person := *e.Event, *e.Person
			person.StayID, one.Person = strconv.Itoa(i), &person
			room.Apply(&events.Stored{Event: &one, Served: "A", Cursor: "1-0"})
		}
		for i := range 10 {
			room.Apply(event(i, fmt.Sprint("r", i), "started", -time.Duration(i+1)*time.Hour))
		}
		time.Sleep(time.Second)
		now, _ := room.Now()
		if len(now.Participants) != maxStays || now.Complete || len(room.instances) != maxInstances {
			t.Errorf("%d are there, complete %v, of %d instances", len(now.Participants), now.Complete, len(room.instances))
		}
	})
}

// TestRoom_countsPersons counts a person with several devices once, by the registration, the key of an
// app or the user; also where the stay in a breakout room does not have these.
func TestRoom_countsPersons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New("", noon)
		n := 0
		apply := func(action, id, room, more string) {
			n++
			body := fmt.Sprintf(`{"event":"meeting.participant_%s","event_ts":%d,"payload":{"account_id":"A","object":{"id":"1","uuid":"r","breakout_room_uuid":%[4]q,"participant":{"user_id":%[3]q,"participant_uuid":"u%[3]s","date_time":%[5]q%[6]s}}}}`,
				action, noon.UnixMilli()+int64(n), id, room, noon.Add(time.Duration(n)*time.Second).Format(time.RFC3339), more)
			e, err := events.Parse([]byte(body), noon)
			if err != nil {
				t.Fatal(err)
			}
			r.Apply(&events.Stored{Event: e, Served: "A", Cursor: fmt.Sprintf("%d-0", n)})
		}
		wants := func(why string, people int) {
			t.Helper()
			time.Sleep(time.Second)
			runs := r.Runs()
			if now, _ := r.Now(); now.People != people || runs[0].People != people {
				t.Errorf("%s: %d people, in the history %d, want %d", why, now.People, runs[0].People, people)
			}
		}
		for i, who := range []string{`,"participant_user_id":"U"`, `,"registrant_id":"R"`, `,"customer_key":"C"`, ``} {
			apply("joined", strconv.Itoa(2*i), "", who)
			apply("joined", strconv.Itoa(2*i+1), "", who)
		}
		wants("three persons with two devices, and two without identity", 5)
		apply("joined_breakout_room", "0", "b", "") // without the user
		wants("a device in a breakout room", 5)
		apply("left_breakout_room", "0", "b", "")
		apply("left", "0", "", "")
		wants("one of two devices has left", 5)
		apply("left", "1", "", "")
		wants("the first person has left", 4)
		apply("left", "2", "", "")
		wants("one of two devices has left", 4)
	})
}
