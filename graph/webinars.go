package graph

import (
	"context"

	"zoomql/graph/argument"
	"zoomql/graph/batch"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// webinarKey names a webinar, with or without its credentials.
type webinarKey struct {
	number  types.MeetingNumber
	secrets bool
}

func (s *scope) webinars() *batch.Loader[webinarKey, types.Webinar] {
	return loaderOf(s, batch.Each(s.client, func(ctx context.Context, k webinarKey) (*types.Webinar, error) {
		return zoom.GetWebinar.Do(ctx, s.client, zoom.WebinarQuery{WebinarID: k.number}, zoom.Secrets(k.secrets))
	}))
}

// webinar returns the webinar of a number with the fields that are selected.
func (s *scope) webinar(ctx context.Context, number types.MeetingNumber) (*types.Webinar, error) {
	if number == 0 {
		return nil, nil
	}
	want := needsOf(ctx, "Webinar")
	if want.KeyOnly() {
		return &types.Webinar{Origin: s.origin(), Number: number}, nil
	}
	w, err := s.webinars().Load(ctx, webinarKey{number, want.Secrets})
	return alone(ctx, w, "Webinar"), err
}

// webinarHost returns the host of a webinar. It reads a webinar of which only the number is
// known.
func (s *scope) webinarHost(ctx context.Context, w *types.Webinar) (*types.User, error) {
	if w.HostZoomID == "" {
		whole, err := s.webinars().Load(ctx, webinarKey{number: w.Number})
		if err != nil {
			return nil, err
		}
		w = whole
	}
	return orNil(s.user(ctx, string(w.HostZoomID)))
}

// webinarList reads a list of webinars, each whole if fields are selected that lists do not
// have.
func (s *scope) webinarList(ctx context.Context, filter zoom.WebinarFilter, first int, after *string) (*types.Connection[types.Webinar], error) {
	l := list.List[zoom.WebinarFilter, types.Webinar]{Client: s.client, Op: zoom.ListWebinars, Windows: list.Uncut(filter), First: first, After: after}
	secrets := needsOfNodes(ctx, "Webinar").Secrets
	return connectWhole(ctx, l, "Webinar", func(lacking []*types.Webinar) []zoom.Found[types.Webinar] {
		keys := make([]webinarKey, len(lacking))
		for i, w := range lacking {
			keys[i] = webinarKey{w.Number, secrets}
		}
		return s.webinars().LoadMany(ctx, keys)
	})
}

// webinarRegistrants reads a list of registrants, each whole if fields are selected that lists
// do not have.
func (s *scope) webinarRegistrants(ctx context.Context, filter zoom.WebinarRegistrantFilter, first int, after *string) (*types.Connection[types.Registrant], error) {
	want := needsOfNodes(ctx, "Registrant")
	l := list.List[zoom.WebinarRegistrantFilter, types.Registrant]{
		Client: s.client, Op: zoom.ListWebinarRegistrants, Windows: list.Uncut(filter), First: first, After: after,
		Options: []zoom.Option{zoom.Secrets(want.Secrets)},
	}
	return connectWhole(ctx, l, "Registrant", func(lacking []*types.Registrant) []zoom.Found[types.Registrant] {
		keys := make([]registrantKey, len(lacking))
		for i, r := range lacking {
			keys[i] = registrantKey{ofWebinar(filter.WebinarID), string(r.ZoomID), want.Secrets, true}
		}
		return s.registrants().LoadMany(ctx, keys)
	})
}

// webinarParticipants reads the participants of an instance of a webinar; of the latest one
// without a name.
func (s *scope) webinarParticipants(ctx context.Context, w *types.Webinar, first int, after *string, uuid *types.UUID) (*types.ParticipantConnection, error) {
	instance := &types.MeetingInstance{Origin: s.origin(), UUID: types.UUID(w.Number.String()), MeetingNumber: w.Number}
	if uuid != nil {
		instance.UUID = *uuid
	}
	source := types.ParticipantSourcePastWebinar
	return s.participants(ctx, instance, first, after, &source)
}

// webinarTarget returns the webinar that a mutation names.
func webinarTarget(ctx context.Context, by *types.WebinarBy) (*target, types.MeetingNumber, error) {
	at, key, err := targetBy(ctx, nil, "webinar", *by)
	if err != nil {
		return at, 0, err
	}
	number, err := argument.NumberIn(key)
	return at, number, argument.Within(err, "webinar", "id")
}

func (r *Resolver) addWebinarRegistrant(ctx context.Context, at *target, number types.MeetingNumber, input types.AddWebinarRegistrantInput) (*types.AddedRegistrant, error) {
	ids, err := argument.Items("occurrenceIds", input.OccurrenceIds)
	if err != nil {
		return nil, err
	}
	return create(ctx, r.Idempotency, at, creation[zoom.NewWebinarRegistrant, types.AddedRegistrant]{
		op: zoom.AddWebinarRegistrant, in: zoom.NewWebinarRegistrant{WebinarID: number, OccurrenceIDs: ids, Registrant: input.Registrant},
		key: input.IdempotencyKey, input: input, zoomID: registrationID,
		read: func(ctx context.Context, id string) (*types.AddedRegistrant, error) {
			webinar, err := zoom.GetWebinar.Do(ctx, at.client, zoom.WebinarQuery{WebinarID: number})
			if err != nil {
				return nil, err
			}
			added := &types.AddedRegistrant{Topic: webinar.Topic, StartTime: webinar.StartTime, Occurrences: chosen(webinar.Occurrences, ids)}
			return at.registrationMade(ctx, ofWebinar(number), id, added)
		},
	})
}
