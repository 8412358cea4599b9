package attendancecsv

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"zoomql/internal/zoom/types"
)

// question is what a request asks for.
type question struct {
	id        types.NodeID
	text      string // the id as the caller wrote it
	variables map[string]any
	rules     map[string]any
	absentees bool
}

// ofRuns reports whether the file is of persons by instances.
func (q *question) ofRuns() bool { return q.id.Type == "Meeting" || q.id.Type == "Webinar" }

// parameters read the parameters of the query. Those that need a range of days are of
// meetings, those that name a source of instances alone.
var parameters = map[string]func(q *question, name, value string) error{
	"lateAfterSeconds":       (*question).seconds,
	"leftEarlyBeforeSeconds": (*question).seconds,
	"minimumSeconds":         (*question).seconds,
	"mergeGapSeconds":        (*question).seconds,
	"waitingRoom":            func(q *question, name, value string) error { q.rules[name] = value; return nil },
	"byName":                 func(q *question, name, value string) (err error) { q.rules[name], err = truth(value); return err },
	"absentees":              func(q *question, _, value string) (err error) { q.absentees, err = truth(value); return err },
	"source":                 func(q *question, name, value string) error { q.variables[name] = value; return nil },
	"from":                   func(q *question, name, value string) error { q.variables[name] = value; return nil },
	"to":                     func(q *question, name, value string) error { q.variables[name] = value; return nil },
}

func (q *question) seconds(name, value string) (err error) {
	q.rules[name], err = strconv.Atoi(value)
	if err != nil {
		return fmt.Errorf("not a number of seconds")
	}
	return nil
}

func truth(value string) (bool, error) {
	switch value {
	case "true", "false":
		return value == "true", nil
	}
	return false, fmt.Errorf("neither true nor false")
}

// read reads what a request asks for.
func (h *Handler) read(r *http.Request) (*question, error) {
	text, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, Path), ".csv")
	if !ok {
		return nil, refusal(http.StatusNotFound, "There is no such file: name it /attendance/ID.csv.")
	}
	q := &question{text: text, variables: map[string]any{}, rules: map[string]any{}, absentees: true}
	var err error
	if q.id, err = types.DecodeNodeID(h.Tenant, text); err != nil || !slices.Contains([]string{"MeetingInstance", "WebinarReport", "Meeting", "Webinar"}, q.id.Type) {
		return nil, refusal(http.StatusNotFound, "There is no such file: the name is to be the id of a meeting or webinar, or of a run of one.")
	}
	given, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refusal(http.StatusBadRequest, "The parameters cannot be read: write them as name=value, with & between, and % only before two hexadecimal digits.")
	}
	for name, values := range given {
		read := parameters[name]
		ofOther := name == "source" && q.ofRuns() || (name == "from" || name == "to") && !q.ofRuns()
		if read == nil || ofOther {
			return nil, refusal(http.StatusBadRequest, name+": there is no such parameter here.")
		}
		if len(values) != 1 {
			return nil, refusal(http.StatusBadRequest, name+": it is given more than once.")
		}
		if err := read(q, name, values[0]); err != nil {
			return nil, refusal(http.StatusBadRequest, name+": "+err.Error()+".")
		}
	}
	q.variables["id"], q.variables["rules"] = text, q.rules
	return q, nil
}

// Documents are those that files are made of, by names: a gateway that executes trusted
// documents alone has to trust these too.
func Documents() map[string]string {
	return map[string]string{
		"zoomql:attendance.csv/run": ofInstance, "zoomql:attendance.csv/run/absentees": absentOfInstance,
		"zoomql:attendance.csv": ofRuns, "zoomql:attendance.csv/absentees": absentOfRuns,
	}
}

// The documents. A page of persons is one of 1,000, or of persons by instances of 300, which
// are a megabyte or two each.
const (
	firstPersons = 1000
	firstByRuns  = 300

	ofInstance = `query AttendanceCSV($id: ID!, $rules: AttendanceRules!, $source: AttendanceSource, $first: Int!, $after: String) {
  node(id: $id) {
    ... on MeetingInstance { attendance(rules: $rules, source: $source) { ...persons } }
    ... on WebinarReport { attendance(rules: $rules, source: $source) { ...persons } }
  }
}
fragment persons on Attendance {
  reportState source asOf
  attendees(first: $first, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes {
      names email userZoomId registrantId role attended firstJoin lastLeave durationSeconds late leftEarly evidence confidence
      stays { status }
    }
  }
}`
	absentOfInstance = `query AttendanceCSVAbsentees($id: ID!, $rules: AttendanceRules!, $source: AttendanceSource, $first: Int!, $after: String) {
  node(id: $id) {
    ... on MeetingInstance { attendance(rules: $rules, source: $source) { ...absent } }
    ... on WebinarReport { attendance(rules: $rules, source: $source) { ...absent } }
  }
}
fragment absent on Attendance {
  absentees(first: $first, after: $after) { pageInfo { hasNextPage endCursor } nodes { firstName lastName email zoomId } }
}`
	ofRuns = `query AttendanceCSV($id: ID!, $rules: AttendanceRules!, $from: Date, $to: Date, $first: Int!, $after: String) {
  node(id: $id) {
    ... on Meeting { attendance(rules: $rules, from: $from, to: $to) { ...persons } }
    ... on Webinar { attendance(rules: $rules, from: $from, to: $to) { ...persons } }
  }
}
fragment persons on MeetingAttendance {
  instances { uuid startTime reportState }
  attendees(first: $first, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes {
      names email userZoomId registrantId attendedCount durationSeconds evidence confidence
      presences { uuid durationSeconds }
    }
  }
}`
	absentOfRuns = `query AttendanceCSVAbsentees($id: ID!, $rules: AttendanceRules!, $from: Date, $to: Date, $first: Int!, $after: String) {
  node(id: $id) {
    ... on Meeting { attendance(rules: $rules, from: $from, to: $to) { ...absent } }
    ... on Webinar { attendance(rules: $rules, from: $from, to: $to) { ...absent } }
  }
}
fragment absent on MeetingAttendance {
  absentees(first: $first, after: $after) { pageInfo { hasNextPage endCursor } nodes { firstName lastName email zoomId } }
}`
)
