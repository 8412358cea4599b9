package graph

import (
	"cmp"
	"context"

	"zoomql/graph/generated"
	"zoomql/internal/zoom/types"
)

func (r *meetingInstanceResolver) Summary(ctx context.Context, obj *types.MeetingInstance) (*types.MeetingSummary, error) {
	return of(ctx, obj).summary(ctx, obj)
}

func (r *meetingSummaryResolver) Host(ctx context.Context, obj *types.MeetingSummary) (*types.User, error) {
	return orNil(of(ctx, obj).user(ctx, string(cmp.Or(obj.HostZoomID, obj.HostEmail))))
}

func (r *meetingSummaryResolver) Modifier(ctx context.Context, obj *types.MeetingSummary) (*types.User, error) {
	return orNil(of(ctx, obj).user(ctx, string(cmp.Or(obj.ModifierZoomID, obj.ModifierEmail))))
}

func (r *Resolver) MeetingSummary() generated.MeetingSummaryResolver {
	return &meetingSummaryResolver{r}
}

type meetingSummaryResolver struct{ *Resolver }
