package zoom

import "zoomql/internal/zoom/types"

// LivestreamPatch sets the destination of a meeting's livestream.
type LivestreamPatch struct {
	MeetingID  types.MeetingNumber    `path:"meetingId"`
	Livestream *types.LivestreamInput `body:""`
}

// LivestreamStatusPatch starts or stops a livestream, or changes its layout.
type LivestreamStatusPatch struct {
	MeetingID types.MeetingNumber  `path:"meetingId"`
	Body      LivestreamStatusBody `body:""`
}

// LivestreamStatusBody names the action on a livestream.
type LivestreamStatusBody struct {
	Action   types.LivestreamAction         `json:"action"`
	Settings *types.LivestreamSettingsInput `json:"settings,omitzero"`
}

var livestreamOfMeeting = []string{"meeting:{meetingId}:livestream"}

// The operations on livestreams of meetings.
var (
	GetLivestream = op[MeetingKey, types.Livestream](Spec{
		Pattern: "GET /meetings/{meetingId}/livestream", Rate: Light, Life: Scheduled, Unset: true,
		Scopes: meetingRead + "meeting:read:livestream meeting:read:livestream:admin",
		Tags:   ofMeeting("livestream"),
	})
	UpdateLivestream = op[LivestreamPatch, struct{}](Spec{
		Pattern: "PATCH /meetings/{meetingId}/livestream", Rate: Light,
		Scopes: meetingWrite + "meeting:update:livestream meeting:update:livestream:admin",
		Evicts: livestreamOfMeeting,
	})
	UpdateLivestreamStatus = op[LivestreamStatusPatch, struct{}](Spec{
		Pattern: "PATCH /meetings/{meetingId}/livestream/status", Rate: Light,
		Scopes: meetingWrite + "meeting:update:livestream_status meeting:update:livestream_status:admin",
		Evicts: livestreamOfMeeting,
	})
)
