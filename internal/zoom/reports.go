package zoom

import "zoomql/internal/zoom/types"

// ParticipantReportFilter picks the participants of one run from its report.
type ParticipantReportFilter struct {
	MeetingID string `path:"meetingId"`
	// IncludeFields is "registrant_id", or nothing.
	IncludeFields string `query:"include_fields"`
}

// PastMeetingFilter picks the runs that a user hosted. The range is at most a
// month.
type PastMeetingFilter struct {
	UserID string                `path:"userId"`
	From   types.Date            `query:"from"`
	To     types.Date            `query:"to"`
	Type   types.PastMeetingType `query:"type"`
}

// MonthKey names a month; the zero value is the current one.
type MonthKey struct {
	Year  int `query:"year"`
	Month int `query:"month"`
}

const reportRead = "report:read:admin "

// The operations on reports.
var (
	GetMeetingReport = op[InstanceKey, types.MeetingReport](Spec{
		Pattern: "GET /report/meetings/{meetingId}", Rate: Heavy, Life: Closed, LifeOf: pastLife, AcceptsUUID: true,
		Scopes: reportRead + "report:read:meeting:admin",
		Tags:   instanceTags,
	})
	ListReportParticipants = list(Spec{
		Pattern: "GET /report/meetings/{meetingId}/participants", Rate: Heavy, Life: Closed, LifeOf: pastLife, AcceptsUUID: true, Array: "participants", MaxPage: 300,
		Scopes: reportRead + "report:read:list_meeting_participants:admin",
		Tags:   instanceTags,
	}, func(in ParticipantReportFilter, p *types.Participant) { p.Run = in.MeetingID })
	ListPastMeetings = list[PastMeetingFilter, types.PastMeeting](Spec{
		Pattern: "GET /report/users/{userId}/meetings", Rate: Heavy, Life: Slow, Array: "meetings", MaxPage: 300,
		Scopes: reportRead + "report:read:user:admin",
		Tags:   []string{"user:{userId}:past_meetings"},
	})
	GetDailyReport = op[MonthKey, types.DailyReport](Spec{
		Pattern: "GET /report/daily", Rate: Heavy, Life: Slow,
		Scopes: reportRead,
		Tags:   []string{"report:daily"},
	})
)
