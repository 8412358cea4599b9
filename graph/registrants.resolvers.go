package graph

import (
	"context"

	"zoomql/graph/generated"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *addedRegistrantResolver) Meeting(ctx context.Context, obj *types.AddedRegistrant) (*types.Meeting, error) {
	if obj.OfWebinar {
		return nil, nil
	}
	return of(ctx, obj).meeting(ctx, obj.MeetingNumber)
}

func (r *addedRegistrantResolver) Registrant(ctx context.Context, obj *types.AddedRegistrant) (*types.Registrant, error) {
	return of(ctx, obj).registrant(ctx, zoom.RegistrantsOf{Number: obj.MeetingNumber, Webinar: obj.OfWebinar}, string(obj.RegistrantID))
}

func (r *mutationResolver) AddRegistrant(ctx context.Context, input types.AddRegistrantInput) (*types.AddRegistrantPayload, error) {
	at, number, err := meetingTarget(ctx, input.Meeting)
	return write(ctx, at, err, func(p *types.AddRegistrantPayload) (err error) {
		p.Registrant, err = r.addRegistrant(ctx, at, number, input)
		return err
	})
}

func (r *mutationResolver) UpdateRegistrantStatus(ctx context.Context, input types.UpdateRegistrantStatusInput) (*types.UpdateRegistrantStatusPayload, error) {
	at, m, err := occurrenceTarget(ctx, input.Meeting, input.OccurrenceID)
	return write(ctx, at, err, func(p *types.UpdateRegistrantStatusPayload) (err error) {
		p.Registered, err = at.updateRegistrantStatus(ctx, m, input)
		return err
	})
}

func (r *mutationResolver) DeleteRegistrant(ctx context.Context, input types.DeleteRegistrantInput) (*types.DeleteRegistrantPayload, error) {
	at, removal, err := registrantTarget(ctx, input.Meeting, input.OccurrenceID, input.Registrant)
	return write(ctx, at, err, func(*types.DeleteRegistrantPayload) error {
		return only(zoom.DeleteRegistrant.Do(ctx, at.client, removal))
	})
}

func (r *registrantResolver) Meeting(ctx context.Context, obj *types.Registrant) (*types.Meeting, error) {
	if obj.OfWebinar {
		return nil, nil
	}
	return orNil(of(ctx, obj).meeting(ctx, obj.Meeting))
}

func (r *registrantResolver) User(ctx context.Context, obj *types.Registrant) (*types.User, error) {
	return orNil(of(ctx, obj).user(ctx, string(obj.Email)))
}

func (r *updateRegistrantStatusPayloadResolver) Registrants(ctx context.Context, obj *types.UpdateRegistrantStatusPayload) ([]*types.Registrant, error) {
	return of(ctx, obj).registrantsNow(ctx, numberOf(obj.Target), obj.Registered)
}

func (r *Resolver) AddedRegistrant() generated.AddedRegistrantResolver {
	return &addedRegistrantResolver{r}
}

func (r *Resolver) Registrant() generated.RegistrantResolver { return &registrantResolver{r} }

func (r *Resolver) UpdateRegistrantStatusPayload() generated.UpdateRegistrantStatusPayloadResolver {
	return &updateRegistrantStatusPayloadResolver{r}
}

type (
	addedRegistrantResolver               struct{ *Resolver }
	registrantResolver                    struct{ *Resolver }
	updateRegistrantStatusPayloadResolver struct{ *Resolver }
)
