package sandbox

import (
	"slices"
	"time"
)

// A webinar is stored as a meeting, with a number, a host, dates and registrants.
// webinarTypes maps its type to that of a webinar.
var webinarTypes = map[int]int{scheduled: 5, openEnded: 6, recurring: 9}

// The webinars of the landmarks' host.
const (
	webinarWeekly = iota
	webinarManual
	webinarSimulive
	webinarOpen
	webinarLive
	webinarSpecials
)

// The instances of the weekly webinar before its series: one whose participants Zoom no longer
// keeps, and one that Zoom no longer keeps at all.
const (
	webinarOld = iota + 200
	webinarExpired
)

func specialWebinar(slot uint64) uint64 { return webinarBase + host*slotsPerUser + slot }

func isWebinar(n uint64) bool { return n >= webinarBase && n < createdBase }

// webinarSlots returns the number of webinars of a user. It is 0 without a webinar license,
// which a third of the active users have.
func (w *world) webinarSlots(user int) int {
	switch {
	case user == host:
		return webinarSpecials + 5
	case w.status(user) == "active" && mix(uint64(user)^w.seed)%3 == 0:
		return 3
	}
	return 0
}

// webinar returns the n-th webinar, or nil.
func (w *world) webinar(n uint64) *meeting {
	if m := w.webinars[n]; m != nil {
		return m
	}
	user, slot := hostOf(n), int(n%slotsPerUser)
	if !isWebinar(n) || user >= w.opt.Users || slot >= w.webinarSlots(user) {
		return nil
	}
	d := w.rng("webinar", n)
	m := &meeting{n: n, host: user, created: w.start.AddDate(0, 0, -90-d.n(300)), source: pick(&d, []string{"web_portal", "other", "open_api"})}
	m.meetingBody = meetingBody{
		Topic: "Webinar: " + pick(&d, subjects), Type: scheduled, Duration: 30 * (1 + d.n(3)), Timezone: pick(&d, timezones),
		Agenda: pick(&d, []string{"", "What is new & what is next"}), Password: new(passcode(w, n)), Settings: defaultSettings(),
	}
	m.Settings.ApprovalType = new(d.n(3))
	m.start = w.quarter().AddDate(0, 0, d.n(85)-24)
	if user == host {
		w.webinarLandmark(m, slot)
	}
	m.recur()
	return m
}

// webinarLandmark sets the properties of the webinars that Landmarks names.
func (w *world) webinarLandmark(m *meeting, slot int) {
	switch slot {
	case webinarWeekly:
		m.Topic, m.Duration, m.Agenda, m.TemplateID = "Product news, weekly", 45, "Numbers & questions", "sandboxTemplate"
		m.Settings.ApprovalType = new(0)
		m.TrackingFields = []trackingField{{"Campaign", "Spring", new(true)}}
		w.weekly(m, 8)
	case webinarManual:
		m.Topic, m.start = "Partners only", w.quarter().AddDate(0, 0, 9)
		m.Settings.ApprovalType = new(1)
	case webinarSimulive:
		m.Topic, m.start = "As if it were live", w.quarter().AddDate(0, 0, 3)
		m.Settings.ApprovalType = new(2)
	case webinarOpen:
		m.Topic = "Whenever we feel like it"
		m.Settings.ApprovalType = new(2)
		m.open()
	case webinarLive:
		m.Topic, m.Duration, m.start = "What is new today", 60, w.start.Add(-30*time.Minute)
		m.running = m.start
	}
}

// webinarInstances returns the instances of a webinar, the latest first.
func (w *world) webinarInstances(n uint64) []*instance {
	m := w.webinar(n)
	if m == nil {
		return nil
	}
	starts := w.pastDates(m)
	if m.Type == scheduled && m.end().Before(w.start) {
		starts = []time.Time{m.start}
	}
	instances := slices.Clone(m.ended)
	add := func(k int, start time.Time) {
		instances = append(instances, &instance{m: m, k: k, start: start, end: start.Add(time.Duration(m.Duration) * time.Minute)})
	}
	for k, start := range starts {
		add(k, start)
	}
	if n == specialWebinar(webinarWeekly) {
		add(webinarOld, w.quarter().AddDate(0, -7, 0))
		add(webinarExpired, w.quarter().AddDate(0, -13, 0))
	}
	return instances
}

// webinarSettings returns the settings of a webinar. No operation changes them.
func (w *world) webinarSettings(m *meeting) map[string]any {
	d := w.rng("webinar settings", m.n)
	email := func() map[string]any { return map[string]any{"enable": true, "type": d.n(8)} }
	return map[string]any{
		"additional_data_center_regions": []string{"DE", "US"}, "allow_multiple_devices": d.chance(50), "alternative_hosts": w.email(owner) + "," + w.email(4),
		"alternative_host_update_polls": true, "approval_type": *m.Settings.ApprovalType, "attendees_and_panelists_reminder_email_notification": email(),
		"audio": "voip", "audio_conference_info": "", "authentication_domains": "example.com,example.org", "authentication_name": "Sign in to Zoom",
		"authentication_option": "signIn_sandbox", "auto_recording": pick(&d, []string{"none", "cloud", "local"}), "close_registration": false,
		"contact_email": w.email(m.host), "contact_name": w.name(m.host).String(), "email_language": "en-US", "enforce_login": false, "enforce_login_domains": "",
		"follow_up_absentees_email_notification": email(), "follow_up_attendees_email_notification": email(),
		"global_dial_in_countries": []string{"US"},
		"global_dial_in_numbers":   []any{map[string]any{"city": "Denver", "country": "US", "country_name": "US", "number": "+1 2025550123", "type": pick(&d, []string{"toll", "premium"})}},
		"hd_video":                 true, "hd_video_for_attendees": false, "host_video": true,
		"language_interpretation":      map[string]any{"enable": true, "interpreters": []any{map[string]any{"email": w.email(5), "languages": "US,FR", "interpreter_languages": "English,French"}}},
		"sign_language_interpretation": map[string]any{"enable": true, "interpreters": []any{map[string]any{"email": w.email(6), "sign_language": "American"}}},
		"panelist_authentication":      false, "meeting_authentication": false, "add_watermark": false, "add_audio_watermark": false, "on_demand": false,
		"panelists_invitation_email_notification": true, "panelists_video": true, "post_webinar_survey": true, "practice_session": true,
		"question_and_answer": map[string]any{
			"enable": true, "allow_submit_questions": true, "allow_anonymous_questions": d.chance(50), "answer_questions": pick(&d, []string{"only", "all"}),
			"attendees_can_comment": true, "attendees_can_upvote": true, "allow_auto_reply": true, "auto_reply_text": "Thank you & see you soon",
		},
		"registrants_confirmation_email": true, "registrants_email_notification": true, "registrants_restrict_number": 100 * d.n(5), "registration_type": 1,
		"send_1080p_video_to_attendees": false, "show_share_button": true, "show_join_info": true, "survey_url": "https://surveys.example.com/1",
		"enable_session_branding": true, "request_permission_to_unmute_participants": false, "allow_host_control_participant_mute_state": true,
		"email_in_attendee_report": true, "notify_registrants": true,
	}
}
