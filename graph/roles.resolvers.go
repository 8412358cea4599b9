package graph

import (
	"cmp"
	"context"

	"zoomql/graph/generated"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *accountResolver) Roles(ctx context.Context, obj *types.Account, typeArg types.RoleType) ([]*types.Role, error) {
	return of(ctx, obj).roleList(ctx, typeArg)
}

func (r *accountResolver) Role(ctx context.Context, obj *types.Account, by types.RoleBy) (*types.Role, error) {
	id, err := keyOf("role", by)
	if err != nil {
		return nil, err
	}
	return orNil(of(ctx, obj).role(ctx, id))
}

func (r *assignRolePayloadResolver) Role(ctx context.Context, obj *types.AssignRolePayload) (*types.Role, error) {
	return of(ctx, obj).role(ctx, obj.ZoomID)
}

func (r *createRolePayloadResolver) Role(ctx context.Context, obj *types.CreateRolePayload) (*types.Role, error) {
	return of(ctx, obj).newRole(ctx, obj.ZoomID, obj.Name)
}

func (r *mutationResolver) CreateRole(ctx context.Context, input types.CreateRoleInput) (*types.CreateRolePayload, error) {
	payload, err := r.createRole(ctx, input)
	payload.UserErrors, err = userErrors(ctx, err)
	return payload, err
}

func (r *mutationResolver) UpdateRole(ctx context.Context, input types.UpdateRoleInput) (*types.UpdateRolePayload, error) {
	s, id, err := writeRole(ctx, input.Account, *input.Role, func(s *scope, id string) error {
		_, err := zoom.UpdateRole.Do(ctx, s.client, zoom.RolePatch{RoleID: id, Patch: input.Patch})
		return err
	})
	mistakes, err := userErrors(ctx, err)
	return &types.UpdateRolePayload{Origin: s.origin(), ZoomID: unless(mistakes, id), UserErrors: mistakes}, err
}

func (r *mutationResolver) DeleteRole(ctx context.Context, input types.DeleteRoleInput) (*types.DeleteRolePayload, error) {
	s, id, err := writeRole(ctx, input.Account, *input.Role, func(s *scope, id string) error {
		_, err := zoom.DeleteRole.Do(ctx, s.client, zoom.RoleKey{RoleID: id})
		return err
	})
	mistakes, err := userErrors(ctx, err)
	return &types.DeleteRolePayload{DeletedRoleID: gone(types.NodeID{Account: s.client.Sub(), Type: "Role", Key: id}, mistakes), UserErrors: mistakes}, err
}

func (r *mutationResolver) AssignRole(ctx context.Context, input types.AssignRoleInput) (*types.AssignRolePayload, error) {
	var done []*types.RoleAssignment
	s, id, err := writeRole(ctx, input.Account, *input.Role, func(s *scope, id string) (err error) {
		done, err = s.assignRole(ctx, id, input.Users)
		return err
	})
	mistakes, err := userErrors(ctx, err)
	return &types.AssignRolePayload{Origin: s.origin(), ZoomID: unless(mistakes, id), Assignments: done, UserErrors: mistakes}, err
}

func (r *mutationResolver) UnassignRole(ctx context.Context, input types.UnassignRoleInput) (*types.UnassignRolePayload, error) {
	s, id, err := writeRole(ctx, input.Account, *input.Role, func(s *scope, id string) error {
		member, err := s.hostID(ctx, *input.User)
		if err != nil {
			return within(err, "user")
		}
		return s.unassignRole(ctx, zoom.RoleMemberKey{RoleID: id, MemberID: member})
	})
	mistakes, err := userErrors(ctx, err)
	return &types.UnassignRolePayload{Origin: s.origin(), ZoomID: unless(mistakes, id), UserErrors: mistakes}, err
}

func (r *roleResolver) Members(ctx context.Context, obj *types.Role, first int, after *string) (*types.Connection[types.RoleMember], error) {
	return connect(ctx, list.List[zoom.RoleKey, types.RoleMember]{
		Client: of(ctx, obj).client, Op: zoom.ListRoleMembers, Windows: list.Uncut(zoom.RoleKey{RoleID: string(obj.ZoomID)}), First: first, After: after,
	})
}

func (r *roleMemberResolver) User(ctx context.Context, obj *types.RoleMember) (*types.User, error) {
	return orNil(of(ctx, obj).user(ctx, string(cmp.Or(obj.ZoomID, obj.Email))))
}

func (r *unassignRolePayloadResolver) Role(ctx context.Context, obj *types.UnassignRolePayload) (*types.Role, error) {
	return of(ctx, obj).role(ctx, obj.ZoomID)
}

func (r *updateRolePayloadResolver) Role(ctx context.Context, obj *types.UpdateRolePayload) (*types.Role, error) {
	return of(ctx, obj).role(ctx, obj.ZoomID)
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
