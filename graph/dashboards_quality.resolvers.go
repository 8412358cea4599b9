package graph

import (
	"context"
	"fmt"
	"zoomql/graph/generated"
	"zoomql/internal/zoom/types"
)

func (r *participantQosResolver) User(ctx context.Context, obj *types.ParticipantQos) (*types.User, error) {
	panic(fmt.Errorf("not implemented: User - user"))
}

func (r *participantQosResolver) Participant(ctx context.Context, obj *types.ParticipantQos) (*types.DashboardParticipant, error) {
	panic(fmt.Errorf("not implemented: Participant - participant"))
}

func (r *Resolver) ParticipantQos() generated.ParticipantQosResolver {
	return &participantQosResolver{r}
}

type participantQosResolver struct{ *Resolver }
