package zoom

import "zoomql/internal/zoom/types"

// MeetingKey names a meeting by its number.
type MeetingKey struct {
	MeetingID types.MeetingNumber `path:"meetingId"`
}

// MeetingQuery names a meeting to be read.
type MeetingQuery struct {
	MeetingID types.MeetingNumber `path:"meetingId"`
	// Previous includes the occurrences that are over.
	Previous bool `query:"show_previous_occurrences"`
}

// MeetingFilter selects meetings of one user.
type MeetingFilter struct {
	UserID   string                `path:"userId"`
	Type     types.MeetingListType `query:"type"`
	From     types.Date            `query:"from"`
	To       types.Date            `query:"to"`
	Timezone string                `query:"timezone"`
}

// NewMeeting is a meeting to be created for a user.
type NewMeeting struct {
	UserID  string            `path:"userId"`
	Meeting *types.NewMeeting `body:""`
}

// MeetingPatch changes a meeting, or one occurrence of it.
type MeetingPatch struct {
	MeetingID    types.MeetingNumber `path:"meetingId"`
	OccurrenceID string              `query:"occurrence_id"`
	Patch        *types.MeetingPatch `body:""`
}

// MeetingRemoval deletes a meeting, or one occurrence of it.
type MeetingRemoval struct {
	MeetingID             types.MeetingNumber `path:"meetingId"`
	OccurrenceID          string              `query:"occurrence_id"`
	ScheduleForReminder   *bool               `query:"schedule_for_reminder"`
	CancelMeetingReminder *bool               `query:"cancel_meeting_reminder"`
}

// MeetingAction ends a live meeting, or recovers a deleted one.
type MeetingAction struct {
	MeetingID types.MeetingNumber `path:"meetingId"`
	Body      MeetingActionBody   `body:""`
}

// MeetingActionBody names the action.
type MeetingActionBody struct {
	Action string `json:"action"`
}

// meetingWrites is the daily quota for creating and updating meetings, which
// Zoom counts per host.
//
// Source: https://developers.zoom.us/docs/api/rate-limits/
var meetingWrites = Quota{Name: "meeting writes of a host", PerDay: 100, By: []string{hostVar}}

const (
	meetingRead  = "meeting:read meeting:read:admin "
	meetingWrite = "meeting:write meeting:write:admin "
)

// staleMeeting are the tags that a change of a meeting evicts.
var staleMeeting = []string{"meeting:{meetingId}", "host-of:{meetingId}:meetings", "report:upcoming_events"}

// meetingsLife returns the life of a list of meetings: that of live ones changes within seconds.
func meetingsLife(req *Request, _ any) Life {
	if asks(req, "type") == types.MeetingListTypeLive.Code() {
		return Live
	}
	return Scheduled
}

// listsByClock reports whether a list of meetings or webinars depends on the clock: any list
// but that of all scheduled ones, such as the upcoming or the past ones.
func listsByClock(req *Request) bool {
	kind := asks(req, "type")
	return kind != "" && kind != types.MeetingListTypeScheduled.Code()
}

// The operations on meetings.
var (
	GetMeeting = op[MeetingQuery, types.Meeting](Spec{
		Pattern: "GET /meetings/{meetingId}", Rate: Light, Life: Scheduled,
		Scopes: meetingRead + "meeting:read:meeting meeting:read:meeting:admin",
		Tags:   []string{"meeting:{meetingId}"},
	})
	ListMeetings = list[MeetingFilter, types.Meeting](Spec{
		Pattern: "GET /users/{userId}/meetings", Rate: Medium, Life: Scheduled, LifeOf: meetingsLife, ByClock: listsByClock, Array: "meetings", MaxPage: 300,
		Scopes: meetingRead + "meeting:read:list_meetings meeting:read:list_meetings:admin",
		Tags:   []string{"meetings", "user:{userId}:meetings"},
	})
	CreateMeeting = op[NewMeeting, types.Meeting](Spec{
		Pattern: "POST /users/{userId}/meetings", Rate: Light, Key: []string{"id"},
		Scopes: meetingWrite + "meeting:write:meeting meeting:write:meeting:admin",
		Evicts: []string{"user:{userId}:meetings", "report:upcoming_events"},
		Quotas: []Quota{meetingWrites},
	})
	UpdateMeeting = op[MeetingPatch, struct{}](Spec{
		Pattern: "PATCH /meetings/{meetingId}", Rate: Light,
		Scopes: meetingWrite + "meeting:update:meeting meeting:update:meeting:admin",
		Evicts: staleMeeting,
		Quotas: []Quota{meetingWrites},
	})
	DeleteMeeting = op[MeetingRemoval, struct{}](Spec{
		Pattern: "DELETE /meetings/{meetingId}", Rate: Light,
		Scopes: meetingWrite + "meeting:delete:meeting meeting:delete:meeting:admin",
		Evicts: append([]string{"meeting:{meetingId}:registrants"}, staleMeeting...),
	})
	UpdateMeetingStatus = op[MeetingAction, struct{}](Spec{
		Pattern: "PUT /meetings/{meetingId}/status", Rate: Light,
		Scopes: meetingWrite + "meeting:update:status meeting:update:status:admin",
		Evicts: append([]string{"meeting:{meetingId}:instances"}, staleMeeting...),
	})
)
