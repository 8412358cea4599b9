package graph

import (
	"context"

	"zoomql/graph/generated"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *queryResolver) User(ctx context.Context, by types.UserBy) (*types.User, error) {
	return orNil(in(ctx, by.ID).rootUser(ctx, by))
}

func (r *userResolver) Meetings(ctx context.Context, obj *types.User, first int, after *string, typeArg types.MeetingListType, from *types.Date, to *types.Date, timezone *string) (*types.Connection[types.Meeting], error) {
	filter := zoom.MeetingFilter{UserID: string(obj.ZoomID), Type: typeArg, From: deref(from), To: deref(to), Timezone: deref(timezone)}
	return of(ctx, obj).meetingList(ctx, filter, first, after)
}

func (r *userResolver) PastMeetings(ctx context.Context, obj *types.User, first int, after *string, from types.Date, to types.Date, typeArg types.PastMeetingType) (*types.Connection[types.MeetingInstance], error) {
	return of(ctx, obj).pastMeetings(ctx, zoom.PastMeetingFilter{UserID: string(obj.ZoomID), From: from, To: to, Type: typeArg}, first, after)
}

func (r *Resolver) User() generated.UserResolver { return &userResolver{r} }

type userResolver struct{ *Resolver }
