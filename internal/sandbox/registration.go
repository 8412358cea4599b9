package sandbox

import "slices"

func init() {
	handle("GET /meetings/{meetingId}/registrants/questions", getRegistrationQuestions, paid)
	handle("PATCH /meetings/{meetingId}/registrants/questions", updateRegistrationQuestions, paid)
}

// registrationForm is the questions of a registration form.
type registrationForm struct {
	Custom    []*customField `json:"custom_questions"`
	Questions []*formField   `json:"questions"`
}

type customField struct {
	Title    string   `json:"title"`
	Type     string   `json:"type"`
	Required bool     `json:"required"`
	Answers  []string `json:"answers,omitempty"`
}

type formField struct {
	Name     string `json:"field_name"`
	Required bool   `json:"required"`
}

var formFields = []string{
	"last_name", "address", "city", "country", "zip", "state", "phone", "industry", "org", "job_title",
	"purchasing_time_frame", "role_in_purchase_process", "no_of_employees", "comments",
}

func seedForm(m *meeting) *registrationForm {
	f := &registrationForm{Custom: []*customField{}, Questions: []*formField{{"last_name", true}, {"org", false}}}
	if m.n < createdBase {
		f.Custom = append(f.Custom,
			&customField{Title: "How did you hear of us?", Type: "short"},
			&customField{"Will you be there in person?", "single", true, []string{"Yes", "No"}})
	}
	return f
}

func getRegistrationQuestions(c *call) (any, error) {
	m, err := c.findRegistering(300)
	if err != nil {
		return nil, err
	}
	return c.world.attachmentsOf(m).form, nil
}

// updateRegistrationQuestions replaces the lists that the body contains.
func updateRegistrationQuestions(c *call) (any, error) {
	m, err := c.findRegistering(300)
	if err != nil {
		return nil, err
	}
	changed := *c.world.attachmentsOf(m).form
	var body registrationForm
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	var wrong []string
	for _, q := range body.Questions {
		if !slices.Contains(formFields, q.Name) {
			wrong = append(wrong, "questions.field_name")
		}
	}
	for _, q := range body.Custom {
		if q.Type != "short" && q.Type != "single" || q.Type == "single" && len(q.Answers) == 0 {
			wrong = append(wrong, "custom_questions.type")
		}
	}
	if len(wrong) > 0 {
		return nil, invalid(wrong...)
	}
	if body.Questions != nil {
		changed.Questions = body.Questions
	}
	if body.Custom != nil {
		changed.Custom = body.Custom
	}
	c.world.mutateAttachments(m).form = &changed
	return nil, nil
}
