package graph

import (
	"context"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *meetingResolver) Survey(ctx context.Context, obj *types.Meeting) (*types.MeetingSurvey, error) {
	return orNil(zoom.GetMeetingSurvey.Do(ctx, of(ctx, obj).client, zoom.MeetingKey{MeetingID: obj.Number}))
}

func (r *mutationResolver) UpdateMeetingSurvey(ctx context.Context, input types.UpdateMeetingSurveyInput) (*types.UpdateMeetingPayload, error) {
	return changed(ctx, input.Meeting, func(c *zoom.Client, number types.MeetingNumber) error {
		_, err := zoom.UpdateMeetingSurvey.Do(ctx, c, zoom.MeetingSurveyPatch{MeetingID: number, Survey: input.Survey})
		return err
	})
}

func (r *mutationResolver) DeleteMeetingSurvey(ctx context.Context, input types.DeleteMeetingSurveyInput) (*types.UpdateMeetingPayload, error) {
	return changed(ctx, input.Meeting, func(c *zoom.Client, number types.MeetingNumber) error {
		_, err := zoom.DeleteMeetingSurvey.Do(ctx, c, zoom.MeetingKey{MeetingID: number})
		return err
	})
}
