package sandbox

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"time"
)

func init() {
	handle("GET /past_meetings/{meetingId}", getPastMeeting, paid)
	handle("GET /past_meetings/{meetingId}/instances", listInstances)
	handle("GET /past_meetings/{meetingId}/participants", listPastParticipants, paid)
}

// instance is one run of a meeting. The k-th is the latest but k; those that a
// call has ended count down from 255.
type instance struct {
	m          *meeting
	k          int
	start, end time.Time
}

// instances returns the runs of a meeting, the latest first.
func (w *world) instances(m *meeting) []*instance {
	all := slices.Clone(m.ended)
	for k, start := range w.starts(m) {
		d := w.dice("instance", instanceKey(m.n, k))
		length := time.Duration(orElse(m.Duration, 30))*time.Minute + time.Duration(d.n(600)-300)*time.Second
		if m.n == special(slotPending) {
			length = time.Hour
		}
		all = append(all, &instance{m: m, k: k, start: start, end: start.Add(length)})
	}
	return all
}

// starts returns when the seeded runs of a meeting began, the latest first.
func (w *world) starts(m *meeting) []time.Time {
	ago := func(months, days int) time.Time { return w.quarter().AddDate(0, -months, -days) }
	switch m.n {
	case special(slotOld):
		return []time.Time{ago(2, 0), ago(13, 0), ago(16, 0)}
	case special(slotLive):
		return nil
	}
	if m.n >= createdBase || w.idle(m.host) {
		return nil
	}
	// What calls have changed in a meeting does not change what happened.
	seeded := w.seedMeeting(m.n)
	switch {
	case seeded.Type == recurring:
		return w.pastDates(seeded)
	case seeded.Type == openEnded:
		return []time.Time{ago(0, 3), ago(0, 17), ago(0, 45)}
	case seeded.Type == instant:
		return []time.Time{ago(0, 1+int(mix(m.n)%80))}
	case seeded.end().Before(w.start):
		return []time.Time{seeded.start.Add(-2 * time.Minute)}
	}
	return nil
}

func (w *world) pastDates(m *meeting) []time.Time {
	var starts []time.Time
	for _, o := range slices.Backward(m.occurrences) {
		if o.start.Add(time.Duration(o.Duration)*time.Minute + time.Hour).Before(w.start) {
			starts = append(starts, o.start.Add(time.Minute))
		}
	}
	return starts
}

// idle reports whether a user schedules meetings and never holds one: those
// are the inactive hosts of the reports.
func (w *world) idle(user int) bool {
	return user != host && mix(uint64(user)^w.seed)%8 == 0
}

// everything returns the meetings of a user that have been held, scheduled or
// not, deleted or not: two instant ones each.
func (w *world) everything(user int) []*meeting {
	var all []*meeting
	add := func(n uint64) {
		m, changed := w.meetings[n]
		if changed && m == nil {
			m = w.deleted[n]
		} else if !changed {
			m = w.seedMeeting(n)
		}
		if m != nil {
			all = append(all, m)
		}
	}
	base := uint64(user) * slotsPerUser
	for slot := range w.slots(user) {
		add(base + uint64(slot))
	}
	add(base + instantSlot)
	add(base + instantSlot + 1)
	for _, n := range w.byHost[user] {
		add(n)
	}
	return all
}

// anyMeeting returns a meeting that is planned or was once.
func (w *world) anyMeeting(n uint64) *meeting {
	m, changed := w.meetings[n]
	switch {
	case changed && m != nil:
		return m
	case changed:
		return w.deleted[n]
	case n >= createdBase:
		return nil
	}
	return w.seedMeeting(n)
}

// findInstance finds the run that a path names by its UUID, or the latest run
// of the meeting that it names by its number.
//
// A UUID that begins with "/" or holds "//" must arrive encoded twice: decoded
// once it still has its percent signs. One that shows its slashes after one
// decoding names nothing. The other UUIDs may come either way.
func (c *call) findInstance() (*instance, error) {
	id, w := c.path("meetingId"), c.world
	missing := notFound(3001, "Meeting does not exist: "+id+".")
	if number, err := strconv.ParseInt(id, 10, 64); err == nil {
		n, ok := w.nth(number)
		m := w.anyMeeting(n)
		if !ok || m == nil {
			return nil, missing
		}
		if all := w.instances(m); len(all) > 0 {
			return all[0], nil
		}
		return nil, missing
	}
	if needsTwice(id) {
		return nil, missing
	}
	if again, err := url.PathUnescape(id); err == nil {
		id = again
	}
	if i := w.byUUID(id); i != nil {
		return i, nil
	}
	return nil, missing
}

func (w *world) byUUID(uuid string) *instance {
	v, ok := openUUID(w.seed, uuid)
	if !ok || v>>24 >= numberPrime || w.uuid(v>>24, int(v>>16&0xff)) != uuid {
		return nil
	}
	m := w.anyMeeting(v >> 24)
	if m == nil {
		return nil
	}
	all := w.instances(m)
	i := slices.IndexFunc(all, func(i *instance) bool { return i.k == int(v>>16&0xff) })
	if i < 0 {
		return nil
	}
	return all[i]
}

// ready reports whether Zoom has worked out the reports of a run yet.
func (i *instance) ready(c *call) bool { return !c.now.Before(i.end.Add(c.opt.ReportLag)) }

func tooOld() error { return badRequest(12702, "Can not access a meeting a year ago.") }

// pastMeeting is a run as GET /past_meetings/{meetingId} answers it.
type pastMeeting struct {
	UUID              string  `json:"uuid"`
	ID                int64   `json:"id"`
	HostID            string  `json:"host_id"`
	Type              int     `json:"type"`
	Topic             string  `json:"topic"`
	UserName          string  `json:"user_name"`
	UserEmail         string  `json:"user_email"`
	StartTime         string  `json:"start_time"`
	EndTime           string  `json:"end_time"`
	Duration          int     `json:"duration"`
	TotalMinutes      int     `json:"total_minutes"`
	ParticipantsCount int     `json:"participants_count"`
	Dept              *string `json:"dept,omitempty"`
	Source            string  `json:"source"`
	HasMeetingSummary bool    `json:"has_meeting_summary"`
}

func (i *instance) minutes() int { return int(i.end.Sub(i.start).Round(time.Minute) / time.Minute) }

func getPastMeeting(c *call) (any, error) {
	i, err := c.findInstance()
	if err != nil {
		return nil, err
	}
	if i.start.Before(c.now.AddDate(-1, 0, 0)) {
		return nil, tooOld()
	}
	w, m := c.world, i.m
	t := w.totals(i)
	return &pastMeeting{
		UUID: w.uuid(m.n, i.k), ID: w.number(m.n), HostID: w.userID(m.host), Type: m.Type, Topic: m.Topic,
		UserName: w.displayName(m.host), UserEmail: w.email(m.host), StartTime: stamp(i.start), EndTime: stamp(i.end),
		Duration: i.minutes(), TotalMinutes: t.minutes, ParticipantsCount: t.persons,
		Dept: w.seedUser(m.host).Dept, Source: "Zoom", HasMeetingSummary: m.n%3 == 0,
	}, nil
}

type instanceRef struct {
	UUID      string `json:"uuid"`
	StartTime string `json:"start_time"`
}

// listInstances answers runs of the last 15 months, the oldest first. Days
// count only when both are there.
func listInstances(c *call) (any, error) {
	number, err := strconv.ParseInt(c.path("meetingId"), 10, 64)
	if err != nil {
		return nil, badRequest(300, "Invalid meeting ID.")
	}
	w := c.world
	n, ok := w.nth(number)
	m := w.anyMeeting(n)
	if !ok || m == nil {
		return nil, notFound(3001, "Meeting does not exist: "+c.path("meetingId")+".")
	}
	from, errFrom := day(c.query.Get("from"))
	to, errTo := day(c.query.Get("to"))
	both := errFrom == nil && errTo == nil
	list := []instanceRef{}
	for _, i := range w.instances(m) {
		if i.start.After(c.now.AddDate(0, -15, 0)) && (!both || within(i.start, from, to)) {
			list = append(list, instanceRef{w.uuid(m.n, i.k), stamp(i.start)})
		}
	}
	slices.SortStableFunc(list, func(a, b instanceRef) int { return cmp.Compare(a.StartTime, b.StartTime) })
	return map[string]any{"meetings": list}, nil
}

// pastParticipant is a stay as GET /past_meetings/{meetingId}/participants has
// it. Its id is the user's, and there is no participant_user_id.
type pastParticipant struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	UserID       string `json:"user_id"`
	UserEmail    string `json:"user_email"`
	JoinTime     string `json:"join_time"`
	LeaveTime    string `json:"leave_time"`
	Duration     int    `json:"duration"`
	Failover     bool   `json:"failover"`
	Status       string `json:"status"`
	InternalUser bool   `json:"internal_user"`
}

// listPastParticipants knows 15 months. Of a run with one person it has no
// rows, and before the data are worked out every duration is 0.
func listPastParticipants(c *call) (any, error) {
	i, err := c.findInstance()
	if err != nil {
		return nil, err
	}
	if i.start.Before(c.now.AddDate(0, -15, 0)) {
		return nil, tooOld()
	}
	w := c.world
	stays := w.stays(i)
	if persons(stays) < 2 {
		stays = nil
	}
	ready := i.ready(c)
	return c.page(len(stays), func(k int) any {
		s := stays[k]
		name, email := w.shown(i, s)
		p := &pastParticipant{
			ID: s.userID(w), Name: name, UserID: s.rowID(), UserEmail: email, JoinTime: stamp(s.join), LeaveTime: stamp(s.leave),
			Duration: s.seconds(), Failover: s.failover, Status: s.status(), InternalUser: s.user >= 0,
		}
		if !ready {
			p.Duration = 0
		}
		return p
	})
}
