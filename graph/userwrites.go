package graph

import (
	"context"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *Resolver) createUser(ctx context.Context, input types.CreateUserInput) (*types.CreatedUser, error) {
	s, err := accountBy(ctx, input.Account)
	if err != nil {
		return nil, err
	}
	create := func(ctx context.Context) (*types.CreatedUser, error) {
		return zoom.CreateUser.Do(ctx, s.client, zoom.NewUser{Body: zoom.NewUserBody{Action: input.Action, User: input.User}})
	}
	return once(ctx, s, r.Idempotency, creation[types.CreatedUser]{
		mutation: "createUser", key: input.IdempotencyKey, input: input, create: create,
		id: func(made *types.CreatedUser) string { return string(made.ZoomID) }, op: zoom.CreateUser.Spec,
		again: func(ctx context.Context, id string) (*types.CreatedUser, error) {
			u, err := zoom.GetUser.Do(ctx, s.client, zoom.UserKey{UserID: id})
			if err != nil {
				return nil, err
			}
			return &types.CreatedUser{ZoomID: u.ZoomID, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName, Type: u.Type, Origin: s.origin()}, nil
		},
	})
}

func (s *scope) updateUser(ctx context.Context, input types.UpdateUserInput) (string, error) {
	if !deref(input.RemoveTspCredentials) && types.IsEmpty(input.Patch) {
		return "", invalid("patch: it changes nothing") // before anybody is looked up
	}
	id, err := s.hostID(ctx, *input.User)
	if err != nil {
		return "", within(err, "user")
	}
	_, err = zoom.UpdateUser.Do(ctx, s.client, zoom.UserPatch{
		UserID: id, LoginType: input.LoginType, RemoveTSPCredentials: input.RemoveTspCredentials, Patch: input.Patch,
	})
	return id, err
}

func (s *scope) deleteUser(ctx context.Context, input types.DeleteUserInput) (string, error) {
	id, err := s.hostID(ctx, *input.User)
	if err != nil {
		return "", within(err, "user")
	}
	removal := zoom.UserRemoval{UserID: id, Action: input.Action}
	if t := input.Transfer; t != nil {
		// Without an address, all that is to be transferred would go with the user.
		if removal.Email, err = address(t.Email); err != nil {
			return "", within(err, "transfer")
		}
		removal.Meetings, removal.Webinars, removal.Recordings = t.Meetings, t.Webinars, t.Recordings
		removal.Whiteboard, removal.Clips, removal.Notes = t.Whiteboards, t.Clips, t.Notes
		removal.Visitors, removal.Docs, removal.Events = t.Visitors, t.Docs, t.Events
	}
	_, err = zoom.DeleteUser.Do(ctx, s.client, removal)
	return id, err
}
