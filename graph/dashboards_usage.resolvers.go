package graph

import (
	"context"

	"zoomql/graph/generated"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *chatUsageResolver) User(ctx context.Context, obj *types.ChatUsage) (*types.User, error) {
	return of(ctx, obj).userOf(ctx, obj.UserZoomID, obj.Email)
}

func (r *clientFeedbackResolver) Entries(ctx context.Context, obj *types.ClientFeedback, first int, after *string) (*types.Connection[types.ClientFeedbackEntry], error) {
	return reported(ctx, of(ctx, obj), zoom.ListClientFeedback, zoom.ClientFeedbackFilter{FeedbackID: string(obj.ZoomID), Days: zoom.Days{From: obj.From, To: obj.To}}, first, after)
}

func (r *clientFeedbackEntryResolver) User(ctx context.Context, obj *types.ClientFeedbackEntry) (*types.User, error) {
	return of(ctx, obj).userOf(ctx, "", obj.Email)
}

func (r *clientFeedbackEntryResolver) Meeting(ctx context.Context, obj *types.ClientFeedbackEntry) (*types.Meeting, error) {
	return orNil(of(ctx, obj).meeting(ctx, obj.MeetingNumber))
}

func (r *Resolver) ChatUsage() generated.ChatUsageResolver { return &chatUsageResolver{r} }

func (r *Resolver) ClientFeedback() generated.ClientFeedbackResolver {
	return &clientFeedbackResolver{r}
}

func (r *Resolver) ClientFeedbackEntry() generated.ClientFeedbackEntryResolver {
	return &clientFeedbackEntryResolver{r}
}

type (
	chatUsageResolver           struct{ *Resolver }
	clientFeedbackResolver      struct{ *Resolver }
	clientFeedbackEntryResolver struct{ *Resolver }
)
