package types

// DashboardRun addresses one instance of a meeting or webinar on the dashboard.
type DashboardRun struct {
	// Name is the instance's UUID, or the number of a meeting or webinar.
	Name string
	// Kind selects live or past instances.
	Kind DashboardMeetingType
	// Webinar reports that the instance is a webinar's.
	Webinar bool
}

// Mark identifies an instance within its list.
func (m *DashboardMeeting) Mark() string { return string(m.UUID) }

// Mark identifies an instance within its list.
func (w *DashboardWebinar) Mark() string { return string(w.UUID) }

// Mark identifies a stay within its instance.
func (p *DashboardParticipant) Mark() string {
	return string(p.ParticipantUUID+"\x00"+p.InMeetingID) + "\x00" + p.JoinTime.String()
}

// Mark identifies a stay within its instance.
func (q *ParticipantQos) Mark() string {
	return string(q.ParticipantUUID+"\x00"+q.InMeetingID) + "\x00" + q.JoinTime.String()
}

// Mark identifies a person's feedback within the instance.
func (f *ParticipantFeedback) Mark() string {
	return string(f.UserZoomID+"\x00"+f.Email) + "\x00" + f.Time.String()
}

// Mark identifies a participant who shared within the instance.
func (s *ParticipantSharing) Mark() string { return string(s.InMeetingID + "\x00" + s.Name) }

// Mark identifies a room within the account.
func (r *DashboardZoomRoom) Mark() string { return string(r.ZoomID) }

// Mark identifies an event within its room.
func (e *ZoomRoomIssueEvent) Mark() string { return string(e.Issue) + "\x00" + e.Time.String() }

// Mark identifies a user's figures within their list.
func (u *ChatUsage) Mark() string { return string(u.UserZoomID) }

// Mark identifies a person's choice within its list.
func (e *ClientFeedbackEntry) Mark() string {
	return string(e.ParticipantName+"\x00"+e.Email) + "\x00" + e.Time.String()
}
