package graph

import (
	"context"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *meetingResolver) RegistrationQuestions(ctx context.Context, obj *types.Meeting) (*types.RegistrationQuestions, error) {
	return orNil(zoom.GetRegistrationQuestions.Do(ctx, of(ctx, obj).client, zoom.MeetingKey{MeetingID: obj.Number}))
}

func (r *mutationResolver) UpdateRegistrationQuestions(ctx context.Context, input types.UpdateRegistrationQuestionsInput) (*types.UpdateMeetingPayload, error) {
	at, number, err := meetingTarget(ctx, input.Meeting)
	return write(ctx, at, err, func(*types.UpdateMeetingPayload) error {
		return only(zoom.UpdateRegistrationQuestions.Do(ctx, at.client, zoom.RegistrationForm{MeetingID: number, Form: input.Form}))
	})
}
