package types

import "strings"

// Rows of reports have no ids: their content is their identity. A cursor at a row that
// occurs twice resumes after the first.

// Mark identifies the meeting within its list. The occurrences of a recurring meeting share its number.
func (m *Meeting) Mark() string {
	return mark(m.Number.String(), string(m.UUID), m.StartTime.String())
}

// Mark identifies the webinar within its list, as that of a meeting does.
func (w *Webinar) Mark() string {
	return mark(w.Number.String(), string(w.UUID), w.StartTime.String())
}

// Mark identifies the activity within its list.
func (a *SignInActivity) Mark() string {
	return mark(string(a.Email), a.Time.String(), string(a.Type), string(a.IPAddress))
}

// Mark identifies the row within its list.
func (h *HostActivity) Mark() string { return mark(string(h.ZoomID), string(h.Email), h.From.String()) }

// Mark identifies the change within its list.
func (o *OperationLog) Mark() string {
	return mark(string(o.OperatorEmail), o.Time.String(), string(o.Detail))
}

// Mark identifies the call within its list.
func (c *TelephoneCall) Mark() string {
	return mark(string(c.UUID), c.StartTime.String(), c.EndTime.String(), string(c.PhoneNumber), string(c.CallInNumber))
}

// Mark identifies the event within its list. The occurrences of a recurring
// meeting may share an id.
func (e *UpcomingEvent) Mark() string { return mark(string(e.ZoomID), e.StartTime.String()) }

// Mark identifies the day within its list.
func (u *CloudRecordingUsage) Mark() string { return u.Date.String() }

// Mark identifies the stay within its instance.
func (p *WebinarReportParticipant) Mark() string {
	return mark(string(p.InMeetingID), string(p.Name), p.JoinTime.String())
}

// Mark identifies the attendee within the instance, by the first stay.
func (a *Attendee) Mark() string {
	if len(a.Stays) == 0 {
		return ""
	}
	first := a.Stays[0]
	return mark(string(first.InMeetingID), string(first.Name), first.JoinTime.String())
}

// Mark identifies the attendee within the meeting, by the first stay.
func (a *MeetingAttendee) Mark() string {
	if a.First == nil {
		return ""
	}
	return mark(string(a.First.InMeetingID), string(a.First.Name), a.First.JoinTime.String())
}

func mark(parts ...string) string { return strings.Join(parts, "\x00") }
