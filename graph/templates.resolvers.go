package graph

import (
	"context"

	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *mutationResolver) CreateMeetingTemplate(ctx context.Context, input types.CreateMeetingTemplateInput) (*types.CreateMeetingTemplatePayload, error) {
	at, template, err := templateTarget(ctx, input)
	return write(ctx, at, err, func(p *types.CreateMeetingTemplatePayload) (err error) {
		p.Template, err = r.createMeetingTemplate(ctx, at, template, input)
		return err
	})
}

func (r *userResolver) MeetingTemplates(ctx context.Context, obj *types.User) ([]*types.MeetingTemplate, error) {
	id, err := idOf(obj)
	if err != nil {
		return nil, err
	}
	out, err := zoom.ListMeetingTemplates.Do(ctx, of(ctx, obj).client, zoom.UserKey{UserID: id})
	if err != nil {
		return nil, err
	}
	return list.AtOnce(ctx, zoom.ListMeetingTemplates.Spec, out.Templates, out.Counted), nil
}
