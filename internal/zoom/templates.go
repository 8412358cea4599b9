package zoom

import "zoomql/internal/zoom/types"

// MeetingTemplates is Zoom's answer with a user's templates: it has no pages.
type MeetingTemplates struct {
	Templates []*types.MeetingTemplate `json:"templates"`
	Counted
}

// NewMeetingTemplate creates a template from a meeting.
type NewMeetingTemplate struct {
	UserID string                 `path:"userId"`
	Body   NewMeetingTemplateBody `body:""`
}

// NewMeetingTemplateBody names the meeting and the options.
type NewMeetingTemplateBody struct {
	MeetingID      types.MeetingNumber `json:"meeting_id"`
	Name           *string             `json:"name,omitzero"`
	SaveRecurrence *bool               `json:"save_recurrence,omitzero"`
	Overwrite      *bool               `json:"overwrite,omitzero"`
}

var templatesOfUser = []string{"user:{userId}:templates"}

// The operations on templates of meetings.
var (
	ListMeetingTemplates = op[UserKey, MeetingTemplates](Spec{
		Pattern: "GET /users/{userId}/meeting_templates", Rate: Medium, Life: Slow,
		Scopes: meetingRead + "meeting:read:list_templates meeting:read:list_templates:admin",
		Tags:   templatesOfUser,
	})
	CreateMeetingTemplate = op[NewMeetingTemplate, types.MeetingTemplate](Spec{
		Pattern: "POST /users/{userId}/meeting_templates", Rate: Medium,
		Scopes: meetingWrite + "meeting:write:template meeting:write:template:admin",
		Evicts: templatesOfUser,
	})
)
