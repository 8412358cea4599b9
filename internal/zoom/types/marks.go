package types

import "strings"

// Rows of reports have no ids. What tells one from the others of its list is all
// that it says: a row that stands twice is found at its first place.

// Mark returns what tells the activity from others.
func (a *SignInActivity) Mark() string {
	return mark(string(a.Email), a.Time.String(), string(a.Type), string(a.IPAddress))
}

// Mark returns what tells the row from others.
func (h *HostActivity) Mark() string { return mark(string(h.ZoomID), string(h.Email), h.From.String()) }

// Mark returns what tells the change from others.
func (o *OperationLog) Mark() string {
	return mark(string(o.OperatorEmail), o.Time.String(), string(o.Detail))
}

// Mark returns what tells the call from others.
func (c *TelephoneCall) Mark() string {
	return mark(string(c.UUID), c.StartTime.String(), c.EndTime.String(), string(c.PhoneNumber), string(c.CallInNumber))
}

// Mark returns what tells the event from others. The dates of a recurring
// meeting may share an id.
func (e *UpcomingEvent) Mark() string { return mark(string(e.ZoomID), e.StartTime.String()) }

// Mark returns what tells the day from others.
func (u *CloudRecordingUsage) Mark() string { return u.Date.String() }

// Mark returns what tells the stay from others of its run.
func (p *WebinarReportParticipant) Mark() string {
	return mark(string(p.InMeetingID), string(p.Name), p.JoinTime.String())
}

// Mark returns what tells the attendee from others of the run: the first stay.
func (a *Attendee) Mark() string {
	if len(a.Stays) == 0 {
		return ""
	}
	first := a.Stays[0]
	return mark(string(first.InMeetingID), string(first.Name), first.JoinTime.String())
}

// Mark returns what tells the attendee from others of the meeting: the first stay.
func (a *MeetingAttendee) Mark() string {
	if a.First == nil {
		return ""
	}
	return mark(string(a.First.InMeetingID), string(a.First.Name), a.First.JoinTime.String())
}

func mark(parts ...string) string { return strings.Join(parts, "\x00") }
