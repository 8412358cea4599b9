package graph

import (
	"context"
	"errors"

	"zoomql/graph/argument"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// meetingList reads a list of meetings, each whole if fields are selected that lists do not
// have.
func (s *scope) meetingList(ctx context.Context, filter zoom.MeetingFilter, first int, after *string) (*types.Connection[types.Meeting], error) {
	if !filter.To.IsZero() && filter.To.Before(filter.From.Time) {
		return nil, list.ErrBackwards
	}
	l := list.List[zoom.MeetingFilter, types.Meeting]{Client: s.client, Op: zoom.ListMeetings, Windows: list.Uncut(filter), First: first, After: after}
	secrets := needsOfNodes(ctx, "Meeting").Secrets
	return connectWhole(ctx, l, "Meeting", func(lacking []*types.Meeting) []zoom.Found[types.Meeting] {
		keys := make([]meetingKey, len(lacking))
		for i, m := range lacking {
			keys[i] = meetingKey{m.Number, secrets}
		}
		return s.meetings().LoadMany(ctx, keys)
	})
}

// livestream returns the destination of a meeting's livestream. Zoom returns empty texts if none
// is configured.
func (s *scope) livestream(ctx context.Context, number types.MeetingNumber) (*types.Livestream, error) {
	out, err := orNil(zoom.GetLivestream.Do(ctx, s.client, zoom.MeetingKey{MeetingID: number}, zoom.Secrets(needsOf(ctx, "Livestream").Secrets)))
	if out == nil || out.StreamURL == "" {
		return nil, err
	}
	return out, err
}

// meeting returns the meeting of a number with the fields that are selected.
func (s *scope) meeting(ctx context.Context, number types.MeetingNumber) (*types.Meeting, error) {
	if number == 0 {
		return nil, nil
	}
	want := needsOf(ctx, "Meeting")
	if want.KeyOnly() {
		return &types.Meeting{Origin: s.origin(), Number: number}, nil
	}
	if !want.Secrets {
		if m, ok, err := zoom.GetMeeting.Known(ctx, s.client, zoom.MeetingQuery{MeetingID: number}); ok {
			return m, err
		}
	}
	m, err := s.wholeMeeting(ctx, number, want.Secrets)
	if errors.Is(err, zoom.ErrNotCached) {
		return s.guessMeeting(ctx, number, err)
	}
	return m, err
}

// guessMeeting returns a meeting with its host alone, as earlier answers had it, while an operation
// is priced: the cache does not hold the meeting, and its host leads to further calls.
func (s *scope) guessMeeting(ctx context.Context, number types.MeetingNumber, err error) (*types.Meeting, error) {
	host, ok := s.client.HostOf(number)
	if !ok {
		return nil, err
	}
	zoom.Guessed(ctx, zoom.GetMeeting.Spec, 1)
	origin := s.origin()
	origin.Op = zoom.GetMeeting.Pattern
	return &types.Meeting{Origin: origin, Number: number, HostZoomID: types.Text(host)}, nil
}

func (s *scope) wholeMeeting(ctx context.Context, number types.MeetingNumber, secrets bool) (*types.Meeting, error) {
	return s.meetings().Load(ctx, meetingKey{number, secrets})
}

// meetingTarget returns the meeting that a mutation names.
func meetingTarget(ctx context.Context, by *types.MeetingBy) (*target, types.MeetingNumber, error) {
	at, key, err := targetBy(ctx, nil, "meeting", *by)
	if err != nil {
		return at, 0, err
	}
	number, err := argument.NumberIn(key)
	return at, number, argument.Within(err, "meeting", "id")
}

// occurrence names a meeting, or one date of it.
type occurrence struct {
	number types.MeetingNumber
	id     string // "" for the whole series
}

// occurrenceTarget returns the meeting that a mutation names, or one date of it. It refuses an
// empty date, which Zoom would read as the whole series.
func occurrenceTarget(ctx context.Context, by *types.MeetingBy, occurrenceID *string) (*target, occurrence, error) {
	at, number, err := meetingTarget(ctx, by)
	if err != nil {
		return at, occurrence{}, err
	}
	id, err := argument.Optional("occurrenceId", occurrenceID)
	return at, occurrence{number, id}, err
}

// numberOf returns the number of the meeting that a mutation wrote to; 0 if it was refused.
func numberOf(meeting types.NodeID) types.MeetingNumber {
	number, _ := types.ParseMeetingNumber(meeting.Key)
	return number
}

func (r *Resolver) createMeeting(ctx context.Context, at *target, host string, input types.CreateMeetingInput) (*types.Meeting, error) {
	return create(ctx, r.Idempotency, at, creation[zoom.NewMeeting, types.Meeting]{
		op: zoom.CreateMeeting, in: zoom.NewMeeting{UserID: host, Meeting: input.Meeting},
		key: input.IdempotencyKey, input: input,
		zoomID: meetingID, read: at.meetingMade,
	})
}

// meetingID returns Zoom's id of a new meeting; "" if the answer does not have it.
func meetingID(made *types.Meeting) string {
	if made.Number == 0 {
		return ""
	}
	return made.Number.String()
}

// meetingMade reads a meeting with the fields that the answer to its creation has, credentials
// included.
func (s *scope) meetingMade(ctx context.Context, id string) (*types.Meeting, error) {
	number, err := types.ParseMeetingNumber(id)
	if err != nil {
		return nil, err
	}
	return zoom.GetMeeting.Do(ctx, s.client, zoom.MeetingQuery{MeetingID: number}, zoom.WithSecrets)
}

// templateTarget returns the meeting that a mutation makes a template of, and Zoom's input for
// the meeting and the user.
func templateTarget(ctx context.Context, input types.CreateMeetingTemplateInput) (*target, zoom.NewMeetingTemplate, error) {
	none := zoom.NewMeetingTemplate{}
	at, name, err := targetBy(ctx, nil, "user", *input.User)
	number, wrong := argument.Number("meeting", *input.Meeting)
	if wrong != nil {
		at.id = argument.Named(*input.Meeting)
		return at, none, wrong
	}
	at.id = types.NodeID{Account: at.client.Sub(), Type: "Meeting", Key: number.String()}
	if err != nil {
		return at, none, err
	}
	user, err := at.userID(ctx, name)
	if err != nil {
		return at, none, argument.Within(err, "user")
	}
	body := zoom.NewMeetingTemplateBody{MeetingID: number, Name: input.Name, SaveRecurrence: input.SaveRecurrence, Overwrite: input.Overwrite}
	return at, zoom.NewMeetingTemplate{UserID: user, Body: body}, nil
}

func (r *Resolver) createMeetingTemplate(ctx context.Context, at *target, in zoom.NewMeetingTemplate, input types.CreateMeetingTemplateInput) (*types.MeetingTemplate, error) {
	template, err := create(ctx, r.Idempotency, at, creation[zoom.NewMeetingTemplate, types.MeetingTemplate]{
		op: zoom.CreateMeetingTemplate, in: in,
		key: input.IdempotencyKey, input: input, zoomID: func(made *types.MeetingTemplate) string { return string(made.ZoomID) },
		read: func(ctx context.Context, id string) (*types.MeetingTemplate, error) {
			return at.templateMade(ctx, in.UserID, id)
		},
	})
	if template != nil {
		notReturned(ctx, needsOf(ctx, "MeetingTemplate", "template"), template.Op)
	}
	return template, err
}

// templateMade reads a template, which only the list of its user has.
func (s *scope) templateMade(ctx context.Context, user, id string) (*types.MeetingTemplate, error) {
	list, err := zoom.ListMeetingTemplates.Do(ctx, s.client, zoom.UserKey{UserID: user})
	if err != nil {
		return nil, err
	}
	for _, t := range list.Templates {
		if string(t.ZoomID) == id {
			return t, nil
		}
	}
	if err := list.Early(zoom.ListMeetingTemplates.Spec, len(list.Templates)); err != nil {
		return nil, err
	}
	return nil, &zoom.Error{Op: zoom.ListMeetingTemplates.Pattern, Kind: zoom.ErrNotFound}
}
