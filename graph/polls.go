package graph

import (
	"context"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// pollKey returns the poll that a caller means. It must be one of the meeting.
func pollKey(meeting types.MeetingNumber, by types.PollBy) (zoom.PollKey, error) {
	key, err := keyOf("poll", by)
	if err != nil || by.ID == nil {
		return zoom.PollKey{MeetingID: meeting, PollID: key}, err
	}
	of, id, err := partsOf(key)
	if err == nil && of != meeting {
		err = invalid("The id is of another meeting's poll.")
	}
	return zoom.PollKey{MeetingID: meeting, PollID: id}, within(err, "poll", "id")
}

// pollOf is pollKey for a write, which names the meeting too.
func pollOf(meeting types.MeetingBy, by types.PollBy) (zoom.PollKey, error) {
	number, err := numberBy("meeting", meeting)
	if err != nil {
		return zoom.PollKey{}, err
	}
	return pollKey(number, by)
}

func (s *scope) createPoll(ctx context.Context, m *idempotency, input types.CreatePollInput) (*types.Poll, error) {
	number, err := numberBy("meeting", *input.Meeting)
	if err != nil {
		return nil, err
	}
	create := func(ctx context.Context) (*types.Poll, error) {
		return zoom.CreatePoll.Do(ctx, s.client, zoom.NewPoll{MeetingID: number, Content: input.Poll})
	}
	return once(ctx, s, m, creation[types.Poll]{
		mutation: "createPoll", key: input.IdempotencyKey, input: input, create: create,
		id: func(made *types.Poll) string { return string(made.ZoomID) }, op: zoom.CreatePoll.Spec,
		again: func(ctx context.Context, id string) (*types.Poll, error) {
			return zoom.GetPoll.Do(ctx, s.client, zoom.PollKey{MeetingID: number, PollID: id})
		},
	})
}

func (s *scope) updatePoll(ctx context.Context, input types.UpdatePollInput) (zoom.PollKey, error) {
	key, err := pollOf(*input.Meeting, *input.Poll)
	if err != nil {
		return key, err
	}
	_, err = zoom.UpdatePoll.Do(ctx, s.client, zoom.PollChange{PollKey: key, Content: input.Content})
	return key, err
}

func (s *scope) deletePoll(ctx context.Context, input types.DeletePollInput) (zoom.PollKey, error) {
	key, err := pollOf(*input.Meeting, *input.Poll)
	if err != nil {
		return key, err
	}
	_, err = zoom.DeletePoll.Do(ctx, s.client, key)
	return key, err
}

// pollID returns the global id of a poll.
func (s *scope) pollID(key zoom.PollKey) types.NodeID {
	p := &types.Poll{Origin: s.origin(), Meeting: key.MeetingID, ZoomID: types.Text(key.PollID)}
	return p.ID()
}
