package graph

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const noPlan = `{"code": 200, "message": "Only available for paid accounts: upgrade."}`

// attended returns the rows of an instance of the meeting 123456789, scheduled for ten.
func attended(rows string, others ...zoomRow) []zoomRow {
	return append(others,
		zoomRow{"GET", "/past_meetings/abc%3D%3D/participants", 0, `{"page_size": 300, "next_page_token": "", "participants": [` + rows + `]}`},
		zoomRow{"GET", "/past_meetings/abc%3D%3D", 0, `{"uuid": "abc==", "id": 123456789, "topic": "T", "start_time": "2026-02-14T10:00:00Z", "end_time": "2026-02-14T11:00:00Z"}`},
		zoomRow{"GET", "/meetings/123456789", 0, `{"id": 123456789, "topic": "T", "type": 2, "start_time": "2026-02-14T10:00:00Z", "duration": 60}`},
	)
}

// stayRow is a row of a list of participants, with its times in minutes after ten.
func stayRow(inMeetingID string, from, to int, more string) string {
	at := func(n int) string { return fmt.Sprintf("2026-02-14T%02d:%02d:00Z", 10+n/60, n%60) }
	return fmt.Sprintf(`{"user_id": %q, "join_time": %q, "leave_time": %q, "duration": %d, "status": "in_meeting", %s}`, inMeetingID, at(from), at(to), 60*(to-from), more)
}

func attendeesQuery(arguments, fields string) string {
	return `{ meetingInstance(by: {uuid: "abc=="}) { attendees` + arguments + ` { source nodes { ` + fields + ` } } } }`
}

// Two people are two attendees, whatever they share, and a shared registration link is reported.
func TestAttendeesAreNotMerged(t *testing.T) {
	t.Parallel()
	inZoom(t, attended(strings.Join([]string{
		stayRow("1", 0, 10, `"name": "Ann", "id": "U", "user_email": "team@example.com"`),
		stayRow("2", 1, 10, `"name": "Bob", "id": "V", "user_email": "team@example.com"`),
		stayRow("3", 2, 10, `"name": "Cid", "id": "", "user_email": "", "registrant_id": "R"`),
		stayRow("4", 3, 10, `"name": "Dee", "id": "W", "user_email": "", "registrant_id": "R"`),
		stayRow("5", 4, 10, `"name": "Eve", "id": "X", "user_email": "", "registrant_id": "R"`),
		stayRow("6", 5, 8, `"name": "Fay", "id": "", "user_email": ""`),
		stayRow("7", 9, 10, `"name": "Fay", "id": "", "user_email": ""`),
	}, ",")), func(r *rig, z *zoomSays) {
		r.ask(attendeesQuery("", "names evidence contradicted"), nil).want(t, `{"meetingInstance": {"attendees": {"source": "PAST_MEETING", "nodes": [
			{"names": ["Ann"], "evidence": "USER_ID", "contradicted": true}, {"names": ["Bob"], "evidence": "USER_ID", "contradicted": true},
			{"names": ["Cid", "Dee", "Eve"], "evidence": "REGISTRANT_ID", "contradicted": true},
			{"names": ["Fay"], "evidence": "NONE", "contradicted": false}, {"names": ["Fay"], "evidence": "NONE", "contradicted": false}]}}}`, nil)
		z.wantCalls(t, "GET /past_meetings/abc%3D%3D/participants")
		a := r.ask(attendeesQuery("(byName: true, first: 9)", "names evidence confidence durationSeconds"), nil)
		if got := a.at(t, "meetingInstance.attendees.nodes.3.durationSeconds"); got != "240" {
			t.Errorf("Fay was there for %s seconds: %s", got, a.body)
		}
		z.wantCalls(t)
	})
}

// If the plan lacks the source of a field, the next source is read, and the field's error says
// why it is null; a source that the caller chose is the only one.
func TestAttendeesOfOtherPlans(t *testing.T) {
	t.Parallel()
	dashboard := zoomRow{"GET", "/metrics/meetings/abc%3D%3D/participants", 400, noPlan}
	report := zoomRow{"GET", "/report/meetings/abc%3D%3D/participants", 400, noPlan}
	inZoom(t, attended(stayRow("1", 0, 10, `"name": "Ann", "id": "U"`), dashboard, report), func(r *rig, z *zoomSays) {
		r.ask(attendeesQuery("", "devices customerKey missing { field reason }"), nil).want(t, `{"meetingInstance": {"attendees": {"source": "PAST_MEETING", "nodes": [{"devices": null, "customerKey": null, "missing": [
			{"field": "email", "reason": "NOT_SHARED"}, {"field": "registrantId", "reason": "UNKNOWN"}, {"field": "customerKey", "reason": "PLAN"},
			{"field": "phones", "reason": "PLAN"}, {"field": "devices", "reason": "PLAN"}]}]}}}`, nil)
		z.wantCalls(t, "GET /metrics/meetings/abc%3D%3D/participants", "GET /past_meetings/abc%3D%3D/participants", "GET /report/meetings/abc%3D%3D/participants")
		a := r.ask(`{ meetingInstance(by: {uuid: "abc=="}) { attendees(source: REPORT) { source reportState nodes { names } } } }`, nil)
		a.want(t, `{"meetingInstance": {"attendees": {"source": "REPORT", "reportState": "UNAVAILABLE", "nodes": []}}}`, nil)
	})
}

// Without the meeting's dates it is unknown who was late, unless it has none.
func TestLateWithoutSchedule(t *testing.T) {
	t.Parallel()
	query := `{ meetingInstance(by: {uuid: "abc=="}) { attendance { totals { attended late leftEarly } attendees { nodes { late leftEarly durationSeconds } } } } }`
	rows := attended(stayRow("1", 0, 70, `"name": "Ann", "id": "U"`) + "," + stayRow("2", 15, 70, `"name": "Bob", "id": "V"`))
	inZoom(t, rows, func(r *rig, z *zoomSays) {
		r.ask(query, nil).want(t, `{"meetingInstance": {"attendance": {"totals": {"attended": 2, "late": 1, "leftEarly": 0}, "attendees": {"nodes": [
			{"late": false, "leftEarly": false, "durationSeconds": 4200}, {"late": true, "leftEarly": false, "durationSeconds": 3300}]}}}}`, nil)
		z.wantCalls(t, "GET /meetings/123456789", "GET /past_meetings/abc%3D%3D", "GET /past_meetings/abc%3D%3D/participants")
	})
	unknown := `{"meetingInstance": {"attendance": {"totals": {"attended": 2, "late": null, "leftEarly": null}, "attendees": {"nodes": [
		{"late": null, "leftEarly": null, "durationSeconds": 4200}, {"late": null, "leftEarly": null, "durationSeconds": 3300}]}}}}`
	rows[len(rows)-1].status, rows[len(rows)-1].body = 400, `{"code": 4711, "message": "Invalid access token, does not contain scopes:[meeting:read:meeting]."}`
	inZoom(t, rows, func(r *rig, _ *zoomSays) {
		r.ask(query, nil).want(t, unknown, map[string]string{"meetingInstance.attendance": "MISSING_SCOPE"})
	})
	rows[len(rows)-1].status, rows[len(rows)-1].body = 404, notFound // it has expired: the first who came began it
	inZoom(t, rows, func(r *rig, _ *zoomSays) {
		a := r.ask(query, nil)
		if got := a.at(t, "meetingInstance.attendance.totals.late"); got != "1" || len(a.Errors) > 0 {
			t.Errorf("%s", a.body)
		}
	})
}

// An instance that starts at another time than the meeting was scheduled for has no schedule.
func TestRehearsalIsNotLate(t *testing.T) {
	t.Parallel()
	rows := attended(stayRow("1", 0, 10, `"name": "Ann", "id": "U"`))
	rows[len(rows)-1].body = `{"id": 123456789, "topic": "T", "type": 8, "occurrences": [{"occurrence_id": "1", "start_time": "2026-02-13T10:00:00Z", "duration": 60}, {"occurrence_id": "2", "start_time": "2026-02-15T10:00:00Z", "duration": 60}]}`
	inZoom(t, rows, func(r *rig, _ *zoomSays) {
		r.ask(`{ meetingInstance(by: {uuid: "abc=="}) { attendance { scheduledStart totals { late leftEarly } } } }`, nil).want(t,
			`{"meetingInstance": {"attendance": {"scheduledStart": null, "totals": {"late": 0, "leftEarly": 0}}}}`, nil)
	})
}

// Where people register for single dates, the absentees of an instance have registered for its date.
func TestAbsenteesOfTheDate(t *testing.T) {
	t.Parallel()
	rows := attended(stayRow("1", 0, 10, `"name": "Ann", "id": "U"`),
		zoomRow{"GET", "/meetings/123456789/registrants", 0, `{"page_size": 300, "total_records": 1, "next_page_token": "", "registrants": [{"id": "r", "email": "r@example.org"}, {"id": "s", "email": "s@example.org", "create_time": "2026-02-15T10:00:00Z"}]}`})
	for good, want := range map[int]string{1: "", 2: "11", 3: "11"} {
		rows[len(rows)-1].body = fmt.Sprintf(`{"id": 123456789, "topic": "T", "type": 8, "settings": {"approval_type": 0, "registration_type": %d}, "occurrences": [{"occurrence_id": "11", "start_time": "2026-02-14T10:00:00Z", "duration": 60}, {"occurrence_id": "12", "start_time": "2026-02-15T10:00:00Z", "duration": 60}]}`, good)
		z, asked := &zoomSays{rows: rows}, "none"
		inRig(t, setup{before: func(w http.ResponseWriter, req *http.Request) bool {
			if strings.HasSuffix(req.URL.Path, "/registrants") {
				asked = req.URL.Query().Get("occurrence_id")
			}
			return z.answer(w, req)
		}}, func(r *rig) {
			r.ask(`{ meetingInstance(by: {uuid: "abc=="}) { attendance { absentees { nodes { email } } } } }`, nil).want(t,
				`{"meetingInstance": {"attendance": {"absentees": {"nodes": [{"email": "r@example.org"}]}}}}`, nil)
			if asked != want {
				t.Errorf("registrations of type %d are asked for with the occurrence %q", good, asked)
			}
			z.wantCalls(t, "GET /meetings/123456789", "GET /meetings/123456789/registrants", "GET /past_meetings/abc%3D%3D", "GET /past_meetings/abc%3D%3D/participants")
		})
	}
	const query = `{ meetingInstance(by: {uuid: "abc=="}) { attendance { totals { attended } absentees { totalCount } } } }`
	const unknown = `{"meetingInstance": {"attendance": {"totals": {"attended": 1}, "absentees": null}}}`
	rows[len(rows)-1].body = `{"id": 123456789, "topic": "T", "type": 8, "settings": {"registration_type": 2}, "occurrences": [{"occurrence_id": "12", "start_time": "2026-02-15T10:00:00Z", "duration": 60}]}`
	inZoom(t, rows, func(r *rig, _ *zoomSays) { // the instance is at no date
		r.ask(query, nil).want(t, unknown, map[string]string{"meetingInstance.attendance.absentees": "CONFLICT"})
	})
	rows[len(rows)-1].status, rows[len(rows)-1].body = 500, `{"code": 1001, "message": "odd"}`
	inZoom(t, rows, func(r *rig, _ *zoomSays) { // the date is unknown
		r.ask(query, nil).want(t, unknown, map[string]string{"meetingInstance.attendance": "ZOOM_UNAVAILABLE", "meetingInstance.attendance.absentees": "CONFLICT"})
	})
}

// Invalid rules and pages are errors of the caller.
func TestAttendanceOfBadArguments(t *testing.T) {
	t.Parallel()
	for fields, path := range map[string]string{
		`attendance(rules: {lateAfterSeconds: -1}) { complete }`:    "meetingInstance.attendance",
		`attendance(rules: {mergeGapSeconds: 604801}) { complete }`: "meetingInstance.attendance",
		`attendance { curve(points: 1) { count } }`:                 "meetingInstance.attendance.curve",
		`attendance { curve(points: 1001) { count } }`:              "meetingInstance.attendance.curve",
		`attendees(first: 0) { totalCount }`:                        "meetingInstance.attendees",
		`attendees(after: "x") { totalCount }`:                      "meetingInstance.attendees",
		`attendance { attendees(first: 3001) { totalCount } }`:      "meetingInstance.attendance.attendees",
	} {
		inZoom(t, attended(stayRow("1", 0, 10, `"name": "Ann"`)), func(r *rig, _ *zoomSays) {
			a := r.ask(`{ meetingInstance(by: {uuid: "abc=="}) { `+fields+` } }`, nil)
			if len(a.Errors) != 1 || a.Errors[0].code() != "BAD_USER_INPUT" || a.Errors[0].path() != path {
				t.Errorf("%s: %s", fields, a.body)
			}
		})
	}
}

// If an instance has more stays than are read, the first of them are the answer, which says so.
func TestAttendanceIsBounded(t *testing.T) {
	t.Parallel()
	pages := 0
	before := func(w http.ResponseWriter, req *http.Request) bool {
		if !strings.HasSuffix(req.URL.Path, "/participants") {
			return false
		}
		pages++
		page, _ := strconv.Atoi(req.URL.Query().Get("next_page_token"))
		rows := make([]string, 300)
		for i := range rows {
			rows[i] = stayRow(strconv.Itoa(300*page+i), 0, 10, `"name": "Ann"`)
		}
		w.Header().Set("Content-Type", "application/json")
		token, _ := json.Marshal(strconv.Itoa(page + 1))
		_, _ = io.WriteString(w, `{"page_size": 300, "next_page_token": `+string(token)+`, "participants": [`+strings.Join(rows, ",")+`]}`)
		return true
	}
	inRig(t, setup{before: before}, func(r *rig) {
		a := r.ask(`{ meetingInstance(by: {uuid: "abc=="}) { attendance { complete totals { stays attendees } attendees(first: 1) { totalCount pageInfo { hasNextPage } } absentees { totalCount } } } }`, nil)
		a.want(t, fmt.Sprintf(`{"meetingInstance": {"attendance": {"complete": false, "totals": {"stays": %d, "attendees": %d}, "attendees": {"totalCount": null, "pageInfo": {"hasNextPage": true}}, "absentees": null}}}`, maxStays, maxStays),
			map[string]string{"meetingInstance.attendance": "LIMIT_EXCEEDED", "meetingInstance.attendance.attendees": "LIMIT_EXCEEDED", "meetingInstance.attendance.absentees": "LIMIT_EXCEEDED"})
		if most := maxStays/300 + 1; pages > most {
			t.Errorf("%d pages were read, want %d at most", pages, most)
		}
	})
}

const instanceRows = `{"meetings": [{"uuid": "one==", "start_time": "2026-02-14T10:00:00Z"}, {"uuid": "two==", "start_time": "2026-02-21T10:00:00Z"}]}`

// If an instance of a meeting cannot be read, only that instance is missing, and its invitees
// are not reported as absent.
func TestMeetingAttendance_failedInstances(t *testing.T) {
	t.Parallel()
	page := func(rows string) string {
		return `{"page_size": 300, "next_page_token": "", "participants": [` + rows + `]}`
	}
	rows := []zoomRow{
		{"GET", "/past_meetings/123456789/instances", 0, instanceRows},
		{"GET", "/past_meetings/one%3D%3D/participants", 0, page(stayRow("1", 0, 10, `"name": "Ann", "id": "U"`) + "," + stayRow("2", 20, 30, `"name": "Ann", "id": "U"`))},
		{"GET", "/past_meetings/two%3D%3D/participants", 0, page(stayRow("1", 0, 10, `"name": "Ann Roe", "id": "U"`))},
		{"GET", "/meetings/123456789/registrants", 0, `{"page_size": 300, "total_records": 1, "next_page_token": "", "registrants": [{"id": "r", "email": "r@example.org"}]}`},
	}
	const query = `{ meeting(by: {number: "123456789"}) { attendance { complete instances { reportState attended } attendees { totalCount nodes { names attendedCount durationSeconds presences { uuid } } } absentees { totalCount } } } }`
	inZoom(t, rows, func(r *rig, z *zoomSays) {
		r.ask(query, nil).want(t, `{"meeting": {"attendance": {"complete": true, "instances": [{"reportState": "READY", "attended": 1}, {"reportState": "READY", "attended": 1}],
			"attendees": {"totalCount": 1, "nodes": [{"names": ["Ann", "Ann Roe"], "attendedCount": 2, "durationSeconds": 1800, "presences": [{"uuid": "one=="}, {"uuid": "two=="}]}]},
			"absentees": {"totalCount": 1}}}}`, nil)
		z.wantCalls(t, "GET /meetings/123456789/registrants", "GET /past_meetings/123456789/instances", "GET /past_meetings/one%3D%3D/participants", "GET /past_meetings/two%3D%3D/participants")
	})
	rows[2].status, rows[2].body = 400, `{"code": 300, "message": "The next page token is either invalid or expired."}`
	inZoom(t, rows, func(r *rig, _ *zoomSays) {
		a := r.ask(query, nil)
		if got := a.at(t, "meeting.attendance.attendees.nodes.0.durationSeconds"); got != "1200" || len(a.Errors) == 0 || strings.Contains(string(a.Data), `"complete":true`) || !strings.Contains(string(a.Data), `"absentees":null`) {
			t.Errorf("%s", a.body)
		}
	})
}

// An instance whose stays Zoom does not have, or not any more, may be one that anybody joined: the
// attendance is incomplete, and nobody is absent for certain.
func TestMeetingAttendance_missingInstances(t *testing.T) {
	t.Parallel()
	page := func(rows string) string {
		return `{"page_size": 300, "next_page_token": "", "participants": [` + rows + `]}`
	}
	for state, answer := range map[string]zoomRow{
		"UNAVAILABLE": {status: 0, body: page("")},
		"EXPIRED":     {status: 400, body: `{"code": 12702, "message": "Can not access a meeting a year ago."}`},
		"gone":        {status: 404, body: notFound},
	} {
		if state == "gone" {
			state = "UNAVAILABLE"
		}
		rows := []zoomRow{
			{"GET", "/past_meetings/123456789/instances", 0, instanceRows},
			{"GET", "/past_meetings/one%3D%3D/participants", 0, page(stayRow("1", 0, 10, `"name": "Ann", "id": "U", "registrant_id": "q"`))},
			{"GET", "/past_meetings/two%3D%3D/participants", answer.status, answer.body},
			{"GET", "/meetings/123456789/registrants", 0, `{"page_size": 300, "total_records": 1, "next_page_token": "", "registrants": [{"id": "r", "email": "r@example.org"}]}`},
		}
		inZoom(t, rows, func(r *rig, _ *zoomSays) {
			r.ask(`{ meeting(by: {number: "123456789"}) { attendance { complete instances { reportState } attendees { totalCount nodes { names } } absentees { totalCount } } registrants { nodes { attendance { uuid } } } } }`, nil).want(t,
				`{"meeting": {"attendance": {"complete": false, "instances": [{"reportState": "READY"}, {"reportState": "`+state+`"}], "attendees": {"totalCount": null, "nodes": [{"names": ["Ann"]}]}, "absentees": null}, "registrants": {"nodes": [{"attendance": null}]}}}`, nil)
		})
	}
}

// Of a meeting with many instances, the attendance of the latest is computed.
func TestMeetingAttendanceIsBounded(t *testing.T) {
	t.Parallel()
	list := make([]string, maxAttended+5)
	for i := range list {
		list[i] = fmt.Sprintf(`{"uuid": "%03d==", "start_time": "2025-%02d-%02dT10:00:00Z"}`, i, 1+i/28, 1+i%28)
	}
	inZoom(t, []zoomRow{
		{"GET", "/past_meetings/123456789/instances", 0, `{"meetings": [` + strings.Join(list, ",") + `]}`},
		{"GET", "/past_meetings/*", 0, `{"page_size": 300, "next_page_token": "", "participants": [` + stayRow("1", 0, 10, `"name": "Ann", "id": "U"`) + `]}`},
	}, func(r *rig, z *zoomSays) {
		a := r.ask(`{ meeting(by: {number: "123456789"}) { attendance { complete attendees { nodes { attendedCount } } } } }`, nil)
		a.want(t, `{"meeting": {"attendance": {"complete": false, "attendees": {"nodes": [{"attendedCount": 100}]}}}}`,
			map[string]string{"meeting.attendance": "LIMIT_EXCEEDED", "meeting.attendance.attendees": "LIMIT_EXCEEDED"})
		if n := len(z.asked()); n != maxAttended+1 {
			t.Errorf("%d calls were made", n)
		}
	})
}

// webinarAttended returns the rows of an instance of the webinar 123456789, scheduled for ten.
func webinarAttended(rows string, others ...zoomRow) []zoomRow {
	return append(others,
		zoomRow{"GET", "/past_webinars/abc%3D%3D/participants", 0, `{"page_size": 300, "next_page_token": "", "participants": [` + rows + `]}`},
		zoomRow{"GET", "/report/webinars/abc%3D%3D", 0, `{"uuid": "abc==", "id": 123456789, "topic": "T", "start_time": "2026-02-14T10:00:00Z", "end_time": "2026-02-14T11:00:00Z"}`},
		zoomRow{"GET", "/webinars/123456789", 0, `{"id": 123456789, "topic": "T", "type": 9, "host_id": "HOST", "host_email": "host@example.com", "occurrences": [{"occurrence_id": "1", "start_time": "2026-02-14T10:00:00Z", "duration": 60}]}`},
		zoomRow{"GET", "/webinars/123456789/panelists", 0, `{"total_records": 2, "panelists": [{"id": "p1", "email": "Speaker@example.com", "name": "S"}, {"id": "p2", "email": "absent@example.org", "name": "A"}, {"id": "p3", "email": "", "name": "N"}]}`},
	)
}

func webinarQuery(fields string) string {
	return `{ account { reports { webinar(by: {uuid: "abc=="}) { ` + fields + ` } } } }`
}

// The host and the panelists of a webinar are identified by address. The role of people without
// an address is unknown, and so are all roles if the list cannot be read.
func TestRolesInWebinars(t *testing.T) {
	t.Parallel()
	stays := strings.Join([]string{
		stayRow("1", 0, 60, `"name": "Host", "id": "HOST", "user_email": "host@example.com"`),
		stayRow("2", 1, 60, `"name": "Speaker", "id": "", "user_email": "speaker@example.com"`),
		stayRow("3", 2, 60, `"name": "Ann", "id": "", "user_email": "ann@example.org", "registrant_id": "R"`),
		stayRow("4", 3, 60, `"name": "Guest", "id": "", "user_email": ""`),
		stayRow("5", 20, 60, `"name": "Registered", "id": "", "user_email": "", "registrant_id": "Q"`),
	}, ",")
	query := webinarQuery(`attendance { scheduledStart absentPanelists { email } attendees { nodes { names role late missing { field reason } } } }`)
	rows := webinarAttended(stays)
	inZoom(t, rows, func(r *rig, z *zoomSays) {
		a := r.ask(query, nil)
		var got struct {
			Account struct {
				Reports struct {
					Webinar struct {
						Attendance struct {
							ScheduledStart  string
							AbsentPanelists []struct{ Email string }
							Attendees       struct {
								Nodes []struct {
									Names []string
									Role  string
									Late  bool
								}
							}
						}
					}
				}
			}
		}
		if err := json.Unmarshal(a.Data, &got); err != nil || len(a.Errors) > 0 {
			t.Fatalf("%s", a.body)
		}
		of := got.Account.Reports.Webinar.Attendance
		var told []string
		for _, n := range of.Attendees.Nodes {
			told = append(told, fmt.Sprint(n.Names[0], " ", n.Role, " ", n.Late))
		}
		if want := []string{"Host HOST false", "Speaker PANELIST false", "Ann ATTENDEE false", "Guest  false", "Registered ATTENDEE true"}; !slices.Equal(told, want) {
			t.Errorf("%q, want %q", told, want)
		}
		if of.ScheduledStart != "2026-02-14T10:00:00Z" || len(of.AbsentPanelists) != 1 || of.AbsentPanelists[0].Email != "absent@example.org" {
			t.Errorf("%s", a.body)
		}
		z.wantCalls(t, "GET /past_webinars/abc%3D%3D/participants", "GET /report/webinars/abc%3D%3D", "GET /webinars/123456789", "GET /webinars/123456789/panelists")
	})
	rows[len(rows)-1].status, rows[len(rows)-1].body = 400, `{"code": 4711, "message": "Invalid access token, does not contain scopes:[webinar:read:list_panelists]."}`
	inZoom(t, rows, func(r *rig, _ *zoomSays) {
		a := r.ask(webinarQuery(`attendees { nodes { role names } }`), nil)
		a.want(t, `{"account": {"reports": {"webinar": {"attendees": {"nodes": [{"role": null, "names": ["Host"]}, {"role": null, "names": ["Speaker"]}, {"role": null, "names": ["Ann"]}, {"role": null, "names": ["Guest"]}, {"role": null, "names": ["Registered"]}]}}}}}`,
			map[string]string{"account.reports.webinar.attendees": "MISSING_SCOPE"})
	})
}

// Fields that the past webinar lacks are read from its report or the dashboard, and if the plan
// lacks these, the past webinar is still answered.
func TestWebinarAttendanceOfOtherSources(t *testing.T) {
	t.Parallel()
	report := zoomRow{"GET", "/report/webinars/abc%3D%3D/participants", 0, `{"page_size": 300, "next_page_token": "", "participants": [` + stayRow("1", 0, 10, `"name": "Ann", "id": "U", "customer_key": "K"`) + `]}`}
	dashboard := zoomRow{"GET", "/metrics/webinars/abc%3D%3D/participants", 0, `{"page_size": 300, "next_page_token": "", "participants": [{"user_id": "1", "user_name": "Ann", "role": "panelist", "device": "Phone", "join_time": "2026-02-14T10:00:00Z", "leave_time": "2026-02-14T10:10:00Z"}]}`}
	plain := stayRow("1", 0, 10, `"name": "Ann", "id": "U"`)
	inZoom(t, webinarAttended(plain, report, dashboard), func(r *rig, z *zoomSays) {
		r.ask(webinarQuery(`attendees { source nodes { names customerKey } }`), nil).want(t, `{"account": {"reports": {"webinar": {"attendees": {"source": "REPORT", "nodes": [{"names": ["Ann"], "customerKey": "K"}]}}}}}`, nil)
		z.wantCalls(t, "GET /report/webinars/abc%3D%3D/participants")
		r.ask(webinarQuery(`attendees { source nodes { devices role durationSeconds } }`), nil).want(t, `{"account": {"reports": {"webinar": {"attendees": {"source": "DASHBOARD", "nodes": [{"devices": ["Phone"], "role": "PANELIST", "durationSeconds": 600}]}}}}}`, nil)
		z.wantCalls(t, "GET /metrics/webinars/abc%3D%3D/participants")
		r.ask(webinarQuery(`attendees(source: PAST_WEBINAR) { source nodes { customerKey } }`), nil).want(t, `{"account": {"reports": {"webinar": {"attendees": {"source": "PAST_WEBINAR", "nodes": [{"customerKey": null}]}}}}}`, nil)
	})
	report.status, report.body = 400, noPlan
	inZoom(t, webinarAttended(plain, report), func(r *rig, _ *zoomSays) {
		r.ask(webinarQuery(`attendees { source nodes { customerKey } }`), nil).want(t, `{"account": {"reports": {"webinar": {"attendees": {"source": "PAST_WEBINAR", "nodes": [{"customerKey": null}]}}}}}`, nil)
	})
}

// A user's presence in an instance consists of the stays that are certainly the user's: by id,
// and by address only without an id.
func TestUserPresence(t *testing.T) {
	t.Parallel()
	row := func(more string) string {
		return `{"page_size": 300, "next_page_token": "", "meetings": [{"uuid": "abc==", "id": 123456789, "topic": "T", "start_time": "2026-02-14T10:00:00Z", "end_time": "2026-02-14T11:00:00Z", "user_name": "U", "user_email": "u@example.com", ` + more + `}]}`
	}
	const query = `{ user(by: {zoomId: "U"}) { attended(from: "2026-02-01", to: "2026-02-28") { nodes { topic instance { topic } webinarReport { uuid } presence { durationSeconds late } } } } }`
	list := func(more string) zoomRow { return zoomRow{"GET", "/report/users/U/meetings", 0, row(more)} }
	stays := stayRow("1", 0, 10, `"name": "U", "id": "U"`) + "," + stayRow("2", 5, 20, `"name": "U", "id": "U"`) + "," + stayRow("3", 0, 60, `"name": "V", "id": "V"`)
	inZoom(t, attended(stays, list(`"type": 2`)), func(r *rig, z *zoomSays) {
		r.ask(query, nil).want(t, `{"user": {"attended": {"nodes": [{"topic": "T", "instance": {"topic": "T"}, "webinarReport": null, "presence": {"durationSeconds": 1200, "late": false}}]}}}`, nil)
		z.wantCalls(t, "GET /meetings/123456789", "GET /past_meetings/abc%3D%3D/participants", "GET /report/users/U/meetings")
		a := r.ask(`{ user(by: {zoomId: "U"}) { attended(from: "2026-02-01", to: "2026-02-28") { nodes { instance { hostEmail } } } } }`, nil)
		if got := a.at(t, "user.attended.nodes.0.instance.hostEmail"); got == "u@example.com" {
			t.Errorf("the user of the row is taken for the host: %s", a.body)
		}
	})
	inZoom(t, attended(stayRow("3", 0, 60, `"name": "U", "id": "V"`), list(`"type": 2`)), func(r *rig, _ *zoomSays) {
		r.ask(query, nil).want(t, `{"user": {"attended": {"nodes": [{"topic": "T", "instance": {"topic": "T"}, "webinarReport": null, "presence": null}]}}}`, nil)
	})
	inZoom(t, webinarAttended(stays, list(`"type": 9`)), func(r *rig, z *zoomSays) {
		r.ask(query, nil).want(t, `{"user": {"attended": {"nodes": [{"topic": "T", "instance": null, "webinarReport": {"uuid": "abc=="}, "presence": {"durationSeconds": 1200, "late": false}}]}}}`, nil)
		z.wantCalls(t, "GET /past_webinars/abc%3D%3D/participants", "GET /report/users/U/meetings", "GET /webinars/123456789")
	})
}

// Instances are sorted newest first, whatever Zoom's order, and a cursor keeps its position if
// another instance ends.
func TestInstancesNewestFirst(t *testing.T) {
	t.Parallel()
	list := zoomRow{"GET", "/past_meetings/123456789/instances", 0, instanceRows}
	const query = `query ($after: String) { meeting(by: {number: "123456789"}) { instances(first: 1, after: $after) { totalCount nodes { uuid } pageInfo { hasNextPage endCursor } } } }`
	z := &zoomSays{rows: []zoomRow{list}}
	inRig(t, setup{before: z.answer}, func(r *rig) {
		a := r.ask(query, nil)
		if a.at(t, "meeting.instances.nodes.0.uuid") != "two==" || a.at(t, "meeting.instances.totalCount") != "2" || a.at(t, "meeting.instances.pageInfo.hasNextPage") != "true" {
			t.Fatalf("%s", a.body)
		}
		z.mu.Lock()
		z.rows[0].body = `{"meetings": [{"uuid": "new==", "start_time": "2026-03-01T10:00:00Z"}, {"uuid": "two==", "start_time": "2026-02-21T10:00:00Z"}, {"uuid": "", "start_time": "2026-02-20T10:00:00Z"}, {"uuid": "one==", "start_time": "2026-02-14T10:00:00Z"}]}`
		z.mu.Unlock()
		time.Sleep(time.Hour) // what was read is too old
		a = r.ask(query, map[string]any{"after": a.at(t, "meeting.instances.pageInfo.endCursor")})
		if a.at(t, "meeting.instances.nodes.0.uuid") != "one==" || a.at(t, "meeting.instances.totalCount") != "<nil>" || len(a.Errors) != 1 || a.Errors[0].code() != "BAD_ANSWER" {
			t.Errorf("%s", a.body)
		}
	})
}

// The instances of a webinar in a range of days are those that started in it: Zoom accepts no
// range.
func TestWebinarAttendanceOfSomeDays(t *testing.T) {
	t.Parallel()
	page := func(rows string) string {
		return `{"page_size": 300, "next_page_token": "", "participants": [` + rows + `]}`
	}
	rows := []zoomRow{
		{"GET", "/past_webinars/123456789/instances", 0, `{"webinars": [{"uuid": "two==", "start_time": "2026-02-21T23:59:59Z"}, {"uuid": "one==", "start_time": "2026-02-14T00:00:00Z"}, {"uuid": "old==", "start_time": "2026-02-13T23:59:59Z"}, {"uuid": "new==", "start_time": "2026-02-22T00:00:00Z"}]}`},
		{"GET", "/past_webinars/one%3D%3D/participants", 0, page(stayRow("1", 0, 10, `"name": "Ann", "registrant_id": "r"`))},
		{"GET", "/past_webinars/two%3D%3D/participants", 0, page(stayRow("1", 0, 10, `"name": "Ann", "registrant_id": "r"`))},
		{"GET", "/webinars/123456789/registrants", 0, `{"page_size": 300, "total_records": 2, "next_page_token": "", "registrants": [{"id": "r", "email": "r@example.org"}, {"id": "q", "email": "q@example.org"}]}`},
	}
	inZoom(t, rows, func(r *rig, z *zoomSays) {
		r.ask(`{ webinar(by: {number: "123456789"}) { attendance(from: "2026-02-14", to: "2026-02-21") { complete instances { uuid attended instance { uuid } webinarReport { uuid webinarNumber } } attendees { nodes { attendedCount registrant { email } } } absentees { nodes { email attendance(from: "2026-02-14", to: "2026-02-21") { uuid } } } } } }`, nil).want(t,
			`{"webinar": {"attendance": {"complete": true, "instances": [{"uuid": "one==", "attended": 1, "instance": null, "webinarReport": {"uuid": "one==", "webinarNumber": "123456789"}}, {"uuid": "two==", "attended": 1, "instance": null, "webinarReport": {"uuid": "two==", "webinarNumber": "123456789"}}],
			"attendees": {"nodes": [{"attendedCount": 2, "registrant": {"email": "r@example.org"}}]}, "absentees": {"nodes": [{"email": "q@example.org", "attendance": []}]}}}}`, nil)
		z.wantCalls(t, "GET /past_webinars/123456789/instances", "GET /past_webinars/one%3D%3D/participants", "GET /past_webinars/two%3D%3D/participants", "GET /webinars/123456789/registrants")
	})
}
