package graph

import (
	"context"
	"slices"

	"zoomql/cache"
	"zoomql/graph/argument"
	"zoomql/graph/directory"
	"zoomql/graph/errs"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// Roles and groups have members: users whose own fields tell what they are members of.

// addMembers adds any number of users to a role or a group, as many per call as Zoom accepts. add
// makes one call, and returns Zoom's answer and the ids of the users in it.
func addMembers[T any](ctx context.Context, s *scope, users []*types.UserBy, add func(zoom.MembersBody) (*T, []types.CommaItem, error)) ([]*T, error) {
	names, err := s.memberNames(ctx, users)
	if err != nil {
		return nil, err
	}
	var done []*T
	sent := 0
	for chunk := range slices.Chunk(names, zoom.MaxMembersPerCall) {
		added, ids, err := add(zoom.MembersBody{Members: chunk})
		if err != nil {
			return done, partly(err, sent, len(names))
		}
		sent += len(chunk)
		s.changedMembers(ctx, chunk, ids...)
		done = append(done, added)
	}
	return done, nil
}

// memberNames returns the names of users in bodies: their ids, or their e-mail addresses.
func (s *scope) memberNames(ctx context.Context, users []*types.UserBy) ([]zoom.MemberName, error) {
	if len(users) == 0 {
		return nil, errs.Invalid("users: name at least one")
	}
	names := make([]zoom.MemberName, len(users))
	for i, by := range users {
		name, err := argument.Key("", *by)
		switch {
		case err != nil:
			return nil, argument.Item(err, "users", i)
		case by.Email != nil:
			names[i].Email = name
		case name == directory.Me:
			if names[i].ID, err = s.userID(ctx, name); err != nil {
				return nil, argument.Item(err, "users", i)
			}
		default:
			names[i].ID = name
		}
	}
	return names, nil
}

// removeMember removes a user from a role or a group by the call that remove makes.
func (s *scope) removeMember(ctx context.Context, by *types.UserBy, remove func(user string) error) error {
	name, err := argument.Key("user", *by)
	if err != nil {
		return err
	}
	user, err := s.userID(ctx, name)
	if err != nil {
		return argument.Within(err, "user")
	}
	if err = remove(user); err == nil {
		s.changedMembers(ctx, nil, types.CommaItem(user))
	}
	return err
}

// changedMembers evicts the users who have become members, or are none any more. No row of the table
// of operations can have their tags: the users are in a body, or under another variable than in
// the operation that reads a user.
func (s *scope) changedMembers(ctx context.Context, named []zoom.MemberName, ids ...types.CommaItem) {
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
