package graph

import (
	"context"

	"zoomql/graph/generated"
	"zoomql/internal/zoom/types"
)

func (r *participantQosResolver) User(ctx context.Context, obj *types.ParticipantQos) (*types.User, error) {
	return of(ctx, obj).userOf(ctx, obj.ZoomID, obj.Email)
}

func (r *participantQosResolver) Participant(ctx context.Context, obj *types.ParticipantQos) (*types.DashboardParticipant, error) {
	return of(ctx, obj).qosParticipant(ctx, obj)
}

func (r *Resolver) ParticipantQos() generated.ParticipantQosResolver {
	return &participantQosResolver{r}
}

type participantQosResolver struct{ *Resolver }
