package graph

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

const noPlan = `{"code": 200, "message": "Only available for paid accounts: upgrade."}`

// attended has an instance of the meeting 123456789, planned for ten, and these rows.
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

// Two people are two attendees, whatever they share, and a link that was passed on says so.
func TestAttendeesAreNotMerged(t *testing.T) {
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

// Where the plan lacks the source of a field, the next one is read, and the field says why
// it is null; a source that the caller chose is the only one.
func TestAttendeesOfOtherPlans(t *testing.T) {
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

// Without the meeting's dates nobody can tell who was late, unless there are none.
func TestLateWithoutSchedule(t *testing.T) {
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

// An instance that begins at another time than the meeting was planned for has no schedule.
func TestRehearsalIsNotLate(t *testing.T) {
	rows := attended(stayRow("1", 0, 10, `"name": "Ann", "id": "U"`))
	rows[len(rows)-1].body = `{"id": 123456789, "topic": "T", "type": 8, "occurrences": [{"occurrence_id": "1", "start_time": "2026-02-13T10:00:00Z", "duration": 60}, {"occurrence_id": "2", "start_time": "2026-02-15T10:00:00Z", "duration": 60}]}`
	inZoom(t, rows, func(r *rig, _ *zoomSays) {
		r.ask(`{ meetingInstance(by: {uuid: "abc=="}) { attendance { scheduledStart totals { late leftEarly } } } }`, nil).want(t,
			`{"meetingInstance": {"attendance": {"scheduledStart": null, "totals": {"late": 0, "leftEarly": 0}}}}`, nil)
	})
}

// Rules and pages that are none are the caller's mistakes.
func TestAttendanceOfBadArguments(t *testing.T) {
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

// An instance with more stays than are read is answered by the first of them, and says so.
func TestAttendanceIsBounded(t *testing.T) {
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

// What cannot be read of one run of a meeting costs that run, and nobody is told to have
// been absent.
func TestMeetingAttendanceOfRunsThatFail(t *testing.T) {
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

// Of a meeting with many runs, the latest are worked out.
func TestMeetingAttendanceIsBounded(t *testing.T) {
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
