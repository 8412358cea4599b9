package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

func init() {
	handle("GET /surveys", listSurveys)
	handle("GET /surveys/{surveyId}", getManagedSurvey)
	handle("GET /surveys/{surveyId}/instances", listSurveyInstances)
	handle("GET /surveys/{surveyId}/answers", listSurveyAnswers)
	handle("GET /surveys/channels/{channelId}/instances", listChannelSurveyInstances)
}

var surveyTypes = []string{"survey", "basic_poll", "advanced_poll", "quiz", "consumer_engagement_survey"}

func (w *world) surveyID(i int) string { return sealID(w.seed, sealOther, 4_000+uint64(i)) }

// surveyChannel is the chat channel in Landmarks in which surveys were used.
const surveyChannel = "sandboxsurveychannel0000000000@conference.xmpp.zoom.example"

// findSurvey returns the index of a survey, which is also the index of its type.
func (c *call) findSurvey() (int, error) {
	for i := range surveyTypes {
		if c.world.surveyID(i) == c.path("surveyId") {
			return i, nil
		}
	}
	return 0, notFound(6701, "Invalid parameter survey id.")
}

func (w *world) surveyRef(i int) map[string]any {
	return map[string]any{"survey_id": w.surveyID(i), "survey_name": fmt.Sprintf("How was it? (%d)", i+1), "survey_type": surveyTypes[i]}
}

// survey returns a survey with its questions. The first survey has one question of each type,
// and the others have one with a single choice.
func (w *world) survey(i int) map[string]any {
	s := w.surveyRef(i)
	s["anonymous"] = i%2 == 1
	kinds := questionTypes
	if i > 0 {
		kinds = kinds[:1]
	}
	questions := []any{}
	for k, kind := range kinds {
		questions = append(questions, w.surveyQuestion(i, k, kind))
	}
	s["survey_questions"] = questions
	return s
}

func (w *world) surveyPart(i, k, part int) string {
	return sealID(w.seed, sealOther, 5_000+uint64(i*1000+k*20+part))
}

func (w *world) surveyQuestion(i, k int, kind string) map[string]any {
	q := map[string]any{
		"question_id": w.surveyPart(i, k, 0), "question_name": fmt.Sprintf("Question %d & answer?", k+1), "question_order": k + 1,
		"question_type": kind, "required": k == 0,
	}
	if kind == "matching" || kind == "rank_order" {
		q["sub_questions"] = []any{
			map[string]any{"sub_question_id": w.surveyPart(i, k, 10), "sub_question_name": "The first", "sub_question_order": 1},
			map[string]any{"sub_question_id": w.surveyPart(i, k, 11), "sub_question_name": "The second", "sub_question_order": 2},
		}
	}
	options := []any{}
	for o, words := range []string{"Good", "Not so good"} {
		option := map[string]any{"option_id": w.surveyPart(i, k, o+1), "option_value": words, "option_order": o + 1}
		if kind == "rating_scale" {
			option["option_label"] = strconv.Itoa(5 - 4*o)
		}
		options = append(options, option)
	}
	q["options"] = options
	return q
}

// surveyPage is a page of a list of surveys. Its only counter is the token.
func (c *call) surveyPage(total int, item func(int) any) (any, error) {
	p, err := c.page(total, item)
	if err != nil {
		return nil, err
	}
	return p.without("page_count", "page_size", "total_records"), nil
}

func listSurveys(c *call) (any, error) {
	return c.surveyPage(len(surveyTypes), func(i int) any { return c.world.surveyRef(i) })
}

func getManagedSurvey(c *call) (any, error) {
	i, err := c.findSurvey()
	if err != nil {
		return nil, err
	}
	s := c.world.survey(i)
	s["published"] = i != 3
	return s, nil
}

// surveyInstances returns the instances of the weekly meeting in which a survey was used: the
// surveys take turns.
func (c *call) surveyInstances(survey int) []*instance {
	weekly := c.world.seedMeeting(special(slotWeekly))
	if weekly == nil { // in a new sub account
		return nil
	}
	var used []*instance
	for k, inst := range c.world.instances(weekly) {
		if k%len(surveyTypes) == (survey+1)%len(surveyTypes) {
			used = append(used, inst)
		}
	}
	return used
}

// chosenInstances returns the instances that a call requests: all, or the one with the UUID
// of the path, encoded twice.
func (c *call) chosenInstances(survey int) ([]*instance, error) {
	all := c.surveyInstances(survey)
	named := c.query.Get("instance_id")
	if named == "" {
		return all, nil
	}
	uuid, err := url.QueryUnescape(named)
	at := slices.IndexFunc(all, func(inst *instance) bool { return c.world.uuid(inst.m.n, inst.k) == uuid })
	if err != nil || at < 0 {
		return nil, &zoomError{http.StatusBadRequest, 6703, "Invalid parameter survey instance id.", nil}
	}
	return all[at : at+1], nil
}

// instanceOf returns one use of a survey. The orders of parts and options may be strings, as
// documented.
func (w *world) instanceOf(survey int, id, name string, textOrders bool) map[string]any {
	s := w.survey(survey)
	s["instance_id"], s["instance_name"], s["has_response"] = id, name, true
	if textOrders {
		for _, q := range s["survey_questions"].([]any) {
			question := q.(map[string]any)
			ordersAsText(question["options"], "option_order")
			ordersAsText(question["sub_questions"], "sub_question_order")
		}
	}
	return s
}

func ordersAsText(parts any, name string) {
	list, _ := parts.([]any)
	for _, p := range list {
		part := p.(map[string]any)
		part[name] = fmt.Sprint(part[name])
	}
}

func listSurveyInstances(c *call) (any, error) {
	survey, err := c.findSurvey()
	if err != nil {
		return nil, err
	}
	instances, err := c.chosenInstances(survey)
	if err != nil {
		return nil, err
	}
	w := c.world
	return c.surveyPage(len(instances), func(i int) any {
		inst := instances[i]
		s := w.instanceOf(survey, w.uuid(inst.m.n, inst.k), inst.m.Topic, true)
		s["product_type"], s["meeting_id"] = "meeting", formatNumber(w.number(inst.m.n))
		return s
	})
}

func listChannelSurveyInstances(c *call) (any, error) {
	total := 0
	if c.path("channelId") == surveyChannel {
		total = len(surveyTypes)
	}
	w := c.world
	return c.surveyPage(total, func(i int) any {
		return w.instanceOf(i, sealID(w.seed, sealOther, 6_000+uint64(i)), "Channel of the product team", false)
	})
}

// listSurveyAnswers returns the answers of the instances, one for each participant.
func listSurveyAnswers(c *call) (any, error) {
	survey, err := c.findSurvey()
	if err != nil {
		return nil, err
	}
	instances, err := c.chosenInstances(survey)
	if err != nil {
		return nil, err
	}
	from, to, err := c.submitted()
	if err != nil {
		return nil, err
	}
	answers := []any{}
	for _, inst := range instances {
		if (from.IsZero() || !inst.end.Before(from)) && (to.IsZero() || !inst.end.After(to)) {
			answers = append(answers, c.world.surveyAnswers(survey, inst)...)
		}
	}
	return c.surveyPage(len(answers), func(i int) any { return answers[i] })
}

func (c *call) submitted() (from, to time.Time, err error) {
	read := func(name string) (t time.Time) {
		if v := c.query.Get(name); v != "" && err == nil {
			if t, err = time.Parse(time.RFC3339, v); err != nil {
				err = invalid(name)
			}
		}
		return t
	}
	from, to = read("submit_time_start"), read("submit_time_end")
	return from, to, err
}

func (w *world) surveyAnswers(survey int, inst *instance) []any {
	byPerson := map[int]*stay{}
	for _, s := range w.stays(inst) {
		byPerson[s.person] = s
	}
	anonymous := survey%2 == 1
	var all []any
	for _, person := range slices.Sorted(maps.Keys(byPerson)) {
		name, email := w.shown(inst, byPerson[person])
		if anonymous {
			name, email = "", ""
		}
		all = append(all, map[string]any{
			"email": email, "name": name, "anonymous": anonymous, "instance_id": w.uuid(inst.m.n, inst.k),
			"submit_time": stamp(inst.end), "questions": w.questionAnswers(survey, person),
		})
	}
	return all
}

func (w *world) questionAnswers(survey, person int) []any {
	answers := []any{}
	for k, q := range w.survey(survey)["survey_questions"].([]any) {
		given := []any{map[string]any{"option_id": w.surveyPart(survey, k, 1+person%2), "answer": "Good & fine"}}
		answer := map[string]any{"question_id": w.surveyPart(survey, k, 0)}
		if q.(map[string]any)["sub_questions"] == nil {
			answer["question_answers"] = given
		} else {
			answer["sub_questions"] = []any{map[string]any{"sub_question_id": w.surveyPart(survey, k, 10), "sub_question_answers": given}}
		}
		answers = append(answers, answer)
	}
	return answers
}
