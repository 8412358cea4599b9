package graph

import (
	"context"

	"zoomql/graph/argument"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// templateTarget returns the meeting that a mutation makes a template of, and Zoom's input for
// the meeting and the user.
func templateTarget(ctx context.Context, input types.CreateMeetingTemplateInput) (*target, zoom.NewMeetingTemplate, error) {
	none := zoom.NewMeetingTemplate{}
	at, name, err := targetBy(ctx, nil, "user", *input.User)
	number, wrong := argument.Number("meeting", *input.Meeting)
	if wrong != nil {
		at.id = argument.Named(*input.Meeting)
		return at, none, wrong
	}
	at.id = types.NodeID{Account: at.client.Sub(), Type: "Meeting", Key: number.String()}
	if err != nil {
		return at, none, err
	}
	user, err := at.userID(ctx, name)
	if err != nil {
		return at, none, argument.Within(err, "user")
	}
	body := zoom.NewMeetingTemplateBody{MeetingID: number, Name: input.Name, SaveRecurrence: input.SaveRecurrence, Overwrite: input.Overwrite}
	return at, zoom.NewMeetingTemplate{UserID: user, Body: body}, nil
}

func (r *Resolver) createMeetingTemplate(ctx context.Context, at *target, in zoom.NewMeetingTemplate, input types.CreateMeetingTemplateInput) (*types.MeetingTemplate, error) {
	template, err := create(ctx, r.Idempotency, at, creation[zoom.NewMeetingTemplate, types.MeetingTemplate]{
		op: zoom.CreateMeetingTemplate, in: in,
		key: input.IdempotencyKey, input: input, zoomID: func(made *types.MeetingTemplate) string { return string(made.ZoomID) },
		read: func(ctx context.Context, id string) (*types.MeetingTemplate, error) {
			return at.templateMade(ctx, in.UserID, id)
		},
	})
	if template != nil {
		notTold(ctx, needsOf(ctx, "MeetingTemplate", "template"), template.Op)
	}
	return template, err
}

// templateMade reads a template, which only the list of its user has.
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
