package graph

import (
	"context"

	"zoomql/graph/generated"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *meetingResolver) Polls(ctx context.Context, obj *types.Meeting, anonymous *bool) ([]*types.Poll, error) {
	out, err := zoom.ListPolls.Do(ctx, of(ctx, obj).client, zoom.PollFilter{MeetingID: obj.Number, Anonymous: anonymous})
	if err != nil {
		return nil, err
	}
	return list.AtOnce(ctx, zoom.ListPolls.Spec, out.Polls, out.Counted), nil
}

func (r *meetingResolver) Poll(ctx context.Context, obj *types.Meeting, by types.PollBy) (*types.Poll, error) {
	key, err := pollKey(obj.Number, by)
	if err != nil {
		return nil, err
	}
	return orNil(zoom.GetPoll.Do(ctx, of(ctx, obj).client, key))
}

func (r *mutationResolver) CreatePoll(ctx context.Context, input types.CreatePollInput) (*types.CreatePollPayload, error) {
	poll, err := in(ctx, input.Meeting.ID).createPoll(ctx, r.Idempotency, input)
	mistakes, err := userErrors(ctx, err)
	return &types.CreatePollPayload{Poll: poll, UserErrors: mistakes}, err
}

func (r *mutationResolver) UpdatePoll(ctx context.Context, input types.UpdatePollInput) (*types.UpdatePollPayload, error) {
	s := in(ctx, input.Meeting.ID)
	key, err := s.updatePoll(ctx, input)
	mistakes, err := userErrors(ctx, err)
	return &types.UpdatePollPayload{Origin: s.origin(), Number: unless(mistakes, key.MeetingID), Name: key.PollID, UserErrors: mistakes}, err
}

func (r *mutationResolver) DeletePoll(ctx context.Context, input types.DeletePollInput) (*types.DeletePollPayload, error) {
	s := in(ctx, input.Meeting.ID)
	key, err := s.deletePoll(ctx, input)
	mistakes, err := userErrors(ctx, err)
	return &types.DeletePollPayload{DeletedPollID: gone(s.pollID(key), mistakes), UserErrors: mistakes}, err
}

func (r *pollResolver) Meeting(ctx context.Context, obj *types.Poll) (*types.Meeting, error) {
	return orNil(of(ctx, obj).meeting(ctx, obj.Meeting))
}

func (r *updatePollPayloadResolver) Poll(ctx context.Context, obj *types.UpdatePollPayload) (*types.Poll, error) {
	if obj.Number == 0 {
		return nil, nil
	}
	return zoom.GetPoll.Do(ctx, of(ctx, obj).client, zoom.PollKey{MeetingID: obj.Number, PollID: obj.Name})
}

func (r *Resolver) Poll() generated.PollResolver { return &pollResolver{r} }

func (r *Resolver) UpdatePollPayload() generated.UpdatePollPayloadResolver {
	return &updatePollPayloadResolver{r}
}

type (
	pollResolver              struct{ *Resolver }
	updatePollPayloadResolver struct{ *Resolver }
)
