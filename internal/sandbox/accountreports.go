package sandbox

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

func init() {
	handle("GET /report/activities", listActivities, paid)
	handle("GET /report/users", listHosts, paid)
	handle("GET /report/operationlogs", listOperationLogs, paid)
	handle("GET /report/telephone", listTelephoneCalls, paid)
	handle("GET /report/upcoming_events", listUpcomingEvents, paid)
	handle("GET /report/cloud_recording", listCloudRecording, paid)
}

// diary is a list with some items a day, the latest day first. An item is made
// when it is read, so a month of a large account costs nothing.
type diary struct {
	kind  string
	days  []diaryDay
	total int
}

// diaryDay is a day that has count items, of which the last ones are still to
// come; end is how many of the list are behind when the day is.
type diaryDay struct {
	date             time.Time
	count, skip, end int
}

// diary returns a list of up to most items a day on the days from…to, as far as
// they have come.
func (c *call) diary(kind string, from, to time.Time, most int) *diary {
	book := &diary{kind: kind}
	for date := to; !date.Before(from); date = date.AddDate(0, 0, -1) {
		d := c.world.dice(kind, uint64(date.Unix()))
		day := diaryDay{date: date, count: 1 + d.n(most)}
		for day.skip < day.count && day.at(day.skip).After(c.now) {
			day.skip++
		}
		book.total += day.count - day.skip
		day.end = book.total
		book.days = append(book.days, day)
	}
	return book
}

// at returns when item i of the day was. The later ones come first.
func (d diaryDay) at(i int) time.Time {
	return d.date.Add(time.Duration((d.count-i)*86_400/(d.count+1)) * time.Second)
}

// at returns when the i-th item was, and dice of its own.
func (b *diary) at(w *world, i int) (time.Time, dice) {
	n, _ := slices.BinarySearchFunc(b.days, i+1, func(d diaryDay, end int) int { return cmp.Compare(d.end, end) })
	at := b.days[n].at(b.days[n].count - (b.days[n].end - i))
	return at, w.dice(b.kind+" item", uint64(at.Unix()))
}

// spanFields are the parameters that a report on days repeats.
func spanFields(from, to time.Time, layout string) []field {
	return []field{{"from", from.Format(layout)}, {"to", to.Format(layout)}}
}

type signIn struct {
	Email      string `json:"email"`
	Time       string `json:"time"`
	Type       string `json:"type"`
	IPAddress  string `json:"ip_address"`
	ClientType string `json:"client_type"`
	Version    string `json:"version"`
}

// listActivities makes up who signed in and out. Without days it is about the
// last month; no document says what Zoom does.
func listActivities(c *call) (any, error) {
	if c.query.Get("from") == "" && c.query.Get("to") == "" {
		c.query.Set("from", c.now.AddDate(0, -1, 0).Format(time.DateOnly))
		c.query.Set("to", c.now.Format(time.DateOnly))
	}
	from, to, err := c.days()
	if err != nil {
		return nil, err
	}
	users := c.world.byStatus()["active"]
	book := c.diary("sign-ins", from, to, 1+len(users)/4)
	item := func(i int) any {
		at, d := book.at(c.world, i)
		return &signIn{
			Email: c.world.email(pick(&d, users)), Time: stamp(at), Type: pick(&d, []string{"Sign in", "Sign out"}),
			IPAddress: fmt.Sprintf("192.0.2.%d", 1+d.n(254)), ClientType: pick(&d, []string{"Browser", "Windows", "Mac", "iOS"}),
			Version: pick(&d, []string{"-", "5.17.11.34827", "6.2.3.44078"}),
		}
	}
	p, err := c.page(book.total, item, spanFields(from, to, zoomTime)...)
	if err != nil {
		return nil, err
	}
	return p.without("page_count", "total_records"), nil
}

// hostRow is what one user held on the days of a report.
type hostRow struct {
	ID               string            `json:"id"`
	Email            string            `json:"email"`
	UserName         string            `json:"user_name"`
	Type             int               `json:"type"`
	Dept             string            `json:"dept"`
	Meetings         int               `json:"meetings"`
	Participants     int               `json:"participants"`
	MeetingMinutes   int               `json:"meeting_minutes"`
	CustomAttributes []customAttribute `json:"custom_attributes,omitempty"`
}

// listHosts lists those who held meetings, or those who held none. Zoom does not
// say what it lists without a type; here it is the active ones.
func listHosts(c *call) (any, error) {
	kind, err := c.choice("type", "active", "inactive")
	if err != nil {
		return nil, err
	}
	from, to, err := c.days()
	if err != nil {
		return nil, err
	}
	var rows []*hostRow
	var sums hostRow
	for _, user := range c.world.byStatus()["active"] {
		if !c.inGroup(user) {
			continue
		}
		row := c.hosted(user, from, to)
		if (row.Meetings > 0) != (kind == "active") {
			continue
		}
		rows = append(rows, row)
		sums.Meetings += row.Meetings
		sums.Participants += row.Participants
		sums.MeetingMinutes += row.MeetingMinutes
	}
	extra := append(spanFields(from, to, time.DateOnly), c.pageNumber(), field{"total_meetings", sums.Meetings},
		field{"total_participants", sums.Participants}, field{"total_meeting_minutes", sums.MeetingMinutes})
	return c.page(len(rows), func(i int) any { return rows[i] }, extra...)
}

func (c *call) hosted(user int, from, to time.Time) *hostRow {
	w := c.world
	u := w.seedUser(user)
	row := &hostRow{
		ID: u.ID, Email: u.Email, UserName: u.DisplayName, Type: u.Type, Dept: deref(u.Dept), CustomAttributes: u.CustomAttributes,
	}
	for _, m := range w.everything(user) {
		for _, i := range w.instances(m) {
			if within(i.start, from, to) && i.ready(c) {
				t := w.totals(i)
				row.Meetings++
				row.Participants += t.persons
				row.MeetingMinutes += i.minutes()
			}
		}
	}
	return row
}

// inGroup reports whether a user is in the group that the query asks for, if it
// asks for one.
func (c *call) inGroup(user int) bool {
	group := c.query.Get("group_id")
	return group == "" || slices.Contains(c.world.seedUser(user).GroupIDs, group)
}

type operationLog struct {
	Time            string `json:"time"`
	Operator        string `json:"operator"`
	CategoryType    string `json:"category_type"`
	Action          string `json:"action"`
	OperationDetail string `json:"operation_detail"`
}

var logCategories = []string{"user", "user_settings", "account", "billing", "im", "recording", "phone_contacts", "webinar", "sub_account", "role", "zoom_rooms"}

// listOperationLogs makes up what administrators changed. A category has a diary
// of its own, so that what it lists does not depend on the others.
func listOperationLogs(c *call) (any, error) {
	kind, err := c.choice("category_type", append([]string{"all"}, logCategories...)...)
	if err != nil {
		return nil, err
	}
	from, to, err := c.days()
	if err != nil {
		return nil, err
	}
	var logs []*operationLog
	for _, category := range logCategories {
		if kind != "all" && kind != category {
			continue
		}
		book := c.diary("log "+category, from, to, 3)
		for i := range book.total {
			logs = append(logs, c.logged(book, category, i))
		}
	}
	slices.SortStableFunc(logs, func(a, b *operationLog) int { return cmp.Compare(b.Time, a.Time) })
	p, err := c.page(len(logs), func(i int) any { return logs[i] })
	if err != nil {
		return nil, err
	}
	return p.without("page_count", "total_records"), nil
}

func (c *call) logged(book *diary, category string, i int) *operationLog {
	at, d := book.at(c.world, i)
	action := pick(&d, []string{"Add", "Update", "Delete"})
	return &operationLog{
		Time: stamp(at), Operator: c.world.email(pick(&d, []int{owner, host, 4})), CategoryType: category, Action: action,
		OperationDetail: fmt.Sprintf("%s %s - %d", action, strings.ReplaceAll(category, "_", " "), d.n(1000)),
	}
}

// phoneCall is one leg of a call into a meeting.
type phoneCall struct {
	UUID           string  `json:"uuid"`
	MeetingID      int64   `json:"meeting_id"`
	MeetingType    string  `json:"meeting_type"`
	HostID         string  `json:"host_id"`
	HostName       string  `json:"host_name"`
	HostEmail      string  `json:"host_email"`
	Dept           string  `json:"dept"`
	Type           string  `json:"type"`
	StartTime      string  `json:"start_time"`
	EndTime        string  `json:"end_time"`
	Duration       int     `json:"duration"`
	PhoneNumber    string  `json:"phone_number"`
	CallInNumber   string  `json:"call_in_number"`
	SignaledNumber string  `json:"signaled_number"`
	CountryName    string  `json:"country_name"`
	Rate           float64 `json:"rate"`
	Total          float64 `json:"total"`
}

// callers is how many users' meetings are searched for people who dialled in: of
// 10,000 users the report would take seconds.
const callers = 200

// callTypes are the types of calls that each report is about.
var callTypes = map[string][]string{
	"1": {"toll-free", "call-out"},
	"2": {"Toll", "US toll-number", "global toll-number"},
	"3": {"call-in"},
}

// listTelephoneCalls lists those who dialled into a run, the latest first.
func listTelephoneCalls(c *call) (any, error) {
	kind, err := c.choice("type", "1", "2", "3")
	if err != nil {
		return nil, err
	}
	by, err := c.choice("query_date_type", "start_time", "end_time", "meeting_start_time", "meeting_end_time")
	if err != nil {
		return nil, err
	}
	from, to, err := c.days()
	if err != nil {
		return nil, err
	}
	var calls []*phoneCall
	for user := range min(c.world.opt.Users, callers) {
		for _, i := range c.recent(user, from, to) {
			for _, s := range c.world.stays(i) {
				at := map[string]time.Time{"start_time": s.join, "end_time": s.leave, "meeting_start_time": i.start, "meeting_end_time": i.end}[by]
				if s.phone && within(at, from, to) && c.world.callKind(i, s) == kind {
					calls = append(calls, c.world.phoneCall(i, s, kind))
				}
			}
		}
	}
	slices.SortStableFunc(calls, func(a, b *phoneCall) int { return cmp.Compare(b.StartTime, a.StartTime) })
	p, err := c.page(len(calls), func(i int) any { return calls[i] }, spanFields(from, to, time.DateOnly)...)
	if err == nil && strings.HasPrefix(by, "meeting_") {
		p = p.without("page_count", "total_records")
	}
	return p, err
}

// recent returns the runs of a user whose reports are there, a day around the
// days from…to: a call and its meeting may be on different days.
func (c *call) recent(user int, from, to time.Time) []*instance {
	var runs []*instance
	for _, m := range c.world.everything(user) {
		for _, i := range c.world.instances(m) {
			if within(i.start, from.AddDate(0, 0, -1), to.AddDate(0, 0, 1)) && i.ready(c) {
				runs = append(runs, i)
			}
		}
	}
	return runs
}

// callKind returns which of the reports a call is in.
func (w *world) callKind(i *instance, s *stay) string {
	d := w.dice("call", instanceKey(i.m.n, i.k)^uint64(s.person))
	return pick(&d, []string{"1", "2", "3"})
}

func (w *world) phoneCall(i *instance, s *stay, kind string) *phoneCall {
	d := w.dice("call type", instanceKey(i.m.n, i.k)^uint64(s.person))
	number, _ := w.shown(i, s)
	p := &phoneCall{
		UUID: w.uuid(i.m.n, i.k), MeetingID: w.number(i.m.n), MeetingType: "Meeting",
		HostID: w.userID(i.m.host), HostName: w.name(i.m.host).String(), HostEmail: w.email(i.m.host), Dept: deref(w.seedUser(i.m.host).Dept),
		Type: pick(&d, callTypes[kind]), StartTime: stamp(s.join), EndTime: stamp(s.leave), Duration: (s.seconds() + 59) / 60,
		PhoneNumber: "+1 202 555 0100", CallInNumber: "+" + number, SignaledNumber: "+" + number, CountryName: "US",
	}
	if kind == "1" {
		p.Rate, p.Total = 0.03, float64(3*p.Duration)/100
	}
	return p
}

type upcomingEvent struct {
	ID        string `json:"id"`
	Topic     string `json:"topic"`
	StartTime string `json:"start_time"`
	HostID    string `json:"host_id"`
	HostName  string `json:"host_name"`
	Dept      string `json:"dept"`
}

// listUpcomingEvents lists every date that is still to come, the next first.
// There are no webinars among them.
func listUpcomingEvents(c *call) (any, error) {
	kind, err := c.choice("type", "all", "meeting", "webinar")
	if err != nil {
		return nil, err
	}
	from, to, err := c.days()
	if err != nil {
		return nil, err
	}
	events := []*upcomingEvent{}
	for _, user := range c.world.byStatus()["active"] {
		if kind == "webinar" || !c.inGroup(user) {
			continue
		}
		for _, m := range c.world.meetingsOf(user, c.now) {
			for _, at := range m.dates() {
				if at.After(c.now) && within(at, from, to) {
					events = append(events, c.world.upcoming(m, at))
				}
			}
		}
	}
	slices.SortStableFunc(events, func(a, b *upcomingEvent) int { return cmp.Compare(a.StartTime, b.StartTime) })
	p, err := c.page(len(events), func(i int) any { return events[i] }, spanFields(from, to, time.DateOnly)...)
	if err != nil {
		return nil, err
	}
	return p.without("page_count", "total_records"), nil
}

// dates returns when a meeting is planned.
func (m *meeting) dates() []time.Time {
	if m.Type == scheduled {
		return []time.Time{m.start}
	}
	var dates []time.Time
	for _, o := range m.occurrences {
		if o.Status == "available" {
			dates = append(dates, o.start)
		}
	}
	return dates
}

func (w *world) upcoming(m *meeting, at time.Time) *upcomingEvent {
	return &upcomingEvent{
		ID: w.currentUUID(m), Topic: m.Topic, StartTime: stamp(at),
		HostID: w.userID(m.host), HostName: w.name(m.host).String(), Dept: deref(w.seedUser(m.host).Dept),
	}
}

type storedDay struct {
	Date      string `json:"date"`
	Usage     string `json:"usage"`
	FreeUsage string `json:"free_usage"`
	PlanUsage string `json:"plan_usage"`
}

// listCloudRecording makes up what recordings took, up to yesterday.
func listCloudRecording(c *call) (any, error) {
	from, to, err := c.days()
	if err != nil {
		return nil, err
	}
	days := []storedDay{}
	for date := from; !date.After(to) && date.Before(c.now.Truncate(24*time.Hour)); date = date.AddDate(0, 0, 1) {
		d := c.world.dice("storage "+c.query.Get("group_id"), uint64(date.Unix()))
		days = append(days, storedDay{date.Format(time.DateOnly), fmt.Sprintf("%d MB", 100+d.n(900)), "Unlimited", "3 TB"})
	}
	return map[string]any{"from": from.Format(time.DateOnly), "to": to.Format(time.DateOnly), "cloud_recording_storage": days}, nil
}
