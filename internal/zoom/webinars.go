package zoom

import (
	"context"

	"zoomql/internal/zoom/types"
)

// WebinarKey names a webinar by its number.
type WebinarKey struct {
	WebinarID types.MeetingNumber `path:"webinarId"`
}

// WebinarQuery names a webinar to be read.
type WebinarQuery struct {
	WebinarID types.MeetingNumber `path:"webinarId"`
	// Previous includes the occurrences that are over.
	Previous bool `query:"show_previous_occurrences"`
}

// WebinarFilter selects webinars of one user.
type WebinarFilter struct {
	UserID string                `path:"userId"`
	Type   types.WebinarListType `query:"type"`
	// IncludeEvents includes webinars of Zoom Events; nil means Zoom's default.
	IncludeEvents *bool `query:"include_events_webinar"`
}

// WebinarRunKey names an instance of a webinar by its UUID, or the latest one by the webinar's
// number.
type WebinarRunKey struct {
	WebinarID string `path:"webinarId"`
}

// AbsenteeFilter selects the registrants who were not in one instance of a webinar.
type AbsenteeFilter struct {
	WebinarID string `path:"webinarId"`
	// Number is the number of the registrants' webinar. It is no part of the call.
	Number types.MeetingNumber
}

// Panelists is Zoom's answer with the panelists of a webinar: it has no pages.
type Panelists struct {
	Panelists []*types.Panelist `json:"panelists"`
	Counted
}

// WebinarRegistrantKey names a registrant of a webinar.
type WebinarRegistrantKey struct {
	WebinarID    types.MeetingNumber `path:"webinarId"`
	RegistrantID string              `path:"registrantId"`
}

// WebinarRegistrantFilter selects registrants of one webinar.
type WebinarRegistrantFilter struct {
	WebinarID        types.MeetingNumber    `path:"webinarId"`
	Status           types.RegistrantStatus `query:"status"`
	OccurrenceID     string                 `query:"occurrence_id"`
	TrackingSourceID string                 `query:"tracking_source_id"`
}

// NewWebinarRegistrant registers a person for a webinar.
type NewWebinarRegistrant struct {
	WebinarID     types.MeetingNumber  `path:"webinarId"`
	OccurrenceIDs []string             `query:"occurrence_ids"`
	Registrant    *types.NewRegistrant `body:""`
}

const (
	webinarRead  = "webinar:read webinar:read:admin "
	webinarWrite = "webinar:write webinar:write:admin "
)

var webinarRegistrantTags = []string{"webinar:{webinarId}:registrants"}

func ofWebinar(number types.MeetingNumber, r *types.Registrant) {
	r.Meeting, r.OfWebinar = number, true
}

// The operations on webinars.
var (
	GetWebinar = op[WebinarQuery, types.Webinar](Spec{
		Pattern: "GET /webinars/{webinarId}", Rate: Light, Life: Scheduled, AcceptsUUID: true,
		Scopes: webinarRead + "webinar:read:webinar webinar:read:webinar:admin",
		Tags:   []string{"webinar:{webinarId}"},
	})
	ListWebinars = list[WebinarFilter, types.Webinar](Spec{
		Pattern: "GET /users/{userId}/webinars", Rate: Medium, Life: Scheduled, ByClock: listsByClock, Array: "webinars", MaxPage: 300, Numbered: true,
		Scopes: webinarRead + "webinar:read:list_webinars webinar:read:list_webinars:admin",
		Tags:   []string{"webinars", "user:{userId}:webinars"},
	})
	GetWebinarRegistrant = op(Spec{
		Pattern: "GET /webinars/{webinarId}/registrants/{registrantId}", Rate: Light, Life: Scheduled,
		Scopes: webinarRead + "webinar:read:registrant webinar:read:registrant:admin",
		Tags:   webinarRegistrantTags,
	}, func(in WebinarRegistrantKey, r *types.Registrant) { ofWebinar(in.WebinarID, r) })
	ListWebinarRegistrants = list(Spec{
		Pattern: "GET /webinars/{webinarId}/registrants", Rate: Medium, Life: Scheduled, Array: "registrants", MaxPage: 300,
		Scopes: webinarRead + "webinar:read:list_registrants webinar:read:list_registrants:admin",
		Tags:   webinarRegistrantTags,
	}, func(in WebinarRegistrantFilter, r *types.Registrant) { ofWebinar(in.WebinarID, r) })
	AddWebinarRegistrant = op(Spec{
		Pattern: "POST /webinars/{webinarId}/registrants", Rate: Light, Key: []string{"registrant_id", "join_url"},
		Scopes: webinarWrite + "webinar:write:registrant webinar:write:registrant:admin",
		Evicts: webinarRegistrantTags,
		Quotas: []Quota{{Name: "registrations of a registrant", PerDay: 3, By: []string{"webinarId", "email"}}},
	}, func(_ NewWebinarRegistrant, r *types.AddedRegistrant) { r.OfWebinar = true })
	// Zoom documents no range of days here, nor how long instances are kept.
	ListWebinarInstances = list(Spec{
		Pattern: "GET /past_webinars/{webinarId}/instances", Rate: Light, Life: Scheduled, Late: true, Array: "webinars",
		Scopes: webinarRead + "webinar:read:list_past_instances webinar:read:list_past_instances:admin",
		Tags:   []string{"webinar:{webinarId}:instances"},
	}, func(in WebinarKey, w *types.WebinarReport) { w.WebinarNumber, w.Run = in.WebinarID, string(w.UUID) })
	ListAbsentees = list(Spec{
		Pattern: "GET /past_webinars/{webinarId}/absentees", Rate: Heavy, Life: Closed, LifeOf: pastLife, AcceptsUUID: true, Array: "registrants", MaxPage: 300,
		Scopes: webinarRead + "webinar:read:list_absentees webinar:read:list_absentees:admin",
		Tags:   webinarRunTags,
	}, func(in AbsenteeFilter, r *types.Registrant) { ofWebinar(in.Number, r) })
	ListPanelists = op[WebinarKey, Panelists](Spec{
		Pattern: "GET /webinars/{webinarId}/panelists", Rate: Medium, Life: Scheduled,
		Scopes: webinarRead + "webinar:read:list_panelists webinar:read:list_panelists:admin",
		Tags:   []string{"webinar:{webinarId}"},
	})
	ListWebinarParticipants = list(Spec{
		Pattern: "GET /past_webinars/{webinarId}/participants", Rate: Medium, Life: Closed, LifeOf: pastLife, Late: true, AcceptsUUID: true, Array: "participants", MaxPage: 300,
		Scopes:  webinarRead + "webinar:read:list_past_participants webinar:read:list_past_participants:admin",
		Tags:    webinarRunTags,
		OwnOnly: true,
	}, func(in WebinarRunKey, p *types.Participant) { p.Run, p.OfWebinar = in.WebinarID, true })
)

// webinarRegistrants returns the directory of one webinar's registrants.
func webinarRegistrants(webinar types.MeetingNumber) directory[types.Registrant] {
	d := directory[types.Registrant]{
		one: GetWebinarRegistrant.Spec, list: ListWebinarRegistrants.Spec, keys: registrantKeys,
		get: func(ctx context.Context, c *Client, id string) (*types.Registrant, error) {
			return GetWebinarRegistrant.Do(ctx, c, WebinarRegistrantKey{webinar, id})
		},
		known: func(ctx context.Context, c *Client, id string) (Found[types.Registrant], bool) {
			r, ok, err := GetWebinarRegistrant.Known(ctx, c, WebinarRegistrantKey{webinar, id})
			return Found[types.Registrant]{r, err}, ok
		},
	}
	for _, status := range RegistrantStatuses {
		d.listings = append(d.listings, listingOf("webinar registrants "+webinar.String()+" "+string(status), ListWebinarRegistrants, WebinarRegistrantFilter{WebinarID: webinar, Status: status}))
	}
	return d
}
