package graph

import (
	"context"
	"zoomql/graph/generated"
	"zoomql/internal/zoom/types"
)

func (r *dashboardZoomRoomResolver) PastMeetings(ctx context.Context, obj *types.DashboardZoomRoom, first int, after *string, from types.Date, to types.Date) (*types.Connection[types.DashboardMeeting], error) {
	return of(ctx, obj).zoomRoomMeetings(ctx, string(obj.ZoomID), from, to, first, after)
}

func (r *dashboardZoomRoomResolver) IssueEvents(ctx context.Context, obj *types.DashboardZoomRoom, first int, after *string, from types.Date, to types.Date) (*types.Connection[types.ZoomRoomIssueEvent], error) {
	return of(ctx, obj).zoomRoomIssueEvents(ctx, string(obj.ZoomID), from, to, first, after)
}

func (r *zoomRoomWithIssuesResolver) Room(ctx context.Context, obj *types.ZoomRoomWithIssues) (*types.DashboardZoomRoom, error) {
	return of(ctx, obj).zoomRoom(ctx, string(obj.ZoomID))
}

func (r *Resolver) DashboardZoomRoom() generated.DashboardZoomRoomResolver {
	return &dashboardZoomRoomResolver{r}
}

func (r *Resolver) ZoomRoomWithIssues() generated.ZoomRoomWithIssuesResolver {
	return &zoomRoomWithIssuesResolver{r}
}

type (
	dashboardZoomRoomResolver  struct{ *Resolver }
	zoomRoomWithIssuesResolver struct{ *Resolver }
)
