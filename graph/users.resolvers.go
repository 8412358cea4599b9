package graph

import (
	"cmp"
	"context"

	"zoomql/graph/argument"
	"zoomql/graph/generated"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *createdUserResolver) User(ctx context.Context, obj *types.CreatedUser) (*types.User, error) {
	return orNil(of(ctx, obj).user(ctx, cmp.Or(string(obj.ZoomID), string(obj.Email))))
}

func (r *mutationResolver) CreateUser(ctx context.Context, input types.CreateUserInput) (*types.CreateUserPayload, error) {
	at, err := newTarget(ctx, input.Account)
	return write(ctx, at, err, func(p *types.CreateUserPayload) (err error) {
		p.User, err = r.createUser(ctx, at, input)
		return err
	})
}

func (r *mutationResolver) UpdateUser(ctx context.Context, input types.UpdateUserInput) (*types.UpdateUserPayload, error) {
	at, id, err := changedUser(ctx, input)
	return write(ctx, at, err, func(*types.UpdateUserPayload) error {
		return only(zoom.UpdateUser.Do(ctx, at.client, zoom.UserPatch{
			UserID: id, LoginType: input.LoginType, RemoveTSPCredentials: input.RemoveTspCredentials, Patch: input.Patch,
		}))
	})
}

func (r *mutationResolver) DeleteUser(ctx context.Context, input types.DeleteUserInput) (*types.DeleteUserPayload, error) {
	at, id, err := userTarget(ctx, input.Account, "user", input.User)
	return write(ctx, at, err, func(*types.DeleteUserPayload) error {
		return at.deleteUser(ctx, id, input)
	})
}

func (r *queryResolver) User(ctx context.Context, by types.UserBy) (*types.User, error) {
	name, err := argument.Key("", by)
	if err != nil {
		return nil, err
	}
	return orNil(in(ctx, by.ID).rootUser(ctx, name))
}

func (r *updateUserPayloadResolver) User(ctx context.Context, obj *types.UpdateUserPayload) (*types.User, error) {
	return of(ctx, obj).user(ctx, obj.Target.Key)
}

func (r *userResolver) Meetings(ctx context.Context, obj *types.User, first int, after *string, typeArg types.MeetingListType, from *types.Date, to *types.Date, timezone *string) (*types.Connection[types.Meeting], error) {
	if err := argument.Filled(map[string]*string{"timezone": timezone}); err != nil {
		return nil, err
	}
	filter := zoom.MeetingFilter{UserID: obj.ID().Key, Type: typeArg, From: deref(from), To: deref(to), Timezone: deref(timezone)}
	return of(ctx, obj).meetingList(ctx, filter, first, after)
}

func (r *userResolver) PastMeetings(ctx context.Context, obj *types.User, first int, after *string, from types.Date, to types.Date, typeArg types.PastMeetingType) (*types.Connection[types.MeetingInstance], error) {
	filter := zoom.PastMeetingFilter{Days: zoom.Days{From: from, To: to}, UserID: obj.ID().Key, Type: typeArg}
	return of(ctx, obj).pastMeetings(ctx, filter, first, after)
}

func (r *Resolver) CreatedUser() generated.CreatedUserResolver { return &createdUserResolver{r} }

func (r *Resolver) UpdateUserPayload() generated.UpdateUserPayloadResolver {
	return &updateUserPayloadResolver{r}
}

func (r *Resolver) User() generated.UserResolver { return &userResolver{r} }

type (
	createdUserResolver       struct{ *Resolver }
	updateUserPayloadResolver struct{ *Resolver }
	userResolver              struct{ *Resolver }
)
