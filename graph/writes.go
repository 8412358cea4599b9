package graph

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"zoomql/graph/directory"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (s *scope) updateMeeting(ctx context.Context, input types.UpdateMeetingInput) (types.MeetingNumber, error) {
	number, occurrence, err := occurrenceOf(*input.Meeting, input.OccurrenceID)
	if err != nil {
		return 0, err
	}
	_, err = zoom.UpdateMeeting.Do(ctx, s.client, zoom.MeetingPatch{MeetingID: number, OccurrenceID: occurrence, Patch: input.Patch})
	return number, err
}

func (s *scope) deleteMeeting(ctx context.Context, input types.DeleteMeetingInput) (types.MeetingNumber, error) {
	number, occurrence, err := occurrenceOf(*input.Meeting, input.OccurrenceID)
	if err != nil {
		return 0, err
	}
	_, err = zoom.DeleteMeeting.Do(ctx, s.client, zoom.MeetingRemoval{
		MeetingID: number, OccurrenceID: occurrence,
		ScheduleForReminder: input.NotifyHosts, CancelMeetingReminder: input.NotifyRegistrants,
	})
	return number, err
}

// occurrenceOf returns which meeting a write names, and which date of it, if any. An
// empty date is none: Zoom would take the whole series.
func occurrenceOf(by types.MeetingBy, occurrenceID *string) (types.MeetingNumber, string, error) {
	number, err := numberBy("meeting", by)
	if err != nil {
		return 0, "", err
	}
	occurrence, err := optional("occurrenceId", occurrenceID)
	return number, occurrence, err
}

func (s *scope) endMeeting(ctx context.Context, input types.EndMeetingInput) (types.MeetingNumber, error) {
	number, err := numberBy("meeting", *input.Meeting)
	if err != nil {
		return 0, err
	}
	_, err = zoom.UpdateMeetingStatus.Do(ctx, s.client, zoom.MeetingAction{MeetingID: number, Body: zoom.MeetingActionBody{Action: "end"}})
	return number, err
}

func (s *scope) createMeeting(ctx context.Context, m *idempotency, input types.CreateMeetingInput) (*types.Meeting, error) {
	host, err := s.hostID(ctx, *input.Host)
	if err != nil {
		return nil, within(err, "host")
	}
	create := func(ctx context.Context) (*types.Meeting, error) {
		return zoom.CreateMeeting.Do(ctx, s.client, zoom.NewMeeting{UserID: host, Meeting: input.Meeting})
	}
	return once(ctx, s, m, creation[types.Meeting]{
		mutation: "createMeeting", key: input.IdempotencyKey, input: input, create: create,
		id:    func(made *types.Meeting) string { return made.Number.String() },
		again: s.meetingMade, op: zoom.CreateMeeting.Spec,
	})
}

// meetingMade reads a meeting as its creation told it, credentials included.
func (s *scope) meetingMade(ctx context.Context, id string) (*types.Meeting, error) {
	number, err := types.ParseMeetingNumber(id)
	if err != nil {
		return nil, err
	}
	return zoom.GetMeeting.Do(ctx, s.client, zoom.MeetingKey{MeetingID: number}, zoom.WithSecrets)
}

// hostID returns Zoom's id of a user: what a write makes stale is filed under
// it, and an e-mail address would miss that.
func (s *scope) hostID(ctx context.Context, by types.UserBy) (string, error) {
	name, err := keyOf("", by)
	if err != nil || (name != me && !strings.Contains(name, "@")) {
		return name, err
	}
	u, err := s.namedUser(ctx, name)
	if err != nil {
		return "", err
	}
	return cmp.Or(string(u.ZoomID), name), nil // who is invited has no id yet
}

func (s *scope) namedUser(ctx context.Context, name string) (*types.User, error) {
	if name != me {
		return s.users().Load(ctx, directory.Key{Name: name})
	}
	u, err := s.viewerUser(ctx)
	if u == nil && err == nil {
		err = &zoom.Error{Op: zoom.GetUser.Pattern, Kind: zoom.ErrNotFound, Message: "me: the gateway acts for an account, and no user is behind it"}
	}
	return u, err
}

func (s *scope) addRegistrant(ctx context.Context, m *idempotency, input types.AddRegistrantInput) (*types.AddedRegistrant, error) {
	number, err := numberBy("meeting", *input.Meeting)
	if err != nil {
		return nil, err
	}
	ids, err := items("occurrenceIds", input.OccurrenceIds)
	if err != nil {
		return nil, err
	}
	add := func(ctx context.Context) (*types.AddedRegistrant, error) {
		return zoom.AddRegistrant.Do(ctx, s.client, zoom.NewRegistrant{MeetingID: number, OccurrenceIDs: ids, Registrant: input.Registrant})
	}
	return once(ctx, s, m, creation[types.AddedRegistrant]{
		mutation: "addRegistrant", key: input.IdempotencyKey, input: input, create: add,
		id: registrationID, op: zoom.AddRegistrant.Spec,
		again: func(ctx context.Context, id string) (*types.AddedRegistrant, error) {
			meeting, err := zoom.GetMeeting.Do(ctx, s.client, zoom.MeetingKey{MeetingID: number})
			if err != nil {
				return nil, err
			}
			added := &types.AddedRegistrant{Topic: meeting.Topic, StartTime: meeting.StartTime, Occurrences: chosen(meeting.Occurrences, ids)}
			return s.registrationMade(ctx, ofMeeting(number), id, added)
		},
	})
}

func registrationID(added *types.AddedRegistrant) string { return string(added.RegistrantID) }

// registrationMade completes a registration by what Zoom tells of it now.
func (s *scope) registrationMade(ctx context.Context, of zoom.RegistrantsOf, id string, added *types.AddedRegistrant) (*types.AddedRegistrant, error) {
	reg, err := of.Get(ctx, s.client, id, zoom.WithSecrets)
	if err != nil {
		return nil, err
	}
	added.RegistrantID, added.JoinURL, added.ParticipantPinCode = reg.ZoomID, reg.JoinURL, reg.ParticipantPinCode
	if added.StartTime.IsZero() && len(added.Occurrences) > 0 { // it recurs
		added.StartTime = added.Occurrences[0].StartTime
	}
	added.MeetingNumber, added.OfWebinar, added.Origin = of.Number, of.Webinar, s.origin()
	return added, nil
}

// chosen returns the occurrences of some ids, all of them if none is named.
func chosen(all []*types.MeetingOccurrence, ids []string) []*types.MeetingOccurrence {
	if len(ids) == 0 {
		return all
	}
	var some []*types.MeetingOccurrence
	for _, o := range all {
		if slices.Contains(ids, string(o.OccurrenceID)) {
			some = append(some, o)
		}
	}
	return some
}

// updateRegistrantStatus changes the status of any number of registrants, as
// many a call as Zoom takes, and returns their ids.
func (s *scope) updateRegistrantStatus(ctx context.Context, input types.UpdateRegistrantStatusInput) (types.MeetingNumber, []string, error) {
	number, occurrence, err := occurrenceOf(*input.Meeting, input.OccurrenceID)
	if err != nil {
		return 0, nil, err
	}
	if len(input.Registrants) == 0 {
		return 0, nil, invalid("registrants: name at least one")
	}
	found, err := s.registrantsBy(ctx, ofMeeting(number), input.Registrants)
	if err != nil {
		return 0, nil, err
	}
	var ids []string
	for chunk := range slices.Chunk(found, zoom.MaxRegistrantsPerCall) {
		names := make([]zoom.RegistrantName, len(chunk))
		for i, f := range chunk {
			names[i] = zoom.RegistrantName{ID: string(f.ZoomID), Email: string(f.Email)}
			ids = append(ids, string(f.ZoomID))
		}
		_, err := zoom.UpdateRegistrantStatus.Do(ctx, s.client, zoom.RegistrantStatusPatch{
			MeetingID: number, OccurrenceID: occurrence,
			Body: zoom.RegistrantStatusBody{Action: input.Action, Registrants: names},
		})
		if err != nil {
			return 0, nil, partly(err, len(ids)-len(chunk), len(found))
		}
	}
	return number, ids, nil
}

func (s *scope) deleteRegistrant(ctx context.Context, input types.DeleteRegistrantInput) (*types.Registrant, error) {
	number, occurrence, err := occurrenceOf(*input.Meeting, input.OccurrenceID)
	if err != nil {
		return nil, err
	}
	found, err := s.registrantBy(ctx, ofMeeting(number), *input.Registrant)
	if err != nil {
		return nil, within(err, "registrant")
	}
	_, err = zoom.DeleteRegistrant.Do(ctx, s.client, zoom.RegistrantRemoval{
		MeetingID: number, RegistrantID: string(found.ZoomID), OccurrenceID: occurrence,
	})
	return found, err
}

// registrantsBy finds the registrants that a caller names. Ids are taken as
// they are; e-mail addresses are looked up in the lists of the meeting.
func (s *scope) registrantsBy(ctx context.Context, of zoom.RegistrantsOf, by []*types.RegistrantBy) ([]*types.Registrant, error) {
	out := make([]*types.Registrant, len(by))
	for i, b := range by {
		reg, err := s.registrantBy(ctx, of, *b)
		if err != nil {
			return nil, item(err, "registrants", i)
		}
		out[i] = reg
	}
	return out, nil
}

func (s *scope) registrantBy(ctx context.Context, of zoom.RegistrantsOf, by types.RegistrantBy) (*types.Registrant, error) {
	key, err := keyOf("", by)
	switch {
	case err != nil:
		return nil, err
	case by.Email != nil:
		return s.registrantByEmail(ctx, of, key)
	case by.ID != nil:
		var other zoom.RegistrantsOf
		if other, key, err = registrantOf(key); err == nil && other != of {
			err = invalid("id: it is of another meeting's registrant")
		}
	}
	return &types.Registrant{Origin: s.origin(), Meeting: of.Number, OfWebinar: of.Webinar, ZoomID: types.Text(key)}, err
}

// registrantByEmail looks into the lists of registrants. That there is none is known
// only where all lists came whole.
func (s *scope) registrantByEmail(ctx context.Context, of zoom.RegistrantsOf, email string) (*types.Registrant, error) {
	var short error
	for _, status := range zoom.RegistrantStatuses {
		for page, err := range of.Registrants(ctx, s.client, status) {
			if errors.Is(err, zoom.ErrIncomplete) {
				short = err
				break
			}
			if err != nil {
				return nil, err
			}
			for _, reg := range page.Items {
				if strings.EqualFold(string(reg.Email), email) {
					return reg, nil
				}
			}
		}
	}
	if short != nil {
		return nil, short
	}
	return nil, &zoom.Error{Op: zoom.ListRegistrants.Pattern, Kind: zoom.ErrNotFound}
}

// oneRegistrant is the edge registrant of a meeting or webinar.
func (s *scope) oneRegistrant(ctx context.Context, of zoom.RegistrantsOf, by types.RegistrantBy) (*types.Registrant, error) {
	reg, err := s.registrantBy(ctx, of, by)
	if err != nil {
		if errors.Is(err, zoom.ErrNotFound) {
			return nil, nil
		}
		return nil, err
	}
	if want := needsOf(ctx, "Registrant"); by.Email != nil && !want.Secrets && (!of.Webinar || !want.Lacks(reg.Op)) {
		return alone(ctx, reg, "Registrant"), nil
	}
	return orNil(s.registrant(ctx, of, string(reg.ZoomID)))
}
