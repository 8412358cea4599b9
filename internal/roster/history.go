package roster

import (
	"cmp"
	"slices"
	"time"

	"zoomql/internal/events"
)

// Run is who was in one run of a meeting, and when, as far as events and lists have told. It
// MUST NOT be changed.
type Run struct {
	// ID names the run among those of its [Room].
	ID int
	// UUID is "" where it is not known.
	UUID string
	// Started and Ended are when it began and ended; zero where no event has told.
	Started, Ended time.Time
	// AsOf is the time of the last event of the meeting that is counted in.
	AsOf time.Time
	// Stays are by the time of joining. A stay that goes on has no end, and one whose begin
	// was not told has no begin.
	Stays []*Participant
	// People counts who is there, each once, without those in the waiting room.
	People int
	// Whole says that no stay is missing, as far as all events have come: these tell of the
	// start, or a list of all stays is counted in, and there was no gap in them since.
	Whole bool
}

// moment is when a stay changed.
type moment struct {
	at   int64 // in Unix nanoseconds
	kind momentKind
}

// momentKind is in the order in which moments of one time follow each other. A stay that
// begins and ends within a second has been there, as for [stay.there].
type momentKind uint8

const (
	cameIn  momentKind = iota
	wentOut            // of the meeting, the waiting room, or a breakout room
	putOut             // of the meeting, into the waiting room
	letIn              // again, who was put out
)

// maxMoments is how many changes of one stay are kept.
const maxMoments = 200

// note keeps when somebody came or left, for the history of a run.
func (on *run) note(what string, p *events.Person) {
	main, waits := place{p.StayID, ""}, place{p.StayID, waitingRoom}
	switch what {
	case "participant_joined":
		on.mark(main, p.At, cameIn)
	case "participant_left":
		on.mark(main, p.At, wentOut)
	case "participant_joined_waiting_room":
		on.mark(waits, p.At, cameIn)
	case "participant_put_in_waiting_room":
		on.mark(waits, p.At, cameIn)
		on.mark(main, p.At, putOut)
	case "participant_admitted":
		on.mark(waits, p.At, wentOut)
		on.stay(main, p) // which an event that is late may begin
		on.mark(main, p.At, letIn)
	case "participant_left_waiting_room":
		on.mark(waits, p.At, wentOut)
	case "participant_joined_breakout_room":
		on.mark(place{p.StayID, p.Room}, p.At, cameIn)
	case "participant_left_breakout_room":
		on.mark(place{p.StayID, p.Room}, p.At, wentOut)
	}
}

// mark keeps a moment of a stay, in its place by time.
func (on *run) mark(at place, when time.Time, kind momentKind) {
	s := on.stays[at]
	if s == nil || when.IsZero() {
		return
	}
	m := moment{when.UnixNano(), kind}
	i, has := s.find(m)
	switch {
	case has:
	case len(s.moments) >= maxMoments:
		on.full = true
	default:
		s.moments = slices.Insert(s.moments, i, m)
	}
}

// presence is what the times of a person tell.
type presence int

const (
	unknown presence = iota // there are none
	wasThere
	isThere
)

// timed returns the presence of the people whose times are kept, by UUID.
func (on *run) timed() map[string]presence {
	all := map[string]presence{}
	for _, s := range on.stays {
		switch {
		case len(s.moments) == 0 || s.UUID == "":
		case s.there():
			all[s.UUID] = isThere
		default:
			all[s.UUID] = max(all[s.UUID], wasThere)
		}
	}
	return all
}

// unmark takes a moment of a stay back.
func (s *stay) unmark(when time.Time, kind momentKind) {
	if i, has := s.find(moment{when.UnixNano(), kind}); has && !when.IsZero() {
		s.moments = slices.Delete(s.moments, i, i+1)
	}
}

// find returns the place of a moment by time, and whether it is there.
func (s *stay) find(m moment) (int, bool) {
	return slices.BinarySearchFunc(s.moments, m, func(a, b moment) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.kind, b.kind)) })
}

// times returns when somebody was in a place, in order.
func (s *stay) times() []*Participant {
	var all []*Participant
	open, out := false, false
	begin := func(at time.Time) {
		p := s.Participant
		p.Joined, p.Left = at, time.Time{}
		all, open = append(all, &p), true
	}
	for _, m := range s.moments {
		at := time.Unix(0, m.at).UTC()
		switch m.kind {
		case cameIn:
			if out = false; !open {
				begin(at)
			}
		case letIn:
			if out {
				begin(at)
			}
			out = false
		case wentOut, putOut:
			if !open && len(all) == 0 {
				begin(time.Time{}) // before events were taken
			}
			if open {
				all[len(all)-1].Left = at
			}
			open, out = false, m.kind == putOut
		}
	}
	return all
}

// Runs returns the runs that are known, the latest one last.
func (r *Room) Runs() []*Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*Run
	for _, on := range r.runs {
		if on.first.IsZero() {
			continue // none that was held, see [Room.NotHeld]
		}
		all = append(all, on.history(r.asOf))
	}
	return all
}

func (on *run) history(asOf time.Time) *Run {
	told := &Run{ID: on.id, UUID: on.uuid, Started: on.started, Ended: on.ended, AsOf: asOf, Whole: !on.full && !on.lost && (!on.started.IsZero() || on.whole)}
	people := map[string]bool{}
	for _, s := range on.stays {
		told.Stays = append(told.Stays, s.times()...)
		if on.ended.IsZero() && s.there() && !s.Waiting {
			people[s.who()] = true
		}
	}
	told.People = len(people)
	slices.SortFunc(told.Stays, byJoined)
	return told
}

// GoesOn reports whether somebody who was told to have come was not told to have left.
func (h *Run) GoesOn() bool {
	return slices.ContainsFunc(h.Stays, func(p *Participant) bool { return p.Left.IsZero() })
}
