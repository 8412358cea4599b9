package graph

import (
	"context"

	"zoomql/graph/generated"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *dashboardZoomRoomResolver) PastMeetings(ctx context.Context, obj *types.DashboardZoomRoom, first int, after *string, from types.Date, to types.Date) (*types.Connection[types.DashboardMeeting], error) {
	return of(ctx, obj).zoomRoomMeetings(ctx, zoom.ZoomRoomFilter{RoomID: string(obj.ZoomID), Days: zoom.Days{From: from, To: to}}, first, after)
}

func (r *dashboardZoomRoomResolver) IssueEvents(ctx context.Context, obj *types.DashboardZoomRoom, first int, after *string, from types.Date, to types.Date) (*types.Connection[types.ZoomRoomIssueEvent], error) {
	return reported(ctx, of(ctx, obj), zoom.ListZoomRoomIssueEvents, zoom.ZoomRoomFilter{RoomID: string(obj.ZoomID), Days: zoom.Days{From: from, To: to}}, first, after)
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
