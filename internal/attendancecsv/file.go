package attendancecsv

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"zoomql/internal/export"
)

// answer is what the graph answers to the documents.
type answer struct {
	Data struct {
		Node *struct{ Attendance *attended }
	}
	Errors []answerError
}

type answerError struct {
	Message    string
	Path       []any
	Extensions struct {
		Code    string
		RetryAt time.Time
	}
}

// attended is an attendance of one instance, or of several.
type attended struct {
	ReportState string
	Source      string
	AsOf        string
	Instances   []instance
	Attendees   *page[person]
	Absentees   *page[registrant]
}

type instance struct {
	UUID        string
	StartTime   string
	ReportState string
}

type page[T any] struct {
	PageInfo struct {
		HasNextPage bool
		EndCursor   string
	}
	Nodes []T
}

type person struct {
	Names                           []string
	Email, UserZoomID, RegistrantID string
	Role                            string
	Attended                        bool
	FirstJoin, LastLeave            string
	DurationSeconds                 int
	Late, LeftEarly                 *bool
	Evidence, Confidence            string
	Stays                           []struct{}
	AttendedCount                   int
	Presences                       []struct {
		UUID            string
		DurationSeconds int
	}
}

type registrant struct{ FirstName, LastName, Email, ZoomID string }

// file is a file that is being made.
type file struct {
	*question
	graph   http.Handler
	request *http.Request

	body  bytes.Buffer
	began string // when the first person came
	asOf  string // of a run that goes on
	runs  []instance
}

// header is the first line of a file about an instance.
var header = []string{
	"name", "email", "userZoomId", "registrantId", "role", "attended", "firstJoin", "lastLeave", "durationSeconds", "stays",
	"late", "leftEarly", "evidence", "confidence",
}

// headerOfRuns is the beginning of the first line of a file about several instances: the
// start of each follows.
var headerOfRuns = []string{"name", "email", "userZoomId", "registrantId", "attendedCount", "durationSeconds", "evidence", "confidence"}

// make makes the file.
func (f *file) make() error {
	document, absent, first := ofInstance, absentOfInstance, firstPersons
	if f.ofRuns() {
		document, absent, first = ofRuns, absentOfRuns, firstByRuns
	}
	if err := f.pages(document, first, f.persons); err != nil {
		return err
	}
	if !f.absentees {
		return nil
	}
	err := f.pages(absent, firstPersons, f.registrants)
	switch p, _ := errors.AsType[*refused](err); {
	case p == nil:
		return err
	case p.code == "NOT_ENABLED": // nobody registers for it
		return nil
	case p.code == "NOT_FOUND" || p.code == "EXPIRED":
		return refusal(http.StatusNotFound, "Zoom does not tell any more who had registered. Add absentees=false for those who came.")
	}
	return err
}

// pages asks for a list page by page, until each says that there is no more.
func (f *file) pages(document string, first int, each func(*attended) (more bool, end string, err error)) error {
	f.variables["first"], f.variables["after"] = first, nil
	for {
		a, err := f.ask(document)
		if err != nil {
			return err
		}
		more, end, err := each(a)
		switch {
		case err != nil || !more:
			return err
		case f.body.Len() > maxFile:
			return refusal(http.StatusUnprocessableEntity, "The file would be longer than 6 MiB: ask for fewer days.")
		case end == "" || end == f.variables["after"]:
			return refusal(http.StatusBadGateway, "The list does not end.")
		}
		f.variables["after"] = end
	}
}

// persons writes a page of persons.
func (f *file) persons(a *attended) (more bool, end string, err error) {
	if err := ready(a); err != nil {
		return false, "", err
	}
	if a.Attendees == nil {
		return false, "", refusal(http.StatusBadGateway, "Who attended cannot be told.")
	}
	if f.body.Len() == 0 {
		f.runs = a.Instances
		if a.goesOn() {
			f.asOf = a.AsOf
		}
		f.begin()
	}
	for i := range a.Attendees.Nodes {
		p := &a.Attendees.Nodes[i]
		f.began = cmp.Or(f.began, p.FirstJoin)
		if f.ofRuns() {
			f.line(f.byRuns(p))
		} else {
			f.line([]string{
				name(p.Names), p.Email, p.UserZoomID, p.RegistrantID, p.Role, strconv.FormatBool(p.Attended), p.FirstJoin, p.LastLeave,
				strconv.Itoa(p.DurationSeconds), strconv.Itoa(len(p.Stays)), answered(p.Late), answered(p.LeftEarly), p.Evidence, p.Confidence,
			})
		}
	}
	return a.Attendees.PageInfo.HasNextPage, a.Attendees.PageInfo.EndCursor, nil
}

// ready refuses what Zoom does not have. Of a run that goes on, events tell who is there.
func ready(a *attended) error {
	if a.goesOn() {
		return nil
	}
	states := []string{a.ReportState}
	for _, i := range a.Instances {
		states = append(states, i.ReportState)
	}
	for _, state := range states {
		switch state {
		case "PENDING":
			return &problem{http.StatusServiceUnavailable, "Zoom is still working it out. Try again later.", time.Minute}
		case "EXPIRED":
			if a.Instances == nil {
				return refusal(http.StatusNotFound, "It is older than Zoom keeps it.")
			}
		case "UNAVAILABLE":
			if a.Instances == nil {
				return refusal(http.StatusNotFound, "Zoom has no list of participants of it: one person only, or a plan without.")
			}
		}
	}
	return nil
}

// goesOn reports whether an instance does: so its persons are by events.
func (a *attended) goesOn() bool { return a.Source == "EVENTS" }

func (f *file) begin() {
	if !f.ofRuns() {
		f.line(header)
		return
	}
	first := append([]string(nil), headerOfRuns...)
	for _, i := range f.runs {
		first = append(first, i.StartTime)
	}
	f.line(first)
}

// byRuns is the line of a person of several instances: the seconds in each, empty where the
// person was not in it.
func (f *file) byRuns(p *person) []string {
	values := []string{
		name(p.Names), p.Email, p.UserZoomID, p.RegistrantID, strconv.Itoa(p.AttendedCount), strconv.Itoa(p.DurationSeconds), p.Evidence, p.Confidence,
	}
	in := map[string]string{}
	for _, there := range p.Presences {
		in[there.UUID] = strconv.Itoa(there.DurationSeconds)
	}
	for _, i := range f.runs {
		values = append(values, in[i.UUID])
	}
	return values
}

// registrants writes a page of those who did not come.
func (f *file) registrants(a *attended) (more bool, end string, err error) {
	if a.Absentees == nil {
		return false, "", refusal(http.StatusBadGateway, "Who did not come cannot be told. Add absentees=false for those who came.")
	}
	for _, r := range a.Absentees.Nodes {
		values := make([]string, len(header))
		values[0], values[1], values[3] = strings.TrimSpace(r.FirstName+" "+r.LastName), r.Email, r.ZoomID
		if f.ofRuns() {
			values = append(values[:4:4], make([]string, len(headerOfRuns)-4+len(f.runs))...)
			values[4], values[5] = "0", "0"
		} else {
			values[5], values[8], values[9] = "false", "0", "0"
		}
		f.line(values)
	}
	return a.Absentees.PageInfo.HasNextPage, a.Absentees.PageInfo.EndCursor, nil
}

// line writes a line. Cells that a spreadsheet would take for a formula begin with an
// apostrophe.
func (f *file) line(values []string) {
	safe := make([]string, len(values))
	for i, value := range values {
		safe[i] = export.Cell(value)
	}
	w := csv.NewWriter(&f.body)
	w.UseCRLF = true
	_ = w.Write(safe) // a Buffer takes everything
	w.Flush()
}

// name is the names of a person, the first one with the others behind it.
func name(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return names[0] + " (" + strings.Join(names[1:], ", ") + ")"
}

// answered is a cell that is empty where something cannot be told.
func answered(b *bool) string {
	if b == nil {
		return ""
	}
	return strconv.FormatBool(*b)
}

// name is what to call the file: by the number, or by when the instance began, and of one that
// goes on by when it was read.
func (f *file) name() string {
	if f.ofRuns() {
		return "attendance-" + f.id.Key + ".csv"
	}
	began, err := time.Parse(time.RFC3339, f.began)
	if err != nil {
		return "attendance.csv"
	}
	const minute = "2006-01-02T1504Z"
	until := ""
	if asOf, err := time.Parse(time.RFC3339, f.asOf); err == nil {
		until = "-until-" + asOf.UTC().Format(minute)
	}
	return "attendance-" + began.UTC().Format(minute) + until + ".csv"
}
