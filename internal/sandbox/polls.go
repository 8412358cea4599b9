package sandbox

import (
	"slices"
	"strings"
)

func init() {
	handle("GET /meetings/{meetingId}/polls", listPolls, paid)
	handle("POST /meetings/{meetingId}/polls", createPoll, paid)
	handle("GET /meetings/{meetingId}/polls/{pollId}", getPoll, paid)
	handle("PUT /meetings/{meetingId}/polls/{pollId}", updatePoll, paid)
	handle("DELETE /meetings/{meetingId}/polls/{pollId}", deletePoll, paid)
}

// poll is a poll of a meeting.
type poll struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	pollBody
}

// pollBody is the fields that a caller can set.
type pollBody struct {
	Title     string          `json:"title"`
	Type      int             `json:"poll_type"`
	Anonymous bool            `json:"anonymous"`
	Questions []*pollQuestion `json:"questions"`
}

// pollQuestion is a question of a poll or of a survey. Those of surveys have no right answers.
type pollQuestion struct {
	Name         string    `json:"name"`
	Type         string    `json:"type"`
	Required     *bool     `json:"answer_required,omitempty"`
	Answers      []string  `json:"answers,omitempty"`
	Prompts      []*prompt `json:"prompts,omitempty"`
	RightAnswers []string  `json:"right_answers,omitempty"`
	Case         *bool     `json:"case_sensitive,omitempty"`
	Dropdown     *bool     `json:"show_as_dropdown,omitempty"`
	Shortest     *int      `json:"answer_min_character,omitempty"`
	Longest      *int      `json:"answer_max_character,omitempty"`
	Lowest       *int      `json:"rating_min_value,omitempty"`
	Highest      *int      `json:"rating_max_value,omitempty"`
	LowestLabel  *string   `json:"rating_min_label,omitempty"`
	HighestLabel *string   `json:"rating_max_label,omitempty"`
}

type prompt struct {
	Question     string   `json:"prompt_question"`
	RightAnswers []string `json:"prompt_right_answers,omitempty"`
}

var questionTypes = []string{"single", "multiple", "matching", "rank_order", "short_answer", "long_answer", "fill_in_the_blank", "rating_scale"}

// allQuestions returns one question of each type.
func allQuestions() []*pollQuestion {
	return []*pollQuestion{
		{Name: "How was it?", Type: "single", Required: new(true), Answers: []string{"Good", "Bad"}, Dropdown: new(true)},
		{Name: "What was good?", Type: "multiple", Required: new(false), Answers: []string{"Talks", "Food", "People"}},
		{Name: "Who said what?", Type: "matching", Answers: []string{"Yes", "No"}, Prompts: []*prompt{{Question: "Ada"}, {Question: "Emil"}}},
		{Name: "What matters most?", Type: "rank_order", Answers: []string{"1", "2"}, Prompts: []*prompt{{Question: "Time"}, {Question: "Quiet"}}},
		{Name: "In a word?", Type: "short_answer", Shortest: new(1), Longest: new(200)},
		{Name: "What else?", Type: "long_answer", Shortest: new(1), Longest: new(2000)},
		{Name: "Would you come again?", Type: "rating_scale", Lowest: new(0), Highest: new(10), LowestLabel: new("Never"), HighestLabel: new("Always")},
	}
}

// seedPolls returns the polls of a seeded meeting. Every third meeting has two, an advanced
// one and a quiz.
func (w *world) seedPolls(m *meeting) []*poll {
	if m.n >= createdBase || m.Type != scheduled && m.Type != recurring || m.n%3 != special(slotWeekly)%3 {
		return nil
	}
	quiz := []*pollQuestion{
		{Name: "The capital of France is ____.", Type: "fill_in_the_blank", Required: new(true), RightAnswers: []string{"Paris"}, Case: new(false)},
		{Name: "Which belong together?", Type: "matching", Answers: []string{"DE", "JP"}, Prompts: []*prompt{{"Berlin", []string{"DE"}}, {"Osaka", []string{"JP"}}}},
		{Name: "2 + 2?", Type: "single", Answers: []string{"3", "4"}, RightAnswers: []string{"4"}},
	}
	return []*poll{
		{w.pollID(m.n, 0), "notstart", pollBody{"How was it?", 2, true, allQuestions()}},
		{w.pollID(m.n, 1), "ended", pollBody{"A quiz", 3, false, quiz}},
	}
}

func (w *world) pollID(n uint64, j int) string {
	return sealID(w.seed, sealOther, 1<<60|n<<8|uint64(j))
}

// findPolling returns a meeting that may have polls. If there is none, the operations on polls
// have their own code.
func (c *call) findPolling() (*meeting, error) {
	m, err := c.findMeeting()
	switch {
	case err != nil:
		return nil, notFound(404, "Meeting not found")
	case m.Type == instant:
		return nil, badRequest(4400, "Meeting polls disabled.")
	}
	return m, nil
}

func (c *call) findPoll() (*meeting, int, error) {
	m, err := c.findPolling()
	if err != nil {
		return nil, 0, err
	}
	i := slices.IndexFunc(c.world.attachmentsOf(m).polls, func(p *poll) bool { return p.ID == c.path("pollId") })
	if i < 0 {
		return nil, 0, notFound(404, "Meeting poll not found")
	}
	return m, i, nil
}

func listPolls(c *call) (any, error) {
	m, err := c.findPolling()
	if err != nil {
		return nil, err
	}
	wanted := c.query.Get("anonymous")
	list := []*poll{}
	for _, p := range c.world.attachmentsOf(m).polls {
		if wanted == "" || p.Anonymous == (wanted == "true") {
			list = append(list, p)
		}
	}
	return map[string]any{"polls": list, "total_records": len(list)}, nil
}

func getPoll(c *call) (any, error) {
	m, i, err := c.findPoll()
	if err != nil {
		return nil, err
	}
	return c.world.attachmentsOf(m).polls[i], nil
}

func createPoll(c *call) (any, error) {
	m, err := c.findPolling()
	if err != nil {
		return nil, err
	}
	body, err := c.pollBody()
	if err != nil {
		return nil, err
	}
	h := c.world.mutateAttachments(m)
	c.world.lastID++
	p := &poll{sealID(c.world.seed, sealOther, 1<<62|c.world.lastID), "notstart", *body}
	h.polls = append(h.polls, p)
	return p, nil
}

// updatePoll replaces all questions of a poll.
func updatePoll(c *call) (any, error) {
	m, i, err := c.findPoll()
	if err != nil {
		return nil, err
	}
	body, err := c.pollBody()
	if err != nil {
		return nil, err
	}
	h := c.world.mutateAttachments(m)
	h.polls[i] = &poll{h.polls[i].ID, h.polls[i].Status, *body}
	return nil, nil
}

func deletePoll(c *call) (any, error) {
	m, i, err := c.findPoll()
	if err != nil {
		return nil, err
	}
	h := c.world.mutateAttachments(m)
	h.polls = slices.Delete(h.polls, i, i+1)
	return nil, nil
}

func (c *call) pollBody() (*pollBody, error) {
	body := &pollBody{Type: 1}
	if err := c.decode(body); err != nil {
		return nil, err
	}
	var wrong []string
	if len([]rune(body.Title)) > 64 {
		wrong = append(wrong, "title")
	}
	if body.Type < 1 || body.Type > 3 {
		wrong = append(wrong, "poll_type")
	}
	wrong = append(wrong, checkQuestions("questions", body.Questions)...)
	if len(wrong) > 0 {
		return nil, invalid(wrong...)
	}
	return body, nil
}

// checkQuestions returns the fields that no document allows.
func checkQuestions(at string, questions []*pollQuestion) (wrong []string) {
	for _, q := range questions {
		choice := q.Type == "single" || q.Type == "multiple"
		switch {
		case !slices.Contains(questionTypes, q.Type):
			wrong = append(wrong, at+".type")
		case len([]rune(q.Name)) > 1024 || strings.TrimSpace(q.Name) == "":
			wrong = append(wrong, at+".name")
		case choice && (len(q.Answers) < 2 || len(q.Answers) > 10):
			wrong = append(wrong, at+".answers")
		case deref(q.Highest) > 10 || deref(q.Lowest) < 0:
			wrong = append(wrong, at+".rating_max_value")
		}
	}
	return wrong
}
