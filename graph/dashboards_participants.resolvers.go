package graph

import (
	"context"
	"fmt"
	"zoomql/graph/generated"
	"zoomql/internal/zoom/types"
)

func (r *dashboardParticipantResolver) User(ctx context.Context, obj *types.DashboardParticipant) (*types.User, error) {
	panic(fmt.Errorf("not implemented: User - user"))
}

func (r *dashboardParticipantResolver) Registrant(ctx context.Context, obj *types.DashboardParticipant) (*types.Registrant, error) {
	panic(fmt.Errorf("not implemented: Registrant - registrant"))
}

func (r *dashboardParticipantResolver) Qos(ctx context.Context, obj *types.DashboardParticipant) (*types.ParticipantQos, error) {
	panic(fmt.Errorf("not implemented: Qos - qos"))
}

func (r *participantFeedbackResolver) User(ctx context.Context, obj *types.ParticipantFeedback) (*types.User, error) {
	panic(fmt.Errorf("not implemented: User - user"))
}

func (r *participantSharingResolver) User(ctx context.Context, obj *types.ParticipantSharing) (*types.User, error) {
	panic(fmt.Errorf("not implemented: User - user"))
}

func (r *Resolver) DashboardParticipant() generated.DashboardParticipantResolver {
	return &dashboardParticipantResolver{r}
}

func (r *Resolver) ParticipantFeedback() generated.ParticipantFeedbackResolver {
	return &participantFeedbackResolver{r}
}

func (r *Resolver) ParticipantSharing() generated.ParticipantSharingResolver {
	return &participantSharingResolver{r}
}

type (
	dashboardParticipantResolver struct{ *Resolver }
	participantFeedbackResolver  struct{ *Resolver }
	participantSharingResolver   struct{ *Resolver }
)
