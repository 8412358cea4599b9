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
	return changed(ctx, input.Meeting, func(c *zoom.Client, number types.MeetingNumber) error {
		_, err := zoom.UpdateRegistrationQuestions.Do(ctx, c, zoom.RegistrationForm{MeetingID: number, Form: input.Form})
		return err
	})
}
