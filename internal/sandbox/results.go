package sandbox

import (
	"strconv"
	"strings"
	"time"
)

func init() {
	handle("GET /past_meetings/{meetingId}/polls", getPastPolls, paid)
	handle("GET /past_meetings/{meetingId}/qa", getPastQa)
	handle("GET /report/meetings/{meetingId}/polls", getReportPolls, paid)
	handle("GET /report/meetings/{meetingId}/qa", getReportQa, paid)
	handle("GET /report/meetings/{meetingId}/survey", getReportSurvey, paid)
}

// anonymous is Zoom's name of a participant who answered anonymously.
const anonymous = "Anonymous Attendee"

// instanceResults has the answers and questions of an instance's participants. The JSON name of
// Questions is the operation's name of the list of participants.
type instanceResults struct {
	UUID      string `json:"uuid"`
	ID        int64  `json:"id"`
	StartTime string `json:"start_time"`
	Questions []any  `json:"questions"`
}

// respondent is a participant who answered. Recorded answers of the report and of the past
// meeting contain the name's parts, which the document of the latter lacks.
type respondent struct {
	Name      string       `json:"name"`
	FirstName *string      `json:"first_name,omitempty"`
	LastName  *string      `json:"last_name,omitempty"`
	Email     string       `json:"email"`
	Details   []pollAnswer `json:"question_details"`
}

type pollAnswer struct {
	PollingID string `json:"polling_id"`
	Question  string `json:"question"`
	Answer    string `json:"answer"`
	DateTime  string `json:"date_time"`
}

var polls = []struct {
	question string
	answers  []string
}{
	{"How are you?", []string{"Good", "Fine", "Could be better"}},
	{"When shall we meet again?", []string{"Next week", "Next month"}},
}

func (w *world) results(i *instance, questions []any) *instanceResults {
	return &instanceResults{w.uuid(i.m.n, i.k), w.number(i.m.n), stamp(i.start), questions}
}

// guests calls each with one stay of each person of an instance except the host, and with a
// random stream. Only percent of the persons take part.
func (w *world) guests(i *instance, kind string, percent int, each func(*stay, rng)) {
	seen := map[int]bool{0: true}
	for _, s := range w.stays(i) {
		d := w.rng(kind, instanceKey(i.m.n, i.k)<<8^uint64(s.person))
		if takes := d.chance(percent); takes && !seen[s.person] && !s.waiting {
			each(s, d)
			seen[s.person] = true
		}
	}
}

// displayed returns the name and address of a participant who may be anonymous.
func (w *world) displayed(i *instance, s *stay, d *rng) (name, email string) {
	if d.chance(15) {
		return anonymous, ""
	}
	return w.shown(i, s)
}

// parts splits a name as reports do. Both parts of an anonymous name are the whole.
func parts(name string) (first, last *string) {
	if name == anonymous {
		return new(name), new(name)
	}
	f, l, _ := strings.Cut(name, " ")
	return new(f), new(l)
}

// polled returns the participants who answered the polls of an instance. Instant meetings have none.
func (w *world) polled(i *instance) []any {
	answered := []any{}
	if i.m.Type == instant {
		return answered
	}
	w.guests(i, "polls", 70, func(s *stay, d rng) {
		r := &respondent{}
		r.Name, r.Email = w.displayed(i, s, &d)
		r.FirstName, r.LastName = parts(r.Name)
		for n, p := range polls {
			r.Details = append(r.Details, pollAnswer{
				PollingID: sealID(w.seed, sealOther, i.m.n<<4|uint64(n)), Question: p.question, Answer: pick(&d, p.answers),
				DateTime: stamp(s.join.Add(time.Duration(60*(n+1)) * time.Second)),
			})
		}
		answered = append(answered, r)
	})
	return answered
}

func getPastPolls(c *call) (any, error) {
	i, err := c.findInstance()
	if err != nil {
		return nil, err
	}
	if i.start.Before(c.now.AddDate(-1, 0, 0)) {
		return nil, tooOld()
	}
	return c.world.results(i, c.world.polled(i)), nil
}

func getReportPolls(c *call) (any, error) {
	i, _, err := c.findReport()
	if err != nil {
		return nil, err
	}
	return c.world.results(i, c.world.polled(i)), nil
}

// asker is a participant who asked a question; ids are in reports only.
type asker struct {
	UserID  *string    `json:"user_id,omitempty"`
	Name    string     `json:"name"`
	Email   string     `json:"email"`
	Details []qaDetail `json:"question_details"`
}

type qaDetail struct {
	Question string `json:"question"`
	Answer   string `json:"answer"`
	*qaReport
}

// qaReport is the fields of a question that only reports have.
type qaReport struct {
	QuestionID     string     `json:"question_id"`
	CreateTime     string     `json:"create_time"`
	QuestionStatus string     `json:"question_status"`
	AnswerDetails  []qaAnswer `json:"answer_details"`
}

type qaAnswer struct {
	UserID     string `json:"user_id"`
	Name       string `json:"name"`
	Email      string `json:"email"`
	Content    string `json:"content"`
	CreateTime string `json:"create_time"`
	Type       string `json:"type"`
}

// asked returns the questions of an instance by participant, with the host's answers.
func (w *world) asked(i *instance, inReport bool) []any {
	askers := []any{}
	w.guests(i, "qa", 40, func(s *stay, d rng) {
		a := &asker{}
		a.Name, a.Email = w.displayed(i, s, &d)
		q := qaDetail{
			Question: pick(&d, []string{"Will there be a recording?", "When is the next release?", "Who decides?"}),
			Answer:   pick(&d, []string{"Yes, tomorrow.", "live answered", ""}),
		}
		if inReport {
			a.UserID = new("")
			if a.Name != anonymous {
				a.UserID = new(s.userID(w))
			}
			q.qaReport = w.qaReport(i, s, q.Answer)
		}
		a.Details = []qaDetail{q}
		askers = append(askers, a)
	})
	return askers
}

func (w *world) qaReport(i *instance, s *stay, answer string) *qaReport {
	r := &qaReport{
		QuestionID: sealID(w.seed, sealOther, i.m.n<<16|uint64(i.k)<<8|uint64(s.row)), CreateTime: stamp(s.join.Add(time.Minute)),
		QuestionStatus: "open", AnswerDetails: []qaAnswer{},
	}
	if answer != "" {
		r.QuestionStatus = "answered"
		r.AnswerDetails = append(r.AnswerDetails, qaAnswer{
			UserID: w.userID(i.m.host), Name: w.name(i.m.host).String(), Email: w.email(i.m.host), Content: answer,
			CreateTime: stamp(s.join.Add(2 * time.Minute)), Type: "host_answered_publicly",
		})
	}
	return r
}

// getPastQa covers 15 months; the documents have a single error for older instances.
func getPastQa(c *call) (any, error) {
	i, err := c.findInstance()
	if err != nil || i.start.Before(c.now.AddDate(0, -15, 0)) {
		return nil, notFound(3001, "Meeting ID is invalid or not end.")
	}
	return c.world.results(i, c.world.asked(i, false)), nil
}

func getReportQa(c *call) (any, error) {
	i, _, err := c.findReport()
	if err != nil {
		return nil, err
	}
	return c.world.results(i, c.world.asked(i, true)), nil
}

// surveyResults is the answers to the survey after an instance.
type surveyResults struct {
	MeetingUUID   string             `json:"meeting_uuid"`
	MeetingID     int64              `json:"meeting_id"`
	StartTime     string             `json:"start_time"`
	SurveyID      string             `json:"survey_id"`
	SurveyName    string             `json:"survey_name"`
	SurveyAnswers []surveyRespondent `json:"survey_answers"`
}

type surveyRespondent struct {
	Name      string         `json:"name"`
	FirstName *string        `json:"first_name"`
	LastName  *string        `json:"last_name"`
	Email     string         `json:"email"`
	Answers   []surveyAnswer `json:"answer_details"`
}

type surveyAnswer struct {
	QuestionID string `json:"question_id"`
	Question   string `json:"question"`
	Answer     string `json:"answer"`
	DateTime   string `json:"date_time"`
}

func getReportSurvey(c *call) (any, error) {
	i, _, err := c.findReport()
	if err != nil {
		return nil, err
	}
	w := c.world
	r := &surveyResults{
		MeetingUUID: w.uuid(i.m.n, i.k), MeetingID: w.number(i.m.n), StartTime: stamp(i.start),
		SurveyID: sealID(w.seed, sealOther, i.m.n), SurveyName: "How was it?", SurveyAnswers: []surveyRespondent{},
	}
	w.guests(i, "survey", 50, func(s *stay, d rng) {
		p := surveyRespondent{}
		p.Name, p.Email = w.displayed(i, s, &d)
		p.FirstName, p.LastName = parts(p.Name)
		p.Answers = []surveyAnswer{{
			QuestionID: sealID(w.seed, sealOther, i.m.n<<4|15), Question: "How many points do you give?",
			Answer: strconv.Itoa(1 + d.n(5)), DateTime: stamp(i.end.Add(time.Duration(d.n(600)) * time.Second)),
		}}
		r.SurveyAnswers = append(r.SurveyAnswers, p)
	})
	return r, nil
}
