package sandbox

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"
)

func init() {
	handle("GET /users/{userId}/meetings", listMeetings)
	handle("POST /users/{userId}/meetings", createMeeting, daily(hostWrites))
	handle("GET /meetings/{meetingId}", getMeeting)
	handle("PATCH /meetings/{meetingId}", updateMeeting, daily(hostWrites))
	handle("DELETE /meetings/{meetingId}", deleteMeeting)
	handle("PUT /meetings/{meetingId}/status", updateMeetingStatus)
}

// The types of a meeting.
const (
	instant   = 1
	scheduled = 2
	openEnded = 3
	recurring = 8
	screen    = 10
)

// meeting is one number and what is planned under it.
type meeting struct {
	n       uint64
	host    int
	created time.Time
	start   time.Time // of the first date; zero when there is none
	running time.Time // when it was started; zero while it waits
	runs    int       // that calls have ended
	ended   []*instance
	source  string

	meetingBody
	occurrences []*occurrence
}

// meetingBody is what a caller sets and changes.
type meetingBody struct {
	Topic          string          `json:"topic"`
	Type           int             `json:"type"`
	Agenda         string          `json:"agenda"`
	StartTime      string          `json:"start_time"`
	Duration       int             `json:"duration"`
	Timezone       string          `json:"timezone"`
	Password       *string         `json:"password"`
	Default        *bool           `json:"default_password"`
	PreSchedule    bool            `json:"pre_schedule"`
	ScheduleFor    string          `json:"schedule_for"`
	TemplateID     string          `json:"template_id"`
	Recurrence     *recurrence     `json:"recurrence"`
	Settings       meetingSettings `json:"settings"`
	TrackingFields []trackingField `json:"tracking_fields"`
}

type trackingField struct {
	Field   string `json:"field"`
	Value   string `json:"value"`
	Visible *bool  `json:"visible,omitempty"`
}

// meetingDetails is a meeting as GET /meetings/{meetingId} answers it.
type meetingDetails struct {
	UUID              string          `json:"uuid"`
	ID                int64           `json:"id"`
	HostID            string          `json:"host_id"`
	HostEmail         string          `json:"host_email"`
	AssistantID       string          `json:"assistant_id"`
	Topic             string          `json:"topic"`
	Type              int             `json:"type"`
	Status            string          `json:"status"`
	StartTime         string          `json:"start_time,omitempty"`
	Duration          int             `json:"duration,omitempty"`
	Timezone          string          `json:"timezone"`
	Agenda            *string         `json:"agenda,omitempty"`
	CreatedAt         string          `json:"created_at"`
	StartURL          string          `json:"start_url"`
	JoinURL           string          `json:"join_url"`
	ChatJoinURL       string          `json:"chat_join_url,omitempty"`
	RegistrationURL   string          `json:"registration_url,omitempty"`
	Password          string          `json:"password,omitempty"`
	H323Password      string          `json:"h323_password,omitempty"`
	PSTNPassword      string          `json:"pstn_password,omitempty"`
	EncryptedPassword string          `json:"encrypted_password,omitempty"`
	PMI               string          `json:"pmi,omitempty"`
	PreSchedule       bool            `json:"pre_schedule"`
	TemplateID        string          `json:"template_id,omitempty"`
	CreationSource    string          `json:"creation_source"`
	TrackingFields    []trackingField `json:"tracking_fields,omitempty"`
	Occurrences       []*occurrence   `json:"occurrences,omitempty"`
	Recurrence        *recurrence     `json:"recurrence,omitempty"`
	Settings          meetingSettings `json:"settings"`
}

// listedMeeting is a meeting as lists have it.
type listedMeeting struct {
	UUID      string  `json:"uuid"`
	ID        int64   `json:"id"`
	HostID    string  `json:"host_id"`
	Topic     string  `json:"topic"`
	Type      int     `json:"type"`
	StartTime string  `json:"start_time,omitempty"`
	Duration  int     `json:"duration,omitempty"`
	Timezone  string  `json:"timezone"`
	Agenda    *string `json:"agenda,omitempty"`
	CreatedAt string  `json:"created_at"`
	JoinURL   string  `json:"join_url"`
	PMI       string  `json:"pmi,omitempty"`
}

// findMeeting finds the planned meeting that a path names by its number. One
// that was deleted, or is over for a month, is no more.
func (c *call) findMeeting() (*meeting, error) {
	id := c.path("meetingId")
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil, badRequest(300, "Invalid meeting ID.")
	}
	if n, ok := c.world.nth(number); ok {
		if m := c.world.meeting(n); m != nil && !m.expired(c.now) {
			return m, nil
		}
	}
	return nil, notFound(3001, "Meeting does not exist: "+id+".")
}

// meeting returns the n-th meeting that is planned, or nil.
func (w *world) meeting(n uint64) *meeting {
	if m, changed := w.meetings[n]; changed {
		return m
	}
	if n%slotsPerUser >= instantSlot {
		return nil
	}
	return w.seedMeeting(n)
}

// expired reports whether the number has been given back: 30 days after the
// last date of a meeting that does not recur.
func (m *meeting) expired(now time.Time) bool {
	return m.Type == scheduled && !m.start.IsZero() && now.After(m.end().AddDate(0, 0, 30)) && !m.usesPMI()
}

func (m *meeting) end() time.Time { return m.start.Add(time.Duration(m.Duration) * time.Minute) }

func (m *meeting) usesPMI() bool { return deref(m.Settings.UsePMI) }

func (m *meeting) registers() bool {
	a := m.Settings.ApprovalType
	return a != nil && *a != 2
}

// next returns the date that lists show: the first that is not over.
func (m *meeting) next(now time.Time) time.Time {
	for _, o := range m.occurrences {
		if o.Status == "available" && o.start.Add(time.Duration(o.Duration)*time.Minute).After(now) {
			return o.start
		}
	}
	return m.start
}

func (w *world) currentUUID(m *meeting) string { return w.uuid(m.n, 255-m.runs) }

func (w *world) pmi(i int) string { return strconv.FormatInt(w.seedUser(i).PMI, 10) }

func (m *meeting) joinURL(w *world) string {
	more := ""
	if p := deref(m.Password); p != "" {
		more = "?pwd=" + encrypted(p)
	}
	return link("j", w.number(m.n), more)
}

// encrypted stands for the long form of a passcode in links.
func encrypted(passcode string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(passcode)) // never fails
	return fmt.Sprintf("%x.1", mix(h.Sum64()))
}

func (w *world) details(m *meeting, now time.Time) *meetingDetails {
	number, password := w.number(m.n), deref(m.Password)
	d := &meetingDetails{
		UUID: w.currentUUID(m), ID: number, HostID: w.userID(m.host), HostEmail: w.email(m.host),
		Topic: m.Topic, Type: m.Type, Status: "waiting", Timezone: m.Timezone, Agenda: ptr(m.Agenda),
		CreatedAt: stamp(m.created), StartURL: link("s", number, "?zak=sandbox"+strconv.FormatInt(now.Unix(), 36)),
		JoinURL: m.joinURL(w), ChatJoinURL: link("launch/jc", number, ""),
		PreSchedule: m.PreSchedule, TemplateID: m.TemplateID, CreationSource: m.source,
		TrackingFields: m.TrackingFields, Recurrence: m.Recurrence, Settings: m.Settings,
	}
	if !m.running.IsZero() {
		d.Status = "started"
	}
	if password != "" {
		d.Password, d.H323Password, d.PSTNPassword = password, "123456", "123456"
		d.EncryptedPassword = encrypted(password)
	}
	if m.registers() {
		d.RegistrationURL = link("meeting/register", number, "")
	}
	if m.usesPMI() {
		d.PMI = w.pmi(m.host)
	}
	if m.Type == scheduled || m.Type == recurring {
		d.Duration = m.Duration
	}
	if m.Type == scheduled {
		d.StartTime = stamp(m.start)
	}
	return d
}

func (w *world) listed(m *meeting, now time.Time) *listedMeeting {
	l := &listedMeeting{
		UUID: w.currentUUID(m), ID: w.number(m.n), HostID: w.userID(m.host),
		Topic: m.Topic, Type: m.Type, StartTime: stamp(m.next(now)), Duration: m.Duration,
		Timezone: m.Timezone, CreatedAt: stamp(m.created), JoinURL: m.joinURL(w),
	}
	if m.Agenda != "" {
		l.Agenda = ptr(m.Agenda)
	}
	if m.usesPMI() {
		l.PMI = w.pmi(m.host)
	}
	if m.Type == openEnded {
		l.StartTime, l.Duration = "", 0
	}
	return l
}

// meetingsOf returns the planned meetings of a user: the seeded ones, then
// those that calls have made.
func (w *world) meetingsOf(user int, now time.Time) []*meeting {
	var all []*meeting
	add := func(n uint64) {
		if m := w.meeting(n); m != nil && m.Type != instant && !m.expired(now) {
			all = append(all, m)
		}
	}
	if w.status(user) == "active" {
		for slot := range w.slots(user) {
			add(uint64(user)*slotsPerUser + uint64(slot))
		}
	}
	for _, n := range w.byHost[user] {
		add(n)
	}
	return all
}

func (w *world) slots(user int) int {
	if user == host {
		return max(w.opt.Meetings, specialSlots+1)
	}
	return w.opt.Meetings
}

func listMeetings(c *call) (any, error) {
	kind, err := c.choice("type", "scheduled", "live", "upcoming", "upcoming_meetings", "previous_meetings")
	if err != nil {
		return nil, err
	}
	user, err := c.findUser()
	if err != nil {
		return nil, err
	}
	from, to, err := c.meetingDays()
	if err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(c.world.meetingsOf(user, c.now), func(m *meeting) bool {
		at := m.next(c.now)
		if !from.IsZero() && (at.IsZero() || at.Before(from)) || !to.IsZero() && !at.Before(to.AddDate(0, 0, 1)) {
			return true
		}
		return !m.is(kind, c.now)
	})
	item := func(i int) any { return c.world.listed(all[i], c.now) }
	return c.page(len(all), item, c.pageNumber())
}

// meetingDays reads from and to, which are days in the zone of the query.
func (c *call) meetingDays() (from, to time.Time, err error) {
	read := func(name string) (t time.Time) {
		if v := c.query.Get(name); v != "" && err == nil {
			if t, err = time.ParseInLocation(time.DateOnly, v, location(c.query.Get("timezone"))); err != nil {
				err = invalid(name)
			}
		}
		return t
	}
	from, to = read("from"), read("to")
	return from, to, err
}

// is reports whether a meeting belongs in the list of a kind. Upcoming and
// previous ones reach half a year far.
func (m *meeting) is(kind string, now time.Time) bool {
	live, at := !m.running.IsZero(), m.next(now)
	over := !at.IsZero() && at.Add(time.Duration(m.Duration)*time.Minute).Before(now)
	switch kind {
	case "live":
		return live
	case "upcoming", "upcoming_meetings":
		return live || !over && at.Before(now.AddDate(0, 6, 0))
	case "previous_meetings":
		return over && !live && at.After(now.AddDate(0, -6, 0))
	}
	return true
}

func getMeeting(c *call) (any, error) {
	m, err := c.findMeeting()
	if err != nil {
		return nil, err
	}
	d := c.world.details(m, c.now)
	if id := c.query.Get("occurrence_id"); id != "" {
		o := m.occurrence(id)
		if o == nil {
			return nil, invalidOccurrence()
		}
		o.apply(d)
		return d, nil
	}
	previous := c.query.Get("show_previous_occurrences") == "true"
	for _, o := range m.occurrences {
		if previous || o.start.Add(time.Duration(o.Duration)*time.Minute).After(c.now) {
			d.Occurrences = append(d.Occurrences, o)
		}
	}
	return d, nil
}

// invalidOccurrence is the documented answer to an id that is none.
//
// Source: code 300 of DELETE /meetings/{meetingId}.
func invalidOccurrence() error { return badRequest(300, "Invalid parameter: occurrence_id.") }

func (m *meeting) occurrence(id string) *occurrence {
	i := slices.IndexFunc(m.occurrences, func(o *occurrence) bool { return o.OccurrenceID == id })
	if i < 0 || m.occurrences[i].Status == "deleted" {
		return nil
	}
	return m.occurrences[i]
}

// recur makes the dates of a series.
func (m *meeting) recur() {
	m.occurrences = nil
	if m.Type != recurring || m.Recurrence == nil {
		return
	}
	for _, at := range m.Recurrence.dates(m.start, m.Timezone) {
		m.occurrences = append(m.occurrences, &occurrence{
			OccurrenceID: strconv.FormatInt(at.UnixMilli(), 10),
			StartTime:    stamp(at), Duration: m.Duration, Status: "available", start: at,
		})
	}
}

// parseStart reads a start_time: UTC with a "Z", else local time in the zone.
func parseStart(s, zone string) (time.Time, error) {
	if strings.HasSuffix(s, "Z") {
		return time.Parse(zoomTime, s)
	}
	t, err := time.ParseInLocation(strings.TrimSuffix(zoomTime, "Z"), s, location(zone))
	return t.UTC(), err
}
