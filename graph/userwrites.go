package graph

import (
	"context"

	"zoomql/graph/argument"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *Resolver) createUser(ctx context.Context, at *target, input types.CreateUserInput) (*types.CreatedUser, error) {
	return create(ctx, r.Idempotency, at, creation[zoom.NewUser, types.CreatedUser]{
		op: zoom.CreateUser, in: zoom.NewUser{Body: zoom.NewUserBody{Action: input.Action, User: input.User}},
		key: input.IdempotencyKey, input: input, zoomID: func(made *types.CreatedUser) string { return string(made.ZoomID) },
		read: func(ctx context.Context, id string) (*types.CreatedUser, error) {
			u, err := zoom.GetUser.Do(ctx, at.client, zoom.UserKey{UserID: id})
			if err != nil {
				return nil, err
			}
			return &types.CreatedUser{ZoomID: u.ZoomID, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName, Type: u.Type, Origin: at.origin()}, nil
		},
	})
}

// changedUser returns the user whom a mutation is to change. A change of nothing is
// refused before the user is looked up.
func changedUser(ctx context.Context, input types.UpdateUserInput) (*target, string, error) {
	at, name, err := targetBy(ctx, input.Account, "user", *input.User)
	switch {
	case err != nil:
		return at, "", err
	case !deref(input.RemoveTspCredentials) && types.IsEmpty(input.Patch):
		return at, "", invalid("patch: it changes nothing")
	}
	return at.toUser(ctx, "user", name)
}

func (s *scope) deleteUser(ctx context.Context, id string, input types.DeleteUserInput) (err error) {
	removal := zoom.UserRemoval{UserID: id, Action: input.Action}
	if t := input.Transfer; t != nil {
		// Without an address, all that is to be transferred would go with the user.
		if removal.Email, err = argument.Address(t.Email); err != nil {
			return argument.Within(err, "transfer")
		}
		removal.Meetings, removal.Webinars, removal.Recordings = t.Meetings, t.Webinars, t.Recordings
		removal.Whiteboard, removal.Clips, removal.Notes = t.Whiteboards, t.Clips, t.Notes
		removal.Visitors, removal.Docs, removal.Events = t.Visitors, t.Docs, t.Events
	}
	return only(zoom.DeleteUser.Do(ctx, s.client, removal))
}
