package attendancecsv

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"zoomql/internal/export"
)

// answer is an answer of the graph to one of the documents.
type answer struct {
	Data struct {
		Node *struct{ Attendance *attendance }
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

// attendance is the attendance of one instance, or of several.
type attendance struct {
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

// file is a file that is being made, page by page.
type file struct {
	*query
	graph   http.Handler
	request *http.Request

	body      bytes.Buffer
	start     string // the first join
	asOf      string // of a live instance
	instances []instance
	// written has the registrations and the addresses of the persons in the file.
	written map[string]bool
}

// header is the first line of the file of an instance.
var header = []string{
	"name", "email", "userZoomId", "registrantId", "role", "attended", "firstJoin", "lastLeave", "durationSeconds", "stays",
	"late", "leftEarly", "evidence", "confidence",
}

// headerByInstance is the beginning of the first line of the file of several instances: the start
// of each follows.
var headerByInstance = []string{"name", "email", "userZoomId", "registrantId", "attendedCount", "durationSeconds", "evidence", "confidence"}

// build requests the attendance and writes the file.
func (f *file) build() error {
	document, absent, first := instanceDocument, instanceAbsentees, personsPerPage
	if f.byInstance() {
		document, absent, first = meetingDocument, meetingAbsentees, byInstancePerPage
	}
	if err := f.pages(document, first, f.persons); err != nil {
		return err
	}
	if !f.absentees {
		return nil
	}
	err := f.pages(absent, personsPerPage, f.registrants)
	switch p, _ := errors.AsType[*graphError](err); {
	case p == nil:
		return err
	case p.code == "NOT_ENABLED": // no registration, so nobody is absent
		return nil
	case p.code == "NOT_FOUND" || p.code == "EXPIRED":
		return fail(http.StatusNotFound, "Zoom no longer has the registrants. Add absentees=false for a file of those who attended.")
	}
	return err
}

// pages requests a list page by page. each writes a page, and returns whether there are more, and
// the cursor of the next one.
func (f *file) pages(document string, first int, each func(*attendance) (more bool, end string, err error)) error {
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
			return fail(http.StatusUnprocessableEntity, "The file would be longer than 6 MiB: ask for fewer days.")
		case end == "" || end == f.variables["after"]:
			return fail(http.StatusBadGateway, "The list does not end.")
		}
		f.variables["after"] = end
	}
}

// persons writes a page of persons.
func (f *file) persons(a *attendance) (more bool, end string, err error) {
	if err := ready(a); err != nil {
		return false, "", err
	}
	if a.Attendees == nil {
		return false, "", fail(http.StatusBadGateway, "The answer lacks the attendees.")
	}
	if f.body.Len() == 0 {
		f.instances = a.Instances
		if a.isLive() {
			f.asOf = a.AsOf
		}
		f.writeHeader()
	}
	for i := range a.Attendees.Nodes {
		p := &a.Attendees.Nodes[i]
		f.start = cmp.Or(f.start, p.FirstJoin)
		f.written[p.RegistrantID], f.written[address(p.Email)] = true, true
		if f.byInstance() {
			f.writeRow(f.rowByInstance(p))
		} else {
			f.writeRow([]string{
				nameCell(p.Names), p.Email, p.UserZoomID, p.RegistrantID, p.Role, strconv.FormatBool(p.Attended), p.FirstJoin, p.LastLeave,
				strconv.Itoa(p.DurationSeconds), strconv.Itoa(len(p.Stays)), boolCell(p.Late), boolCell(p.LeftEarly), p.Evidence, p.Confidence,
			})
		}
	}
	return a.Attendees.PageInfo.HasNextPage, a.Attendees.PageInfo.EndCursor, nil
}

// ready returns an error if Zoom does not have the attendance, or not yet. That of a live instance
// is computed from events.
func ready(a *attendance) error {
	if a.isLive() {
		return nil
	}
	if pending := func(i instance) bool { return i.ReportState == "PENDING" }; a.ReportState == "PENDING" || slices.ContainsFunc(a.Instances, pending) {
		return &failure{http.StatusServiceUnavailable, "Zoom is still working it out. Try again later.", time.Minute}
	}
	for _, i := range a.Instances { // an empty column would look like a run that nobody joined
		if i.ReportState == "EXPIRED" || i.ReportState == "UNAVAILABLE" {
			return fail(http.StatusNotFound, "Zoom has no list of participants of the run of "+i.StartTime+". Ask for the days before or after it, with from and to.")
		}
	}
	switch a.ReportState {
	case "EXPIRED":
		return fail(http.StatusNotFound, "It is older than Zoom keeps it.")
	case "UNAVAILABLE":
		return fail(http.StatusNotFound, "Zoom has no list of participants of it: one person only, or a plan without.")
	}
	return nil
}

// isLive reports whether the attendance is that of an instance that has not ended, which is
// computed from events.
func (a *attendance) isLive() bool { return a.Source == "EVENTS" }

func (f *file) writeHeader() {
	if !f.byInstance() {
		f.writeRow(header)
		return
	}
	first := append([]string(nil), headerByInstance...)
	for _, i := range f.instances {
		first = append(first, i.StartTime)
	}
	f.writeRow(first)
}

// rowByInstance returns the line of a person of several instances: with the seconds in each, or an
// empty cell if the person did not join it.
func (f *file) rowByInstance(p *person) []string {
	values := []string{
		nameCell(p.Names), p.Email, p.UserZoomID, p.RegistrantID, strconv.Itoa(p.AttendedCount), strconv.Itoa(p.DurationSeconds), p.Evidence, p.Confidence,
	}
	in := map[string]string{}
	for _, there := range p.Presences {
		in[there.UUID] = strconv.Itoa(there.DurationSeconds)
	}
	for _, i := range f.instances {
		values = append(values, in[i.UUID])
	}
	return values
}

// address returns an e-mail address in the form in which addresses are compared.
func address(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// registrants writes a page of absent registrants. One who was there, but not for long enough, has a
// line already.
func (f *file) registrants(a *attendance) (more bool, end string, err error) {
	if a.Absentees == nil {
		return false, "", fail(http.StatusBadGateway, "The answer lacks the absent registrants. Add absentees=false for a file of those who attended.")
	}
	for _, r := range a.Absentees.Nodes {
		if email := address(r.Email); r.ZoomID != "" && f.written[r.ZoomID] || email != "" && f.written[email] {
			continue
		}
		values := make([]string, len(header))
		values[0], values[1], values[3] = strings.TrimSpace(r.FirstName+" "+r.LastName), r.Email, r.ZoomID
		if f.byInstance() {
			values = append(values[:4:4], make([]string, len(headerByInstance)-4+len(f.instances))...)
			values[4], values[5] = "0", "0"
		} else {
			values[5], values[8], values[9] = "false", "0", "0"
		}
		f.writeRow(values)
	}
	return a.Absentees.PageInfo.HasNextPage, a.Absentees.PageInfo.EndCursor, nil
}

// writeRow writes a line. A cell that a spreadsheet would evaluate as a formula gets an apostrophe
// before it.
func (f *file) writeRow(values []string) {
	safe := make([]string, len(values))
	for i, value := range values {
		safe[i] = export.Cell(value)
	}
	w := csv.NewWriter(&f.body)
	w.UseCRLF = true
	_ = w.Write(safe) // a bytes.Buffer returns no error
	w.Flush()
}

// nameCell returns the first name of a person, followed by the others in parentheses.
func nameCell(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return names[0] + " (" + strings.Join(names[1:], ", ") + ")"
}

// boolCell returns the cell of a bool; that of null is empty.
func boolCell(b *bool) string {
	if b == nil {
		return ""
	}
	return strconv.FormatBool(*b)
}

// filename names the file after the number of the meeting or webinar, or after the first join, in
// UTC, and for a live instance also after its asOf.
func (f *file) filename() string {
	if f.byInstance() {
		return "attendance-" + f.id.Key + ".csv"
	}
	began, err := time.Parse(time.RFC3339, f.start)
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
