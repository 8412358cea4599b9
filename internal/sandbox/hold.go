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

// Event is an event of Zoom's, as a webhook's body has it.
type Event struct {
	Name string
	// At is when it happens, by the sandbox's clock.
	At   time.Time
	Body []byte
}

// maxSpeed is how many times as fast as people a meeting may be held: an hour in less than
// a second.
const maxSpeed = 10_000

// Held is a meeting that is being held: see [Sandbox.Hold].
type Held struct {
	// Number is the meeting's, and UUID that of what happens.
	Number int64
	UUID   string
	// Start and End are by the sandbox's clock.
	Start, End time.Time

	s      *Sandbox
	m      *meeting
	run    *instance
	events []Event // up to the last who leaves
}

// Hold begins to hold a meeting, so many times as fast as people would. Who was approved
// when the meeting begins comes, but the last of several, who does not; the first leaves
// and comes back. Of a meeting without registrants come as many as of its other runs. What
// goes on is seen by the dashboard at once, and what was by the reports, after their lag.
//
// The caller MUST call [Held.Run], which sends the events and ends the meeting.
func (s *Sandbox) Hold(number int64, speed float64) (*Held, error) {
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
	m := w.meeting(n)
	switch {
	case m == nil:
		return nil, fmt.Errorf("sandbox: there is no meeting %d", number)
	case !m.running.IsZero():
		return nil, fmt.Errorf("sandbox: meeting %d goes on already", number)
	}
	start := s.opt.Now().Truncate(time.Second)
	length := time.Duration(max(m.Duration, 30)) * time.Minute
	run := &instance{m: m, k: 255 - m.runs, start: start, end: start.Add(length)}
	run.held = run.scaled(w.visitors(run), speed)
	run.end = start.Add(time.Duration(float64(length) / speed))
	m.running, m.held = start, run
	w.change(m)
	return &Held{Number: number, UUID: w.uuid(m.n, run.k), Start: start, End: run.end, s: s, m: m, run: run, events: w.eventsOf(run)}, nil
}

// visitors returns the stays of who comes.
func (w *world) visitors(run *instance) []*stay {
	var all []*stay
	for _, r := range w.registrants(run.m) {
		if r.Status == "approved" {
			all = append(all, w.registered(run, r, len(all)))
		}
	}
	if len(all) == 0 {
		return w.stays(run)
	}
	if len(all) > 1 {
		all = all[:len(all)-1]
	}
	host := &stay{user: run.m.host, registrant: -1, join: run.start, leave: run.end}
	length := run.end.Sub(run.start)
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
func (w *world) registered(run *instance, r *registrant, i int) *stay {
	d := w.dice("visit", instanceKey(run.m.n, run.k)<<8^uint64(i))
	user, ok := w.byEmail(r.Email)
	if !ok {
		user = -1
	}
	length := run.end.Sub(run.start)
	part := func(percent int) time.Duration { return length * time.Duration(d.n(percent)) / 100 }
	return &stay{person: i + 1, user: user, registrant: -1, entry: r, join: run.start.Add(part(15)), leave: run.end.Add(-part(10))}
}

// scaled returns stays as they are at another speed, to the second and not shorter than one.
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

// until returns a run as it was if it ends at a moment: whoever is there leaves then.
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

// Run sends the events of the meeting when they happen, and ends it. deliver MUST not
// block: Zoom does not wait for anybody. Where ctx ends before, the meeting ends then.
func (h *Held) Run(ctx context.Context, deliver func(Event)) {
	for _, e := range h.events {
		if !h.wait(ctx, e.At) {
			break
		}
		deliver(e)
	}
	h.wait(ctx, h.End)
	w := h.s.world
	w.mu.Lock()
	if h.m.held == h.run {
		w.end(h.m, h.s.opt.Now())
	}
	over := h.m.ended[0]
	body := w.meetingEvent("meeting.ended", over, over.end, map[string]any{"end_time": stamp(over.end)})
	w.mu.Unlock()
	deliver(body)
}

// wait waits for a moment of the sandbox's clock, and reports whether the meeting goes on.
func (h *Held) wait(ctx context.Context, at time.Time) bool {
	// A call may end the meeting: so it is looked at now and then.
	for {
		h.s.world.mu.RLock()
		on := h.m.held == h.run
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

// eventsOf returns the events of a run up to its end, in their order.
func (w *world) eventsOf(run *instance) []Event {
	all := []Event{w.meetingEvent("meeting.started", run, run.start, nil)}
	for _, s := range run.held {
		if s.waiting {
			all = append(all,
				w.stayEvent("meeting.participant_joined_waiting_room", run, s, s.join),
				w.stayEvent("meeting.participant_admitted", run, s, s.leave),
				w.stayEvent("meeting.participant_left_waiting_room", run, s, s.leave))
			continue
		}
		all = append(all,
			w.stayEvent("meeting.participant_joined", run, s, s.join),
			w.stayEvent("meeting.participant_left", run, s, s.leave))
	}
	slices.SortStableFunc(all, func(a, b Event) int { return a.At.Compare(b.At) })
	return all
}

// meetingEvent returns an event of a run. more are fields of its object.
//
// Source: https://developers.zoom.us/docs/api/meetings/events/
func (w *world) meetingEvent(name string, run *instance, at time.Time, more map[string]any) Event {
	m := run.m
	object := map[string]any{
		"id": strconv.FormatInt(w.number(m.n), 10), "uuid": w.uuid(m.n, run.k), "host_id": w.userID(m.host),
		"topic": m.Topic, "type": m.Type, "start_time": stamp(run.start), "timezone": m.Timezone, "duration": m.Duration,
	}
	maps.Copy(object, more)
	body, err := json.Marshal(map[string]any{
		"event": name, "event_ts": at.UnixMilli(), "payload": map[string]any{"account_id": w.account, "object": object},
	})
	if err != nil {
		panic(err) // there is nothing in it that JSON has not
	}
	return Event{name, at, body}
}

// stayEvent returns an event of somebody who comes or goes.
func (w *world) stayEvent(name string, run *instance, s *stay, at time.Time) Event {
	shown, email := w.shown(run, s)
	p := map[string]any{
		"user_id": s.rowID(), "user_name": shown, "id": s.userID(w), "participant_user_id": s.userID(w),
		"participant_uuid": w.stayUUID(run, s), "email": email, "registrant_id": s.registrantID(w, run.m), "customer_key": s.customerKey(),
		"phone_number": "",
	}
	if s.phone {
		p["phone_number"] = shown
	}
	switch name {
	case "meeting.participant_joined":
		p["join_time"] = stamp(at)
	case "meeting.participant_left":
		p["leave_time"], p["leave_reason"] = stamp(at), "left the meeting."
	default:
		p["date_time"] = stamp(at)
	}
	return w.meetingEvent(name, run, at, map[string]any{"participant": p})
}

// MeetingNamed returns the number of a meeting by what a person calls it: its number, with
// or without spaces, or all-hands or weekly.
func (s *Sandbox) MeetingNamed(name string) (int64, error) {
	marks := s.Landmarks()
	switch name {
	case "all-hands":
		return marks.BigMeeting, nil
	case "weekly":
		return marks.MeetingNumber, nil
	}
	number, err := strconv.ParseInt(strings.ReplaceAll(name, " ", ""), 10, 64)
	if err != nil {
		return 0, errors.New("sandbox: the meeting is named by its number, or all-hands or weekly")
	}
	return number, nil
}
