package graph

import (
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

func (r *addGroupMembersPayloadResolver) Group(ctx context.Context, obj *types.AddGroupMembersPayload) (*types.Group, error) {
	return of(ctx, obj).group(ctx, obj.Target.Key)
}

func (r *groupResolver) Members(ctx context.Context, obj *types.Group, first int, after *string) (*types.Connection[types.GroupMember], error) {
	return connect(ctx, list.List[zoom.GroupKey, types.GroupMember]{
		Client: of(ctx, obj).client, Op: zoom.ListGroupMembers, Windows: list.Uncut(zoom.GroupKey{GroupID: string(obj.ZoomID)}), First: first, After: after,
	})
}

func (r *groupMemberResolver) User(ctx context.Context, obj *types.GroupMember) (*types.User, error) {
	return orNil(of(ctx, obj).user(ctx, string(groupMemberName(obj))))
}

func (r *mutationResolver) CreateGroup(ctx context.Context, input types.CreateGroupInput) (*types.CreateGroupPayload, error) {
	at, err := newTarget(ctx, input.Account)
	return write(ctx, at, err, func(p *types.CreateGroupPayload) (err error) {
		p.Group, err = r.createGroup(ctx, at, input)
		return err
	})
}

func (r *mutationResolver) UpdateGroup(ctx context.Context, input types.UpdateGroupInput) (*types.UpdateGroupPayload, error) {
	at, id, err := targetBy(ctx, input.Account, "group", *input.Group)
	return write(ctx, at, err, func(*types.UpdateGroupPayload) error {
		return only(zoom.UpdateGroup.Do(ctx, at.client, zoom.GroupPatch{GroupID: id, Patch: input.Patch}))
	})
}

func (r *mutationResolver) DeleteGroup(ctx context.Context, input types.DeleteGroupInput) (*types.DeleteGroupPayload, error) {
	at, id, err := targetBy(ctx, input.Account, "group", *input.Group)
	return write(ctx, at, err, func(*types.DeleteGroupPayload) error {
		return only(zoom.DeleteGroup.Do(ctx, at.client, zoom.GroupKey{GroupID: id}))
	})
}

func (r *mutationResolver) AddGroupMembers(ctx context.Context, input types.AddGroupMembersInput) (*types.AddGroupMembersPayload, error) {
	at, id, err := targetBy(ctx, input.Account, "group", *input.Group)
	return write(ctx, at, err, func(p *types.AddGroupMembersPayload) (err error) {
		p.Additions, err = at.addGroupMembers(ctx, id, input.Users)
		return err
	})
}

func (r *mutationResolver) RemoveGroupMember(ctx context.Context, input types.RemoveGroupMemberInput) (*types.RemoveGroupMemberPayload, error) {
	at, id, err := targetBy(ctx, input.Account, "group", *input.Group)
	return write(ctx, at, err, func(*types.RemoveGroupMemberPayload) error {
		return at.removeMember(ctx, input.User, func(user string) error {
			return only(zoom.DeleteGroupMember.Do(ctx, at.client, zoom.GroupMemberKey{GroupID: id, MemberID: user}))
		})
	})
}

func (r *removeGroupMemberPayloadResolver) Group(ctx context.Context, obj *types.RemoveGroupMemberPayload) (*types.Group, error) {
	return of(ctx, obj).group(ctx, obj.Target.Key)
}

func (r *updateGroupPayloadResolver) Group(ctx context.Context, obj *types.UpdateGroupPayload) (*types.Group, error) {
	return of(ctx, obj).group(ctx, obj.Target.Key)
}

func (r *userResolver) Groups(ctx context.Context, obj *types.User) ([]*types.Group, error) {
	return of(ctx, obj).userGroups(ctx, obj)
}

func (r *Resolver) AddGroupMembersPayload() generated.AddGroupMembersPayloadResolver {
	return &addGroupMembersPayloadResolver{r}
}

func (r *Resolver) Group() generated.GroupResolver { return &groupResolver{r} }

func (r *Resolver) GroupMember() generated.GroupMemberResolver { return &groupMemberResolver{r} }

func (r *Resolver) RemoveGroupMemberPayload() generated.RemoveGroupMemberPayloadResolver {
	return &removeGroupMemberPayloadResolver{r}
}

func (r *Resolver) UpdateGroupPayload() generated.UpdateGroupPayloadResolver {
	return &updateGroupPayloadResolver{r}
}

type (
	addGroupMembersPayloadResolver   struct{ *Resolver }
	groupResolver                    struct{ *Resolver }
	groupMemberResolver              struct{ *Resolver }
	removeGroupMemberPayloadResolver struct{ *Resolver }
	updateGroupPayloadResolver       struct{ *Resolver }
)
