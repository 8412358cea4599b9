package graph

import (
	"context"

	"zoomql/graph/argument"
	"zoomql/graph/generated"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *accountResolver) Surveys(ctx context.Context, obj *types.Account, first int, after *string) (*types.Connection[types.Survey], error) {
	return of(ctx, obj).surveyList(ctx, first, after)
}

func (r *accountResolver) Survey(ctx context.Context, obj *types.Account, by types.SurveyBy) (*types.Survey, error) {
	id, err := argument.Key("survey", by)
	if err != nil {
		return nil, err
	}
	return orNil(of(ctx, obj).survey(ctx, id))
}

func (r *accountResolver) ChannelSurveyInstances(ctx context.Context, obj *types.Account, channelZoomID string, first int, after *string) (*types.Connection[types.SurveyInstance], error) {
	if err := argument.Filled(map[string]*string{"channelZoomId": &channelZoomID}); err != nil {
		return nil, err
	}
	return connect(ctx, list.List[zoom.ChannelKey, types.SurveyInstance]{
		Client: of(ctx, obj).client, Op: zoom.ListChannelSurveyInstances, Windows: list.Uncut(zoom.ChannelKey{ChannelID: channelZoomID}), First: first, After: after,
	})
}

func (r *surveyResolver) Instances(ctx context.Context, obj *types.Survey, first int, after *string, instanceZoomID *string) (*types.Connection[types.SurveyInstance], error) {
	if err := argument.Filled(map[string]*string{"instanceZoomId": instanceZoomID}); err != nil {
		return nil, err
	}
	filter := zoom.SurveyInstanceFilter{SurveyID: string(obj.ZoomID), InstanceID: zoom.EncodedID(deref(instanceZoomID))}
	return of(ctx, obj).surveyInstances(ctx, filter, first, after)
}

func (r *surveyResolver) Answers(ctx context.Context, obj *types.Survey, first int, after *string, instanceZoomID *string, from *types.Time, to *types.Time) (*types.Connection[types.SurveyAnswer], error) {
	if err := argument.Filled(map[string]*string{"instanceZoomId": instanceZoomID}); err != nil {
		return nil, err
	}
	if from != nil && to != nil && to.Before(from.Time) {
		return nil, list.ErrBackwards
	}
	filter := zoom.SurveyAnswerFilter{SurveyID: string(obj.ZoomID), InstanceID: zoom.EncodedID(deref(instanceZoomID)), From: moment(from), To: moment(to)}
	return of(ctx, obj).surveyAnswers(ctx, filter, first, after)
}

func (r *surveyAnswerResolver) Instance(ctx context.Context, obj *types.SurveyAnswer) (*types.SurveyInstance, error) {
	return of(ctx, obj).answeredInstance(ctx, obj)
}

func (r *surveyAnswerResolver) User(ctx context.Context, obj *types.SurveyAnswer) (*types.User, error) {
	return orNil(of(ctx, obj).user(ctx, string(obj.Email)))
}

func (r *surveyInstanceResolver) Survey(ctx context.Context, obj *types.SurveyInstance) (*types.Survey, error) {
	return orNil(of(ctx, obj).survey(ctx, string(obj.SurveyZoomID)))
}

func (r *surveyInstanceResolver) Answers(ctx context.Context, obj *types.SurveyInstance, first int, after *string) (*types.Connection[types.SurveyAnswer], error) {
	filter := zoom.SurveyAnswerFilter{SurveyID: string(obj.SurveyZoomID), InstanceID: zoom.EncodedID(obj.ZoomID)}
	return of(ctx, obj).surveyAnswers(ctx, filter, first, after)
}

func (r *surveyInstanceResolver) MeetingInstance(ctx context.Context, obj *types.SurveyInstance) (*types.MeetingInstance, error) {
	return of(ctx, obj).surveyedInstance(ctx, obj)
}

func (r *surveyInstanceResolver) Meeting(ctx context.Context, obj *types.SurveyInstance) (*types.Meeting, error) {
	return orNil(of(ctx, obj).meeting(ctx, obj.MeetingNumber))
}

func (r *Resolver) Survey() generated.SurveyResolver { return &surveyResolver{r} }

func (r *Resolver) SurveyAnswer() generated.SurveyAnswerResolver { return &surveyAnswerResolver{r} }

func (r *Resolver) SurveyInstance() generated.SurveyInstanceResolver {
	return &surveyInstanceResolver{r}
}

type (
	surveyResolver         struct{ *Resolver }
	surveyAnswerResolver   struct{ *Resolver }
	surveyInstanceResolver struct{ *Resolver }
)
