package graph

import (
	"context"
	"errors"
	"slices"

	"zoomql/graph/argument"
	"zoomql/graph/errs"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// ofMeeting and ofWebinar name the registrants of a meeting and a webinar.
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
	whole := of.Webinar && want.Lacks(zoom.ListWebinarRegistrants.Pattern)
	reg, err := s.registrants().Load(ctx, registrantKey{of, id, want.Secrets, whole})
	return alone(ctx, reg, "Registrant"), err
}

// registrantsNow reads registrants again after a write. It leaves out registrants that no longer
// exist, because their registration was cancelled.
func (s *scope) registrantsNow(ctx context.Context, meeting types.MeetingNumber, ids []string) ([]*types.Registrant, error) {
	if ids == nil {
		return nil, nil
	}
	keys := make([]registrantKey, len(ids))
	for i, id := range ids {
		keys[i] = registrantKey{of: ofMeeting(meeting), id: id, secrets: needsOf(ctx, "Registrant").Secrets}
	}
	regs := []*types.Registrant{}
	for _, f := range s.registrants().LoadMany(ctx, keys) {
		switch {
		case f.Err == nil:
			if len(regs) == 0 {
				notReturned(ctx, needsOf(ctx, "Registrant"), f.Object.Op)
			}
			regs = append(regs, f.Object)
		case !errors.Is(f.Err, zoom.ErrNotFound):
			return nil, f.Err
		}
	}
	return regs, nil
}

func (r *Resolver) addRegistrant(ctx context.Context, at *target, number types.MeetingNumber, input types.AddRegistrantInput) (*types.AddedRegistrant, error) {
	ids, err := argument.Items("occurrenceIds", input.OccurrenceIds)
	if err != nil {
		return nil, err
	}
	return create(ctx, r.Idempotency, at, creation[zoom.NewRegistrant, types.AddedRegistrant]{
		op: zoom.AddRegistrant, in: zoom.NewRegistrant{MeetingID: number, OccurrenceIDs: ids, Registrant: input.Registrant},
		key: input.IdempotencyKey, input: input, zoomID: registrationID,
		read: func(ctx context.Context, id string) (*types.AddedRegistrant, error) {
			meeting, err := zoom.GetMeeting.Do(ctx, at.client, zoom.MeetingQuery{MeetingID: number})
			if err != nil {
				return nil, err
			}
			added := &types.AddedRegistrant{Topic: meeting.Topic, StartTime: meeting.StartTime, Occurrences: chosen(meeting.Occurrences, ids)}
			return at.registrationMade(ctx, ofMeeting(number), id, added)
		},
	})
}

func registrationID(added *types.AddedRegistrant) string { return string(added.RegistrantID) }

// registrationMade completes a registration by reading it at Zoom.
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

// chosen returns the occurrences of some ids; all of them without ids.
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

// updateRegistrantStatus changes the status of any number of registrants, as many per call as
// Zoom accepts, and returns their ids.
func (s *scope) updateRegistrantStatus(ctx context.Context, m occurrence, input types.UpdateRegistrantStatusInput) ([]string, error) {
	if len(input.Registrants) == 0 {
		return nil, errs.Invalid("registrants: name at least one")
	}
	found, err := s.registrantsBy(ctx, ofMeeting(m.number), input.Registrants)
	if err != nil {
		return nil, err
	}
	var ids []string
	for chunk := range slices.Chunk(found, zoom.MaxRegistrantsPerCall) {
		names := make([]zoom.RegistrantName, len(chunk))
		for i, f := range chunk {
			names[i] = zoom.RegistrantName{ID: string(f.ZoomID), Email: string(f.Email)}
			ids = append(ids, string(f.ZoomID))
		}
		err := only(zoom.UpdateRegistrantStatus.Do(ctx, s.client, zoom.RegistrantStatusPatch{
			MeetingID: m.number, OccurrenceID: m.id,
			Body: zoom.RegistrantStatusBody{Action: input.Action, Registrants: names},
		}))
		if err != nil {
			return nil, partly(err, len(ids)-len(chunk), len(found))
		}
	}
	return ids, nil
}

// registrantTarget returns the registrant that a mutation names.
func registrantTarget(ctx context.Context, meeting *types.MeetingBy, occurrenceID *string, by *types.RegistrantBy) (*target, zoom.RegistrantRemoval, error) {
	at, m, err := occurrenceTarget(ctx, meeting, occurrenceID)
	if at.id = argument.Named(*by); err != nil {
		return at, zoom.RegistrantRemoval{}, err
	}
	found, err := at.registrantBy(ctx, ofMeeting(m.number), *by)
	if err != nil {
		return at, zoom.RegistrantRemoval{}, argument.Within(err, "registrant")
	}
	at.id = found.ID()
	return at, zoom.RegistrantRemoval{MeetingID: m.number, OccurrenceID: m.id, RegistrantID: string(found.ZoomID)}, nil
}

// registrantsBy finds the registrants that a caller names. It uses ids as they are, and looks
// e-mail addresses up in the lists of the meeting.
func (s *scope) registrantsBy(ctx context.Context, of zoom.RegistrantsOf, by []*types.RegistrantBy) ([]*types.Registrant, error) {
	out := make([]*types.Registrant, len(by))
	for i, b := range by {
		reg, err := s.registrantBy(ctx, of, *b)
		if err != nil {
			return nil, argument.Item(err, "registrants", i)
		}
		out[i] = reg
	}
	return out, nil
}

func (s *scope) registrantBy(ctx context.Context, of zoom.RegistrantsOf, by types.RegistrantBy) (*types.Registrant, error) {
	key, err := argument.Key("", by)
	switch {
	case err != nil:
		return nil, err
	case by.Email != nil:
		return of.ByEmail(ctx, s.client, key)
	case by.ID != nil:
		var other zoom.RegistrantsOf
		if other, key, err = argument.RegistrantOf(key); err == nil && other != of {
			err = errs.Invalid("id: it is of another meeting's registrant")
		}
	}
	return &types.Registrant{Origin: s.origin(), Meeting: of.Number, OfWebinar: of.Webinar, ZoomID: types.Text(key)}, err
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
