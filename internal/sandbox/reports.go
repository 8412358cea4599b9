package sandbox

import (
	"slices"
	"time"
)

func init() {
	handle("GET /report/meetings/{meetingId}", getMeetingReport, paid)
	handle("GET /report/meetings/{meetingId}/participants", listReportParticipants, paid)
	handle("GET /report/users/{userId}/meetings", listPastMeetings, paid)
	handle("GET /report/daily", getDailyReport, paid)
}

// findReport returns an instance that has a report: with at least two participants, at most a
// year old, and ended at least ReportLag ago.
func (c *call) findReport() (*instance, []*stay, error) {
	i, err := c.findInstance()
	if err != nil {
		return nil, nil, err
	}
	if i.start.Before(c.now.AddDate(-1, 0, 0)) {
		return nil, nil, badRequest(12702, "Can not access meeting a year ago.")
	}
	stays := c.world.stays(i)
	if persons(stays) < 2 || !i.ready(c) {
		return nil, nil, notFound(3001, "Meeting "+c.path("meetingId")+" not found or has expired.")
	}
	return i, stays, nil
}

// reportedInstance is the fields of an instance that all reports have.
type reportedInstance struct {
	UUID              string `json:"uuid"`
	ID                int64  `json:"id"`
	Type              int    `json:"type"`
	Topic             string `json:"topic"`
	UserName          string `json:"user_name"`
	UserEmail         string `json:"user_email"`
	StartTime         string `json:"start_time"`
	EndTime           string `json:"end_time"`
	Duration          int    `json:"duration"`
	TotalMinutes      int    `json:"total_minutes"`
	ParticipantsCount int    `json:"participants_count"`
}

// meetingReport is an instance as GET /report/meetings/{meetingId} answers it.
type meetingReport struct {
	reportedInstance
	Dept           string          `json:"dept"`
	TrackingFields []reportedField `json:"tracking_fields,omitempty"`
}

type reportedField struct {
	Field string `json:"field"`
	Value string `json:"value"`
}

func (w *world) reportedInstance(i *instance) reportedInstance {
	m, t := i.m, w.totals(i)
	return reportedInstance{
		UUID: w.uuid(m.n, i.k), ID: w.number(m.n), Type: m.Type, Topic: m.Topic,
		UserName: w.name(m.host).String(), UserEmail: w.email(m.host), StartTime: stamp(i.start), EndTime: stamp(i.end),
		Duration: i.minutes(), TotalMinutes: t.minutes, ParticipantsCount: t.persons,
	}
}

func getMeetingReport(c *call) (any, error) {
	i, _, err := c.findReport()
	if err != nil {
		return nil, err
	}
	r := &meetingReport{reportedInstance: c.world.reportedInstance(i), Dept: deref(c.world.seedUser(i.m.host).Dept)}
	for _, f := range i.m.TrackingFields {
		r.TrackingFields = append(r.TrackingFields, reportedField{f.Field, f.Value})
	}
	return r, nil
}

// reportParticipant is a stay as its report lists it.
type reportParticipant struct {
	ID                string  `json:"id"`
	ParticipantUserID string  `json:"participant_user_id"`
	UserID            string  `json:"user_id"`
	Name              string  `json:"name"`
	UserEmail         string  `json:"user_email"`
	JoinTime          string  `json:"join_time"`
	LeaveTime         string  `json:"leave_time"`
	Duration          int     `json:"duration"`
	Failover          bool    `json:"failover"`
	Status            string  `json:"status"`
	CustomerKey       *string `json:"customer_key,omitempty"`
	RegistrantID      *string `json:"registrant_id,omitempty"`
	BOMtgID           *string `json:"bo_mtg_id,omitempty"`
}

func listReportParticipants(c *call) (any, error) {
	fields, err := c.choice("include_fields", "", "registrant_id")
	if err != nil {
		return nil, err
	}
	i, stays, err := c.findReport()
	if err != nil {
		return nil, err
	}
	return c.page(len(stays), func(k int) any { return c.world.reported(i, stays[k], fields != "") })
}

func (w *world) reported(i *instance, s *stay, withRegistrant bool) *reportParticipant {
	name, email := w.shown(i, s)
	id := s.userID(w)
	p := &reportParticipant{
		ID: id, ParticipantUserID: id, UserID: s.rowID(), Name: name, UserEmail: email, JoinTime: stamp(s.join),
		LeaveTime: stamp(s.leave), Duration: s.seconds(), Failover: s.failover, Status: s.status(),
	}
	if s.key {
		p.CustomerKey = new(s.customerKey())
	} else if s.person%2 == 0 {
		p.CustomerKey = new("")
	}
	if withRegistrant {
		p.RegistrantID = new(s.registrantID(w, i.m))
	}
	if room := w.breakoutID(i, s); room != "" {
		p.BOMtgID = new(room)
	}
	return p
}

// reportedMeeting is an instance as GET /report/users/{userId}/meetings lists it.
type reportedMeeting struct {
	reportedInstance
	Source                  string `json:"source"`
	ScheduleTime            string `json:"schedule_time,omitempty"`
	HasScreenShare          bool   `json:"has_screen_share"`
	HasRecording            bool   `json:"has_recording"`
	HasChat                 bool   `json:"has_chat"`
	MeetingEncryptionStatus int    `json:"meeting_encryption_status"`
	HostName                string `json:"host_name"`
	HostOrganization        string `json:"host_organization"`
	JoinTime                string `json:"join_time,omitempty"`
	LeaveTime               string `json:"leave_time,omitempty"`
}

// listPastMeetings lists the instances that a user hosted, the latest first. Instances with one
// participant are left out unless the query requests them. pastJoined adds the instances that
// the user joined, also of webinars, and the rows name the user.
func listPastMeetings(c *call) (any, error) {
	kind, err := c.choice("type", "past", "pastOne", "pastJoined")
	if err != nil {
		return nil, err
	}
	user, err := c.findUser()
	if err != nil {
		return nil, notFound(1001, "User "+c.path("userId")+" not exist or not belong to this account.")
	}
	from, to, err := c.days()
	if err != nil {
		return nil, err
	}
	held := c.held(user, from, to, kind == "pastOne")
	row := func(k int) any { return c.world.reportedMeeting(held[k]) }
	if kind == "pastJoined" {
		held = c.joined(user, from, to)
		row = func(k int) any { return c.world.joinedMeeting(held[k], user) }
	}
	return c.page(len(held), row,
		field{"from", from.Format(time.DateOnly)}, field{"to", to.Format(time.DateOnly)}, c.pageNumber())
}

// held returns the instances that a user hosted on the days from…to and that have reports.
func (c *call) held(user int, from, to time.Time, alone bool) []*instance {
	var held []*instance
	for _, m := range c.world.heldMeetings(user) {
		for _, i := range c.world.instances(m) {
			if within(i.start, from, to) && i.ready(c) && (persons(c.world.stays(i)) < 2) == alone {
				held = append(held, i)
			}
		}
	}
	slices.SortStableFunc(held, func(a, b *instance) int { return b.start.Compare(a.start) })
	return held
}

// joined returns the instances of the first 200 hosts that a user hosted or joined on the days
// from…to.
func (c *call) joined(user int, from, to time.Time) []*instance {
	var joined []*instance
	look := func(instances []*instance) {
		for _, i := range instances {
			if !within(i.start, from, to) || !i.ready(c) {
				continue
			}
			stays := c.world.stays(i)
			there := slices.ContainsFunc(stays, func(s *stay) bool { return s.user == user && !s.waiting })
			if persons(stays) > 1 && (there || i.m.host == user) {
				joined = append(joined, i)
			}
		}
	}
	for host := range min(c.world.opt.Users, shownHosts) {
		for _, m := range c.world.heldMeetings(host) {
			look(c.world.instances(m))
		}
		for _, m := range c.world.allWebinars(host) {
			look(c.world.webinarInstances(m.n))
		}
	}
	slices.SortStableFunc(joined, func(a, b *instance) int { return b.start.Compare(a.start) })
	return joined
}

// joinedMeeting is an instance as the report on a participant lists it: with the participant's
// name and times, which have no time zone.
func (w *world) joinedMeeting(i *instance, user int) *reportedMeeting {
	const asZoomWrites = "01/02/2006 15:04"
	r := w.reportedMeeting(i)
	r.UserName, r.UserEmail = w.name(user).String(), w.email(user)
	if isWebinar(i.m.n) {
		r.Type = webinarTypes[i.m.Type]
	}
	for _, s := range w.stays(i) {
		if s.user != user || s.waiting {
			continue
		}
		if r.JoinTime == "" {
			r.JoinTime = s.join.UTC().Format(asZoomWrites)
		}
		r.LeaveTime = s.leave.UTC().Format(asZoomWrites)
	}
	return r
}

func (w *world) reportedMeeting(i *instance) *reportedMeeting {
	r := &reportedMeeting{
		reportedInstance: w.reportedInstance(i), Source: "Zoom", HasScreenShare: i.m.n%2 == 0, HasRecording: i.m.n%5 == 0, HasChat: i.k%2 == 0,
		MeetingEncryptionStatus: 1, HostName: w.name(i.m.host).String(), HostOrganization: "Sandbox",
	}
	if i.m.Type == scheduled {
		r.ScheduleTime = stamp(i.m.start)
	}
	return r
}

type dailyReport struct {
	Year  int           `json:"year"`
	Month int           `json:"month"`
	Dates []dailyFigure `json:"dates"`
}

type dailyFigure struct {
	Date           string `json:"date"`
	NewUsers       int    `json:"new_users"`
	Meetings       int    `json:"meetings"`
	Participants   int    `json:"participants"`
	MeetingMinutes int    `json:"meeting_minutes"`
}

// getDailyReport generates its figures: adding up the meetings of 10,000 users would take
// seconds.
func getDailyReport(c *call) (any, error) {
	year, err := c.number("year", c.now.Year(), 2000, 2100)
	if err != nil {
		return nil, err
	}
	month, err := c.number("month", int(c.now.Month()), 1, 12)
	if err != nil {
		return nil, err
	}
	first := time.Date(year, time.Month(month), 1, 0, 0, 0, 0, time.UTC)
	thisMonth := time.Date(c.now.Year(), c.now.Month(), 1, 0, 0, 0, 0, time.UTC)
	if first.Before(thisMonth.AddDate(0, -6, 0)) || first.After(thisMonth) {
		return nil, badRequest(300, "Daily report can only be provided for a month that falls within the recent 6 months.")
	}
	r := &dailyReport{Year: year, Month: month, Dates: []dailyFigure{}}
	for date := first; date.Month() == first.Month(); date = date.AddDate(0, 0, 1) {
		r.Dates = append(r.Dates, c.world.daily(date, c.now))
	}
	return r, nil
}

func (w *world) daily(date, now time.Time) dailyFigure {
	f := dailyFigure{Date: date.Format(time.DateOnly)}
	if date.After(now) {
		return f
	}
	d := w.rng("daily", uint64(date.Unix()))
	f.NewUsers = d.n(2 + w.opt.Users/200)
	f.Meetings = d.n(1 + w.opt.Users/2)
	f.Participants = f.Meetings * (2 + d.n(5))
	f.MeetingMinutes = f.Participants * (15 + d.n(30))
	return f
}
