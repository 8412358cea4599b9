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
	at, number, err := meetingTarget(ctx, input.Meeting)
	return write(ctx, at, err, func(p *types.CreatePollPayload) (err error) {
		p.Poll, err = r.createPoll(ctx, at, number, input)
		return err
	})
}

func (r *mutationResolver) UpdatePoll(ctx context.Context, input types.UpdatePollInput) (*types.UpdatePollPayload, error) {
	at, key, err := pollTarget(ctx, input.Meeting, input.Poll)
	return write(ctx, at, err, func(*types.UpdatePollPayload) error {
		return only(zoom.UpdatePoll.Do(ctx, at.client, zoom.PollChange{PollKey: key, Content: input.Content}))
	})
}

func (r *mutationResolver) DeletePoll(ctx context.Context, input types.DeletePollInput) (*types.DeletePollPayload, error) {
	at, key, err := pollTarget(ctx, input.Meeting, input.Poll)
	return write(ctx, at, err, func(*types.DeletePollPayload) error {
		return only(zoom.DeletePoll.Do(ctx, at.client, key))
	})
}

func (r *pollResolver) Meeting(ctx context.Context, obj *types.Poll) (*types.Meeting, error) {
	return orNil(of(ctx, obj).meeting(ctx, obj.Meeting))
}

func (r *updatePollPayloadResolver) Poll(ctx context.Context, obj *types.UpdatePollPayload) (*types.Poll, error) {
	if obj.Target.Key == "" {
		return nil, nil
	}
	return of(ctx, obj).poll(ctx, obj.Target.Key)
}

func (r *Resolver) Poll() generated.PollResolver { return &pollResolver{r} }

func (r *Resolver) UpdatePollPayload() generated.UpdatePollPayloadResolver {
	return &updatePollPayloadResolver{r}
}

type (
	pollResolver              struct{ *Resolver }
	updatePollPayloadResolver struct{ *Resolver }
)
