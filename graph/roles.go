package graph

import (
	"context"
	"slices"

	"zoomql/cache"
	"zoomql/graph/argument"
	"zoomql/graph/batch"
	"zoomql/graph/directory"
	"zoomql/graph/errs"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// roleKey names a role. whole asks for what the list does not hold.
type roleKey struct {
	id    string
	whole bool
}

func (s *scope) roles() *batch.Loader[roleKey, types.Role] { return batchesOf(s, roles, s.findRoles) }

// findRoles finds a batch: in the list of all roles, which has no pages, when
// several are wanted that need no more than it holds, and else one by one.
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

// getRoles asks for roles one by one.
func (s *scope) getRoles(ctx context.Context, keys []roleKey) []zoom.Found[types.Role] {
	return batch.Each(s.client, func(ctx context.Context, k roleKey) (*types.Role, error) {
		return zoom.GetRole.Do(ctx, s.client, zoom.RoleKey{RoleID: k.id})
	})(ctx, keys)
}

// inRoles returns roles from the list of all. What it does not hold is not there, or,
// where the list came short, is asked for.
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

// role returns the role of an id, with what the field of ctx asks of it.
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

// roleList reads the roles of the account, each whole if more is asked for than
// the list holds.
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

// userRole returns the role of a user, who is asked for it only where he is known
// by his id alone.
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

// newRole finds a role that was just made: by its id where Zoom told it, and else
// by its name, which no other role has.
func (s *scope) newRole(ctx context.Context, id, name string) (*types.Role, error) {
	if id != "" || name == "" {
		return s.role(ctx, id)
	}
	var short error
	for _, kind := range []types.RoleType{types.RoleTypeCommon, types.RoleTypeIq} {
		all, err := zoom.ListRoles.Do(ctx, s.client, zoom.RoleFilter{Type: kind})
		if err != nil {
			return nil, err
		}
		for _, r := range all.Roles {
			if string(r.Name) == name && !needsOf(ctx, "Role").Lacks(r.Op) {
				return r, nil
			} else if string(r.Name) == name {
				return s.role(ctx, string(r.ZoomID))
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
		key: input.IdempotencyKey, input: input, zoomID: func(made *types.Role) string { return string(made.ZoomID) },
		read: func(_ context.Context, id string) (*types.Role, error) {
			return &types.Role{Origin: at.origin(), ZoomID: types.Text(id)}, nil
		},
	})
	if err == nil {
		p.Name = input.Role.Name // Zoom may tell no id: then the payload finds the role by its name
	}
	return err
}

// assignRole gives a role to any number of users, as many a call as Zoom takes.
func (s *scope) assignRole(ctx context.Context, id string, users []*types.UserBy) ([]*types.RoleAssignment, error) {
	if len(users) == 0 {
		return nil, errs.Invalid("users: name at least one")
	}
	names := make([]zoom.RoleMemberName, len(users))
	for i, by := range users {
		name, err := argument.Key("", *by)
		switch {
		case err != nil:
			return nil, argument.Item(err, "users", i)
		case by.Email != nil:
			names[i].Email = name
		default:
			names[i].ID = name
		}
	}
	var done []*types.RoleAssignment
	sent := 0
	for chunk := range slices.Chunk(names, zoom.MaxRoleMembersPerCall) {
		assigned, err := zoom.AddRoleMembers.Do(ctx, s.client, zoom.RoleMembers{RoleID: id, Body: zoom.RoleMembersBody{Members: chunk}})
		if err != nil {
			return done, partly(err, sent, len(names))
		}
		sent += len(chunk)
		s.changedRole(ctx, chunk, assigned.UserZoomIds...)
		done = append(done, assigned)
	}
	return done, nil
}

// unassignRole takes a role from a user.
func (s *scope) unassignRole(ctx context.Context, id string, by *types.UserBy) error {
	name, err := argument.Key("user", *by)
	if err != nil {
		return err
	}
	user, err := s.userID(ctx, name)
	if err != nil {
		return argument.Within(err, "user")
	}
	err = only(zoom.DeleteRoleMember.Do(ctx, s.client, zoom.RoleMemberKey{RoleID: id, MemberID: user}))
	if err == nil {
		s.changedRole(ctx, nil, types.CommaItem(user))
	}
	return err
}

// changedRole makes stale what is known of users who have another role now. No
// row can name them: they stand in a body, or under another variable than in the
// operation that reads a user.
func (s *scope) changedRole(ctx context.Context, named []zoom.RoleMemberName, ids ...types.CommaItem) {
	var tags []cache.Tag
	for _, n := range named {
		if n.ID != "" {
			tags = append(tags, cache.NewTag("user", n.ID))
		}
	}
	for _, id := range ids {
		tags = append(tags, cache.NewTag("user", string(id)))
	}
	s.client.Evict(ctx, tags...)
}
