package roster

import (
	"cmp"
	"slices"
	"time"

	"zoomql/internal/events"
)

// Run is the history of one instance of a meeting: all stays and their times, by events and lists.
// It MUST NOT be changed.
type Run struct {
	// ID identifies the instance within its [Room].
	ID int
	// UUID is that of the instance; "" if it is unknown.
	UUID string
	// Started and Ended are when it started and ended; zero if unknown.
	Started, Ended time.Time
	// AsOf is the time of the latest event of the meeting, but not earlier than when the room was
	// made.
	AsOf time.Time
	// Stays are sorted by join time. A stay that lasts has no end, and one whose join no event or
	// list has, has no beginning. A person who returns with the same id has several.
	Stays []*Participant
	// People is the number of persons who are present outside the waiting room.
	People int
	// Whole says that no stay is missing, unless an event is late or was lost: the room has the
	// event of the start, or a whole list, and no gap since.
	Whole bool
}

// moment is a change of a stay.
type moment struct {
	at   int64 // in Unix nanoseconds
	kind momentKind
}

// momentKind sorts the moments of one time. Joining comes before leaving: a stay that begins and
// ends within a second has ended, as for [stay.present].
type momentKind uint8

const (
	joinedMoment   momentKind = iota
	leftMoment                // the meeting, the waiting room or the breakout room
	putOutMoment              // put into the waiting room
	admittedMoment            // admitted: a return only after putOutMoment
)

// maxMoments bounds the moments of a stay.
const maxMoments = 200

// note adds the moments of an event to the history of the instance.
func (in *instance) note(action string, p *events.Person) {
	main, waiting := stayKey{p.StayID, ""}, stayKey{p.StayID, waitingRoom}
	switch action {
	case "participant_joined":
		in.mark(main, p.At, joinedMoment)
	case "participant_left":
		in.mark(main, p.At, leftMoment)
	case "participant_joined_waiting_room":
		in.mark(waiting, p.At, joinedMoment)
	case "participant_put_in_waiting_room":
		in.mark(waiting, p.At, joinedMoment)
		in.mark(main, p.At, putOutMoment)
	case "participant_admitted":
		in.mark(waiting, p.At, leftMoment)
		in.stay(main, p) // its other events may come later
		in.mark(main, p.At, admittedMoment)
	case "participant_left_waiting_room":
		in.mark(waiting, p.At, leftMoment)
	case "participant_joined_breakout_room":
		in.mark(stayKey{p.StayID, p.Room}, p.At, joinedMoment)
	case "participant_left_breakout_room":
		in.mark(stayKey{p.StayID, p.Room}, p.At, leftMoment)
	}
}

// mark adds a moment to a stay, unless the stay has it. It does nothing without a stay or a time.
func (in *instance) mark(key stayKey, at time.Time, kind momentKind) {
	s := in.stays[key]
	if s == nil || at.IsZero() {
		return
	}
	m := moment{at.UnixNano(), kind}
	i, has := s.find(m)
	switch {
	case has:
	case len(s.moments) >= maxMoments:
		in.truncated = true
	default:
		s.moments = slices.Insert(s.moments, i, m)
	}
}

// presence is the presence of a person by the moments of their stays.
type presence int

const (
	noTimes    presence = iota // no moments
	wasPresent                 // all have ended
	isPresent
)

// timed returns the presence of each person whose stays have moments, by UUID.
func (in *instance) timed() map[string]presence {
	all := map[string]presence{}
	for _, s := range in.stays {
		switch {
		case len(s.moments) == 0 || s.UUID == "":
		case s.present():
			all[s.UUID] = isPresent
		default:
			all[s.UUID] = max(all[s.UUID], wasPresent)
		}
	}
	return all
}

// unmark removes a moment from a stay, if the stay has it.
func (s *stay) unmark(at time.Time, kind momentKind) {
	if i, has := s.find(moment{at.UnixNano(), kind}); has && !at.IsZero() {
		s.moments = slices.Delete(s.moments, i, i+1)
	}
}

// find returns the index of a moment, and whether the stay has it.
func (s *stay) find(m moment) (int, bool) {
	return slices.BinarySearchFunc(s.moments, m, func(a, b moment) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.kind, b.kind)) })
}

// times returns a participant for each time that the person was present by this stay, in order.
func (s *stay) times() []*Participant {
	var all []*Participant
	open, putOut := false, false
	begin := func(at time.Time) {
		p := s.Participant
		p.Joined, p.Left = at, time.Time{}
		all, open = append(all, &p), true
	}
	for _, m := range s.moments {
		at := time.Unix(0, m.at).UTC()
		switch m.kind {
		case joinedMoment:
			if putOut = false; !open {
				begin(at)
			}
		case admittedMoment:
			if putOut {
				begin(at)
			}
			putOut = false
		case leftMoment, putOutMoment:
			if !open && len(all) == 0 {
				begin(time.Time{}) // before the first known event
			}
			if open {
				all[len(all)-1].Left = at
			}
			open, putOut = false, m.kind == putOutMoment
		}
	}
	return all
}

// Runs returns the known instances, the latest last.
func (r *Room) Runs() []*Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*Run
	for _, in := range r.instances {
		if in.first.IsZero() {
			continue // it stands for "not held": see [Room.NotHeld]
		}
		all = append(all, in.history(r.asOf))
	}
	return all
}

func (in *instance) history(asOf time.Time) *Run {
	h := &Run{ID: in.id, UUID: in.uuid, Started: in.started, Ended: in.ended, AsOf: asOf, Whole: !in.truncated && !in.mayLackEvents && (!in.started.IsZero() || in.seededWhole)}
	present := people{}
	for _, s := range in.stays {
		h.Stays = append(h.Stays, s.times()...)
		if in.ended.IsZero() && s.present() && !s.Waiting {
			present.add(&s.Participant)
		}
	}
	h.People = present.count()
	slices.SortFunc(h.Stays, byJoined)
	return h
}

// GoesOn reports whether a stay has no end.
func (h *Run) GoesOn() bool {
	return slices.ContainsFunc(h.Stays, func(p *Participant) bool { return p.Left.IsZero() })
}
