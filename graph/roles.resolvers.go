package graph

import (
	"context"

	"zoomql/graph/argument"
	"zoomql/graph/generated"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *accountResolver) Roles(ctx context.Context, obj *types.Account, typeArg types.RoleType) ([]*types.Role, error) {
	return of(ctx, obj).roleList(ctx, typeArg)
}

func (r *accountResolver) Role(ctx context.Context, obj *types.Account, by types.RoleBy) (*types.Role, error) {
	id, err := argument.Key("role", by)
	if err != nil {
		return nil, err
	}
	return orNil(of(ctx, obj).role(ctx, id))
}

func (r *assignRolePayloadResolver) Role(ctx context.Context, obj *types.AssignRolePayload) (*types.Role, error) {
	return of(ctx, obj).role(ctx, obj.Target.Key)
}

func (r *createRolePayloadResolver) Role(ctx context.Context, obj *types.CreateRolePayload) (*types.Role, error) {
	return of(ctx, obj).newRole(ctx, obj.Target.Key, obj.Name)
}

func (r *mutationResolver) CreateRole(ctx context.Context, input types.CreateRoleInput) (*types.CreateRolePayload, error) {
	at, err := newTarget(ctx, input.Account)
	return write(ctx, at, err, func(p *types.CreateRolePayload) error {
		return r.createRole(ctx, at, p, input)
	})
}

func (r *mutationResolver) UpdateRole(ctx context.Context, input types.UpdateRoleInput) (*types.UpdateRolePayload, error) {
	at, id, err := targetBy(ctx, input.Account, "role", *input.Role)
	return write(ctx, at, err, func(*types.UpdateRolePayload) error {
		return only(zoom.UpdateRole.Do(ctx, at.client, zoom.RolePatch{RoleID: id, Patch: input.Patch}))
	})
}

func (r *mutationResolver) DeleteRole(ctx context.Context, input types.DeleteRoleInput) (*types.DeleteRolePayload, error) {
	at, id, err := targetBy(ctx, input.Account, "role", *input.Role)
	return write(ctx, at, err, func(*types.DeleteRolePayload) error {
		return only(zoom.DeleteRole.Do(ctx, at.client, zoom.RoleKey{RoleID: id}))
	})
}

func (r *mutationResolver) AssignRole(ctx context.Context, input types.AssignRoleInput) (*types.AssignRolePayload, error) {
	at, id, err := targetBy(ctx, input.Account, "role", *input.Role)
	return write(ctx, at, err, func(p *types.AssignRolePayload) (err error) {
		p.Assignments, err = at.assignRole(ctx, id, input.Users)
		return err
	})
}

func (r *mutationResolver) UnassignRole(ctx context.Context, input types.UnassignRoleInput) (*types.UnassignRolePayload, error) {
	at, id, err := targetBy(ctx, input.Account, "role", *input.Role)
	return write(ctx, at, err, func(*types.UnassignRolePayload) error {
		return at.removeMember(ctx, input.User, func(user string) error {
			return only(zoom.DeleteRoleMember.Do(ctx, at.client, zoom.RoleMemberKey{RoleID: id, MemberID: user}))
		})
	})
}

func (r *roleResolver) Members(ctx context.Context, obj *types.Role, first int, after *string) (*types.Connection[types.RoleMember], error) {
	return connect(ctx, list.List[zoom.RoleKey, types.RoleMember]{
		Client: of(ctx, obj).client, Op: zoom.ListRoleMembers, Windows: list.Uncut(zoom.RoleKey{RoleID: string(obj.ZoomID)}), First: first, After: after,
	})
}

func (r *roleMemberResolver) User(ctx context.Context, obj *types.RoleMember) (*types.User, error) {
	return orNil(of(ctx, obj).user(ctx, string(roleMemberName(obj))))
}

func (r *unassignRolePayloadResolver) Role(ctx context.Context, obj *types.UnassignRolePayload) (*types.Role, error) {
	return of(ctx, obj).role(ctx, obj.Target.Key)
}

func (r *updateRolePayloadResolver) Role(ctx context.Context, obj *types.UpdateRolePayload) (*types.Role, error) {
	return of(ctx, obj).role(ctx, obj.Target.Key)
}

func (r *userResolver) Role(ctx context.Context, obj *types.User) (*types.Role, error) {
	return of(ctx, obj).userRole(ctx, obj)
}

func (r *Resolver) AssignRolePayload() generated.AssignRolePayloadResolver {
	return &assignRolePayloadResolver{r}
}

func (r *Resolver) CreateRolePayload() generated.CreateRolePayloadResolver {
	return &createRolePayloadResolver{r}
}

func (r *Resolver) Role() generated.RoleResolver { return &roleResolver{r} }

func (r *Resolver) RoleMember() generated.RoleMemberResolver { return &roleMemberResolver{r} }

func (r *Resolver) UnassignRolePayload() generated.UnassignRolePayloadResolver {
	return &unassignRolePayloadResolver{r}
}

func (r *Resolver) UpdateRolePayload() generated.UpdateRolePayloadResolver {
	return &updateRolePayloadResolver{r}
}

type (
	assignRolePayloadResolver   struct{ *Resolver }
	createRolePayloadResolver   struct{ *Resolver }
	roleResolver                struct{ *Resolver }
	roleMemberResolver          struct{ *Resolver }
	unassignRolePayloadResolver struct{ *Resolver }
	updateRolePayloadResolver   struct{ *Resolver }
)
