package zoom

import "zoomql/internal/zoom/types"

// UpcomingMeetings is Zoom's answer with a user's upcoming meetings: it has no pages.
type UpcomingMeetings struct {
	Meetings []*types.UpcomingMeeting `json:"meetings"`
	Counted
}

// ListUpcomingMeetings returns a user's meetings of the next 24 hours.
var ListUpcomingMeetings = op[UserKey, UpcomingMeetings](Spec{
	Pattern: "GET /users/{userId}/upcoming_meetings", Rate: Medium, Life: Scheduled, OwnOnly: true,
	Scopes: meetingRead + "meeting:read:list_upcoming_meetings meeting:read:list_upcoming_meetings:admin",
	Tags:   []string{"meetings", "user:{userId}:meetings"},
})
