package graph

import (
	"context"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (s *scope) createSipDialing(ctx context.Context, input types.CreateSipDialingInput) (*types.SipDialing, error) {
	number, err := numberBy("meeting", *input.Meeting)
	if err != nil {
		return nil, err
	}
	return zoom.CreateSipDialing.Do(ctx, s.client, zoom.SipDialing{MeetingID: number, Body: zoom.SipDialingBody{Passcode: input.Passcode}})
}

func (s *scope) createMeetingTemplate(ctx context.Context, m *idempotency, input types.CreateMeetingTemplateInput) (*types.MeetingTemplate, error) {
	number, err := numberBy("meeting", *input.Meeting)
	if err != nil {
		return nil, err
	}
	user, err := s.hostID(ctx, *input.User)
	if err != nil {
		return nil, within(err, "user")
	}
	body := zoom.NewMeetingTemplateBody{MeetingID: number, Name: input.Name, SaveRecurrence: input.SaveRecurrence, Overwrite: input.Overwrite}
	create := func(ctx context.Context) (*types.MeetingTemplate, error) {
		return zoom.CreateMeetingTemplate.Do(ctx, s.client, zoom.NewMeetingTemplate{UserID: user, Body: body})
	}
	return once(ctx, s, m, creation[types.MeetingTemplate]{
		mutation: "createMeetingTemplate", key: input.IdempotencyKey, input: input, create: create,
		id: func(made *types.MeetingTemplate) string { return string(made.ZoomID) }, op: zoom.CreateMeetingTemplate.Spec,
		again: func(ctx context.Context, id string) (*types.MeetingTemplate, error) {
			return s.templateMade(ctx, user, id)
		},
	})
}

// templateMade reads a template, which only the list of its user tells.
func (s *scope) templateMade(ctx context.Context, user, id string) (*types.MeetingTemplate, error) {
	list, err := zoom.ListMeetingTemplates.Do(ctx, s.client, zoom.UserKey{UserID: user})
	if err != nil {
		return nil, err
	}
	for _, t := range list.Templates {
		if string(t.ZoomID) == id {
			return t, nil
		}
	}
	if err := list.Early(zoom.ListMeetingTemplates.Spec, len(list.Templates)); err != nil {
		return nil, err
	}
	return nil, &zoom.Error{Op: zoom.ListMeetingTemplates.Pattern, Kind: zoom.ErrNotFound}
}

// livestream returns where a meeting is streamed to. Zoom answers with empty
// texts while nothing is set up.
func (s *scope) livestream(ctx context.Context, number types.MeetingNumber) (*types.Livestream, error) {
	out, err := orNil(zoom.GetLivestream.Do(ctx, s.client, zoom.MeetingKey{MeetingID: number}, zoom.Secrets(needsOf(ctx, "Livestream").Secrets)))
	if out == nil || out.StreamURL == "" {
		return nil, err
	}
	return out, err
}
