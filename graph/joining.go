package graph

import (
	"context"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (s *scope) createSipDialing(ctx context.Context, input types.CreateSipDialingInput) (*types.SipDialing, error) {
	number, err := meetingNumber(*input.Meeting)
	if err != nil {
		return nil, err
	}
	return zoom.CreateSipDialing.Do(ctx, s.client, zoom.SipDialing{MeetingID: number, Body: zoom.SipDialingBody{Passcode: deref(input.Passcode)}})
}

func (s *scope) createMeetingTemplate(ctx context.Context, m *idempotency, input types.CreateMeetingTemplateInput) (*types.MeetingTemplate, error) {
	number, err := meetingNumber(*input.Meeting)
	if err != nil {
		return nil, err
	}
	user, err := s.hostID(ctx, *input.User)
	if err != nil {
		return nil, err
	}
	body := zoom.NewMeetingTemplateBody{MeetingID: number, Name: deref(input.Name), SaveRecurrence: input.SaveRecurrence, Overwrite: input.Overwrite}
	create := func(ctx context.Context) (*types.MeetingTemplate, error) {
		return zoom.CreateMeetingTemplate.Do(ctx, s.client, zoom.NewMeetingTemplate{UserID: user, Body: body})
	}
	return once(ctx, s, m, "createMeetingTemplate", input.IdempotencyKey, input, create)
}
