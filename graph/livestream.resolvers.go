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
	return changed(ctx, input.Meeting, func(c *zoom.Client, number types.MeetingNumber) error {
		_, err := zoom.UpdateLivestream.Do(ctx, c, zoom.LivestreamPatch{MeetingID: number, Livestream: input.Livestream})
		return err
	})
}

func (r *mutationResolver) UpdateLivestreamStatus(ctx context.Context, input types.UpdateLivestreamStatusInput) (*types.UpdateMeetingPayload, error) {
	return changed(ctx, input.Meeting, func(c *zoom.Client, number types.MeetingNumber) error {
		body := zoom.LivestreamStatusBody{Action: input.Action, Settings: input.Settings}
		_, err := zoom.UpdateLivestreamStatus.Do(ctx, c, zoom.LivestreamStatusPatch{MeetingID: number, Body: body})
		return err
	})
}
