package graph

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"zoomql/cache"
	"zoomql/graph/argument"
	"zoomql/graph/directory"
	"zoomql/graph/errs"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// wholeUsers returns a function that reads users with the fields that lists lack.
func (s *scope) wholeUsers(ctx context.Context) func([]*types.User) []zoom.Found[types.User] {
	return func(lacking []*types.User) []zoom.Found[types.User] {
		keys := make([]directory.Key, len(lacking))
		for i, u := range lacking {
			keys[i] = directory.Key{Name: u.ID().Key, Whole: true}
		}
		return s.users().LoadMany(ctx, keys)
	}
}

// user returns the user of a name with the fields that are selected.
func (s *scope) user(ctx context.Context, name string) (*types.User, error) {
	if name == "" {
		return nil, nil
	}
	want := needsOf(ctx, "User")
	key := directory.KeyOf(name, want.LacksInAll(zoom.ListUsers.Pattern))
	if u := s.directory().Listed(ctx, key, want); u != nil {
		return u, nil
	}
	return s.users().Load(ctx, key)
}

// rootUser is user for a root: it sends no request if only edges are selected, and a known user
// needs no batch.
func (s *scope) rootUser(ctx context.Context, name string) (*types.User, error) {
	if name == directory.Me {
		return s.viewerUser(ctx)
	}
	if !strings.Contains(name, "@") && needsOf(ctx, "User").KeyOnly() {
		return &types.User{Origin: s.origin(), ZoomID: types.Text(name)}, nil
	}
	if u, ok, err := zoom.GetUser.Known(ctx, s.client, zoom.UserKey{UserID: name}); ok {
		return u, err
	}
	return s.user(ctx, name)
}

// idOf returns Zoom's id of a user, for operations that accept no e-mail address in its place.
// Other operations accept the key of the user's global id.
func idOf(u *types.User) (string, error) {
	if u.ZoomID == "" {
		return "", &errs.InputError{Code: types.ErrorCodeConflict, Message: "The user has not accepted the invitation and has no id at Zoom yet, which is what Zoom is asked by for this."}
	}
	return string(u.ZoomID), nil
}

// userOf returns the user that a row of a report names, by id or else by e-mail address; nil if
// the row has neither.
func (s *scope) userOf(ctx context.Context, id, email types.Text) (*types.User, error) {
	s.directory().Same(ctx, id, email)
	return orNil(s.user(ctx, string(directory.Person(id, email))))
}

func (s *scope) viewer() *types.Viewer { return &types.Viewer{} }

// viewerUser returns nil: a server-to-server app acts for an account, not for a user.
func (s *scope) viewerUser(context.Context) (*types.User, error) { return nil, nil }

func (r *Resolver) createUser(ctx context.Context, at *target, input types.CreateUserInput) (*types.CreatedUser, error) {
	return create(ctx, r.Idempotency, at, creation[zoom.NewUser, types.CreatedUser]{
		op: zoom.CreateUser, in: zoom.NewUser{Body: zoom.NewUserBody{Action: input.Action, User: input.User}},
		key: input.IdempotencyKey, input: input, zoomID: func(made *types.CreatedUser) string { return string(cmp.Or(made.ZoomID, made.Email)) },
		read: func(ctx context.Context, id string) (*types.CreatedUser, error) {
			u, err := zoom.GetUser.Do(ctx, at.client, zoom.UserKey{UserID: id})
			if err != nil {
				return nil, err
			}
			return &types.CreatedUser{ZoomID: u.ZoomID, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName, Type: u.Type, Origin: at.origin()}, nil
		},
	})
}

// changedUser returns the user that a mutation changes. It refuses an empty change before it
// looks the user up.
func changedUser(ctx context.Context, input types.UpdateUserInput) (*target, string, error) {
	at, name, err := targetBy(ctx, input.Account, "user", *input.User)
	switch {
	case err != nil:
		return at, "", err
	case !deref(input.RemoveTspCredentials) && types.IsEmpty(input.Patch):
		return at, "", errs.Invalid("patch: it changes nothing")
	}
	return at.toUser(ctx, "user", name)
}

func (s *scope) deleteUser(ctx context.Context, id string, input types.DeleteUserInput) (err error) {
	removal := zoom.UserRemoval{UserID: id, Action: input.Action}
	if t := input.Transfer; t != nil {
		// Without an address, the data to be transferred would be lost with the user.
		if removal.Email, err = argument.Address(t.Email); err != nil {
			return argument.Within(err, "transfer")
		}
		removal.Meetings, removal.Webinars, removal.Recordings = t.Meetings, t.Webinars, t.Recordings
		removal.Whiteboard, removal.Clips, removal.Notes = t.Whiteboards, t.Clips, t.Notes
		removal.Visitors, removal.Docs, removal.Events = t.Visitors, t.Docs, t.Events
	}
	return only(zoom.DeleteUser.Do(ctx, s.client, removal))
}

// userTarget returns the user that a mutation names, and Zoom's id of the user.
func userTarget(ctx context.Context, account *types.AccountBy, where string, by *types.UserBy) (*target, string, error) {
	at, name, err := targetBy(ctx, account, where, *by)
	if err != nil {
		return at, "", err
	}
	return at.toUser(ctx, where, name)
}

// toUser makes the user of a name the target.
func (at *target) toUser(ctx context.Context, where, name string) (*target, string, error) {
	id, err := at.userID(ctx, name)
	if err == nil {
		at.id = types.NodeID{Account: at.client.Sub(), Type: "User", Key: id}
	}
	return at, id, argument.Within(err, where)
}

// userID returns Zoom's id of the user of a name: tags have the id, so an eviction by an e-mail
// address would miss them.
func (s *scope) userID(ctx context.Context, name string) (string, error) {
	if name != directory.Me && !strings.Contains(name, "@") {
		return name, nil
	}
	u, err := s.namedUser(ctx, name)
	if err != nil {
		return "", err
	}
	return cmp.Or(string(u.ZoomID), name), nil // a user who is invited has no id yet
}

func (s *scope) namedUser(ctx context.Context, name string) (*types.User, error) {
	if name != directory.Me {
		return s.users().Load(ctx, directory.Key{Name: name})
	}
	u, err := s.viewerUser(ctx)
	if u == nil && err == nil {
		err = &zoom.Error{Op: zoom.GetUser.Pattern, Kind: zoom.ErrNotFound, Message: "me: the gateway acts for an account, and no user is behind it"}
	}
	return u, err
}

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
