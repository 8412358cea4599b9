// Package roster works out who is in a meeting that goes on, from the events of people who
// come and leave.
//
// Zoom promises neither an order of events nor that one comes once. So a stay is the latest
// time of joining and the latest time of leaving that events tell of one id: whatever the
// order in which they come, the result is the same. A rejoin is another id, and so another
// stay.
//
// Events tell of changes alone. A roster is complete where they have told of the start, or
// where it was seeded by a list of who was there (see [Room.Seed]). One that has missed an
// event is wrong until such a list is counted in again: nothing tells that an event was lost,
// but a gap of the connection that events come over.
package roster

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"zoomql/internal/events"
	"zoomql/internal/stream"
)

// Participant is somebody who is in a meeting, in its waiting room, or in a breakout room. It
// MUST NOT be changed.
type Participant struct {
	events.Person
	// Joined is when the stay began, and Left when it ended; zero for who is there.
	Joined, Left time.Time
	// Waiting says that the stay is in the waiting room.
	Waiting bool
}

// who identifies the person of a stay in the meeting or in one of its breakout rooms.
func (p *Participant) who() string { return cmp.Or(p.UUID, p.ParentID, p.StayID) }

// State is whether a meeting goes on.
type State uint8

// The states.
const (
	// Unknown is that of a meeting of which no event has come.
	Unknown State = iota
	// Live is that of a meeting that goes on, and Over that of one that does not.
	Live
	Over
)

// Snapshot is a roster at a moment. It MUST NOT be changed.
type Snapshot struct {
	// Version is one more with each change.
	Version int
	// Cursor is that of the last event that is counted in.
	Cursor string
	// AsOf is the time of the last event, or that of the list which it was seeded by.
	AsOf time.Time
	// UUID is that of the run; "" where it is not known, or none goes on.
	UUID string
	// State is whether the meeting goes on.
	State State
	// Participants are those who are there, by the time of joining.
	Participants []*Participant
	// People counts them without those in the waiting room, each once; Waiting counts
	// those.
	People, Waiting int
	// Complete says that nobody who is there is missing, as far as all events have come.
	Complete bool
	// Seeded says that a list of who was there is counted in, and Compared when the last whole
	// one was asked for.
	Seeded   bool
	Compared time.Time
}

// Change is a participant who came or, where Left is set, has left.
type Change struct {
	*Participant
	version int
}

const (
	// maxStays is how many stays of a run are kept, also of those who have left: an event
	// that comes late must not bring them back.
	maxStays = 20_000
	// maxRuns is how many runs are: the end of one may be told after the start of the next.
	maxRuns = 3
	// maxChanges is how many changes are kept for readers who are behind.
	maxChanges = 1024
	// settling is how much older than a list something must be that the list is to contradict:
	// clocks differ, and the list may be some seconds behind.
	settling = time.Minute
	// publishEvery is the least time between two versions, so that a crowd that comes is
	// told to all readers together.
	publishEvery = 100 * time.Millisecond
)

// Room is the roster of one meeting, kept up to date. Its methods are safe for concurrent
// use.
type Room struct {
	mu      sync.Mutex
	runs    []*run
	lastID  int // of a run
	cursor  string
	asOf    time.Time
	closed  bool // no events come
	gaps    int  // that events have had
	list    time.Time
	shown   *Snapshot
	changes []Change
	floor   int // changes up to that version are gone
	notify  chan struct{}
	last    time.Time // when a version was published
	due     *time.Timer
}

// New returns the roster of a meeting of which nothing is known up to a cursor.
func New(cursor string, now time.Time) *Room {
	return &Room{cursor: cursor, asOf: now, shown: &Snapshot{Cursor: cursor, AsOf: now}, notify: make(chan struct{})}
}

// run is one run of the meeting.
type run struct {
	id             int
	uuid           string
	first, last    time.Time // the times of the first and the last event of it
	started, ended time.Time
	stays          map[place]*stay
	full, seeded   bool
	whole          bool // a list that it was seeded by was
	lost           bool // events of it may be, since the last such list
	endTold        bool // by an event
}

// place is where a stay is: an id within the run, and the waiting room or a breakout room.
type place struct{ id, room string }

const waitingRoom = "waiting"

type stay struct {
	Participant
	out     time.Time    // when somebody was put into the waiting room
	gone    time.Time    // when a list did not have somebody any more of whom no event tells that
	shown   *Participant // as the last version has it
	moments []moment     // by time
}

func (s *stay) there() bool { return s.Joined.After(s.Left) && s.gone.IsZero() }

// Apply counts an event in.
func (r *Room) Apply(e *events.Stored) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, what, _ := strings.Cut(e.Name, ".")
	if stream.Before(r.cursor, e.Cursor) {
		r.cursor = e.Cursor
	}
	if e.Gap != "" {
		r.gap(e.Gap)
		return
	}
	if e.Time.After(r.asOf) {
		r.asOf = e.Time
	}
	if what != "started" && what != "ended" && (e.Person == nil || !strings.HasPrefix(what, "participant_")) {
		return
	}
	on := r.runOf(e, what == "started")
	switch what {
	case "started":
		on.started = e.Time
	case "ended":
		on.ended, on.endTold = e.Time, true
	default:
		if !on.endTold && e.Person.At.After(on.ended) {
			on.ended = time.Time{}
		}
		on.move(what, e.Person)
		on.note(what, e.Person)
	}
	r.publishSoon()
}

// gap notes that events may be lost.
func (r *Room) gap(kind events.Gap) {
	r.gaps++
	r.closed = kind == events.GapBegan
	for _, on := range r.runs {
		on.lost = true
	}
	r.publishSoon()
}

// runOf returns the run that an event is of.
func (r *Room) runOf(e *events.Stored, begins bool) *run {
	uuid := ""
	if told := e.Instances(); len(told) > 0 {
		uuid = told[0]
	}
	on := r.find(uuid, begins)
	if on == nil {
		on = r.begin(uuid, e.Time)
	}
	if uuid != "" {
		on.uuid = uuid
	}
	if e.Time.Before(on.first) {
		on.first = e.Time
	}
	if e.Time.After(on.last) {
		on.last = e.Time
	}
	slices.SortStableFunc(r.runs, func(a, b *run) int { return a.began().Compare(b.began()) })
	if len(r.runs) > maxRuns {
		r.runs = slices.Delete(r.runs, 0, len(r.runs)-maxRuns)
	}
	return on
}

// begin notes a run, of which the first that is known was at a time.
func (r *Room) begin(uuid string, first time.Time) *run {
	r.lastID++
	on := &run{id: r.lastID, uuid: uuid, first: first, stays: map[place]*stay{}}
	r.runs = append(r.runs, on)
	return on
}

func (r *Room) find(uuid string, begins bool) *run {
	for _, on := range slices.Backward(r.runs) {
		// A list that a run was seeded by does not tell its UUID.
		if uuid == "" || on.uuid == uuid || on.uuid == "" && on.ended.IsZero() && !begins {
			return on
		}
	}
	return nil
}

func (on *run) began() time.Time {
	if !on.started.IsZero() {
		return on.started
	}
	return on.first
}

// move counts in that somebody came or left.
func (on *run) move(what string, p *events.Person) {
	switch what {
	case "participant_joined":
		on.join(place{p.StayID, ""}, p)
	case "participant_left":
		on.leave(place{p.StayID, ""}, p)
	case "participant_joined_waiting_room":
		on.join(place{p.StayID, waitingRoom}, p)
	case "participant_put_in_waiting_room":
		on.join(place{p.StayID, waitingRoom}, p)
		if s := on.leave(place{p.StayID, ""}, p); s != nil && p.At.After(s.out) {
			s.out = p.At
		}
	case "participant_admitted":
		on.leave(place{p.StayID, waitingRoom}, p)
		// Who was in the meeting before is there again.
		if s := on.stays[place{p.StayID, ""}]; s != nil && !s.out.IsZero() && s.out.Equal(s.Left) && p.At.After(s.out) {
			on.join(place{p.StayID, ""}, p)
		}
	case "participant_left_waiting_room":
		on.leave(place{p.StayID, waitingRoom}, p)
	case "participant_joined_breakout_room":
		on.join(place{p.StayID, p.Room}, p)
	case "participant_left_breakout_room":
		on.leave(place{p.StayID, p.Room}, p)
	}
}

func (on *run) join(at place, p *events.Person) {
	s := on.stay(at, p)
	if s == nil {
		return
	}
	if p.At.After(s.Joined) {
		s.Joined = p.At
	}
	if p.At.After(s.gone) {
		s.gone = time.Time{}
	}
}

func (on *run) leave(at place, p *events.Person) *stay {
	s := on.stay(at, p)
	if s != nil && p.At.After(s.Left) {
		s.Left = p.At
	}
	return s
}

// stay returns a stay, with what an event tells of the person.
func (on *run) stay(at place, p *events.Person) *stay {
	s := on.stays[at]
	if s == nil {
		if len(on.stays) >= maxStays {
			on.full = true
			return nil
		}
		s = &stay{Participant: Participant{Waiting: at.room == waitingRoom}}
		on.stays[at] = s
	}
	own := &s.Person
	own.StayID, own.Room = p.StayID, p.Room
	for _, text := range []struct {
		own *string
		p   string
	}{
		{&own.ParentID, p.ParentID}, {&own.UUID, p.UUID}, {&own.UserID, p.UserID}, {&own.RegistrantID, p.RegistrantID},
		{&own.Name, p.Name}, {&own.Email, p.Email}, {&own.Phone, p.Phone}, {&own.CustomerKey, p.CustomerKey},
	} {
		*text.own = cmp.Or(*text.own, text.p)
	}
	return s
}

// Listed is somebody as a list has it.
type Listed struct {
	Participant
	// InRoom says that the stay is in a breakout room. What the room is called by events, the
	// list does not tell.
	InRoom bool
}

// Asked is a moment at which it is asked who is there.
type Asked struct {
	at   time.Time
	gaps int
}

// Ask returns this moment. What is asked for is read after it.
func (r *Room) Ask(now time.Time) Asked {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Asked{now, r.gaps}
}

// Seed counts in a list of who was there when it was asked for: who has left by an event is
// not brought back. whole says that the list has all of them: then who is not in it is there
// no more, though no event has told so.
func (r *Room) Seed(list []*Listed, whole bool, asked Asked) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.publishSoon()
	if whole {
		r.list = asked.at
	}
	on := r.find("", false)
	switch {
	case on == nil, !on.ended.IsZero() && (!on.endTold || !on.ended.After(asked.at.Add(-settling))):
		if len(list) == 0 {
			return
		}
		on = r.begin("", firstJoin(list))
		on.last = on.first
	case !on.ended.IsZero():
		return // the list is of the run that is over
	}
	on.seeded = true
	there, timed := confirmedBy(list), on.timed()
	for _, p := range list {
		on.list(p, there, timed)
	}
	if !whole {
		return
	}
	for where, s := range on.stays {
		if s.there() && s.Joined.Before(asked.at.Add(-settling)) && !there.has(&s.Participant) {
			s.gone = asked.at
			if len(s.moments) > 0 && !there.people[s.UUID] { // else another row has the person
				on.mark(where, s.gone, wentOut)
			}
		}
	}
	if asked.gaps == r.gaps {
		on.whole, on.lost = true, false
	}
}

// list counts in somebody of a list. Zoom has rows of one person by ids of their own, for each
// breakout room and the return from it, and no event tells their ends: timed are the people whose
// times events tell, to which such a row adds none.
func (on *run) list(p *Listed, there *confirmed, timed map[string]presence) {
	where := place{p.StayID, p.Room}
	if p.Waiting {
		where.room = waitingRoom
	}
	person := p.Person
	person.At = p.Joined
	on.join(where, &person)
	s := on.stays[where]
	told := timed[p.UUID]
	adds := s != nil && len(s.moments) > 0 || told == unknown || told == wasThere && p.Left.IsZero()
	if adds {
		on.mark(where, p.Joined, cameIn)
	}
	switch {
	case s == nil:
	case p.Left.IsZero():
		s.unmark(s.gone, wentOut)
		s.gone = time.Time{}
	case !there.has(&p.Participant):
		// Where an event has told the end, that is it: for Zoom a stay ends in a breakout room.
		adds = adds && s.Joined.After(s.Left) && !there.people[p.UUID]
		person.At = p.Left
		on.leave(where, &person)
		if adds {
			on.mark(where, p.Left, wentOut)
		}
	}
}

// confirmed are those whom a list has as there. Zoom has rows for each breakout room that
// somebody was in, by ids of their own, and promises the same UUID alone.
type confirmed struct{ stays, people, inRooms map[string]bool }

func confirmedBy(list []*Listed) *confirmed {
	c := &confirmed{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for _, p := range list {
		if !p.Left.IsZero() {
			continue
		}
		c.stays[p.StayID] = true
		if p.UUID != "" {
			c.people[p.UUID] = true
			c.inRooms[p.UUID] = c.inRooms[p.UUID] || p.InRoom
		}
	}
	return c
}

// has reports whether the list has somebody as there: by the stay, or as the person who is in
// a breakout room by one of both.
func (c *confirmed) has(p *Participant) bool {
	return c.stays[p.StayID] || c.inRooms[p.UUID] || p.Room != "" && p.Room != waitingRoom && (c.people[p.UUID] || c.stays[p.ParentID])
}

// Reached notes that all events up to a cursor are counted in.
func (r *Room) Reached(cursor string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cursor != "" && !stream.Before(r.cursor, cursor) { // the first one may be that of a stream without events
		return
	}
	r.cursor = cursor
	if r.shown.Version == 0 {
		r.shown = &Snapshot{Cursor: cursor, AsOf: r.shown.AsOf}
	}
}

// NotHeld notes that no run went on when it was asked, unless an event has told of one since
// then, or shortly before.
func (r *Room) NotHeld(asked Asked) {
	r.mu.Lock()
	defer r.mu.Unlock()
	on := r.current()
	switch {
	case on == nil:
		// It is before all that events tell of: clocks differ, and the start of the next
		// one is told to the second.
		on = &run{ended: asked.at, stays: map[place]*stay{}}
		r.runs = append(r.runs, on)
	case !on.ended.IsZero():
	case on.last.Before(asked.at.Add(-settling)):
		on.ended = asked.at
	default:
		return
	}
	if asked.gaps == r.gaps {
		on.lost = false
	}
	r.publishSoon()
}

// Quiet returns for how long no event has come of the run that goes on.
func (r *Room) Quiet(now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if on := r.current(); on != nil {
		return now.Sub(on.last)
	}
	return 0
}

// firstJoin returns when the first of them came.
func firstJoin(list []*Listed) time.Time {
	first := list[0].Joined
	for _, p := range list {
		if p.Joined.Before(first) {
			first = p.Joined
		}
	}
	return first
}

// current returns the latest run; nil where none is known.
func (r *Room) current() *run {
	if len(r.runs) == 0 {
		return nil
	}
	return r.runs[len(r.runs)-1]
}

// publishSoon makes a version of what is known: at once, or when it is time for the next.
// The caller holds the lock.
func (r *Room) publishSoon() {
	if r.due != nil {
		return
	}
	if wait := publishEvery - time.Since(r.last); wait > 0 {
		r.due = time.AfterFunc(wait, r.Flush)
		return
	}
	r.publish()
}

// Flush makes a version of what is known now, where one is due.
func (r *Room) Flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.due != nil {
		r.due.Stop()
		r.due = nil
		r.publish()
	}
}

// publish makes a version, where something has changed. The caller holds the lock.
func (r *Room) publish() {
	r.last = time.Now()
	next := &Snapshot{Version: r.shown.Version + 1, Cursor: r.cursor, AsOf: r.asOf, Compared: r.list}
	changed := len(r.changes)
	for _, on := range r.runs {
		live := on == r.current() && on.ended.IsZero()
		for _, s := range on.stays {
			r.compare(s, live, next)
		}
	}
	if on := r.current(); on != nil {
		next.State, next.UUID = Live, on.uuid
		next.Seeded, next.Complete = on.seeded, !on.full && (!on.started.IsZero() || on.whole)
		if !on.ended.IsZero() {
			next.State, next.UUID, next.Complete = Over, "", true
		}
		next.Complete = next.Complete && !on.lost && !r.closed
	}
	slices.SortFunc(next.Participants, byJoined)
	slices.SortFunc(r.changes[changed:], func(a, b Change) int { return byJoined(a.Participant, b.Participant) })
	next.count()
	if len(r.changes) == changed && next.same(r.shown) {
		next.Version--
		r.shown = next
		return
	}
	if gone := len(r.changes) - maxChanges; gone > 0 {
		r.floor = r.changes[gone-1].version
		r.changes = slices.Delete(r.changes, 0, gone)
	}
	r.shown = next
	close(r.notify)
	r.notify = make(chan struct{})
}

// compare notes whether somebody is there, and what has changed.
func (r *Room) compare(s *stay, live bool, next *Snapshot) {
	there := live && s.there()
	if there && (s.shown == nil || s.shown.Person != s.Person) {
		p := s.Participant
		p.Left = time.Time{}
		if s.shown == nil {
			r.changes = append(r.changes, Change{&p, next.Version})
		}
		s.shown = &p
	}
	if !there && s.shown != nil {
		p := *s.shown
		switch p.Left = s.Left; {
		case !s.gone.IsZero():
			p.Left = s.gone
		case p.Left.Before(p.Joined):
			p.Left = r.asOf // by the end of the meeting
		}
		r.changes, s.shown = append(r.changes, Change{&p, next.Version}), nil
	}
	if there {
		next.Participants = append(next.Participants, s.shown)
	}
}

func byJoined(a, b *Participant) int {
	return cmp.Or(a.Joined.Compare(b.Joined), cmp.Compare(a.StayID, b.StayID), cmp.Compare(a.Room, b.Room))
}

// same reports whether another version tells the same, but for when.
func (s *Snapshot) same(other *Snapshot) bool {
	return other.Version > 0 && s.State == other.State && s.UUID == other.UUID && s.Complete == other.Complete && s.Seeded == other.Seeded &&
		slices.Equal(s.Participants, other.Participants)
}

func (s *Snapshot) count() {
	people := make(map[string]bool, len(s.Participants))
	for _, p := range s.Participants {
		if p.Waiting {
			s.Waiting++
		} else {
			people[p.who()] = true
		}
	}
	s.People = len(people)
}

// Now returns the latest version, and a channel that is closed when there is a later one.
func (r *Room) Now() (*Snapshot, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.shown, r.notify
}

// Between returns who came and who has left after a version, up to another one; ok is false
// where that is kept no more.
func (r *Room) Between(after, upTo int) (joined, left []*Participant, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if after < r.floor {
		return nil, nil, false
	}
	for _, c := range r.changes {
		switch {
		case c.version <= after || c.version > upTo:
		case c.Left.IsZero():
			joined = append(joined, c.Participant)
		default:
			left = append(left, c.Participant)
		}
	}
	return joined, left, true
}

// Close ends what the room has begun.
func (r *Room) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.due != nil {
		r.due.Stop()
	}
}
