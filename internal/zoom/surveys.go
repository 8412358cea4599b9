package zoom

import "zoomql/internal/zoom/types"

// MeetingSurveyPatch changes the survey of a meeting.
type MeetingSurveyPatch struct {
	MeetingID types.MeetingNumber       `path:"meetingId"`
	Survey    *types.MeetingSurveyInput `body:""`
}

var surveyOfMeeting = []string{"meeting:{meetingId}:survey"}

// The operations on surveys of meetings.
var (
	GetMeetingSurvey = op[MeetingKey, types.MeetingSurvey](Spec{
		Pattern: "GET /meetings/{meetingId}/survey", Rate: Light, Life: Scheduled, Unset: true,
		Scopes: meetingRead + "meeting:read:survey meeting:read:survey:admin",
		Tags:   ofMeeting("survey"),
	})
	UpdateMeetingSurvey = op[MeetingSurveyPatch, struct{}](Spec{
		Pattern: "PATCH /meetings/{meetingId}/survey", Rate: Light,
		Scopes: meetingWrite + "meeting:update:survey meeting:update:survey:admin",
		Evicts: surveyOfMeeting,
	})
	DeleteMeetingSurvey = op[MeetingKey, struct{}](Spec{
		Pattern: "DELETE /meetings/{meetingId}/survey", Rate: Light,
		Scopes: meetingWrite + "meeting:delete:survey meeting:delete:survey:admin",
		Evicts: surveyOfMeeting,
	})
)
