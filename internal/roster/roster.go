// Package roster computes who is in a meeting that is in progress, from Zoom's events of
// participants who join and leave.
//
// Zoom guarantees neither the order of events nor that each is delivered once. So the state of a
// stay is the latest join time and the latest leave time of all events with its id: the order in
// which they arrive makes no difference. A rejoin has another id, and so is another stay.
//
// Events report changes only. A roster is complete if it has the event of the start, or a whole
// list of those who were present (see [Room.Seed]). A lost event makes it wrong until the next
// such list: only a gap in the connection that delivers the events shows that some may be lost.
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

// Participant is a stay of a person in a meeting, in its waiting room, or in a breakout room. It
// MUST NOT be changed.
type Participant struct {
	events.Person
	// Joined is when the stay began, and Left when it ended; zero while it lasts.
	Joined, Left time.Time
	// Waiting says that the stay is in the waiting room.
	Waiting bool
}

// deviceKey identifies the device of a stay in the meeting or in a breakout room.
func (p *Participant) deviceKey() string { return cmp.Or(p.UUID, p.ParentID, p.StayID) }

// people are the devices in a meeting by their key, each with the identity from all its stays: the
// stay in a breakout room may lack values that the stay in the meeting has.
type people map[string]identity

// identity is what identifies a person beyond a device; "" is unknown.
type identity struct{ registrant, customer, user string }

func (a people) add(p *Participant) {
	key := p.deviceKey()
	known := a[key]
	a[key] = identity{cmp.Or(known.registrant, p.RegistrantID), cmp.Or(known.customer, p.CustomerKey), cmp.Or(known.user, p.UserID)}
}

// count returns the number of persons. Devices are of one person if they have the same registration
// or, without one, the same key of an app or, without both, the same user. A device without any of
// these is a person.
func (a people) count() int {
	devices, persons := 0, map[identity]bool{}
	for _, known := range a {
		switch {
		case known.registrant != "":
			persons[identity{registrant: known.registrant}] = true
		case known.customer != "":
			persons[identity{customer: known.customer}] = true
		case known.user != "":
			persons[identity{user: known.user}] = true
		default:
			devices++
		}
	}
	return devices + len(persons)
}

// State says whether a meeting is in progress.
type State uint8

const (
	// Unknown is the state of a meeting without any event or list.
	Unknown State = iota
	// Live is the state of a meeting in progress.
	Live
	// Over is the state of a meeting that is not in progress.
	Over
)

// Snapshot is a version of a roster. It MUST NOT be changed.
type Snapshot struct {
	// Version counts the versions of the room, from 1 on; 0 is the empty one before them.
	Version int
	// Cursor is that of the last event in the roster.
	Cursor string
	// AsOf is the time of the latest event, but not earlier than when the room was made.
	AsOf time.Time
	// UUID is that of the instance in progress; "" if it is unknown, or if there is none.
	UUID string
	// State says whether the meeting is in progress.
	State State
	// Participants are the present stays, by join time.
	Participants []*Participant
	// People is the number of persons outside the waiting room, and Waiting that of stays in it.
	People, Waiting int
	// Complete says that no present stay is missing, unless an event is late or was lost.
	Complete bool
	// Seeded says that a list has been added to the instance, and Compared is when the last whole
	// list of the room was requested; zero before.
	Seeded   bool
	Compared time.Time
}

// Change is a participant who has joined or, if Left is set, has left.
type Change struct {
	*Participant
	version int
}

const (
	// maxStays bounds the stays of an instance. Those that have ended are kept, too: a late event
	// must not bring them back.
	maxStays = 20_000
	// maxInstances bounds the instances of a room: the end of one may arrive after the start of
	// the next.
	maxInstances = 3
	// maxChanges bounds the changes that are kept for readers of earlier versions.
	maxChanges = 1024
	// listLag is the minimum age of an event, at the request of a list, for the list to
	// contradict it: clocks differ, and lists may be some seconds late.
	listLag = time.Minute
	// publishEvery is the shortest time between two versions, so that many simultaneous joins
	// make one version.
	publishEvery = 100 * time.Millisecond
)

// Room is the roster of one meeting, updated by events and lists. Its methods are safe for
// concurrent use.
type Room struct {
	mu           sync.Mutex
	instances    []*instance // by start
	lastID       int         // of an instance
	cursor       string
	asOf         time.Time
	inGap        bool      // events are not delivered
	gaps         int       // number of gap events
	compared     time.Time // when the last whole list was requested
	shown        *Snapshot
	changes      []Change
	dropped      int           // changes up to this version are no longer all kept
	notify       chan struct{} // closed by the next version
	applied      chan struct{} // closed when a version was due, also if the roster is the same
	published    time.Time     // when the last version was made
	publishTimer *time.Timer   // set while a version is due
}

// New returns the roster of a meeting that has no events up to a cursor.
func New(cursor string, now time.Time) *Room {
	return &Room{cursor: cursor, asOf: now, shown: &Snapshot{Cursor: cursor, AsOf: now}, notify: make(chan struct{}), applied: make(chan struct{})}
}

// instance is an instance of the meeting.
type instance struct {
	id             int
	uuid           string
	first, last    time.Time // of its events; the first join if a list has added it
	started, ended time.Time
	stays          map[stayKey]*stay
	truncated      bool // stays or their times were dropped at a bound
	seeded         bool // by a list
	seededWhole    bool // by a whole list
	mayLackEvents  bool // since the last whole list
	endedByEvent   bool
}

// stayKey identifies a stay of an instance. room is [waitingRoom], the UUID of a breakout room, or
// "" for the meeting itself.
type stayKey struct{ id, room string }

const waitingRoom = "waiting"

type stay struct {
	Participant
	putOut  time.Time    // when the person was last put into the waiting room
	missing time.Time    // when a whole list lacked it although no event had ended it; zero if none did
	shown   *Participant // in the last version; nil if it was not present
	moments []moment     // by time
}

func (s *stay) present() bool { return s.Joined.After(s.Left) && s.missing.IsZero() }

// Apply adds an event to the roster.
func (r *Room) Apply(e *events.Stored) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, action, _ := strings.Cut(e.Name, ".")
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
	if action != "started" && action != "ended" && (e.Person == nil || !strings.HasPrefix(action, "participant_")) {
		return
	}
	in := r.instanceOf(e, action == "started")
	switch action {
	case "started":
		in.started = e.Time
	case "ended":
		in.ended, in.endedByEvent = e.Time, true
	default:
		if !in.endedByEvent && e.Person.At.After(in.ended) {
			in.ended = time.Time{}
		}
		in.move(action, e.Person)
		in.note(action, e.Person)
	}
	r.publishSoon()
}

// gap notes that events may be missing.
func (r *Room) gap(kind events.Gap) {
	r.gaps++
	r.inGap = kind == events.GapBegan
	for _, in := range r.instances {
		in.mayLackEvents = true
	}
	r.publishSoon()
}

// instanceOf returns the instance of an event, and adds it if it is new.
func (r *Room) instanceOf(e *events.Stored, starts bool) *instance {
	uuid := ""
	if named := e.Instances(); len(named) > 0 {
		uuid = named[0]
	}
	in := r.find(uuid, starts)
	if in == nil {
		in = r.add(uuid, e.Time)
	}
	if uuid != "" {
		in.uuid = uuid
	}
	if e.Time.Before(in.first) {
		in.first = e.Time
	}
	if e.Time.After(in.last) {
		in.last = e.Time
	}
	slices.SortStableFunc(r.instances, func(a, b *instance) int { return a.start().Compare(b.start()) })
	if len(r.instances) > maxInstances {
		r.instances = slices.Delete(r.instances, 0, len(r.instances)-maxInstances)
	}
	return in
}

// add adds an instance. first is the time of its first known event or stay.
func (r *Room) add(uuid string, first time.Time) *instance {
	r.lastID++
	in := &instance{id: r.lastID, uuid: uuid, first: first, stays: map[stayKey]*stay{}}
	r.instances = append(r.instances, in)
	return in
}

// find returns the instance of a UUID, or the latest one for ""; nil if there is none. An instance
// that a list has added has no UUID. While it is in progress, an event with an unknown UUID is taken
// to be of it, unless that is the event of a start.
func (r *Room) find(uuid string, starts bool) *instance {
	for _, in := range slices.Backward(r.instances) {
		if uuid == "" || in.uuid == uuid || in.uuid == "" && in.ended.IsZero() && !starts {
			return in
		}
	}
	return nil
}

// start returns when the instance started, or the time of its first event if that is unknown.
func (in *instance) start() time.Time {
	if !in.started.IsZero() {
		return in.started
	}
	return in.first
}

// move updates the stays by an event of a participant.
func (in *instance) move(action string, p *events.Person) {
	switch action {
	case "participant_joined":
		in.join(stayKey{p.StayID, ""}, p)
	case "participant_left":
		in.leave(stayKey{p.StayID, ""}, p)
	case "participant_joined_waiting_room":
		in.join(stayKey{p.StayID, waitingRoom}, p)
	case "participant_put_in_waiting_room":
		in.join(stayKey{p.StayID, waitingRoom}, p)
		if s := in.leave(stayKey{p.StayID, ""}, p); s != nil && p.At.After(s.putOut) {
			s.putOut = p.At
		}
	case "participant_admitted":
		in.leave(stayKey{p.StayID, waitingRoom}, p)
		// A person who was in the meeting before returns to it without another event.
		if s := in.stays[stayKey{p.StayID, ""}]; s != nil && !s.putOut.IsZero() && s.putOut.Equal(s.Left) && p.At.After(s.putOut) {
			in.join(stayKey{p.StayID, ""}, p)
		}
	case "participant_left_waiting_room":
		in.leave(stayKey{p.StayID, waitingRoom}, p)
	case "participant_joined_breakout_room":
		in.join(stayKey{p.StayID, p.Room}, p)
	case "participant_left_breakout_room":
		in.leave(stayKey{p.StayID, p.Room}, p)
	}
}

func (in *instance) join(key stayKey, p *events.Person) {
	s := in.stay(key, p)
	if s == nil {
		return
	}
	if p.At.After(s.Joined) {
		s.Joined = p.At
	}
	if p.At.After(s.missing) {
		s.missing = time.Time{}
	}
}

func (in *instance) leave(key stayKey, p *events.Person) *stay {
	s := in.stay(key, p)
	if s != nil && p.At.After(s.Left) {
		s.Left = p.At
	}
	return s
}

// stay returns a stay, which it adds if it is new, and adds to it what an event has about the
// person. It returns nil if the instance has maxStays others.
func (in *instance) stay(key stayKey, p *events.Person) *stay {
	s := in.stays[key]
	if s == nil {
		if len(in.stays) >= maxStays {
			in.truncated = true
			return nil
		}
		s = &stay{Participant: Participant{Waiting: key.room == waitingRoom}}
		in.stays[key] = s
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

// Listed is a row of a list of stays.
type Listed struct {
	Participant
	// InRoom says that the stay is in a breakout room. Lists do not have the UUID of the room that
	// events have.
	InRoom bool
}

// Request is the moment of a request for a list, or for whether the meeting is in progress.
type Request struct {
	at   time.Time
	gaps int
}

// Request returns the moment of a request, which MUST be sent after it.
func (r *Room) Request(now time.Time) Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Request{now, r.gaps}
}

// Seed adds the list that was that a request returned. A stay that an event has ended stays ended. If
// whole, the list has all stays: those present that it lacks are ended, although no event has ended
// them.
func (r *Room) Seed(list []*Listed, whole bool, of Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.publishSoon()
	if whole {
		r.compared = of.at
	}
	in := r.current()
	switch {
	case in == nil, !in.ended.IsZero() && (!in.endedByEvent || !in.ended.After(of.at.Add(-listLag))):
		if len(list) == 0 {
			return
		}
		in = r.add("", firstJoin(list))
		in.last = in.first
	case !in.ended.IsZero():
		return // the list may be of the instance that has just ended
	}
	in.seeded = true
	present, timed := presentIn(list), in.timed()
	for _, p := range list {
		in.list(p, present, timed)
	}
	if !whole {
		return
	}
	for key, s := range in.stays {
		if s.present() && s.Joined.Before(of.at.Add(-listLag)) && !present.has(&s.Participant) {
			s.missing = of.at
			if len(s.moments) > 0 && !present.people[s.UUID] { // else the person is in another row
				in.mark(key, s.missing, leftMoment)
			}
		}
	}
	if of.gaps == r.gaps {
		in.seededWhole, in.mayLackEvents = true, false
	}
}

// list adds a row of a list. For each breakout room of a person and for each return from one, Zoom
// has a row with an id of its own, whose end no event has: such a row adds no times to a person in
// timed, whose times the events have.
func (in *instance) list(p *Listed, present *presentRows, timed map[string]presence) {
	key := stayKey{p.StayID, p.Room}
	if p.Waiting {
		key.room = waitingRoom
	}
	person := p.Person
	person.At = p.Joined
	in.join(key, &person)
	s := in.stays[key]
	known := timed[p.UUID]
	adds := s != nil && len(s.moments) > 0 || known == noTimes || known == wasPresent && p.Left.IsZero()
	if adds {
		in.mark(key, p.Joined, joinedMoment)
	}
	switch {
	case s == nil:
	case p.Left.IsZero():
		s.unmark(s.missing, leftMoment)
		s.missing = time.Time{}
	case !present.has(&p.Participant):
		// The end of an event stays: in Zoom's rows a stay ends when a breakout room is joined.
		adds = adds && s.Joined.After(s.Left) && !present.people[p.UUID]
		person.At = p.Left
		in.leave(key, &person)
		if adds {
			in.mark(key, p.Left, leftMoment)
		}
	}
}

// presentRows are the rows of a list without an end: their stays by id, their people by UUID, and
// whether one of a person's rows is in a breakout room. The rows of a person who was in breakout
// rooms have different ids; Zoom guarantees only that the UUID is the same.
type presentRows struct{ stays, people, inRooms map[string]bool }

func presentIn(list []*Listed) *presentRows {
	c := &presentRows{map[string]bool{}, map[string]bool{}, map[string]bool{}}
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

// has reports whether the list has a participant as present: by the id of the stay, or by the
// person if the list or the participant is in a breakout room.
func (c *presentRows) has(p *Participant) bool {
	return c.stays[p.StayID] || c.inRooms[p.UUID] || p.Room != "" && p.Room != waitingRoom && (c.people[p.UUID] || c.stays[p.ParentID])
}

// Reached notes that all events up to a cursor have been applied.
func (r *Room) Reached(cursor string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cursor != "" && !stream.Before(r.cursor, cursor) { // any cursor is later than "", also that of an empty stream
		return
	}
	r.cursor = cursor
	if r.shown.Version == 0 {
		r.shown = &Snapshot{Cursor: cursor, AsOf: r.shown.AsOf}
	}
}

// NotHeld notes that the meeting was not in progress at a request. The current instance has ended then,
// unless its last event is later than shortly before.
func (r *Room) NotHeld(of Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	in := r.current()
	switch {
	case in == nil:
		// The zero start puts it before all instances of events, whose times may be earlier than
		// the request: clocks differ, and Zoom's times are whole seconds.
		in = &instance{ended: of.at, stays: map[stayKey]*stay{}}
		r.instances = append(r.instances, in)
	case !in.ended.IsZero():
	case in.last.Before(of.at.Add(-listLag)):
		in.ended = of.at
	default:
		return
	}
	if of.gaps == r.gaps {
		in.mayLackEvents = false
	}
	r.publishSoon()
}

// Quiet returns the time since the last event of the current instance; 0 if there is none.
func (r *Room) Quiet(now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if in := r.current(); in != nil {
		return now.Sub(in.last)
	}
	return 0
}

// firstJoin returns the earliest join time of a list, which is not empty.
func firstJoin(list []*Listed) time.Time {
	first := list[0].Joined
	for _, p := range list {
		if p.Joined.Before(first) {
			first = p.Joined
		}
	}
	return first
}

// current returns the latest instance; nil if none is known.
func (r *Room) current() *instance {
	if len(r.instances) == 0 {
		return nil
	}
	return r.instances[len(r.instances)-1]
}

// publishSoon makes a version: now, or when publishEvery has passed since the last one. The caller
// holds the lock.
func (r *Room) publishSoon() {
	if r.publishTimer != nil {
		return
	}
	if wait := publishEvery - time.Since(r.published); wait > 0 {
		r.publishTimer = time.AfterFunc(wait, r.Flush)
		return
	}
	r.publish()
}

// Flush makes the version that is due, if one is.
func (r *Room) Flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.publishTimer != nil {
		r.publishTimer.Stop()
		r.publishTimer = nil
		r.publish()
	}
}

// publish makes a version if something has changed. The caller holds the lock.
func (r *Room) publish() {
	r.published = time.Now()
	close(r.applied)
	r.applied = make(chan struct{})
	next := &Snapshot{Version: r.shown.Version + 1, Cursor: r.cursor, AsOf: r.asOf, Compared: r.compared}
	changed := len(r.changes)
	for _, in := range r.instances {
		live := in == r.current() && in.ended.IsZero()
		for _, s := range in.stays {
			r.show(s, live, next)
		}
	}
	if in := r.current(); in != nil {
		next.State, next.UUID = Live, in.uuid
		next.Seeded, next.Complete = in.seeded, !in.truncated && (!in.started.IsZero() || in.seededWhole)
		if !in.ended.IsZero() {
			next.State, next.UUID, next.Complete = Over, "", true
		}
		next.Complete = next.Complete && !in.mayLackEvents && !r.inGap
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
		r.dropped = r.changes[gone-1].version
		r.changes = slices.Delete(r.changes, 0, gone)
	}
	r.shown = next
	close(r.notify)
	r.notify = make(chan struct{})
}

// show adds a stay to the next version if it is present, and adds a change if it has joined or left
// since the last one. live says that its instance is in progress.
func (r *Room) show(s *stay, live bool, next *Snapshot) {
	present := live && s.present()
	if present && (s.shown == nil || s.shown.Person != s.Person) {
		p := s.Participant
		p.Left = time.Time{}
		if s.shown == nil {
			r.changes = append(r.changes, Change{&p, next.Version})
		}
		s.shown = &p
	}
	if !present && s.shown != nil {
		p := *s.shown
		switch p.Left = s.Left; {
		case !s.missing.IsZero():
			p.Left = s.missing
		case p.Left.Before(p.Joined):
			p.Left = r.asOf // the instance has ended
		}
		r.changes, s.shown = append(r.changes, Change{&p, next.Version}), nil
	}
	if present {
		next.Participants = append(next.Participants, s.shown)
	}
}

func byJoined(a, b *Participant) int {
	return cmp.Or(a.Joined.Compare(b.Joined), cmp.Compare(a.StayID, b.StayID), cmp.Compare(a.Room, b.Room))
}

// same reports whether another version differs at most in its cursor and times.
func (s *Snapshot) same(other *Snapshot) bool {
	return other.Version > 0 && s.State == other.State && s.UUID == other.UUID && s.Complete == other.Complete && s.Seeded == other.Seeded &&
		slices.Equal(s.Participants, other.Participants)
}

func (s *Snapshot) count() {
	present := make(people, len(s.Participants))
	for _, p := range s.Participants {
		if p.Waiting {
			s.Waiting++
		} else {
			present.add(p)
		}
	}
	s.People = present.count()
}

// Now returns the latest version, and a channel that is closed when there is a later one.
func (r *Room) Now() (*Snapshot, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.shown, r.notify
}

// Applied returns a channel that is closed when events or lists have been added, after at most
// publishEvery. Not all of them change the roster: an instance may start and end between two
// versions.
func (r *Room) Applied() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.applied
}

// Between returns those who joined and those who left after one version and up to another; ok is
// false if some of these changes are no longer kept.
func (r *Room) Between(after, upTo int) (joined, left []*Participant, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if after < r.dropped {
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

// Close stops the timer of the next version.
func (r *Room) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.publishTimer != nil {
		r.publishTimer.Stop()
	}
}
