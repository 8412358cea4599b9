package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Event is one of Zoom's events, as in the body of a webhook.
type Event struct {
	Name string
	// At is its time on the sandbox's clock.
	At   time.Time
	Body []byte
}

// maxSpeed bounds the speed of a held meeting: an hour takes less than a second.
const maxSpeed = 10_000

// Held is a meeting that is being held: see [Sandbox.Hold].
type Held struct {
	// Number is the meeting number, and UUID that of the instance.
	Number int64
	UUID   string
	// Start and End are times on the sandbox's clock.
	Start, End time.Time

	s      *Sandbox
	m      *meeting
	inst   *instance
	events []Event // up to the last participant's leaving
}

// Hold starts to hold a meeting or webinar, speed times as fast as real time. The registrants
// that are approved at the start join, except the last of several, who stays absent; the first
// leaves and rejoins. A meeting without registrants has as many participants as its other
// instances. The dashboard shows the instance at once, and the reports after ReportLag.
//
// The caller MUST call [Held.Run], which sends the events and ends the meeting.
func (s *Sandbox) Hold(number int64, speed float64) (*Held, error) {
	return s.hold(number, speed, func(w *world, inst *instance) []*stay { return w.attendees(inst) })
}

// HoldRandom is Hold with participants whose behavior follows from a seed: they join late or
// not at all, wait, lose the connection, rejoin, join from a second device, by telephone,
// through an app or as guests, and enter breakout rooms.
func (s *Sandbox) HoldRandom(number int64, speed float64, seed uint64) (*Held, error) {
	return s.hold(number, speed, func(w *world, inst *instance) []*stay { return w.random(inst, seed) })
}

func (s *Sandbox) hold(number int64, speed float64, stays func(*world, *instance) []*stay) (*Held, error) {
	if !(speed > 0 && speed <= maxSpeed) {
		return nil, fmt.Errorf("sandbox: the speed is %g, not more than 0 and %d at most", speed, maxSpeed)
	}
	w := s.world
	w.mu.Lock()
	defer w.mu.Unlock()
	n, ok := w.nth(number)
	if !ok {
		return nil, fmt.Errorf("sandbox: there is no meeting %d", number)
	}
	m := w.scheduled(n)
	switch {
	case m == nil:
		return nil, fmt.Errorf("sandbox: there is no meeting %d", number)
	case !m.running.IsZero():
		return nil, fmt.Errorf("sandbox: meeting %d goes on already", number)
	}
	start := s.opt.Now().Truncate(time.Second)
	length := time.Duration(max(m.Duration, 30)) * time.Minute
	inst := &instance{m: m, k: 255 - m.endedCount, start: start, end: start.Add(length)}
	inst.held = inst.scaled(stays(w, inst), speed)
	inst.end = start.Add(time.Duration(float64(length) / speed))
	m.running, m.held = start, inst
	w.change(m)
	return &Held{Number: number, UUID: w.uuid(m.n, inst.k), Start: start, End: inst.end, s: s, m: m, inst: inst, events: w.eventsOf(inst)}, nil
}

// scheduled returns the meeting or webinar of a number, or nil.
func (w *world) scheduled(n uint64) *meeting {
	if isWebinar(n) {
		return w.webinar(n)
	}
	return w.meeting(n)
}

// attendees returns the stays of the participants.
func (w *world) attendees(inst *instance) []*stay {
	var all []*stay
	for _, r := range w.registrants(inst.m) {
		if r.Status == "approved" {
			all = append(all, w.registered(inst, r, len(all)))
		}
	}
	if len(all) == 0 {
		return w.stays(inst)
	}
	if len(all) > 1 {
		all = all[:len(all)-1]
	}
	host := &stay{user: inst.m.host, registrant: -1, join: inst.start, leave: inst.end}
	length := inst.end.Sub(inst.start)
	stays := []*stay{host}
	for _, s := range all {
		stays = append(stays, s.habits(s.person, length)...)
	}
	for row, s := range stays {
		s.row = row
	}
	slices.SortStableFunc(stays, func(a, b *stay) int { return a.join.Compare(b.join) })
	return stays
}

// registered returns the stay of a registrant.
func (w *world) registered(inst *instance, r *registrant, i int) *stay {
	d := w.rng("visit", instanceKey(inst.m.n, inst.k)<<8^uint64(i))
	user, ok := w.byEmail(r.Email)
	if !ok {
		user = -1
	}
	length := inst.end.Sub(inst.start)
	part := func(percent int) time.Duration { return length * time.Duration(d.n(percent)) / 100 }
	return &stay{person: i + 1, user: user, registrant: -1, entry: r, join: inst.start.Add(part(15)), leave: inst.end.Add(-part(10))}
}

// scaled changes stays to another speed, to the second and to at least one second.
func (i *instance) scaled(stays []*stay, speed float64) []*stay {
	at := func(t time.Time) time.Time {
		return i.start.Add(time.Duration(float64(t.Sub(i.start)) / speed).Truncate(time.Second))
	}
	for _, s := range stays {
		s.join, s.leave = at(s.join), at(s.leave)
		if !s.leave.After(s.join) {
			s.leave = s.join.Add(time.Second)
		}
	}
	return stays
}

// until returns an instance that ends at a moment: participants who are in it leave then.
func (i *instance) until(end time.Time) *instance {
	over := *i
	over.end = end
	if i.held == nil {
		return &over // its stays follow from the seed
	}
	over.held = make([]*stay, 0, len(i.held))
	for _, s := range i.held {
		if s.join.After(end) {
			continue
		}
		cut := *s
		if cut.leave.After(end) {
			cut.leave = end
		}
		over.held = append(over.held, &cut)
	}
	return &over
}

// Run delivers the events of the meeting at their times, and ends the meeting. deliver MUST
// NOT block: Zoom does not wait for receivers. If ctx ends earlier, the meeting ends then.
func (h *Held) Run(ctx context.Context, deliver func(Event)) {
	for _, e := range h.events {
		if !h.wait(ctx, e.At) {
			break
		}
		deliver(e)
	}
	h.wait(ctx, h.End)
	deliver(h.Finish())
}

// wait waits until a time of the sandbox's clock, and reports whether the meeting is still in
// progress.
func (h *Held) wait(ctx context.Context, at time.Time) bool {
	// A call may end the meeting, so the state is read at least once a second.
	for {
		h.s.world.mu.RLock()
		on := h.m.held == h.inst
		h.s.world.mu.RUnlock()
		left := at.Sub(h.s.opt.Now())
		if !on || ctx.Err() != nil {
			return false
		}
		if left <= 0 {
			return true
		}
		select {
		case <-time.After(min(left, time.Second)):
		case <-ctx.Done():
		}
	}
}

// eventsOf returns the events of an instance except that of its end, in their order.
func (w *world) eventsOf(inst *instance) []Event {
	all := []Event{w.meetingEvent(inst.kind()+".started", inst, inst.start, map[string]any{"host_email": w.email(inst.m.host)})}
	for _, s := range inst.held {
		all = append(all, w.eventsOfStay(inst, s)...)
	}
	slices.SortStableFunc(all, func(a, b Event) int { return a.At.Compare(b.At) })
	return all
}

// kind returns the first part of the names of an instance's events.
func (i *instance) kind() string {
	if isWebinar(i.m.n) {
		return "webinar"
	}
	return "meeting"
}

// eventsOfStay returns the events of one stay. A participant who enters a breakout room has
// joined before, and webinars have no events of the waiting room.
func (w *world) eventsOfStay(inst *instance, s *stay) []Event {
	kind := inst.kind() + ".participant_"
	if s.waiting {
		if isWebinar(inst.m.n) {
			return nil
		}
		return []Event{
			w.stayEvent(kind+"joined_waiting_room", inst, s, s.join),
			w.stayEvent(kind+"admitted", inst, s, s.leave),
			w.stayEvent(kind+"left_waiting_room", inst, s, s.leave),
		}
	}
	var all []Event
	if !s.goesOn {
		all = append(all, w.stayEvent(kind+"joined", inst, s, s.join))
	}
	if s.room > 0 {
		all = append(all, w.stayEvent(kind+"joined_breakout_room", inst, s, s.join), w.stayEvent(kind+"left_breakout_room", inst, s, s.leave))
	}
	if !s.staysOn {
		all = append(all, w.stayEvent(kind+"left", inst, s, s.leave))
	}
	return all
}

// meetingEvent returns an event of an instance. more are fields of its object.
//
// Source: https://developers.zoom.us/docs/api/meetings/events/
func (w *world) meetingEvent(name string, inst *instance, at time.Time, more map[string]any) Event {
	m, kind := inst.m, inst.m.Type
	if isWebinar(m.n) {
		kind = webinarTypes[kind]
	}
	object := map[string]any{
		"id": strconv.FormatInt(w.number(m.n), 10), "uuid": w.uuid(m.n, inst.k), "host_id": w.userID(m.host),
		"topic": m.Topic, "type": kind, "start_time": stamp(inst.start), "timezone": m.Timezone, "duration": m.Duration,
	}
	maps.Copy(object, more)
	body, err := json.Marshal(map[string]any{
		"event": name, "event_ts": at.UnixMilli(), "payload": map[string]any{"account_id": w.account, "object": object},
	})
	if err != nil {
		panic(err) // all values have a JSON form
	}
	return Event{name, at, body}
}

// stayEvent returns an event of a participant who joins or leaves.
func (w *world) stayEvent(name string, inst *instance, s *stay, at time.Time) Event {
	shown, email := w.shown(inst, s)
	p := map[string]any{
		"user_id": s.rowID(), "user_name": shown, "id": s.userID(w), "participant_user_id": s.userID(w),
		"participant_uuid": w.stayUUID(inst, s), "email": email, "registrant_id": s.registrantID(w, inst.m), "customer_key": s.customerKey(),
		"phone_number": "",
	}
	if s.phone {
		p["phone_number"] = shown
	}
	more := map[string]any{"participant": p}
	_, what, _ := strings.Cut(name, ".participant_")
	switch what {
	case "joined":
		p["join_time"] = stamp(at)
	case "left":
		p["user_id"], p["leave_time"], p["leave_reason"] = s.sessionID(), stamp(at), "left the meeting."
	case "joined_breakout_room":
		p["join_time"], p["parent_user_id"] = stamp(at), s.sessionID()
		more["breakout_room_uuid"] = w.roomUUID(inst, s)
	case "left_breakout_room":
		p["leave_time"], p["leave_reason"], p["parent_user_id"] = stamp(at), "left the breakout room.", s.sessionID()
		more["breakout_room_uuid"] = w.roomUUID(inst, s)
	default:
		p["date_time"] = stamp(at)
	}
	return w.meetingEvent(name, inst, at, more)
}

// roomUUID returns the UUID of a stay's breakout room.
func (w *world) roomUUID(inst *instance, s *stay) string {
	return sealUUID(w.seed, instanceKey(inst.m.n, inst.k)|1<<15|uint64(s.room))
}

// MeetingNamed returns the number of a meeting or webinar by its number, with or without
// spaces, or by a name: all-hands, weekly or webinar.
func (s *Sandbox) MeetingNamed(name string) (int64, error) {
	marks := s.Landmarks()
	switch name {
	case "all-hands":
		return marks.BigMeeting, nil
	case "weekly":
		return marks.MeetingNumber, nil
	case "webinar":
		return marks.WebinarNumber, nil
	}
	number, err := strconv.ParseInt(strings.ReplaceAll(name, " ", ""), 10, 64)
	if err != nil {
		return 0, errors.New("sandbox: the meeting is named by its number, or all-hands, weekly or webinar")
	}
	return number, nil
}
