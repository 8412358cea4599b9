package zoom

import "zoomql/internal/zoom/types"

// SurveyKey names a survey by Zoom's id.
type SurveyKey struct {
	SurveyID string `path:"surveyId"`
}

// SurveyInstanceFilter selects instances of one survey.
type SurveyInstanceFilter struct {
	SurveyID   string    `path:"surveyId"`
	InstanceID EncodedID `query:"instance_id"`
}

// SurveyAnswerFilter selects answers to one survey.
type SurveyAnswerFilter struct {
	SurveyID   string    `path:"surveyId"`
	InstanceID EncodedID `query:"instance_id"`
	From       string    `query:"submit_time_start"`
	To         string    `query:"submit_time_end"`
}

// ChannelKey names a chat channel by Zoom's id.
type ChannelKey struct {
	ChannelID string `path:"channelId"`
}

// EncodedID is an id that Zoom requires to be encoded twice in a query, since it may hold
// "+" and "/".
//
// Source: instance_id of GET /surveys/{surveyId}/answers.
type EncodedID string

// String returns the id encoded once; encoding the query does it a second time.
func (id EncodedID) String() string { return escape(string(id)) }

const surveyRead = "survey:read:admin "

// surveyPage is the page size for lists of surveys. Zoom documents no maximum; its answers
// hold at most 100 people.
const surveyPage = 100

// The operations on surveys. ListChannelSurveyInstances is newer than Zoom's document of the
// ordinary form, the only one that would name its scopes.
var (
	GetSurvey = op[SurveyKey, types.Survey](Spec{
		Pattern: "GET /surveys/{surveyId}", Rate: Light, Life: Slow,
		Scopes: surveyRead + "survey_management:read:survey:admin",
		Tags:   []string{"surveys"},
	})
	ListSurveys = list[NoFilter, types.Survey](Spec{
		Pattern: "GET /surveys", Rate: Medium, Life: Slow, Array: "surveys", MaxPage: surveyPage,
		Scopes: surveyRead + "survey_management:read:list_surveys:admin",
		Tags:   []string{"surveys"},
	})
	ListSurveyInstances = list[SurveyInstanceFilter, types.SurveyInstance](Spec{
		Pattern: "GET /surveys/{surveyId}/instances", Rate: Medium, Life: Scheduled, Array: "survey_instances", MaxPage: surveyPage,
		Scopes: surveyRead + "survey_management:read:list_survey_instances:admin",
		Tags:   []string{"surveys"},
	})
	ListChannelSurveyInstances = list[ChannelKey, types.SurveyInstance](Spec{
		Pattern: "GET /surveys/channels/{channelId}/instances", Rate: Medium, Life: Scheduled, Array: "survey_instances", MaxPage: surveyPage,
		Tags: []string{"surveys"},
	})
	ListSurveyAnswers = list(Spec{
		Pattern: "GET /surveys/{surveyId}/answers", Rate: Medium, Life: Scheduled, Array: "survey_answers", MaxPage: surveyPage,
		Scopes: surveyRead + "survey_management:read:list_survey_answers:admin",
		Tags:   []string{"surveys"},
	}, func(in SurveyAnswerFilter, a *types.SurveyAnswer) { a.Survey = in.SurveyID })
)
