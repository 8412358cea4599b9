package sandbox

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
)

func init() {
	handle("GET /past_meetings/{meetingId}", getPastMeeting, paid)
	handle("GET /past_meetings/{meetingId}/instances", listInstances)
	handle("GET /past_meetings/{meetingId}/participants", listPastParticipants, paid)
}

// findInstance returns the instance that a path names by its UUID, or the latest instance of
// the meeting that it names by its number.
//
// A UUID that begins with "/" or contains "//" must be encoded twice: decoded once, it still
// contains percent signs. If one decoding already shows its slashes, there is no such
// instance. Other UUIDs may be encoded once or twice.
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
	if uuid, ok := decodedUUID(id); ok {
		if i := w.byUUID(uuid); i != nil {
			return i, nil
		}
	}
	return nil, missing
}

// decodedUUID returns the UUID of a path that has been decoded once. ok is false if it should
// have been encoded twice and was not.
func decodedUUID(id string) (uuid string, ok bool) {
	if needsTwice(id) {
		return "", false
	}
	if again, err := url.PathUnescape(id); err == nil {
		id = again
	}
	return id, true
}

func tooOld() error { return badRequest(12702, "Can not access a meeting a year ago.") }

// pastMeeting is an instance as GET /past_meetings/{meetingId} answers it.
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
		UserName: w.name(m.host).String(), UserEmail: w.email(m.host), StartTime: stamp(i.start), EndTime: stamp(i.end),
		Duration: i.minutes(), TotalMinutes: t.minutes, ParticipantsCount: t.persons,
		Dept: w.seedUser(m.host).Dept, Source: "Zoom", HasMeetingSummary: m.summarized(),
	}, nil
}

type instanceRef struct {
	UUID      string `json:"uuid"`
	StartTime string `json:"start_time"`
}

// listInstances lists the instances of the last 15 months, the latest first. from and to have
// an effect only together.
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
	slices.SortStableFunc(list, func(a, b instanceRef) int { return cmp.Compare(b.StartTime, a.StartTime) })
	return map[string]any{"meetings": list}, nil
}

// pastParticipant is a stay as GET /past_meetings/{meetingId}/participants lists it. Its id is
// the user's, and it has no participant_user_id.
type pastParticipant struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	UserID       string `json:"user_id"`
	RegistrantID string `json:"registrant_id"`
	UserEmail    string `json:"user_email"`
	JoinTime     string `json:"join_time"`
	LeaveTime    string `json:"leave_time"`
	Duration     int    `json:"duration"`
	Failover     bool   `json:"failover"`
	Status       string `json:"status"`
	InternalUser bool   `json:"internal_user"`
}

// listPastParticipants covers 15 months. An instance with one person has no rows, and before
// ReportLag has passed every duration is 0.
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
		p.RegistrantID = s.registrantID(w, i.m)
		if !ready {
			p.Duration = 0
		}
		return p
	})
}
