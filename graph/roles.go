package graph

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"zoomql/graph/batch"
	"zoomql/graph/directory"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// roleKey names a role. whole requests the fields that the list does not have.
type roleKey struct {
	id    string
	whole bool
}

func (s *scope) roles() *batch.Loader[roleKey, types.Role] { return batchesOf(s, roles, s.findRoles) }

// findRoles finds a batch: in the list of all roles, which has no pages, if it has the fields of
// several, or else one by one.
func (s *scope) findRoles(ctx context.Context, keys []roleKey) []zoom.Found[types.Role] {
	whole := slices.ContainsFunc(keys, func(k roleKey) bool { return k.whole })
	if !whole {
		if all, ok, err := zoom.ListRoles.Known(ctx, s.client, zoom.RoleFilter{Type: types.RoleTypeCommon}); ok && err == nil {
			return s.inRoles(ctx, all, keys)
		}
	}
	if len(keys) > 1 && !whole {
		if all, err := zoom.ListRoles.Do(ctx, s.client, zoom.RoleFilter{Type: types.RoleTypeCommon}); err == nil {
			return s.inRoles(ctx, all, keys)
		}
	}
	return s.getRoles(ctx, keys)
}

// getRoles reads roles one by one.
func (s *scope) getRoles(ctx context.Context, keys []roleKey) []zoom.Found[types.Role] {
	return batch.Each(s.client, func(ctx context.Context, k roleKey) (*types.Role, error) {
		return zoom.GetRole.Do(ctx, s.client, zoom.RoleKey{RoleID: k.id})
	})(ctx, keys)
}

// inRoles returns roles from the list of all. A role that a complete list lacks does not exist;
// one that an incomplete list lacks is read.
func (s *scope) inRoles(ctx context.Context, all *zoom.Roles, keys []roleKey) []zoom.Found[types.Role] {
	found := make([]zoom.Found[types.Role], len(keys))
	var lacking []roleKey
	var places []int
	for i, k := range keys {
		at := slices.IndexFunc(all.Roles, func(r *types.Role) bool { return string(r.ZoomID) == k.id })
		if at >= 0 {
			found[i].Object = all.Roles[at]
			continue
		}
		found[i].Err = &zoom.Error{Op: zoom.ListRoles.Pattern, Kind: zoom.ErrNotFound}
		lacking, places = append(lacking, k), append(places, i)
	}
	short := all.Early(zoom.ListRoles.Spec, len(all.Roles)) != nil ||
		slices.ContainsFunc(all.Roles, func(r *types.Role) bool { return r.ZoomID == "" })
	if short {
		for n, f := range s.getRoles(ctx, lacking) {
			found[places[n]] = f
		}
	}
	return found
}

// role returns the role of an id with the fields that are selected.
func (s *scope) role(ctx context.Context, id string) (*types.Role, error) {
	if id == "" {
		return nil, nil
	}
	want := needsOf(ctx, "Role")
	if want.KeyOnly() {
		return &types.Role{Origin: s.origin(), ZoomID: types.Text(id)}, nil
	}
	return s.roles().Load(ctx, roleKey{id, want.Lacks(zoom.ListRoles.Pattern)})
}

// roleList reads the roles of the account, each whole if fields are selected that the list does
// not have.
func (s *scope) roleList(ctx context.Context, kind types.RoleType) ([]*types.Role, error) {
	out, err := zoom.ListRoles.Do(ctx, s.client, zoom.RoleFilter{Type: kind})
	if err != nil {
		return nil, err
	}
	roles := list.AtOnce(ctx, zoom.ListRoles.Spec, out.Roles, out.Counted)
	return complete(ctx, roles, needsOf(ctx, "Role"), func(lacking []*types.Role) []zoom.Found[types.Role] {
		keys := make([]roleKey, len(lacking))
		for i, r := range lacking {
			keys[i] = roleKey{string(r.ZoomID), true}
		}
		return s.roles().LoadMany(ctx, keys)
	}), nil
}

// userRole returns the role of a user. It reads a user of which only the id is known.
func (s *scope) userRole(ctx context.Context, u *types.User) (*types.Role, error) {
	if u.RoleID == "" && u.Op == "" {
		whole, err := s.users().Load(ctx, directory.Key{Name: u.ID().Key})
		if err != nil {
			return nil, err
		}
		u = whole
	}
	return orNil(s.role(ctx, string(u.RoleID)))
}

// newRole returns a new role. name is set if Zoom's answer had no id: no other role of the
// list, which was read then, has it.
func (s *scope) newRole(ctx context.Context, id, name string) (*types.Role, error) {
	if name == "" {
		return s.role(ctx, id)
	}
	r, err := s.roleNamed(ctx, name)
	if r != nil && needsOf(ctx, "Role").Lacks(r.Op) {
		return s.role(ctx, string(r.ZoomID))
	}
	return r, err
}

// roleNamed finds a role by its name in the lists of roles; nil if these are complete and lack
// it.
func (s *scope) roleNamed(ctx context.Context, name string) (*types.Role, error) {
	var short error
	for _, kind := range zoom.RoleTypes {
		all, err := zoom.ListRoles.Do(ctx, s.client, zoom.RoleFilter{Type: kind})
		if err != nil {
			return nil, err
		}
		for _, r := range all.Roles {
			if string(r.Name) == name {
				return r, nil
			}
		}
		if err := all.Early(zoom.ListRoles.Spec, len(all.Roles)); err != nil {
			short = err
		}
	}
	return nil, short
}

func (r *Resolver) createRole(ctx context.Context, at *target, p *types.CreateRolePayload, input types.CreateRoleInput) error {
	_, err := create(ctx, r.Idempotency, at, creation[zoom.NewRole, types.Role]{
		op: zoom.CreateRole, in: zoom.NewRole{Role: input.Role},
		prove: func(ctx context.Context, made *types.Role) error {
			if made.ZoomID != "" {
				return nil
			}
			found, err := at.roleNamed(ctx, input.Role.Name)
			switch {
			case errors.Is(err, zoom.ErrMissingScope):
				return zoom.Unproven(zoom.CreateRole.Spec, "the answer does not name the role, and the app lacks a scope of "+zoom.ListRoles.Pattern+", which would", err)
			case err != nil || found == nil:
				return zoom.Unproven(zoom.CreateRole.Spec, "the answer does not name the role, and it is unknown whether the account's roles contain it", err)
			}
			made.ZoomID, p.Name = found.ZoomID, input.Role.Name
			return nil
		},
		key: input.IdempotencyKey, input: input, zoomID: func(made *types.Role) string { return string(made.ZoomID) },
		read: func(_ context.Context, id string) (*types.Role, error) {
			return &types.Role{Origin: at.origin(), ZoomID: types.Text(id)}, nil
		},
	})
	return err
}

// assignRole assigns a role to any number of users.
func (s *scope) assignRole(ctx context.Context, id string, users []*types.UserBy) ([]*types.RoleAssignment, error) {
	return addMembers(ctx, s, users, func(body zoom.MembersBody) (*types.RoleAssignment, []types.CommaItem, error) {
		assigned, err := zoom.AddRoleMembers.Do(ctx, s.client, zoom.RoleMembers{RoleID: id, Body: body})
		if err != nil {
			return nil, nil, err
		}
		return assigned, assigned.UserZoomIds, nil
	})
}

func roleMemberName(m *types.RoleMember) types.Text { return cmp.Or(m.ZoomID, m.Email) }
