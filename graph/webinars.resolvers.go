package graph

import (
	"context"

	"zoomql/graph/argument"
	"zoomql/graph/generated"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *addedRegistrantResolver) Webinar(ctx context.Context, obj *types.AddedRegistrant) (*types.Webinar, error) {
	if !obj.OfWebinar {
		return nil, nil
	}
	return of(ctx, obj).webinar(ctx, obj.MeetingNumber)
}

func (r *mutationResolver) AddWebinarRegistrant(ctx context.Context, input types.AddWebinarRegistrantInput) (*types.AddRegistrantPayload, error) {
	at, number, err := webinarTarget(ctx, input.Webinar)
	return write(ctx, at, err, func(p *types.AddRegistrantPayload) (err error) {
		p.Registrant, err = r.addWebinarRegistrant(ctx, at, number, input)
		return err
	})
}

func (r *panelistResolver) User(ctx context.Context, obj *types.Panelist) (*types.User, error) {
	return orNil(of(ctx, obj).user(ctx, string(obj.Email)))
}

func (r *queryResolver) Webinar(ctx context.Context, by types.WebinarBy) (*types.Webinar, error) {
	number, err := argument.Number("webinar", by)
	if err != nil {
		return nil, err
	}
	return orNil(in(ctx, by.ID).webinar(ctx, number))
}

func (r *registrantResolver) Webinar(ctx context.Context, obj *types.Registrant) (*types.Webinar, error) {
	if !obj.OfWebinar {
		return nil, nil
	}
	return orNil(of(ctx, obj).webinar(ctx, obj.Meeting))
}

func (r *userResolver) Webinars(ctx context.Context, obj *types.User, first int, after *string, typeArg types.WebinarListType, includeEvents bool) (*types.Connection[types.Webinar], error) {
	filter := zoom.WebinarFilter{UserID: obj.ID().Key, Type: typeArg, IncludeEvents: &includeEvents}
	return of(ctx, obj).webinarList(ctx, filter, first, after)
}

func (r *webinarResolver) Host(ctx context.Context, obj *types.Webinar) (*types.User, error) {
	return of(ctx, obj).webinarHost(ctx, obj)
}

func (r *webinarResolver) Registrants(ctx context.Context, obj *types.Webinar, first int, after *string, status types.RegistrantStatus, occurrenceID *string, trackingSourceID *string) (*types.Connection[types.Registrant], error) {
	if err := argument.Filled(map[string]*string{"occurrenceId": occurrenceID, "trackingSourceId": trackingSourceID}); err != nil {
		return nil, err
	}
	filter := zoom.WebinarRegistrantFilter{WebinarID: obj.Number, Status: status, OccurrenceID: deref(occurrenceID), TrackingSourceID: deref(trackingSourceID)}
	return of(ctx, obj).webinarRegistrants(ctx, filter, first, after)
}

func (r *webinarResolver) Registrant(ctx context.Context, obj *types.Webinar, by types.RegistrantBy) (*types.Registrant, error) {
	return of(ctx, obj).oneRegistrant(ctx, ofWebinar(obj.Number), by)
}

func (r *webinarResolver) Participants(ctx context.Context, obj *types.Webinar, first int, after *string, uuid *types.UUID) (*types.ParticipantConnection, error) {
	return of(ctx, obj).webinarParticipants(ctx, obj, first, after, uuid)
}

func (r *webinarResolver) Instances(ctx context.Context, obj *types.Webinar, first int, after *string) (*types.Connection[types.WebinarReport], error) {
	return of(ctx, obj).webinarInstances(ctx, obj.Number, first, after)
}

func (r *webinarResolver) Panelists(ctx context.Context, obj *types.Webinar) ([]*types.Panelist, error) {
	return of(ctx, obj).panelists(ctx, obj.Number)
}

func (r *Resolver) Panelist() generated.PanelistResolver { return &panelistResolver{r} }

func (r *Resolver) Webinar() generated.WebinarResolver { return &webinarResolver{r} }

type (
	panelistResolver struct{ *Resolver }
	webinarResolver  struct{ *Resolver }
)
