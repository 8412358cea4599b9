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

// findReport finds a run that has a report: two people at least, not older than
// a year, and over for long enough.
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

// reportedRun is what all reports say of a run.
type reportedRun struct {
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

// meetingReport is a run as GET /report/meetings/{meetingId} answers it.
type meetingReport struct {
	reportedRun
	Dept           string          `json:"dept"`
	TrackingFields []reportedField `json:"tracking_fields,omitempty"`
}

type reportedField struct {
	Field string `json:"field"`
	Value string `json:"value"`
}

func (w *world) reportedRun(i *instance) reportedRun {
	m, t := i.m, w.totals(i)
	return reportedRun{
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
	r := &meetingReport{reportedRun: c.world.reportedRun(i), Dept: deref(c.world.seedUser(i.m.host).Dept)}
	for _, f := range i.m.TrackingFields {
		r.TrackingFields = append(r.TrackingFields, reportedField{f.Field, f.Value})
	}
	return r, nil
}

// reportParticipant is a stay as its report has it.
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
	if s.person%6 == 5 {
		p.BOMtgID = new(sealID(w.seed, sealOther, i.m.n<<8|uint64(s.person%3)))
	}
	return p
}

// reportedMeeting is a run as GET /report/users/{userId}/meetings lists it.
type reportedMeeting struct {
	reportedRun
	Source                  string `json:"source"`
	ScheduleTime            string `json:"schedule_time,omitempty"`
	HasScreenShare          bool   `json:"has_screen_share"`
	HasRecording            bool   `json:"has_recording"`
	HasChat                 bool   `json:"has_chat"`
	MeetingEncryptionStatus int    `json:"meeting_encryption_status"`
	HostName                string `json:"host_name"`
	HostOrganization        string `json:"host_organization"`
}

// listPastMeetings lists the runs that a user hosted, the latest first; without
// those that one person was in, unless the query asks for them. The runs that a
// user merely joined are not looked for: pastJoined answers as past does.
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
	return c.page(len(held), func(k int) any { return c.world.reportedMeeting(held[k]) },
		field{"from", from.Format(time.DateOnly)}, field{"to", to.Format(time.DateOnly)}, c.pageNumber())
}

// held returns the runs of a user on the days from…to whose reports are there.
func (c *call) held(user int, from, to time.Time, alone bool) []*instance {
	var held []*instance
	for _, m := range c.world.everything(user) {
		for _, i := range c.world.instances(m) {
			if within(i.start, from, to) && i.ready(c) && (persons(c.world.stays(i)) < 2) == alone {
				held = append(held, i)
			}
		}
	}
	slices.SortStableFunc(held, func(a, b *instance) int { return b.start.Compare(a.start) })
	return held
}

func (w *world) reportedMeeting(i *instance) *reportedMeeting {
	r := &reportedMeeting{
		reportedRun: w.reportedRun(i), Source: "Zoom", HasScreenShare: i.m.n%2 == 0, HasRecording: i.m.n%5 == 0, HasChat: i.k%2 == 0,
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

// getDailyReport makes its figures up: adding up the meetings of 10,000 users
// would take seconds.
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
	d := w.dice("daily", uint64(date.Unix()))
	f.NewUsers = d.n(2 + w.opt.Users/200)
	f.Meetings = d.n(1 + w.opt.Users/2)
	f.Participants = f.Meetings * (2 + d.n(5))
	f.MeetingMinutes = f.Participants * (15 + d.n(30))
	return f
}
