package graph

import (
	"context"

	"zoomql/graph/generated"
	"zoomql/internal/zoom/types"
)

func (r *meetingInstanceResolver) Polls(ctx context.Context, obj *types.MeetingInstance, source *types.InstanceSource) (*types.PollResults, error) {
	return of(ctx, obj).polls(ctx, obj, source)
}

func (r *meetingInstanceResolver) Qa(ctx context.Context, obj *types.MeetingInstance, source *types.InstanceSource) (*types.QaResults, error) {
	return of(ctx, obj).qa(ctx, obj, source)
}

func (r *meetingInstanceResolver) Survey(ctx context.Context, obj *types.MeetingInstance) (*types.MeetingSurveyResults, error) {
	return of(ctx, obj).surveyResults(ctx, obj)
}

func (r *meetingSurveyRespondentResolver) User(ctx context.Context, obj *types.MeetingSurveyRespondent) (*types.User, error) {
	return of(ctx, obj).userOf(ctx, "", obj.Email)
}

func (r *pollRespondentResolver) User(ctx context.Context, obj *types.PollRespondent) (*types.User, error) {
	return of(ctx, obj).userOf(ctx, "", obj.Email)
}

func (r *qaAnswerResolver) User(ctx context.Context, obj *types.QaAnswer) (*types.User, error) {
	return of(ctx, obj).userOf(ctx, obj.ZoomID, obj.Email)
}

func (r *qaAskerResolver) User(ctx context.Context, obj *types.QaAsker) (*types.User, error) {
	return of(ctx, obj).userOf(ctx, obj.ZoomID, obj.Email)
}

func (r *Resolver) MeetingSurveyRespondent() generated.MeetingSurveyRespondentResolver {
	return &meetingSurveyRespondentResolver{r}
}

func (r *Resolver) PollRespondent() generated.PollRespondentResolver {
	return &pollRespondentResolver{r}
}

func (r *Resolver) QaAnswer() generated.QaAnswerResolver { return &qaAnswerResolver{r} }

func (r *Resolver) QaAsker() generated.QaAskerResolver { return &qaAskerResolver{r} }

type (
	meetingSurveyRespondentResolver struct{ *Resolver }
	pollRespondentResolver          struct{ *Resolver }
	qaAnswerResolver                struct{ *Resolver }
	qaAskerResolver                 struct{ *Resolver }
)
