package graph

import (
	"context"

	"zoomql/graph/argument"
	"zoomql/graph/errs"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// pollKey returns the poll that a caller names. It must be one of the meeting.
func pollKey(meeting types.MeetingNumber, by types.PollBy) (zoom.PollKey, error) {
	key, err := argument.Key("poll", by)
	if err != nil || by.ID == nil {
		return zoom.PollKey{MeetingID: meeting, PollID: key}, err
	}
	of, id, err := argument.PartsOf(key)
	if err == nil && of != meeting {
		err = errs.Invalid("The id is of another meeting's poll.")
	}
	return zoom.PollKey{MeetingID: meeting, PollID: id}, argument.Within(err, "poll", "id")
}

// pollTarget returns the poll that a mutation names in addition to its meeting.
func pollTarget(ctx context.Context, meeting *types.MeetingBy, by *types.PollBy) (*target, zoom.PollKey, error) {
	at, number, err := meetingTarget(ctx, meeting)
	if at.id = argument.Named(*by); err != nil {
		return at, zoom.PollKey{}, err
	}
	key, err := pollKey(number, *by)
	if err == nil {
		p := &types.Poll{Origin: at.origin(), Meeting: key.MeetingID, ZoomID: types.Text(key.PollID)}
		at.id = p.ID()
	}
	return at, key, err
}

func (r *Resolver) createPoll(ctx context.Context, at *target, number types.MeetingNumber, input types.CreatePollInput) (*types.Poll, error) {
	return create(ctx, r.Idempotency, at, creation[zoom.NewPoll, types.Poll]{
		op: zoom.CreatePoll, in: zoom.NewPoll{MeetingID: number, Content: input.Poll},
		key: input.IdempotencyKey, input: input, zoomID: func(made *types.Poll) string { return string(made.ZoomID) },
		read: func(ctx context.Context, id string) (*types.Poll, error) {
			return zoom.GetPoll.Do(ctx, at.client, zoom.PollKey{MeetingID: number, PollID: id})
		},
	})
}

// poll reads the poll of a key, which is that of its global id.
func (s *scope) poll(ctx context.Context, key string) (*types.Poll, error) {
	meeting, poll, err := argument.PartsOf(key)
	if err != nil {
		return nil, err
	}
	return zoom.GetPoll.Do(ctx, s.client, zoom.PollKey{MeetingID: meeting, PollID: poll})
}
