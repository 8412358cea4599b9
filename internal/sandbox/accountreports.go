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

// dailyList is a list with some items for each day, the latest day first. An item is made
// when it is read, so a list of a month takes no time for a large account.
type dailyList struct {
	kind  string
	days  []listDay
	total int
}

// listDay is a day of a dailyList. It has count items, of which the last skip are in the
// future; end is the number of items of the list up to and including this day.
type listDay struct {
	date             time.Time
	count, skip, end int
}

// dailyList returns a list of up to most items a day on the days from…to, without items of
// the future.
func (c *call) dailyList(kind string, from, to time.Time, most int) *dailyList {
	list := &dailyList{kind: kind}
	for date := to; !date.Before(from); date = date.AddDate(0, 0, -1) {
		d := c.world.rng(kind, uint64(date.Unix()))
		day := listDay{date: date, count: 1 + d.n(most)}
		for day.skip < day.count && day.at(day.skip).After(c.now) {
			day.skip++
		}
		list.total += day.count - day.skip
		day.end = list.total
		list.days = append(list.days, day)
	}
	return list
}

// at returns the time of item i of the day. Later items come first.
func (d listDay) at(i int) time.Time {
	return d.date.Add(time.Duration((d.count-i)*86_400/(d.count+1)) * time.Second)
}

// at returns the time of the i-th item, and a random stream for its fields.
func (b *dailyList) at(w *world, i int) (time.Time, rng) {
	n, _ := slices.BinarySearchFunc(b.days, i+1, func(d listDay, end int) int { return cmp.Compare(d.end, end) })
	at := b.days[n].at(b.days[n].count - (b.days[n].end - i))
	return at, w.rng(b.kind+" item", uint64(at.Unix()))
}

// spanFields returns the range of a report, as fields of its answer.
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

// listActivities generates sign-ins and sign-outs. Without from and to, the range is the
// last month; Zoom's default is not documented.
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
	list := c.dailyList("sign-ins", from, to, 1+len(users)/4)
	item := func(i int) any {
		at, d := list.at(c.world, i)
		return &signIn{
			Email: c.world.email(pick(&d, users)), Time: stamp(at), Type: pick(&d, []string{"Sign in", "Sign out"}),
			IPAddress: fmt.Sprintf("192.0.2.%d", 1+d.n(254)), ClientType: pick(&d, []string{"Browser", "Windows", "Mac", "iOS"}),
			Version: pick(&d, []string{"-", "5.17.11.34827", "6.2.3.44078"}),
		}
	}
	p, err := c.page(list.total, item, spanFields(from, to, zoomTime)...)
	if err != nil {
		return nil, err
	}
	return p.without("page_count", "total_records"), nil
}

// hostRow is the totals of one host over the days of a report.
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

// listHosts lists the users who hosted meetings, or those who hosted none. Zoom's default type
// is not documented; the sandbox lists the active hosts.
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
	for _, m := range w.heldMeetings(user) {
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

// inGroup reports whether a user is in the group of the query's group_id. It is true
// without a group_id.
func (c *call) inGroup(user int) bool {
	group := c.query.Get("group_id")
	return group == "" || slices.Contains(c.world.groupsOf(user), group)
}

type operationLog struct {
	Time            string `json:"time"`
	Operator        string `json:"operator"`
	CategoryType    string `json:"category_type"`
	Action          string `json:"action"`
	OperationDetail string `json:"operation_detail"`
}

var logCategories = []string{"user", "user_settings", "account", "billing", "im", "recording", "phone_contacts", "webinar", "sub_account", "role", "zoom_rooms"}

// listOperationLogs generates changes by administrators. Each category has its own list, so
// that the items of one do not depend on the others.
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
		list := c.dailyList("log "+category, from, to, 3)
		for i := range list.total {
			logs = append(logs, c.logged(list, category, i))
		}
	}
	slices.SortStableFunc(logs, func(a, b *operationLog) int { return cmp.Compare(b.Time, a.Time) })
	p, err := c.page(len(logs), func(i int) any { return logs[i] })
	if err != nil {
		return nil, err
	}
	return p.without("page_count", "total_records"), nil
}

func (c *call) logged(list *dailyList, category string, i int) *operationLog {
	at, d := list.at(c.world, i)
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

// callers is how many users' meetings are searched for participants who dialed in: for
// 10,000 users the report would take seconds.
const callers = 200

// callTypes are the types of the calls in each report.
var callTypes = map[string][]string{
	"1": {"toll-free", "call-out"},
	"2": {"Toll", "US toll-number", "global toll-number"},
	"3": {"call-in"},
}

// listTelephoneCalls lists the participants who dialed in to an instance, the latest first.
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
		for _, i := range c.recentInstances(user, from, to) {
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

// recentInstances returns the instances of a user's meetings that have reports, on the days from…to
// and one day around them: a call and its meeting may be on different days.
func (c *call) recentInstances(user int, from, to time.Time) []*instance {
	var instances []*instance
	for _, m := range c.world.heldMeetings(user) {
		for _, i := range c.world.instances(m) {
			if within(i.start, from.AddDate(0, 0, -1), to.AddDate(0, 0, 1)) && i.ready(c) {
				instances = append(instances, i)
			}
		}
	}
	return instances
}

// callKind returns the type of the report that contains a call.
func (w *world) callKind(i *instance, s *stay) string {
	d := w.rng("call", instanceKey(i.m.n, i.k)^uint64(s.person))
	return pick(&d, []string{"1", "2", "3"})
}

func (w *world) phoneCall(i *instance, s *stay, kind string) *phoneCall {
	d := w.rng("call type", instanceKey(i.m.n, i.k)^uint64(s.person))
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

// listUpcomingEvents lists every future date, the next first. It lists no webinars.
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

// dates returns the planned starts of a meeting.
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

// listCloudRecording generates the storage used by recordings, up to yesterday.
func listCloudRecording(c *call) (any, error) {
	from, to, err := c.days()
	if err != nil {
		return nil, err
	}
	days := []storedDay{}
	for date := from; !date.After(to) && date.Before(c.now.Truncate(24*time.Hour)); date = date.AddDate(0, 0, 1) {
		d := c.world.rng("storage "+c.query.Get("group_id"), uint64(date.Unix()))
		days = append(days, storedDay{date.Format(time.DateOnly), fmt.Sprintf("%d MB", 100+d.n(900)), "Unlimited", "3 TB"})
	}
	return map[string]any{"from": from.Format(time.DateOnly), "to": to.Format(time.DateOnly), "cloud_recording_storage": days}, nil
}
