package graph

import (
	"context"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *meetingResolver) Livestream(ctx context.Context, obj *types.Meeting) (*types.Livestream, error) {
	return of(ctx, obj).livestream(ctx, obj.Number)
}

func (r *mutationResolver) UpdateLivestream(ctx context.Context, input types.UpdateLivestreamInput) (*types.UpdateMeetingPayload, error) {
	at, number, err := meetingTarget(ctx, input.Meeting)
	return write(ctx, at, err, func(*types.UpdateMeetingPayload) error {
		return only(zoom.UpdateLivestream.Do(ctx, at.client, zoom.LivestreamPatch{MeetingID: number, Livestream: input.Livestream}))
	})
}

func (r *mutationResolver) UpdateLivestreamStatus(ctx context.Context, input types.UpdateLivestreamStatusInput) (*types.UpdateMeetingPayload, error) {
	at, number, err := meetingTarget(ctx, input.Meeting)
	return write(ctx, at, err, func(*types.UpdateMeetingPayload) error {
		body := zoom.LivestreamStatusBody{Action: input.Action, Settings: input.Settings}
		return only(zoom.UpdateLivestreamStatus.Do(ctx, at.client, zoom.LivestreamStatusPatch{MeetingID: number, Body: body}))
	})
}
