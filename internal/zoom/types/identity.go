package types

import "cmp"

// LacksID reports whether an item is of a kind that has an id, and has none: no operation
// can address it, and the schema does not allow it.
func LacksID(item any) bool {
	switch x := item.(type) {
	case Node:
		return x.ID().Key == ""
	case *PastMeeting:
		return x.Instance.UUID == ""
	}
	return false
}

// Identified reports whether items of a kind have an identity ([IdentityOf]), by which a
// duplicate in a list is detected.
func Identified(item any) bool {
	switch item.(type) {
	case Node, *PastMeeting, *ChatChannel, *ChatMessage, *PhoneRecording, *GroupMember, *RoleMember, *DashboardMeeting, *DashboardWebinar, *DashboardZoomRoom,
		*HostActivity, *Participant, *DashboardParticipant, *ParticipantQos, *WebinarReportParticipant:
		return true
	}
	return false
}

// IdentityOf returns a string that is unique to an item within its list; "" if the item has
// none.
func IdentityOf(item any) string {
	switch x := item.(type) {
	case *Meeting:
		return x.Mark()
	case *Webinar:
		return x.Mark()
	case *PastMeeting:
		return mark(string(x.Instance.UUID), x.Report.StartTime.String())
	case Node:
		return x.ID().Key
	case *DashboardMeeting:
		return unlessEmpty(string(x.UUID), x.StartTime.String())
	case *DashboardWebinar:
		return unlessEmpty(string(x.UUID), x.StartTime.String())
	case *Participant:
		return stayOf(x.InMeetingID, x.Name, x.JoinTime, x.LeaveTime, x.BreakoutRoomID)
	case *DashboardParticipant:
		return stayOf(x.InMeetingID, x.Name, x.JoinTime, x.LeaveTime, x.ParticipantUUID)
	case *ParticipantQos:
		return stayOf(x.InMeetingID, x.Name, x.JoinTime, x.LeaveTime, x.ParticipantUUID)
	case *WebinarReportParticipant:
		return stayOf(x.InMeetingID, x.Name, x.JoinTime, x.LeaveTime, "")
	case *HostActivity:
		return unlessEmpty(string(cmp.Or(x.ZoomID, x.Email)), x.From.String())
	case interface{ Mark() string }:
		return x.Mark()
	}
	return ""
}

// stayOf returns the identity of a stay: a participant who rejoins gets another id within
// the meeting, or at least another time.
func stayOf(inMeetingID, name Text, join, leave Time, more Text) string {
	if inMeetingID == "" || join.IsZero() {
		return ""
	}
	return mark(string(inMeetingID), string(name), join.String(), leave.String(), string(more))
}

func unlessEmpty(id string, more string) string {
	if id == "" {
		return ""
	}
	return mark(id, more)
}
