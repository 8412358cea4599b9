package graph

import (
	"context"
	"fmt"
	"zoomql/graph/generated"
	"zoomql/internal/zoom/types"
)

func (r *dashboardZoomRoomResolver) PastMeetings(ctx context.Context, obj *types.DashboardZoomRoom, first int, after *string, from types.Date, to types.Date) (*types.Connection[types.DashboardMeeting], error) {
	panic(fmt.Errorf("not implemented: PastMeetings - pastMeetings"))
}

func (r *dashboardZoomRoomResolver) IssueEvents(ctx context.Context, obj *types.DashboardZoomRoom, first int, after *string, from types.Date, to types.Date) (*types.Connection[types.ZoomRoomIssueEvent], error) {
	panic(fmt.Errorf("not implemented: IssueEvents - issueEvents"))
}

func (r *zoomRoomWithIssuesResolver) Room(ctx context.Context, obj *types.ZoomRoomWithIssues) (*types.DashboardZoomRoom, error) {
	panic(fmt.Errorf("not implemented: Room - room"))
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
