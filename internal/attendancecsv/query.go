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

// query is the parsed request for a file.
type query struct {
	id        types.NodeID
	variables map[string]any // of the documents
	rules     map[string]any // the variable of that name
	absentees bool           // absent registrants are included
}

// byInstance reports whether the file has persons by instances.
func (q *query) byInstance() bool { return q.id.Type == "Meeting" || q.id.Type == "Webinar" }

// parameters are the functions that parse the parameters, by name. from and to are for meetings
// and webinars only, and source for instances only.
var parameters = map[string]func(q *query, name, value string) error{
	"lateAfterSeconds":       (*query).seconds,
	"leftEarlyBeforeSeconds": (*query).seconds,
	"minimumSeconds":         (*query).seconds,
	"mergeGapSeconds":        (*query).seconds,
	"waitingRoom":            func(q *query, name, value string) error { q.rules[name] = value; return nil },
	"byName":                 func(q *query, name, value string) (err error) { q.rules[name], err = parseBool(value); return err },
	"absentees":              func(q *query, _, value string) (err error) { q.absentees, err = parseBool(value); return err },
	"source":                 func(q *query, name, value string) error { q.variables[name] = value; return nil },
	"from":                   func(q *query, name, value string) error { q.variables[name] = value; return nil },
	"to":                     func(q *query, name, value string) error { q.variables[name] = value; return nil },
}

func (q *query) seconds(name, value string) (err error) {
	q.rules[name], err = strconv.Atoi(value)
	if err != nil {
		return fmt.Errorf("not a number of seconds")
	}
	return nil
}

func parseBool(value string) (bool, error) {
	switch value {
	case "true", "false":
		return value == "true", nil
	}
	return false, fmt.Errorf("neither true nor false")
}

// parse parses a request.
func (h *Handler) parse(r *http.Request) (*query, error) {
	text, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, Path), ".csv")
	if !ok {
		return nil, fail(http.StatusNotFound, "There is no such file: name it /attendance/ID.csv.")
	}
	q := &query{variables: map[string]any{}, rules: map[string]any{}, absentees: true}
	var err error
	if q.id, err = types.DecodeNodeID(h.Tenant, text); err != nil || !slices.Contains([]string{"MeetingInstance", "WebinarReport", "Meeting", "Webinar"}, q.id.Type) {
		return nil, fail(http.StatusNotFound, "There is no such file: the name must be the id of a meeting or webinar, or of an instance of one.")
	}
	given, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fail(http.StatusBadRequest, "The parameters cannot be read: write them as name=value, separated by &, with % only before two hexadecimal digits.")
	}
	for name, values := range given {
		read := parameters[name]
		forOthers := name == "source" && q.byInstance() || (name == "from" || name == "to") && !q.byInstance()
		if read == nil || forOthers {
			return nil, fail(http.StatusBadRequest, name+": this file has no such parameter.")
		}
		if len(values) != 1 {
			return nil, fail(http.StatusBadRequest, name+": the parameter may occur only once.")
		}
		if err := read(q, name, values[0]); err != nil {
			return nil, fail(http.StatusBadRequest, name+": "+err.Error()+".")
		}
	}
	q.variables["id"], q.variables["rules"] = text, q.rules
	return q, nil
}

// Documents returns the documents of files, by name: a gateway that executes only trusted documents
// has to trust them.
func Documents() map[string]string {
	return map[string]string{
		"zoomql:attendance.csv/run": instanceDocument, "zoomql:attendance.csv/run/absentees": instanceAbsentees,
		"zoomql:attendance.csv": meetingDocument, "zoomql:attendance.csv/absentees": meetingAbsentees,
	}
}

// The documents, and the persons on a page of their answers, which is a megabyte or two.
const (
	personsPerPage    = 1000
	byInstancePerPage = 300

	instanceDocument = `query AttendanceCSV($id: ID!, $rules: AttendanceRules!, $source: AttendanceSource, $first: Int!, $after: String) {
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
	// With the date selected, which the persons' lateness has needed before, the registrants are those
	// of the date.
	instanceAbsentees = `query AttendanceCSVAbsentees($id: ID!, $rules: AttendanceRules!, $source: AttendanceSource, $first: Int!, $after: String) {
  node(id: $id) {
    ... on MeetingInstance { attendance(rules: $rules, source: $source) { ...absent } }
    ... on WebinarReport { attendance(rules: $rules, source: $source) { ...absent } }
  }
}
fragment absent on Attendance {
  scheduledStart
  absentees(first: $first, after: $after) { pageInfo { hasNextPage endCursor } nodes { firstName lastName email zoomId } }
}`
	meetingDocument = `query AttendanceCSV($id: ID!, $rules: AttendanceRules!, $from: Date, $to: Date, $first: Int!, $after: String) {
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
	meetingAbsentees = `query AttendanceCSVAbsentees($id: ID!, $rules: AttendanceRules!, $from: Date, $to: Date, $first: Int!, $after: String) {
  node(id: $id) {
    ... on Meeting { attendance(rules: $rules, from: $from, to: $to) { ...absent } }
    ... on Webinar { attendance(rules: $rules, from: $from, to: $to) { ...absent } }
  }
}
fragment absent on MeetingAttendance {
  absentees(first: $first, after: $after) { pageInfo { hasNextPage endCursor } nodes { firstName lastName email zoomId } }
}`
)
