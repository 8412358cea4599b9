package graph

import (
	"cmp"
	"context"
	"errors"

	"zoomql/graph/batch"
	"zoomql/graph/directory"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

type groupKey struct{ id string }

func (s *scope) groups() *batch.Loader[groupKey, types.Group] {
	return batchesOf(s, groups, func(ctx context.Context, keys []groupKey) []zoom.Found[types.Group] {
		ids := make([]string, len(keys))
		for i, k := range keys {
			ids[i] = k.id
		}
		return zoom.FindGroups(ctx, s.client, ids)
	})
}

func groupMemberName(m *types.GroupMember) types.Text { return cmp.Or(m.ZoomID, m.Email) }

// group returns the group of an id with the fields that are selected.
func (s *scope) group(ctx context.Context, id string) (*types.Group, error) {
	if id == "" {
		return nil, nil
	}
	if needsOf(ctx, "Group").KeyOnly() {
		return &types.Group{Origin: s.origin(), ZoomID: types.Text(id)}, nil
	}
	return s.groups().Load(ctx, groupKey{id})
}

// userGroups returns the groups of a user, without those that no longer exist. It reads a user of
// which only the id is known.
func (s *scope) userGroups(ctx context.Context, u *types.User) ([]*types.Group, error) {
	if u.Op == "" {
		whole, err := s.users().Load(ctx, directory.Key{Name: u.ID().Key})
		if err != nil {
			return nil, err
		}
		u = whole
	}
	if u.GroupIds == nil {
		return nil, nil
	}
	all, keys := make([]*types.Group, len(u.GroupIds)), make([]groupKey, len(u.GroupIds))
	for i, id := range u.GroupIds {
		all[i], keys[i] = &types.Group{Origin: s.origin(), ZoomID: id}, groupKey{string(id)}
	}
	if needsOf(ctx, "Group").KeyOnly() {
		return all, nil
	}
	found := all[:0]
	for _, f := range s.groups().LoadMany(ctx, keys) {
		switch {
		case f.Err == nil:
			found = append(found, f.Object)
		case !errors.Is(f.Err, zoom.ErrNotFound):
			return nil, f.Err
		}
	}
	return found, nil
}

func (r *Resolver) createGroup(ctx context.Context, at *target, input types.CreateGroupInput) (*types.Group, error) {
	return create(ctx, r.Idempotency, at, creation[zoom.NewGroup, types.Group]{
		op: zoom.CreateGroup, in: zoom.NewGroup{Group: input.Group},
		key: input.IdempotencyKey, input: input, zoomID: func(made *types.Group) string { return string(made.ZoomID) },
		read: func(ctx context.Context, id string) (*types.Group, error) {
			return zoom.GetGroup.Do(ctx, at.client, zoom.GroupKey{GroupID: id})
		},
	})
}

// addGroupMembers adds any number of users to a group.
func (s *scope) addGroupMembers(ctx context.Context, id string, users []*types.UserBy) ([]*types.GroupAddition, error) {
	return addMembers(ctx, s, users, func(body zoom.MembersBody) (*types.GroupAddition, []types.CommaItem, error) {
		added, err := zoom.AddGroupMembers.Do(ctx, s.client, zoom.GroupMembers{GroupID: id, Body: body})
		if err != nil {
			return nil, nil, err
		}
		return added, added.UserZoomIds, nil
	})
}
