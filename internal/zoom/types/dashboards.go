package types

// DashboardRun is how the dashboard is asked about one run of a meeting or a
// webinar.
type DashboardRun struct {
	// Name is the run's UUID, or the number of a meeting or webinar.
	Name string
	// Kind says whether Zoom looks among live or past ones.
	Kind DashboardMeetingType
	// Webinar tells that it is a webinar's.
	Webinar bool
}

// Mark returns what tells a run from the others of a list.
func (m *DashboardMeeting) Mark() string { return string(m.UUID) }

// Mark returns what tells a run from the others of a list.
func (w *DashboardWebinar) Mark() string { return string(w.UUID) }

// Mark returns what tells a stay from the others of its run.
func (p *DashboardParticipant) Mark() string {
	return string(p.ParticipantUUID+"\x00"+p.InMeetingID) + "\x00" + p.JoinTime.String()
}

// Mark returns what tells a stay from the others of its run.
func (q *ParticipantQos) Mark() string {
	return string(q.ParticipantUUID+"\x00"+q.InMeetingID) + "\x00" + q.JoinTime.String()
}

// Mark returns what tells a person's feedback from the others' of the run.
func (f *ParticipantFeedback) Mark() string {
	return string(f.UserZoomID+"\x00"+f.Email) + "\x00" + f.Time.String()
}

// Mark returns what tells who shared from the others of the run.
func (s *ParticipantSharing) Mark() string { return string(s.InMeetingID + "\x00" + s.Name) }

// Mark returns what tells a room from the others.
func (r *DashboardZoomRoom) Mark() string { return string(r.ZoomID) }

// Mark returns what tells an event from the others of its room.
func (e *ZoomRoomIssueEvent) Mark() string { return string(e.Issue) + "\x00" + e.Time.String() }

// Mark returns what tells a user's figures from the others'.
func (u *ChatUsage) Mark() string { return string(u.UserZoomID) }

// Mark returns what tells a person's choice from the others'.
func (e *ClientFeedbackEntry) Mark() string {
	return string(e.ParticipantName+"\x00"+e.Email) + "\x00" + e.Time.String()
}
