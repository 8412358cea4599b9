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
	added, err := in(ctx, input.Meeting.ID).addRegistrant(ctx, r.Idempotency, input)
	mistakes, err := userErrors(ctx, err)
	return &types.AddRegistrantPayload{Registrant: added, UserErrors: mistakes}, err
}

func (r *mutationResolver) UpdateRegistrantStatus(ctx context.Context, input types.UpdateRegistrantStatusInput) (*types.UpdateRegistrantStatusPayload, error) {
	number, names, err := in(ctx, input.Meeting.ID).updateRegistrantStatus(ctx, input)
	mistakes, err := userErrors(ctx, err)
	return &types.UpdateRegistrantStatusPayload{Origin: in(ctx, input.Meeting.ID).origin(), Number: number, Names: names, UserErrors: mistakes}, err
}

func (r *mutationResolver) DeleteRegistrant(ctx context.Context, input types.DeleteRegistrantInput) (*types.DeleteRegistrantPayload, error) {
	reg, err := in(ctx, input.Meeting.ID).deleteRegistrant(ctx, input)
	mistakes, err := userErrors(ctx, err)
	payload := &types.DeleteRegistrantPayload{UserErrors: mistakes}
	if reg != nil {
		payload.DeletedRegistrantID = gone(reg.ID(), mistakes)
	}
	return payload, err
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
	return of(ctx, obj).registrantsNow(ctx, obj.Number, obj.Names)
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
