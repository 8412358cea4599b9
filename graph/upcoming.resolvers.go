package graph

import (
	"context"

	"zoomql/graph/generated"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *upcomingMeetingResolver) Meeting(ctx context.Context, obj *types.UpcomingMeeting) (*types.Meeting, error) {
	return orNil(of(ctx, obj).meeting(ctx, obj.Number))
}

func (r *userResolver) UpcomingMeetings(ctx context.Context, obj *types.User) ([]*types.UpcomingMeeting, error) {
	out, err := zoom.ListUpcomingMeetings.Do(ctx, of(ctx, obj).client, zoom.UserKey{UserID: obj.ID().Key}, zoom.Secrets(needsOf(ctx, "UpcomingMeeting").Secrets))
	if err != nil {
		return nil, err
	}
	return list.AtOnce(ctx, zoom.ListUpcomingMeetings.Spec, out.Meetings, out.Counted), nil
}

func (r *Resolver) UpcomingMeeting() generated.UpcomingMeetingResolver {
	return &upcomingMeetingResolver{r}
}

type upcomingMeetingResolver struct{ *Resolver }
