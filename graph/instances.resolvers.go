package graph

import (
	"context"

	"zoomql/graph/argument"
	"zoomql/graph/generated"
	"zoomql/internal/zoom/types"
)

func (r *meetingInstanceResolver) Meeting(ctx context.Context, obj *types.MeetingInstance) (*types.Meeting, error) {
	if obj.MeetingNumber == 0 {
		whole, err := of(ctx, obj).wholeInstance(ctx, obj)
		if err != nil {
			return nil, err
		}
		obj = whole
	}
	return orNil(of(ctx, obj).meeting(ctx, obj.MeetingNumber))
}

func (r *meetingInstanceResolver) Host(ctx context.Context, obj *types.MeetingInstance) (*types.User, error) {
	if obj.HostZoomID == "" && obj.HostEmail == "" {
		whole, err := of(ctx, obj).wholeInstance(ctx, obj)
		if err != nil {
			return nil, err
		}
		obj = whole
	}
	return orNil(of(ctx, obj).user(ctx, string(instanceHost(obj))))
}

func (r *meetingInstanceResolver) Participants(ctx context.Context, obj *types.MeetingInstance, first int, after *string, source *types.ParticipantSource) (*types.ParticipantConnection, error) {
	return of(ctx, obj).participants(ctx, obj, first, after, source)
}

func (r *meetingInstanceResolver) Report(ctx context.Context, obj *types.MeetingInstance) (*types.MeetingReport, error) {
	return of(ctx, obj).report(ctx, obj)
}

func (r *participantResolver) User(ctx context.Context, obj *types.Participant) (*types.User, error) {
	return of(ctx, obj).participantUser(ctx, obj)
}

func (r *participantResolver) Registrant(ctx context.Context, obj *types.Participant) (*types.Registrant, error) {
	return of(ctx, obj).participantRegistrant(ctx, obj)
}

func (r *queryResolver) MeetingInstance(ctx context.Context, by types.MeetingInstanceBy) (*types.MeetingInstance, error) {
	name, err := argument.Key("", by)
	if err != nil {
		return nil, err
	}
	return orNil(in(ctx, by.ID).instance(ctx, name))
}

func (r *Resolver) MeetingInstance() generated.MeetingInstanceResolver {
	return &meetingInstanceResolver{r}
}

func (r *Resolver) Participant() generated.ParticipantResolver { return &participantResolver{r} }

type (
	meetingInstanceResolver struct{ *Resolver }
	participantResolver     struct{ *Resolver }
)
