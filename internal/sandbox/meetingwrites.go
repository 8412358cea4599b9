package sandbox

import (
	"slices"
	"strings"
	"time"
)

// change stores a meeting so that a call can change it.
func (w *world) change(m *meeting) *meeting {
	if isWebinar(m.n) {
		w.webinars[m.n] = m
		return m
	}
	w.meetings[m.n] = m
	return m
}

func createMeeting(c *call) (any, error) {
	user, err := c.findUser()
	if err != nil {
		return nil, err
	}
	w := c.world
	if w.status(user) != "active" {
		return nil, badRequest(3161, "Meeting hosting and scheduling capabilities are not allowed for your user account.")
	}
	m := &meeting{host: user, created: c.now, source: "open_api"}
	m.meetingBody = meetingBody{Type: scheduled, Duration: 60, Topic: "Zoom Meeting", Timezone: w.seedUser(user).Timezone}
	m.Settings = defaultSettings()
	if err := c.decode(&m.meetingBody); err != nil {
		return nil, err
	}
	if m.ScheduleFor != "" {
		return nil, badRequest(3000, "You cannot schedule a meeting for "+m.ScheduleFor)
	}
	if err := m.complete(c.now); err != nil {
		return nil, err
	}
	w.lastID++
	m.n = createdBase + w.lastID
	if m.Password == nil && (m.Default == nil || *m.Default) {
		m.Password = new(passcode(w, m.n))
	}
	w.byHost[user] = append(w.byHost[user], m.n)
	d := w.details(w.change(m), c.now)
	d.Occurrences = m.occurrences
	return d, nil
}

// complete validates a body and sets the fields that follow from it.
func (m *meeting) complete(now time.Time) error {
	var wrong []string
	bad := func(is bool, field string) {
		if is {
			wrong = append(wrong, field)
		}
	}
	bad(!slices.Contains([]int{instant, scheduled, openEnded, recurring, screen}, m.Type), "type")
	bad(m.Duration < 1 || m.Duration > 1440, "duration")
	bad(len([]rune(m.Topic)) > 200, "topic")
	bad(len([]rune(m.Agenda)) > 2000, "agenda")
	bad(len(deref(m.Password)) > 10, "password")
	bad(m.Type == recurring && m.Recurrence == nil, "recurrence")
	if m.Recurrence != nil {
		wrong = append(wrong, m.Recurrence.check()...)
	}
	wrong = append(wrong, m.Settings.check()...)
	start, err := parseStart(m.StartTime, m.Timezone)
	bad(m.StartTime != "" && err != nil, "start_time")
	if len(wrong) > 0 {
		return invalid(wrong...)
	}
	if m.Type != recurring {
		m.Recurrence = nil
	}
	// A start that is missing or in the past becomes now, according to POST
	// /users/{userId}/meetings.
	if m.start = start; start.Before(now) {
		m.start = now.Truncate(time.Second)
	}
	if m.Type != scheduled && m.Type != recurring {
		m.start = time.Time{}
	}
	m.recur()
	return nil
}

// check returns the settings whose values no document allows.
func (s *meetingSettings) check() (wrong []string) {
	number := func(field string, v *int, low, high int) {
		if v != nil && (*v < low || *v > high) {
			wrong = append(wrong, "settings."+field)
		}
	}
	word := func(field string, v *string, words ...string) {
		if v != nil && *v != "" && !slices.Contains(words, *v) {
			wrong = append(wrong, "settings."+field)
		}
	}
	number("approval_type", s.ApprovalType, 0, 2)
	number("registration_type", s.RegistrationType, 1, 3)
	number("calendar_type", s.CalendarType, 1, 2)
	word("audio", s.Audio, "both", "telephony", "voip", "thirdParty")
	word("auto_recording", s.AutoRecording, "local", "cloud", "none")
	word("encryption_type", s.EncryptionType, "enhanced_encryption", "e2ee")
	return wrong
}

func updateMeeting(c *call) (any, error) {
	m, err := c.findMeeting()
	if err != nil {
		return nil, err
	}
	if id := c.query.Get("occurrence_id"); id != "" {
		return nil, c.updateOccurrence(m, id)
	}
	changed := *m
	changed.meetingBody = clone(m.meetingBody)
	changed.StartTime = ""
	if err := c.decode(&changed.meetingBody); err != nil {
		return nil, err
	}
	moved := changed.StartTime != ""
	if !moved {
		changed.StartTime = stamp(m.start)
	}
	if err := changed.complete(c.now); err != nil {
		return nil, err
	}
	if start, _ := parseStart(changed.StartTime, changed.Timezone); moved && start.Before(c.now) || !moved {
		// A start in the past has no effect, according to PATCH
		// /meetings/{meetingId}.
		changed.start = m.start
		changed.recur()
	}
	if !moved && m.Recurrence != nil && changed.Recurrence != nil && *changed.Recurrence == *m.Recurrence && changed.Duration == m.Duration {
		changed.occurrences = m.occurrences
	}
	c.world.change(&changed)
	return nil, nil
}

func deleteMeeting(c *call) (any, error) {
	m, err := c.findMeeting()
	if err != nil {
		return nil, err
	}
	if id := c.query.Get("occurrence_id"); id != "" {
		o := m.occurrence(id)
		if o == nil {
			return nil, invalidOccurrence()
		}
		o.Status = "deleted"
		c.world.change(m)
		return nil, nil
	}
	if m.usesPMI() {
		return nil, badRequest(3018, "Not allowed to delete PMI.")
	}
	c.world.deleted[m.n] = m
	c.world.meetings[m.n] = nil
	return nil, nil
}

// updateMeetingStatus ends a live meeting, or recovers a deleted one. Zoom's answer for a meeting
// that is not live is not documented; the only code about ending is 3063.
func updateMeetingStatus(c *call) (any, error) {
	var body struct {
		Action string `json:"action"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	switch body.Action {
	case "end":
		return nil, c.endMeeting()
	case "recover":
		return nil, c.recoverMeeting()
	}
	return nil, invalid("action")
}

func (c *call) endMeeting() error {
	m, err := c.findMeeting()
	if err != nil {
		return err
	}
	if m.running.IsZero() {
		return badRequest(3063, "Can not end the meeting: "+c.path("meetingId")+". It has not started.")
	}
	c.world.end(m, c.now)
	return nil
}

// end ends the live instance of a meeting.
func (w *world) end(m *meeting, now time.Time) {
	m.ended = append([]*instance{w.liveInstance(m).until(now)}, m.ended...)
	m.endedCount++
	m.running, m.held = time.Time{}, nil
	w.change(m)
}

func (c *call) recoverMeeting() error {
	id := c.path("meetingId")
	for n, m := range c.world.deleted {
		if strings.TrimSpace(id) == formatNumber(c.world.number(n)) {
			delete(c.world.deleted, n)
			c.world.change(m)
			return nil
		}
	}
	_, err := c.findMeeting()
	return err
}
