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

// stays writes the stays of an instance: id, place, and the seconds after noon of joining and leaving.
func stays(h *Run) string {
	var all []string
	second := func(at time.Time) string {
		if at.IsZero() {
			return ""
		}
		return strconv.Itoa(int(at.Sub(noon) / time.Second))
	}
	for _, p := range h.Stays {
		where := p.StayID
		if p.Waiting {
			where += "w"
		}
		if p.Room != "" {
			where += "@" + p.Room
		}
		all = append(all, where+" "+second(p.Joined)+"-"+second(p.Left))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// TestRuns applies events in random orders, the first of them twice: each stay has all of its times.
func TestRuns(t *testing.T) {
	const s = time.Second
	for name, c := range map[string]struct {
		events []*events.Stored
		want   string
		whole  bool
	}{
		"a stay that lasts": {[]*events.Stored{event(0, "r", "started", 0), event(1, "r", "joined 1", s)}, "1 1-", true},
		"back by the same id": {[]*events.Stored{
			event(0, "r", "started", 0), event(1, "r", "joined 1", s), event(2, "r", "left 1", 2*s), event(3, "r", "joined 1", 3*s), event(4, "r", "left 1", 5*s),
		}, "1 1-2, 1 3-5", true},
		"put out, let in, and gone": {[]*events.Stored{
			event(0, "r", "started", 0), event(1, "r", "joined 1", s), event(2, "r", "put_in_waiting_room 1", 2*s), event(3, "r", "admitted 1", 4*s), event(4, "r", "left 1", 9*s),
		}, "1 1-2, 1 4-9, 1w 2-4", true},
		"admitted from the waiting room": {[]*events.Stored{
			event(0, "r", "started", 0), event(1, "r", "joined_waiting_room 1", s), event(2, "r", "admitted 1", 3*s), event(3, "r", "left_waiting_room 1", 4*s), event(4, "r", "joined 2", 4*s),
		}, "1w 1-3, 2 4-", true},
		"twice in a breakout room": {[]*events.Stored{
			event(0, "r", "started", 0), event(1, "r", "joined 1", s), event(2, "r", "joined_breakout_room 1@b", 2*s), event(3, "r", "left_breakout_room 1@b", 3*s),
			event(4, "r", "joined_breakout_room 1@b", 5*s), event(5, "r", "left 1", 9*s),
		}, "1 1-9, 1@b 2-3, 1@b 5-", true},
		"a stay of no time": {[]*events.Stored{event(0, "r", "started", 0), event(1, "r", "joined 1", s), event(2, "r", "left 1", s)}, "1 1-1", true},
		"present before":    {[]*events.Stored{event(1, "r", "left 1", 5*s), event(2, "r", "joined 1", 7*s)}, "1 -5, 1 7-", false},
	} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			for range 100 {
				synctest.Test(t, func(t *testing.T) {
					room := New("", noon)
					order := rng.Perm(len(c.events))
					for _, i := range append(order, order[0]) {
						room.Apply(c.events[i])
					}
					runs := room.Runs()
					if len(runs) != 1 || stays(runs[0]) != c.want || runs[0].Whole != c.whole {
						t.Fatalf("in the order %v: %s, want %s", order, stays(runs[0]), c.want)
					}
					room.Close()
				})
			}
		})
	}
}

// TestRuns_ofSeveral separates instances whose events arrive interleaved, and adds a list.
func TestRuns_ofSeveral(t *testing.T) {
	const s = time.Second
	room := New("", noon)
	defer room.Close()
	room.Apply(event(0, "r", "joined 1", s))
	room.Seed([]*Listed{
		{Participant: Participant{Person: events.Person{StayID: "7"}, Joined: noon, Left: noon.Add(s)}},
		{Participant: Participant{Person: events.Person{StayID: "1"}, Joined: noon.Add(s)}},
	}, true, room.Request(noon.Add(s)))
	room.Apply(event(1, "next", "started", 9*s))
	room.Apply(event(2, "next", "joined 2", 10*s))
	room.Apply(event(3, "r", "left 1", 8*s))
	room.Apply(event(4, "r", "ended", 8*s))
	runs := room.Runs()
	if len(runs) != 2 {
		t.Fatal(runs)
	}
	for i, want := range []string{"r 1 1-8, 7 0-1 true false 0", "next 2 10- true true 1"} {
		h := runs[i]
		if got := fmt.Sprint(h.UUID, " ", stays(h), " ", h.Whole, " ", h.GoesOn(), " ", h.People); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	none := New("", noon)
	none.NotHeld(none.Request(noon))
	if runs := none.Runs(); len(runs) != 0 {
		t.Error(runs)
	}
}

// TestRuns_lists ends a stay that a list lacks, and reopens it when a later list has it. After a gap,
// a history is whole again with the next whole list.
func TestRuns_lists(t *testing.T) {
	room := New("", noon)
	defer room.Close()
	room.Apply(event(0, "r", "started", 0))
	room.Apply(event(1, "r", "joined 1", time.Second))
	for _, step := range []struct {
		do    func()
		want  string
		whole bool
	}{
		{func() {}, "1 1-", true},
		{func() {
			room.Apply(&events.Stored{Event: &events.Event{Gap: events.GapEnded, AccountID: "A", Time: noon.Add(time.Minute)}, Served: "A", Cursor: "9-0"})
		}, "1 1-", false},
		{func() { room.Seed(nil, true, room.Request(noon.Add(600*time.Second))) }, "1 1-600", true},
		{func() {
			room.Seed([]*Listed{{Participant: Participant{Person: events.Person{StayID: "1"}, Joined: noon.Add(time.Second)}}}, true, room.Request(noon.Add(900*time.Second)))
		}, "1 1-", true},
	} {
		step.do()
		if h := room.Runs()[0]; stays(h) != step.want || h.Whole != step.whole {
			t.Errorf("%s %v, want %s %v", stays(h), h.Whole, step.want, step.whole)
		}
	}
}

// TestRuns_bounded keeps a bounded number of moments of a stay; beyond it, the history is not
// whole.
func TestRuns_bounded(t *testing.T) {
	room := New("", noon)
	defer room.Close()
	room.Apply(event(0, "r", "started", 0))
	for i := range 2 * maxMoments {
		room.Apply(event(i, "r", "joined 1", time.Duration(i)*time.Second))
	}
	if h := room.Runs()[0]; h.Whole || len(room.instances[0].stays[stayKey{"1", ""}].moments) != maxMoments {
		t.Error(h.Whole)
	}
}
