package graph

import (
	"context"

	"zoomql/graph/batch"
	"zoomql/graph/list"
	"zoomql/internal/plan"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

type surveyKey struct{ id string }

func (s *scope) surveys() *batch.Loader[surveyKey, types.Survey] {
	return loaderOf(s, batch.Each(s.client, func(ctx context.Context, k surveyKey) (*types.Survey, error) {
		return zoom.GetSurvey.Do(ctx, s.client, zoom.SurveyKey{SurveyID: k.id})
	}))
}

// survey returns the survey of an id with the fields that are selected.
func (s *scope) survey(ctx context.Context, id string) (*types.Survey, error) {
	if id == "" {
		return nil, nil
	}
	if needsOf(ctx, "Survey").KeyOnly() {
		return &types.Survey{Origin: s.origin(), ZoomID: types.Text(id)}, nil
	}
	return s.surveys().Load(ctx, surveyKey{id})
}

// surveyList reads the surveys of the account, each whole if fields are selected that the list
// does not have.
func (s *scope) surveyList(ctx context.Context, first int, after *string) (*types.Connection[types.Survey], error) {
	l := list.List[zoom.NoFilter, types.Survey]{Client: s.client, Op: zoom.ListSurveys, Windows: list.Uncut(zoom.NoFilter{}), First: first, After: after}
	return connectWhole(ctx, l, "Survey", func(lacking []*types.Survey) []zoom.Found[types.Survey] {
		keys := make([]surveyKey, len(lacking))
		for i, v := range lacking {
			keys[i] = surveyKey{string(v.ZoomID)}
		}
		return s.surveys().LoadMany(ctx, keys)
	})
}

func (s *scope) surveyInstances(ctx context.Context, filter zoom.SurveyInstanceFilter, first int, after *string) (*types.Connection[types.SurveyInstance], error) {
	return connect(ctx, list.List[zoom.SurveyInstanceFilter, types.SurveyInstance]{
		Client: s.client, Op: zoom.ListSurveyInstances, Windows: list.Uncut(filter), First: first, After: after,
	})
}

func (s *scope) surveyAnswers(ctx context.Context, filter zoom.SurveyAnswerFilter, first int, after *string) (*types.Connection[types.SurveyAnswer], error) {
	return connect(ctx, list.List[zoom.SurveyAnswerFilter, types.SurveyAnswer]{
		Client: s.client, Op: zoom.ListSurveyAnswers, Windows: list.Uncut(filter), First: first, After: after,
	})
}

// surveyInstanceKey names one use of a survey.
type surveyInstanceKey struct{ survey, instance string }

// answeredInstance returns the instance that was answered. Many siblings share few instances, so
// a loader reads each once.
func (s *scope) answeredInstance(ctx context.Context, a *types.SurveyAnswer) (*types.SurveyInstance, error) {
	if a.InstanceZoomID == "" {
		return nil, nil
	}
	loader := loaderOf(s, batch.Each(s.client, func(ctx context.Context, k surveyInstanceKey) (*types.SurveyInstance, error) {
		filter := zoom.SurveyInstanceFilter{SurveyID: k.survey, InstanceID: zoom.EncodedID(k.instance)}
		page, err := zoom.ListSurveyInstances.Page(ctx, s.client, filter, zoom.Paging{Size: plan.PageSize(1, zoom.ListSurveyInstances.MaxPage)})
		if err != nil || len(page.Items) == 0 {
			return nil, err
		}
		return page.Items[0], nil
	}))
	return orNil(loader.Load(ctx, surveyInstanceKey{a.Survey, string(a.InstanceZoomID)}))
}

// surveyedInstance returns the instance of the meeting that a survey was used in: its UUID
// is the id of the use. A use that was read in a channel was in no meeting.
func (s *scope) surveyedInstance(ctx context.Context, i *types.SurveyInstance) (*types.MeetingInstance, error) {
	if i.ProductType != types.SurveyProductMeeting || i.ZoomID == "" {
		return nil, nil
	}
	return orNil(s.instance(ctx, string(i.ZoomID)))
}
