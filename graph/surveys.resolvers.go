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
	at, number, err := meetingTarget(ctx, input.Meeting)
	return write(ctx, at, err, func(*types.UpdateMeetingPayload) error {
		return only(zoom.UpdateMeetingSurvey.Do(ctx, at.client, zoom.MeetingSurveyPatch{MeetingID: number, Survey: input.Survey}))
	})
}

func (r *mutationResolver) DeleteMeetingSurvey(ctx context.Context, input types.DeleteMeetingSurveyInput) (*types.UpdateMeetingPayload, error) {
	at, number, err := meetingTarget(ctx, input.Meeting)
	return write(ctx, at, err, func(*types.UpdateMeetingPayload) error {
		return only(zoom.DeleteMeetingSurvey.Do(ctx, at.client, zoom.MeetingKey{MeetingID: number}))
	})
}
