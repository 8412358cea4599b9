package sandbox

import (
	"fmt"
	"strconv"
	"time"
)

func formatNumber(n int64) string { return strconv.FormatInt(n, 10) }

func hostOf(n uint64) int {
	if isWebinar(n) {
		n -= webinarBase
	}
	return int(n / slotsPerUser)
}

func passcode(w *world, n uint64) string {
	d := w.rng("passcode", n)
	return fmt.Sprintf("%06d", d.n(1_000_000))
}

func defaultSettings() meetingSettings {
	return meetingSettings{
		HostVideo: new(false), ParticipantVideo: new(false), CNMeeting: new(false), InMeeting: new(false),
		JoinBeforeHost: new(false), JBHTime: new(0), MuteUponEntry: new(false), Watermark: new(false), UsePMI: new(false),
		ApprovalType: new(2), Audio: new("voip"), AutoRecording: new("none"), EnforceLogin: new(false),
		EnforceLoginDomains: new(""), AlternativeHosts: new(""), AlternativeHostUpdatePolls: new(false),
		CloseRegistration: new(false), ShowShareButton: new(false), AllowMultipleDevices: new(false),
		RegistrantsConfirmationEmail: new(true), WaitingRoom: new(true), RegistrantsEmailNotification: new(true),
		MeetingAuthentication: new(false), EncryptionType: new("enhanced_encryption"),
		AlternativeHostsEmailNotification: new(true), DeviceTesting: new(false), FocusMode: new(false),
		PrivateMeeting: new(false), EmailNotification: new(true), HostSaveVideoOrder: new(false),
	}
}

// seedMeeting generates the n-th meeting of the seeded account. A tenth of a user's meetings
// use the PMI, a tenth have no fixed time, two tenths recur, and the others are scheduled
// between three weeks ago and two months ahead.
func (w *world) seedMeeting(n uint64) *meeting {
	user, slot := hostOf(n), int(n%slotsPerUser)
	if user >= w.opt.Users || w.status(user) != "active" || slot < instantSlot && slot >= w.slots(user) {
		return nil
	}
	d := w.rng("meeting", n)
	m := &meeting{n: n, host: user, created: w.start.AddDate(0, 0, -90-d.n(300)), source: pick(&d, []string{"web_portal", "other", "open_api"})}
	m.meetingBody = meetingBody{
		Topic: pick(&d, subjects), Type: scheduled, Duration: 15 * (1 + d.n(6)), Timezone: pick(&d, timezones),
		Agenda: pick(&d, []string{"", "", "Notes & decisions", "Bring your questions."}), Settings: defaultSettings(),
	}
	if d.chance(80) {
		m.Password = new(passcode(w, n))
	}
	m.start = w.quarter().AddDate(0, 0, d.n(85)-24).Add(time.Duration(d.n(40)-20) * 15 * time.Minute)
	if d.chance(25) {
		m.Settings.ApprovalType = new(d.n(2))
	}
	if d.chance(10) {
		m.TrackingFields = []trackingField{{"Cost center", "100", new(true)}}
	}
	switch {
	case slot >= instantSlot:
		m.Type, m.start = instant, time.Time{}
	case user == host && slot < specialSlots:
		w.landmark(m, slot)
	default:
		w.ordinary(m, slot)
	}
	m.recur()
	return m
}

// quarter returns the start of the sandbox, rounded down to a quarter of an hour.
func (w *world) quarter() time.Time { return w.start.Truncate(15 * time.Minute) }

func (w *world) ordinary(m *meeting, slot int) {
	switch slot % 10 {
	case 0, 5:
		w.weekly(m, 1+int(m.n%7))
	case 3:
		m.open()
	case 7:
		m.Settings.UsePMI, m.Settings.ApprovalType = new(true), new(2)
	}
}

// weekly makes a meeting a series that began some weeks ago and continues for as many.
func (w *world) weekly(m *meeting, weeks int) {
	m.Type = recurring
	m.start = w.quarter().AddDate(0, 0, -7*weeks).Add(-4 * time.Hour)
	day := int(m.start.In(location(m.Timezone)).Weekday()) + 1
	m.Recurrence = &recurrence{Type: weekly, RepeatInterval: 1, WeeklyDays: strconv.Itoa(day), EndTimes: 2 * weeks}
}

// open makes a meeting recurring without a fixed time.
func (m *meeting) open() { m.Type, m.start, m.Recurrence = openEnded, time.Time{}, nil }

// landmark sets the properties of the meetings that Landmarks names.
func (w *world) landmark(m *meeting, slot int) {
	m.Settings.ApprovalType = new(2)
	switch slot {
	case slotWeekly:
		m.Topic, m.Duration, m.Agenda = "Weekly product sync", 60, "Numbers, plans & questions"
		m.Settings.ApprovalType, m.Settings.RegistrationType = new(0), new(1)
		w.weekly(m, 8)
	case slotBig:
		m.Topic, m.Duration = "Company all hands", 60
		m.Settings.ApprovalType, m.Settings.RegistrationType = new(1), new(1)
		w.weekly(m, 4)
	case slotPending:
		m.Topic, m.Duration, m.start = "Just over", 60, w.start.Add(-65*time.Minute)
	case slotOld, slotOpen:
		m.Topic = "Whenever we need it"
		m.open()
	case slotOnePerson:
		m.Topic, m.Duration, m.start = "Nobody came", 30, w.quarter().AddDate(0, 0, -1)
	case slotLive:
		m.Topic, m.Duration, m.start = "Going on", 60, w.start.Add(-20*time.Minute)
		m.running = m.start
	case slotPersonal:
		m.Topic, m.start = "In my room", w.quarter().AddDate(0, 0, 2)
		m.Settings.UsePMI = new(true)
	case slotManual:
		m.Topic, m.Duration, m.start = "Customer webinar rehearsal", 45, w.quarter().AddDate(0, 0, 7)
		m.Settings.ApprovalType = new(1)
	}
}
