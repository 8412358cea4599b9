package graph

import (
	"cmp"
	"context"

	"zoomql/graph/argument"
	"zoomql/graph/generated"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *accountResolver) Groups(ctx context.Context, obj *types.Account, first int, after *string) (*types.Connection[types.Group], error) {
	return connect(ctx, list.List[zoom.NoFilter, types.Group]{
		Client: of(ctx, obj).client, Op: zoom.ListGroups, Windows: list.Uncut(zoom.NoFilter{}), First: first, After: after,
	})
}

func (r *accountResolver) Group(ctx context.Context, obj *types.Account, by types.GroupBy) (*types.Group, error) {
	id, err := argument.Key("group", by)
	if err != nil {
		return nil, err
	}
	return orNil(of(ctx, obj).group(ctx, id))
}

func (r *groupResolver) Members(ctx context.Context, obj *types.Group, first int, after *string) (*types.Connection[types.GroupMember], error) {
	return connect(ctx, list.List[zoom.GroupKey, types.GroupMember]{
		Client: of(ctx, obj).client, Op: zoom.ListGroupMembers, Windows: list.Uncut(zoom.GroupKey{GroupID: string(obj.ZoomID)}), First: first, After: after,
	})
}

func (r *groupMemberResolver) User(ctx context.Context, obj *types.GroupMember) (*types.User, error) {
	return orNil(of(ctx, obj).user(ctx, string(cmp.Or(obj.ZoomID, obj.Email))))
}

func (r *userResolver) Groups(ctx context.Context, obj *types.User) ([]*types.Group, error) {
	return of(ctx, obj).userGroups(ctx, obj)
}

func (r *Resolver) Group() generated.GroupResolver { return &groupResolver{r} }

func (r *Resolver) GroupMember() generated.GroupMemberResolver { return &groupMemberResolver{r} }

type (
	groupResolver       struct{ *Resolver }
	groupMemberResolver struct{ *Resolver }
)
