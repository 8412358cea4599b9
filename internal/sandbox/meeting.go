package sandbox

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"time"
)

// The types of a meeting.
const (
	instant   = 1
	scheduled = 2
	openEnded = 3
	recurring = 8
	screen    = 10
)

// meeting is one meeting number and its schedule.
type meeting struct {
	n          uint64
	host       int
	created    time.Time
	start      time.Time // of the first date; zero without one
	running    time.Time // the start of the live instance; zero without one
	endedCount int       // how many instances calls have ended
	ended      []*instance
	held       *instance // the live instance, if Hold holds it
	source     string

	meetingBody
	occurrences []*occurrence
}

// meetingBody is the fields that a caller can set.
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

// listedMeeting is a meeting as lists contain it.
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

// meeting returns the n-th planned meeting, or nil.
func (w *world) meeting(n uint64) *meeting {
	if m, changed := w.meetings[n]; changed {
		return m
	}
	if n%slotsPerUser >= instantSlot {
		return nil
	}
	return w.seedMeeting(n)
}

// expired reports whether the meeting number has expired: 30 days after the last date of a
// meeting that does not recur.
func (m *meeting) expired(now time.Time) bool {
	return m.Type == scheduled && !m.start.IsZero() && now.After(m.end().AddDate(0, 0, 30)) && !m.usesPMI()
}

func (m *meeting) end() time.Time { return m.start.Add(time.Duration(m.Duration) * time.Minute) }

func (m *meeting) usesPMI() bool { return deref(m.Settings.UsePMI) }

func (m *meeting) registers() bool {
	a := m.Settings.ApprovalType
	return a != nil && *a != 2
}

// next returns the date that lists show: the first that has not ended.
func (m *meeting) next(now time.Time) time.Time {
	for _, o := range m.occurrences {
		if o.Status == "available" && o.start.Add(time.Duration(o.Duration)*time.Minute).After(now) {
			return o.start
		}
	}
	return m.start
}

func (w *world) currentUUID(m *meeting) string { return w.uuid(m.n, 255-m.endedCount) }

func (w *world) pmi(i int) string { return strconv.FormatInt(w.seedUser(i).PMI, 10) }

func (m *meeting) joinURL(w *world) string {
	more := ""
	if p := deref(m.Password); p != "" {
		more = "?pwd=" + encrypted(p)
	}
	return link("j", w.number(m.n), more)
}

// encrypted returns a substitute for the encrypted passcode in links.
func encrypted(passcode string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(passcode)) // never fails
	return fmt.Sprintf("%x.1", mix(h.Sum64()))
}

func (w *world) details(m *meeting, now time.Time) *meetingDetails {
	number, password := w.number(m.n), deref(m.Password)
	d := &meetingDetails{
		UUID: w.currentUUID(m), ID: number, HostID: w.userID(m.host), HostEmail: w.email(m.host),
		Topic: m.Topic, Type: m.Type, Status: "waiting", Timezone: m.Timezone, Agenda: new(m.Agenda),
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
		l.Agenda = new(m.Agenda)
	}
	if m.usesPMI() {
		l.PMI = w.pmi(m.host)
	}
	if m.Type == openEnded {
		l.StartTime, l.Duration = "", 0
	}
	return l
}

// is reports whether a meeting belongs to the list of a kind. Upcoming and previous meetings
// are those within half a year.
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
