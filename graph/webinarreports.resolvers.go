package graph

import (
	"cmp"
	"context"

	"zoomql/graph/generated"
	"zoomql/internal/zoom/types"
)

func (r *webinarResolver) Report(ctx context.Context, obj *types.Webinar, uuid *types.UUID) (*types.WebinarReport, error) {
	run := obj.Number.String()
	if uuid != nil {
		run = string(*uuid)
	}
	return of(ctx, obj).webinarReport(ctx, run)
}

func (r *webinarReportResolver) Host(ctx context.Context, obj *types.WebinarReport) (*types.User, error) {
	whole, err := of(ctx, obj).wholeWebinarReport(ctx, obj)
	if err != nil {
		return nil, err
	}
	return of(ctx, obj).userOf(ctx, "", whole.HostEmail)
}

func (r *webinarReportResolver) Webinar(ctx context.Context, obj *types.WebinarReport) (*types.Webinar, error) {
	number, err := of(ctx, obj).webinarOf(ctx, obj)
	if err != nil {
		return nil, err
	}
	return orNil(of(ctx, obj).webinar(ctx, number))
}

func (r *webinarReportResolver) Participants(ctx context.Context, obj *types.WebinarReport, first int, after *string) (*types.WebinarReportParticipantConnection, error) {
	return of(ctx, obj).webinarReportParticipants(ctx, obj, first, after)
}

func (r *webinarReportResolver) Polls(ctx context.Context, obj *types.WebinarReport) (*types.PollResults, error) {
	return of(ctx, obj).webinarPolls(ctx, obj)
}

func (r *webinarReportResolver) Absentees(ctx context.Context, obj *types.WebinarReport, first int, after *string) (*types.Connection[types.Registrant], error) {
	return of(ctx, obj).webinarAbsentees(ctx, obj, first, after)
}

func (r *webinarReportParticipantResolver) User(ctx context.Context, obj *types.WebinarReportParticipant) (*types.User, error) {
	return of(ctx, obj).userOf(ctx, cmp.Or(obj.ParticipantUserID, obj.ZoomID), obj.Email)
}

func (r *webinarReportParticipantResolver) Registrant(ctx context.Context, obj *types.WebinarReportParticipant) (*types.Registrant, error) {
	return of(ctx, obj).webinarReportRegistrant(ctx, obj)
}

func (r *Resolver) WebinarReport() generated.WebinarReportResolver { return &webinarReportResolver{r} }

func (r *Resolver) WebinarReportParticipant() generated.WebinarReportParticipantResolver {
	return &webinarReportParticipantResolver{r}
}

type (
	webinarReportResolver            struct{ *Resolver }
	webinarReportParticipantResolver struct{ *Resolver }
)
