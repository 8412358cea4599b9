package zoom

import (
	"context"
	"errors"
	"iter"
	"strings"

	"zoomql/internal/zoom/types"
)

// RegistrantKey names a registrant of a meeting.
type RegistrantKey struct {
	MeetingID    types.MeetingNumber `path:"meetingId"`
	RegistrantID string              `path:"registrantId"`
}

// RegistrantFilter selects registrants of one meeting.
type RegistrantFilter struct {
	MeetingID    types.MeetingNumber    `path:"meetingId"`
	Status       types.RegistrantStatus `query:"status"`
	OccurrenceID string                 `query:"occurrence_id"`
}

// NewRegistrant registers a person for a meeting.
type NewRegistrant struct {
	MeetingID     types.MeetingNumber  `path:"meetingId"`
	OccurrenceIDs []string             `query:"occurrence_ids"`
	Registrant    *types.NewRegistrant `body:""`
}

// RegistrantStatusPatch changes the status of up to 30 registrants.
type RegistrantStatusPatch struct {
	MeetingID    types.MeetingNumber  `path:"meetingId"`
	OccurrenceID string               `query:"occurrence_id"`
	Body         RegistrantStatusBody `body:""`
}

// RegistrantStatusBody names the registrants and the action.
type RegistrantStatusBody struct {
	Action      types.RegistrantAction `json:"action"`
	Registrants []RegistrantName       `json:"registrants"`
}

// RegistrantName names a registrant in a body. Zoom requires both fields, or the e-mail address.
type RegistrantName struct {
	ID    string `json:"id,omitzero"`
	Email string `json:"email,omitzero"`
}

// MaxRegistrantsPerCall is how many registrants one status change may name.
const MaxRegistrantsPerCall = 30

// RegistrantRemoval removes a registrant from a meeting, or from one occurrence of it.
type RegistrantRemoval struct {
	MeetingID    types.MeetingNumber `path:"meetingId"`
	RegistrantID string              `path:"registrantId"`
	OccurrenceID string              `query:"occurrence_id"`
}

var registrantTags = []string{"meeting:{meetingId}:registrants"}

// The operations on registrants.
var (
	GetRegistrant = op(Spec{
		Pattern: "GET /meetings/{meetingId}/registrants/{registrantId}", Rate: Light, Life: Scheduled,
		Scopes: meetingRead + "meeting:read:registrant meeting:read:registrant:admin",
		Tags:   registrantTags,
	}, func(in RegistrantKey, r *types.Registrant) { r.Meeting = in.MeetingID })
	ListRegistrants = list(Spec{
		Pattern: "GET /meetings/{meetingId}/registrants", Rate: Medium, Life: Scheduled, Array: "registrants", MaxPage: 300,
		Scopes: meetingRead + "meeting:read:list_registrants meeting:read:list_registrants:admin",
		Tags:   registrantTags,
	}, func(in RegistrantFilter, r *types.Registrant) { r.Meeting = in.MeetingID })
	AddRegistrant = op[NewRegistrant, types.AddedRegistrant](Spec{
		Pattern: "POST /meetings/{meetingId}/registrants", Rate: Light, Key: []string{"registrant_id", "join_url"},
		Scopes: meetingWrite + "meeting:write:registrant meeting:write:registrant:admin",
		Evicts: registrantTags,
		Quotas: []Quota{{Name: "registrations of a registrant", PerDay: 3, By: []string{"meetingId", "email"}}},
	})
	UpdateRegistrantStatus = op[RegistrantStatusPatch, struct{}](Spec{
		Pattern: "PUT /meetings/{meetingId}/registrants/status", Rate: Medium,
		Scopes: meetingWrite + "meeting:update:registrant_status meeting:update:registrant_status:admin",
		Evicts: registrantTags,
		Quotas: []Quota{{Name: "status changes of a registrant", PerDay: 10, By: []string{"meetingId", "registrants"}}},
	})
	DeleteRegistrant = op[RegistrantRemoval, struct{}](Spec{
		Pattern: "DELETE /meetings/{meetingId}/registrants/{registrantId}", Rate: Light,
		Scopes: meetingWrite + "meeting:delete:registrant meeting:delete:registrant:admin",
		Evicts: registrantTags,
	})
)

// RegistrantStatuses are the statuses of registrants. Zoom has one list for each.
var RegistrantStatuses = []types.RegistrantStatus{types.RegistrantStatusApproved, types.RegistrantStatusPending, types.RegistrantStatusDenied}

func registrantKeys(r *types.Registrant) []string { return []string{string(r.ZoomID)} }

// meetingRegistrants returns the directory of one meeting's registrants.
func meetingRegistrants(meeting types.MeetingNumber) directory[types.Registrant] {
	d := directory[types.Registrant]{
		one: GetRegistrant.Spec, list: ListRegistrants.Spec, keys: registrantKeys,
		get: func(ctx context.Context, c *Client, id string) (*types.Registrant, error) {
			return GetRegistrant.Do(ctx, c, RegistrantKey{meeting, id})
		},
		known: func(ctx context.Context, c *Client, id string) (Found[types.Registrant], bool) {
			r, ok, err := GetRegistrant.Known(ctx, c, RegistrantKey{meeting, id})
			return Found[types.Registrant]{r, err}, ok
		},
	}
	for _, status := range RegistrantStatuses {
		d.listings = append(d.listings, listingOf("registrants "+meeting.String()+" "+string(status), ListRegistrants, RegistrantFilter{MeetingID: meeting, Status: status}))
	}
	return d
}

// FindRegistrants returns registrants of one meeting or webinar by id, in the
// order of the ids, at the least cost.
func FindRegistrants(ctx context.Context, c *Client, of RegistrantsOf, ids []string, later Later) []Found[types.Registrant] {
	d := meetingRegistrants(of.Number)
	if of.Webinar {
		d = webinarRegistrants(of.Number)
	}
	return d.find(ctx, c, ids, later)
}

// RegistrantsOf names the meeting or webinar of registrants.
type RegistrantsOf struct {
	Number  types.MeetingNumber
	Webinar bool
}

// Registrants returns the pages of one list of registrants, each of the largest size.
func (of RegistrantsOf) Registrants(ctx context.Context, c *Client, status types.RegistrantStatus) iter.Seq2[*Page[types.Registrant], error] {
	if of.Webinar {
		return ListWebinarRegistrants.Pages(ctx, c, WebinarRegistrantFilter{WebinarID: of.Number, Status: status}, Paging{Size: ListWebinarRegistrants.MaxPage})
	}
	return ListRegistrants.Pages(ctx, c, RegistrantFilter{MeetingID: of.Number, Status: status}, Paging{Size: ListRegistrants.MaxPage})
}

// One returns the operation of [RegistrantsOf.Get].
func (of RegistrantsOf) One() *Spec {
	if of.Webinar {
		return GetWebinarRegistrant.Spec
	}
	return GetRegistrant.Spec
}

// Get returns one registrant by id.
func (of RegistrantsOf) Get(ctx context.Context, c *Client, id string, options ...Option) (*types.Registrant, error) {
	if of.Webinar {
		return GetWebinarRegistrant.Do(ctx, c, WebinarRegistrantKey{of.Number, id}, options...)
	}
	return GetRegistrant.Do(ctx, c, RegistrantKey{of.Number, id}, options...)
}

// ByEmail returns the registrant of an e-mail address, from the lists of registrants. It returns
// ErrNotFound only if all lists were complete.
func (of RegistrantsOf) ByEmail(ctx context.Context, c *Client, email string) (*types.Registrant, error) {
	var short error
	for _, status := range RegistrantStatuses {
		for page, err := range of.Registrants(ctx, c, status) {
			if errors.Is(err, ErrIncomplete) {
				short = err
				break
			}
			if err != nil {
				return nil, err
			}
			for _, reg := range page.Items {
				if strings.EqualFold(string(reg.Email), email) {
					return reg, nil
				}
			}
		}
	}
	if short != nil {
		return nil, short
	}
	return nil, &Error{By: ByGateway, Op: ListRegistrants.Pattern, Kind: ErrNotFound}
}
