package sandbox

func init() {
	handle("GET /meetings/{meetingId}/survey", getMeetingSurvey)
	handle("PATCH /meetings/{meetingId}/survey", updateSurvey)
	handle("DELETE /meetings/{meetingId}/survey", deleteSurvey)
}

// survey is the survey at the end of a meeting.
type survey struct {
	Custom     *customSurvey `json:"custom_survey,omitempty"`
	Browser    bool          `json:"show_in_the_browser"`
	ThirdParty string        `json:"third_party_survey,omitempty"`
}

type customSurvey struct {
	Title     string          `json:"title"`
	Anonymous bool            `json:"anonymous"`
	Numbered  bool            `json:"numbered_questions"`
	ShowType  bool            `json:"show_question_type"`
	Feedback  string          `json:"feedback"`
	Questions []*pollQuestion `json:"questions"`
}

// seedSurvey returns the survey of a seeded meeting: Zoom's for the weekly meeting, that of a
// third party for every fifth.
func seedSurvey(m *meeting) *survey {
	s := &survey{Browser: true}
	switch {
	case m.n == special(slotWeekly):
		s.Custom = &customSurvey{"How was the sync?", true, true, false, "Thank you & see you next week", allQuestions()}
	case m.n < createdBase && m.n%5 == 0:
		s.ThirdParty = "https://surveys.example.com/after"
	}
	return s
}

func getMeetingSurvey(c *call) (any, error) {
	m, err := c.findMeeting()
	if err != nil {
		return nil, err
	}
	return c.world.attachmentsOf(m).survey, nil
}

func updateSurvey(c *call) (any, error) {
	m, err := c.findMeeting()
	if err != nil {
		return nil, err
	}
	changed := clone(c.world.attachmentsOf(m).survey)
	if err := c.decode(changed); err != nil {
		return nil, err
	}
	var wrong []string
	if len(changed.ThirdParty) > 64 {
		wrong = append(wrong, "third_party_survey")
	}
	if s := changed.Custom; s != nil {
		if len([]rune(s.Title)) > 64 {
			wrong = append(wrong, "custom_survey.title")
		}
		if len([]rune(s.Feedback)) > 320 {
			wrong = append(wrong, "custom_survey.feedback")
		}
		if len(s.Questions) > 100 {
			wrong = append(wrong, "custom_survey.questions")
		}
		wrong = append(wrong, checkQuestions("custom_survey.questions", s.Questions)...)
	}
	if len(wrong) > 0 {
		return nil, invalid(wrong...)
	}
	c.world.mutateAttachments(m).survey = changed
	return nil, nil
}

func deleteSurvey(c *call) (any, error) {
	m, err := c.findMeeting()
	if err != nil {
		return nil, err
	}
	c.world.mutateAttachments(m).survey = &survey{Browser: true}
	return nil, nil
}
