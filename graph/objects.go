package graph

import (
	"context"
	"errors"
	"strings"

	"zoomql/graph/directory"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// origin is that of an object that is known by its key alone.
func (s *scope) origin() types.Origin { return types.Origin{Account: s.client.Sub()} }

// orNil makes "there is none" null, where the schema allows it and it is no
// error: at the end of an edge.
func orNil[T any](obj *T, err error) (*T, error) {
	if errors.Is(err, zoom.ErrNotFound) {
		return nil, nil
	}
	return obj, err
}

// user returns the user of a name, with what the field of ctx asks of him.
func (s *scope) user(ctx context.Context, name string) (*types.User, error) {
	if name == "" {
		return nil, nil
	}
	want := needsOf(ctx, "User")
	key := directory.KeyOf(name, want.Lacks(zoom.ListUsers.Pattern))
	if u := s.directory().Listed(ctx, key, want); u != nil {
		return u, nil
	}
	return s.users().Load(ctx, key)
}

// me is the user behind the credential, as Zoom names him in a path.
const me = directory.Me

// rootUser is user for a root: nothing is asked of Zoom if only the user's edges
// are wanted, and a user who is known needs no batch.
func (s *scope) rootUser(ctx context.Context, name string) (*types.User, error) {
	if name == me {
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

// idOf returns Zoom's id of a user, for operations that take no e-mail address in
// its place. Others take the key of the user's global id.
func idOf(u *types.User) (string, error) {
	if u.ZoomID == "" {
		return "", &inputError{Code: types.ErrorCodeConflict, Message: "The user has not accepted the invitation and has no id at Zoom yet, which is what Zoom is asked by for this."}
	}
	return string(u.ZoomID), nil
}

// meeting returns the meeting of a number, with what the field of ctx asks of it.
func (s *scope) meeting(ctx context.Context, number types.MeetingNumber) (*types.Meeting, error) {
	if number == 0 {
		return nil, nil
	}
	want := needsOf(ctx, "Meeting")
	if want.KeyOnly() {
		return &types.Meeting{Origin: s.origin(), Number: number}, nil
	}
	if !want.Secrets {
		if m, ok, err := zoom.GetMeeting.Known(ctx, s.client, zoom.MeetingKey{MeetingID: number}); ok {
			return m, err
		}
	}
	return s.wholeMeeting(ctx, number, want.Secrets)
}

func (s *scope) wholeMeeting(ctx context.Context, number types.MeetingNumber, secrets bool) (*types.Meeting, error) {
	return s.meetings().Load(ctx, meetingKey{number, secrets})
}

// instance returns the run of a UUID, or the latest of a meeting's number.
func (s *scope) instance(ctx context.Context, uuid string) (*types.MeetingInstance, error) {
	_, err := types.ParseMeetingNumber(uuid)
	latest := err == nil // by the meeting's number; what its UUID is, Zoom must tell
	if want := needsOf(ctx, "MeetingInstance"); want.KeyOnly() && (!latest || !want.Key) {
		return &types.MeetingInstance{Origin: s.origin(), UUID: types.UUID(uuid)}, nil
	}
	return s.instances().Load(ctx, uuid)
}

// wholeInstance returns a run with the fields that its edges hang on.
func (s *scope) wholeInstance(ctx context.Context, i *types.MeetingInstance) (*types.MeetingInstance, error) {
	if i.Op == zoom.GetPastMeeting.Pattern {
		return i, nil
	}
	return s.instances().Load(ctx, string(i.UUID))
}

// ofMeeting and ofWebinar say what somebody registered for.
func ofMeeting(number types.MeetingNumber) zoom.RegistrantsOf {
	return zoom.RegistrantsOf{Number: number}
}

func ofWebinar(number types.MeetingNumber) zoom.RegistrantsOf {
	return zoom.RegistrantsOf{Number: number, Webinar: true}
}

func (s *scope) registrant(ctx context.Context, of zoom.RegistrantsOf, id string) (*types.Registrant, error) {
	if of.Number == 0 || id == "" {
		return nil, nil
	}
	want := needsOf(ctx, "Registrant")
	reg, err := s.registrants().Load(ctx, registrantKey{of, id, want.Secrets})
	if err == nil && of.Webinar && want.Lacks(reg.Op) { // it stood in a list
		reg, err = of.Get(ctx, s.client, id)
	}
	return alone(ctx, reg, "Registrant"), err
}
