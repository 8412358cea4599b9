package graph

import (
	"context"

	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *mutationResolver) CreateMeetingTemplate(ctx context.Context, input types.CreateMeetingTemplateInput) (*types.CreateMeetingTemplatePayload, error) {
	template, err := in(ctx, input.User.ID).createMeetingTemplate(ctx, r.Idempotency, input)
	mistakes, err := userErrors(ctx, err)
	if template != nil {
		notTold(ctx, needsOf(ctx, "MeetingTemplate", "template"), template.Op)
	}
	return &types.CreateMeetingTemplatePayload{Template: template, UserErrors: mistakes}, err
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
