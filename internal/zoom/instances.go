package zoom

import (
	"cmp"
	"context"
	"time"

	"zoomql/internal/zoom/types"
)

// InstanceKey names an instance of a meeting by its UUID, or the latest instance by the
// meeting's number.
type InstanceKey struct {
	MeetingID string `path:"meetingId"`
}

// InstanceFilter selects instances of one meeting. Zoom accepts From and To only together.
type InstanceFilter struct {
	MeetingID types.MeetingNumber `path:"meetingId"`
	From      types.Date          `query:"from"`
	To        types.Date          `query:"to"`
}

// pastLife returns the life of an answer about an instance. A meeting number names the latest
// instance, which changes with the next one. An instance without an end is live. If participants
// have no duration, or if there are none, Zoom may still be processing the instance, for minutes.
func pastLife(req *Request, answer any) Life {
	if _, err := types.ParseMeetingNumber(cmp.Or(req.Vars["meetingId"], req.Vars["webinarId"])); err == nil {
		return Scheduled
	}
	switch a := answer.(type) {
	case *Page[types.Participant]:
		if len(a.Items) == 0 || Unfinished(a.Items) {
			return Scheduled
		}
	case *types.MeetingInstance:
		if a.EndTime.IsZero() {
			return Live
		}
	case *types.MeetingReport:
		if a.EndTime.IsZero() {
			return Live
		}
	case *types.WebinarReport:
		if a.EndTime.IsZero() {
			return Live
		}
	case *Page[types.WebinarReportParticipant]:
		if len(a.Items) == 0 {
			return Scheduled
		}
	case *Page[types.Registrant]: // absentees: all registrants, until Zoom has the participants
		return Scheduled
	}
	return Closed
}

const (
	// ReportLag is how long Zoom may take to process the participants of an instance. Zoom
	// documents some minutes, without a guarantee.
	ReportLag = time.Hour
	// longestLag is how long a stay may have a duration that contradicts its times.
	longestLag = 24 * time.Hour
)

// Unfinished reports whether Zoom is still processing participants: until then stays have no
// duration. Some never have one, such as that of a person who was not admitted from the waiting
// room, so a missing duration long after an instance is ignored.
func Unfinished(stays []*types.Participant) bool {
	var last time.Time
	none, odd := false, false
	for _, p := range stays {
		for _, at := range []types.Time{p.JoinTime, p.LeaveTime} {
			if at.After(last) {
				last = at.Time
			}
		}
		if p.DurationSeconds == (types.Int{Valid: true}) {
			none = true
			odd = odd || p.LeaveTime.IsZero() || p.LeaveTime.After(p.JoinTime.Time)
		}
	}
	age := time.Since(last)
	return none && (last.IsZero() || age < ReportLag || odd && age < longestLag)
}

var instanceTags = []string{"instance:{meetingId}", "meeting:{meetingId}:instances"}

// FindPastStays returns the participants of the past meeting that are the same stays as those of
// another source, in their order. Zoom has no operation for one stay, so the list is read until
// all are found.
func FindPastStays(ctx context.Context, c *Client, run InstanceKey, stays []*types.Participant) []Found[types.Participant] {
	name := func(p *types.Participant) string { return string(p.InMeetingID) + " " + p.JoinTime.String() }
	names := make([]string, len(stays))
	for i, p := range stays {
		names[i] = name(p)
	}
	return findOnPages(ctx, c, ListPastParticipants, run, names, name)
}

// The operations on instances of meetings.
var (
	GetPastMeeting = op[InstanceKey, types.MeetingInstance](Spec{
		Pattern: "GET /past_meetings/{meetingId}", Rate: Light, Life: Closed, LifeOf: pastLife, Late: true, AcceptsUUID: true, OwnOnly: true,
		Scopes: meetingRead + "meeting:read:past_meeting meeting:read:past_meeting:admin",
		Tags:   instanceTags,
	})
	ListInstances = list(Spec{
		Pattern: "GET /past_meetings/{meetingId}/instances", Rate: Medium, Life: Scheduled, Late: true, Array: "meetings",
		Scopes: meetingRead + "meeting:read:list_past_instances meeting:read:list_past_instances:admin",
		Tags:   []string{"meeting:{meetingId}:instances"},
	}, func(in InstanceFilter, i *types.MeetingInstance) { i.MeetingNumber = in.MeetingID })
	ListPastParticipants = list(Spec{
		Pattern: "GET /past_meetings/{meetingId}/participants", Rate: Medium, Life: Closed, LifeOf: pastLife, Late: true, AcceptsUUID: true, OwnOnly: true, Array: "participants", MaxPage: 300,
		Scopes: meetingRead + "meeting:read:list_past_participants meeting:read:list_past_participants:admin",
		Tags:   instanceTags,
	}, func(in InstanceKey, p *types.Participant) { p.Run = in.MeetingID })
)
