package graph

import (
	"cmp"
	"context"

	"zoomql/graph/generated"
	"zoomql/internal/zoom/types"
)

func (r *dashboardParticipantResolver) User(ctx context.Context, obj *types.DashboardParticipant) (*types.User, error) {
	return of(ctx, obj).userOf(ctx, cmp.Or(obj.ParticipantUserID, obj.ZoomID), obj.Email)
}

func (r *dashboardParticipantResolver) Registrant(ctx context.Context, obj *types.DashboardParticipant) (*types.Registrant, error) {
	return of(ctx, obj).dashboardRegistrant(ctx, obj)
}

func (r *dashboardParticipantResolver) Qos(ctx context.Context, obj *types.DashboardParticipant) (*types.ParticipantQos, error) {
	return of(ctx, obj).qosOf(ctx, obj.Run, string(obj.InMeetingID))
}

func (r *participantFeedbackResolver) User(ctx context.Context, obj *types.ParticipantFeedback) (*types.User, error) {
	return of(ctx, obj).userOf(ctx, obj.UserZoomID, obj.Email)
}

func (r *participantSharingResolver) User(ctx context.Context, obj *types.ParticipantSharing) (*types.User, error) {
	return of(ctx, obj).userOf(ctx, obj.ZoomID, "")
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
