package zoom

import "zoomql/internal/zoom/types"

// WebinarParticipantFilter selects the participants of one instance of a webinar.
type WebinarParticipantFilter struct {
	WebinarID string `path:"webinarId"`
	// IncludeFields is "registrant_id" or "".
	IncludeFields string `query:"include_fields"`
}

var webinarRunTags = []string{"instance:{webinarId}", "webinar:{webinarId}:instances"}

// The reports on webinars.
var (
	GetWebinarReport = op(Spec{
		Pattern: "GET /report/webinars/{webinarId}", Rate: Heavy, Life: Closed, LifeOf: pastLife, AcceptsUUID: true,
		Scopes: reportRead + "report:read:webinar:admin",
		Tags:   webinarRunTags,
	}, func(in WebinarRunKey, r *types.WebinarReport) { r.Run = in.WebinarID })
	ListWebinarReportParticipants = list(Spec{
		Pattern: "GET /report/webinars/{webinarId}/participants", Rate: Heavy, Life: Closed, LifeOf: pastLife, AcceptsUUID: true, Array: "participants", MaxPage: 300,
		Scopes: reportRead + "report:read:list_webinar_participants:admin",
		Tags:   webinarRunTags,
	}, func(in WebinarParticipantFilter, p *types.WebinarReportParticipant) { p.Run = in.WebinarID })
	GetWebinarPolls = op(Spec{
		Pattern: "GET /report/webinars/{webinarId}/polls", Rate: Heavy, Life: Closed, LifeOf: answersLife, AcceptsUUID: true,
		Scopes: reportRead + "report:read:list_webinar_polls:admin",
		Tags:   webinarRunTags,
	}, readyPolls[WebinarRunKey](types.InstanceSourceReport))
)
