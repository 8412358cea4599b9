package graph

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"zoomql/graph/schema"
)

// asked returns the calls that were answered instead of the sandbox, since the last time.
func (z *zoomSays) asked() []string {
	z.mu.Lock()
	defer z.mu.Unlock()
	sent := z.sent
	z.sent = nil
	slices.Sort(sent)
	return sent
}

// wantCalls fails the test unless these calls were made since the last time.
func (z *zoomSays) wantCalls(t *testing.T, calls ...string) {
	t.Helper()
	if got := z.asked(); !slices.Equal(got, calls) {
		t.Errorf("the calls are %q, want %q", got, calls)
	}
}

const (
	reportRow    = `{"uuid": "abc==", "id": 1234567890, "topic": "T", "start_time": "2026-03-07T10:00:00Z", "has_chat": true, "host_name": "H", "session_key": "K", "user_email": "guest@example.com"}`
	reportRows   = `{"page_size": 300, "total_records": 1, "next_page_token": "", "meetings": [` + reportRow + `]}`
	reportDetail = `{"uuid": "abc==", "id": 1234567890, "topic": "T", "start_time": "2026-03-07T10:00:00Z", "end_time": "2026-03-07T11:00:00Z", "dept": "HR", "host_id": "HOST", "user_email": "host@example.com"}`
	notFound     = `{"code": 3001, "message": "Meeting does not exist."}`
)

// The fields of a row in the list of reports are kept when the missing ones are read by instance.
func TestReportOfTwoSources(t *testing.T) {
	t.Parallel()
	const query = `{ user(by: {zoomId: "u1"}) { pastMeetings(from: "2026-03-01", to: "2026-03-16") { nodes { report { hasChat hostName sessionKey department } } } } }`
	rows := zoomRow{"GET", "/report/users/u1/meetings", 0, reportRows}
	inZoom(t, []zoomRow{rows, {"GET", "/report/meetings/abc%3D%3D", 0, reportDetail}}, func(r *rig, z *zoomSays) {
		a := r.ask(query, nil)
		a.want(t, `{"user": {"pastMeetings": {"nodes": [{"report": {"hasChat": true, "hostName": "H", "sessionKey": "K", "department": "HR"}}]}}}`, nil)
		z.wantCalls(t, "GET /report/meetings/abc%3D%3D", "GET /report/users/u1/meetings")
		a = r.ask(`{ user(by: {zoomId: "u1"}) { pastMeetings(from: "2026-03-01", to: "2026-03-16") { nodes { report { hasChat topic } } } } }`, nil)
		a.want(t, `{"user": {"pastMeetings": {"nodes": [{"report": {"hasChat": true, "topic": "T"}}]}}}`, nil)
		z.wantCalls(t)
	})
	inZoom(t, []zoomRow{rows, {"GET", "/report/meetings/abc%3D%3D", 404, notFound}}, func(r *rig, _ *zoomSays) {
		a := r.ask(query, nil)
		a.want(t, `{"user": {"pastMeetings": {"nodes": [{"report": {"hasChat": true, "hostName": "H", "sessionKey": "K", "department": null}}]}}}`,
			map[string]string{"user.pastMeetings.nodes.0.report.department": "NOT_FOUND"})
	})
	inZoom(t, []zoomRow{{"GET", "/report/meetings/abc%3D%3D", 0, reportDetail}}, func(r *rig, _ *zoomSays) {
		a := r.ask(`{ meetingInstance(by: {uuid: "abc=="}) { report { department chat: hasChat } } }`, nil)
		a.want(t, `{"meetingInstance": {"report": {"department": "HR", "chat": null}}}`, map[string]string{"meetingInstance.report.chat": "NOT_RETURNED"})
	})
}

// The host of a report is the host of the meeting, and not the user whose list contains it.
func TestReportHost(t *testing.T) {
	t.Parallel()
	host := zoomRow{"GET", "/users/HOST", 0, `{"id": "HOST", "email": "host@example.com"}`}
	inZoom(t, []zoomRow{{"GET", "/report/users/u1/meetings", 0, reportRows}, {"GET", "/report/meetings/abc%3D%3D", 0, reportDetail}, host}, func(r *rig, z *zoomSays) {
		a := r.ask(`{ meetingInstance(by: {uuid: "abc=="}) { report { hostZoomId host { email } } } }`, nil)
		a.want(t, `{"meetingInstance": {"report": {"hostZoomId": "HOST", "host": {"email": "host@example.com"}}}}`, nil)
		z.wantCalls(t, "GET /report/meetings/abc%3D%3D", "GET /users/HOST")
		a = r.ask(`{ user(by: {zoomId: "u1"}) { pastMeetings(from: "2026-03-01", to: "2026-03-16") { nodes { report { hasChat host { zoomId } } } } } }`, nil)
		a.want(t, `{"user": {"pastMeetings": {"nodes": [{"report": {"hasChat": true, "host": {"zoomId": "HOST"}}}]}}}`, nil)
	})
}

const (
	oneStay  = `"user_id": "1", "name": "A", "join_time": "2026-02-14T10:00:00Z", "leave_time": "2026-02-14T11:00:00Z", "duration": 3600`
	stayPage = `{"page_size": 300, "total_records": 1, "next_page_token": "", "participants": [{` + oneStay + `, `
	oldRun   = `{"uuid": "abc==", "id": 123456789, "topic": "T", "start_time": "2026-02-14T10:00:00Z", "end_time": "2026-02-14T11:00:00Z", "participants_count": 1}`
)

// Participants whose fields are in two lists are read from both; if one list is unavailable, or
// the caller has chosen one, an error names the missing fields.
func TestParticipantsOfTwoSources(t *testing.T) {
	t.Parallel()
	const query = `{ meetingInstance(by: {uuid: "abc=="}) { participants(first: 5SOURCE) { source nodes { name internalUser participantUserId } } } }`
	both := strings.Replace(query, "SOURCE", "", 1)
	past := zoomRow{"GET", "/past_meetings/abc%3D%3D/participants", 0, stayPage + `"internal_user": true}]}`}
	report := zoomRow{"GET", "/report/meetings/abc%3D%3D/participants", 0, stayPage + `"participant_user_id": "U"}]}`}
	run := zoomRow{"GET", "/past_meetings/abc%3D%3D", 0, oldRun}
	inZoom(t, []zoomRow{past, report, run}, func(r *rig, z *zoomSays) {
		a := r.ask(both, nil)
		a.want(t, `{"meetingInstance": {"participants": {"source": "REPORT", "nodes": [{"name": "A", "internalUser": true, "participantUserId": "U"}]}}}`, nil)
		z.wantCalls(t, "GET /past_meetings/abc%3D%3D/participants", "GET /report/meetings/abc%3D%3D/participants")
		a = r.ask(strings.Replace(query, "SOURCE", ", source: REPORT", 1), nil)
		a.want(t, `{"meetingInstance": {"participants": {"source": "REPORT", "nodes": [{"name": "A", "internalUser": null, "participantUserId": "U"}]}}}`,
			map[string]string{"meetingInstance.participants": "NOT_RETURNED"})
		a = r.ask(strings.Replace(query, "SOURCE", ", source: PAST_MEETING", 1), nil)
		a.want(t, `{"meetingInstance": {"participants": {"source": "PAST_MEETING", "nodes": [{"name": "A", "internalUser": true, "participantUserId": null}]}}}`,
			map[string]string{"meetingInstance.participants": "NOT_RETURNED"})
	})
	past.status, past.body = 404, notFound
	inZoom(t, []zoomRow{past, report, run}, func(r *rig, _ *zoomSays) {
		a := r.ask(both, nil)
		a.want(t, `{"meetingInstance": {"participants": {"source": "REPORT", "nodes": [{"name": "A", "internalUser": null, "participantUserId": "U"}]}}}`,
			map[string]string{"meetingInstance.participants.nodes.0.internalUser": "NOT_FOUND"})
	})
}

// Fields that only some rows have are taken from those, and requested for the others.
func TestRowsThatHaveAFieldSometimes(t *testing.T) {
	t.Parallel()
	one, two := zoomRow{"GET", "/users/u1", 0, `{"id": "u1", "email": "a@example.com", "language": "en-US"}`}, zoomRow{"GET", "/users/u2", 0, `{"id": "u2", "email": "b@example.com", "language": "de-DE", "company": "C"}`}
	const query = `{ account { users(first: 5) { nodes { zoomId language } } } }`
	const want = `{"account": {"users": {"nodes": [{"zoomId": "u1", "language": "en-US"}, {"zoomId": "u2", "language": "de-DE"}]}}}`
	users := zoomRow{"GET", "/users", 0, `{"page_size": 30, "next_page_token": "", "users": [{"id": "u1", "email": "a@example.com", "language": "en-US"}, {"id": "u2", "email": "b@example.com", "language": "de-DE"}]}`}
	inZoom(t, []zoomRow{users, one, two}, func(r *rig, z *zoomSays) {
		r.ask(query, nil).want(t, want, nil)
		z.wantCalls(t, "GET /users")
	})
	users.body = strings.Replace(users.body, `, "language": "de-DE"`, "", 1)
	inZoom(t, []zoomRow{users, one, two}, func(r *rig, z *zoomSays) {
		r.ask(query, nil).want(t, want, nil)
		z.wantCalls(t, "GET /users", "GET /users/u2")
		a := r.ask(`{ account { users(first: 5) { nodes { language company } } } }`, nil)
		a.want(t, `{"account": {"users": {"nodes": [{"language": "en-US", "company": null}, {"language": "de-DE", "company": "C"}]}}}`, nil)
		z.wantCalls(t, "GET /users/u1")
	})
}

const poll = `"email": "ann@example.com", "question_details": [{"question": "q", "answer": "a", "polling_id": "p", "date_time": "2026-02-21 16:35:41"}]`

// Names are taken from the answers to polls if these contain them. Otherwise the report is read,
// and its failure loses the names alone.
func TestNamesInPolls(t *testing.T) {
	t.Parallel()
	const query = `{ meetingInstance(by: {uuid: "abc=="}) { polls { source respondents { firstName email } } } }`
	polls := func(names string) zoomRow {
		return zoomRow{"GET", "/past_meetings/abc%3D%3D/polls", 0, `{"id": 1, "uuid": "abc==", "questions": [{"name": "Ann Roe"` + names + `, ` + poll + `}, {"name": "Anonymous Attendee", ` + poll + `}]}`}
	}
	report := zoomRow{"GET", "/report/meetings/abc%3D%3D/polls", 404, notFound}
	run := zoomRow{"GET", "/past_meetings/abc%3D%3D", 0, oldRun}
	inZoom(t, []zoomRow{polls(`, "first_name": "Ann", "last_name": "Roe"`), report, run}, func(r *rig, z *zoomSays) {
		a := r.ask(query, nil)
		a.want(t, `{"meetingInstance": {"polls": {"source": "PAST_MEETING", "respondents": [{"firstName": "Ann", "email": "ann@example.com"}, {"firstName": null, "email": "ann@example.com"}]}}}`, nil)
		z.wantCalls(t, "GET /past_meetings/abc%3D%3D/polls")
	})
	inZoom(t, []zoomRow{polls(""), report, run}, func(r *rig, _ *zoomSays) {
		a := r.ask(query, nil)
		a.want(t, `{"meetingInstance": {"polls": {"source": "PAST_MEETING", "respondents": [{"firstName": null, "email": "ann@example.com"}, {"firstName": null, "email": "ann@example.com"}]}}}`,
			map[string]string{"meetingInstance.polls.respondents.0.firstName": "NOT_FOUND", "meetingInstance.polls.respondents.1.firstName": "NOT_FOUND"})
	})
	report.status, report.body = 0, polls(`, "first_name": "Ann"`).body
	inZoom(t, []zoomRow{polls(""), report, run}, func(r *rig, z *zoomSays) {
		a := r.ask(query, nil)
		a.want(t, `{"meetingInstance": {"polls": {"source": "REPORT", "respondents": [{"firstName": "Ann", "email": "ann@example.com"}, {"firstName": null, "email": "ann@example.com"}]}}}`, nil)
		z.wantCalls(t, "GET /past_meetings/abc%3D%3D/polls", "GET /report/meetings/abc%3D%3D/polls")
	})
}

// A list of instances and a single instance of the dashboard have different fields.
func TestDashboardOfTwoSources(t *testing.T) {
	t.Parallel()
	const row = `{"uuid": "abc==", "id": 1, "topic": "T", "audio_quality": "good"}`
	inZoom(t, []zoomRow{
		{"GET", "/metrics/meetings", 0, `{"next_page_token": "", "meetings": [` + row + `]}`},
		{"GET", "/metrics/meetings/abc%3D%3D", 0, `{"uuid": "abc==", "id": 1, "topic": "T", "in_room_participants": 3}`},
	}, func(r *rig, _ *zoomSays) {
		a := r.ask(`{ meetingInstance(by: {uuid: "abc=="}) { dashboard { topic audioQuality } } }`, nil)
		a.want(t, `{"meetingInstance": {"dashboard": {"topic": "T", "audioQuality": null}}}`, map[string]string{"meetingInstance.dashboard.audioQuality": "NOT_RETURNED"})
	})
}

const (
	room     = "GET /metrics/zoomrooms/{zoomroomId}"
	webinarQ = "GET /metrics/webinars/{webinarId}/participants"
)

// fieldsNotReturned has queries for fields that the answer of an operation never contains and that are
// read nowhere else, by type and operation.
var fieldsNotReturned = map[string]struct{ query, answer, path string }{
	"Account GET /accounts/{accountId}": {
		`{ account(by: {zoomId: "sub1"}) { name bulkLicense } }`, `{"id": "sub1", "account_name": "N"}`, "account.bulkLicense",
	},
	"DashboardMeeting GET /metrics/meetings/{meetingId}": {
		`{ account { dashboard { meeting(by: {uuid: "abc=="}, type: PAST) { topic videoQuality } } } }`, `{"uuid": "abc==", "id": 1}`, "account.dashboard.meeting.videoQuality",
	},
	"DashboardMeeting " + room: {
		`{ account { dashboard { zoomRoom(zoomId: "z") { name liveMeeting { topic hasPoll } } } } }`, `{"id": "z", "room_name": "R", "live_meeting": {"uuid": "abc==", "id": 1}}`, "account.dashboard.zoomRoom",
	},
	"DashboardZoomRoom " + room: {
		`{ account { dashboard { zoomRoom(zoomId: "z") { name locationZoomId } } } }`, `{"id": "z", "room_name": "R"}`, "account.dashboard.zoomRoom.locationZoomId",
	},
	"DashboardParticipant " + webinarQ: {
		`{ account { dashboard { webinar(by: {uuid: "abc=="}, type: PAST) { participants { nodes { name camera } } } } } }`, `{"participants": [{"user_id": "1"}, {"user_id": "2"}]}`, "account.dashboard.webinar.participants",
	},
	"ParticipantQos " + webinarQ + "/qos": {
		`{ account { dashboard { webinar(by: {uuid: "abc=="}, type: PAST) { participantsQos { edges { node { name camera } } } } } } }`, `{"participants": [{"user_id": "1"}, {"user_id": "2"}]}`, "account.dashboard.webinar.participantsQos",
	},
	"ParticipantQos " + webinarQ + "/{participantId}/qos": {
		`{ account { dashboard { webinar(by: {uuid: "abc=="}, type: PAST) { participantQos(inMeetingId: "1") { name camera } } } } }`, `{"user_id": "1", "id": "1"}`, "account.dashboard.webinar.participantQos.camera",
	},
	"InformationBarrierPolicy POST /information_barriers/policies": {
		`mutation { createInformationBarrierPolicy(input: {policy: {name: "N", assignedGroupId: "a", toGroupId: "b", settings: {}}}) { policy { name chaperoneGroupId } } }`,
		`{"id": "p"}`, "createInformationBarrierPolicy",
	},
	"MeetingReport GET /report/meetings/{meetingId}": {
		`{ meetingInstance(by: {uuid: "abc=="}) { report { department hasChat } } }`, `{"uuid": "abc==", "id": 1}`, "meetingInstance.report.hasChat",
	},
	"MeetingTemplate POST /users/{userId}/meeting_templates": {
		`mutation { createMeetingTemplate(input: {user: {zoomId: "u"}, meeting: {number: "123456789"}, name: "N"}) { template { name typeText } } }`, `{"id": "t"}`, "createMeetingTemplate",
	},
	"Participant GET /past_meetings/{meetingId}/participants": {
		`{ meetingInstance(by: {uuid: "abc=="}) { participants(source: PAST_MEETING) { nodes { name customerKey } } } }`, `{"participants": [{"user_id": "1"}]}`, "meetingInstance.participants",
	},
	"Participant GET /past_webinars/{webinarId}/participants": {
		`{ meetingInstance(by: {uuid: "abc=="}) { participants(source: PAST_WEBINAR) { nodes { name customerKey } } } }`, `{"participants": [{"user_id": "1"}]}`, "meetingInstance.participants",
	},
	"Participant GET /report/meetings/{meetingId}/participants": {
		`{ meetingInstance(by: {uuid: "abc=="}) { participants(source: REPORT) { nodes { name internalUser } } } }`, `{"participants": [{"user_id": "1"}]}`, "meetingInstance.participants",
	},
	"QaAsker GET /past_meetings/{meetingId}/qa": {
		`{ meetingInstance(by: {uuid: "abc=="}) { qa(source: PAST_MEETING) { askers { name zoomId } } } }`, `{"id": 1, "uuid": "abc==", "questions": [{"name": "A"}]}`, "meetingInstance.qa",
	},
	"QaQuestion GET /past_meetings/{meetingId}/qa": {
		`{ meetingInstance(by: {uuid: "abc=="}) { qa(source: PAST_MEETING) { askers { questions { question statusText } } } } }`, `{"id": 1, "uuid": "abc==", "questions": [{"name": "A"}]}`, "meetingInstance.qa",
	},
	"Registrant GET /meetings/{meetingId}/registrants": {
		`{ meeting(by: {number: "123456789"}) { registrants { nodes { email language } } } }`, `{"registrants": [{"id": "r"}]}`, "meeting.registrants",
	},
	"Registrant GET /meetings/{meetingId}/registrants/{registrantId}": {
		`{ meeting(by: {number: "123456789"}) { registrant(by: {zoomId: "r"}) { email language } } }`, `{"id": "r"}`, "meeting.registrant.language",
	},
	"Registrant GET /past_webinars/{webinarId}/absentees": {
		`{ account { reports { webinar(by: {latestOf: "123456789"}) { absentees { nodes { email language } } } } } }`, `{"registrants": [{"id": "r"}]}`, "account.reports.webinar.absentees",
	},
	"SurveyInstance GET /surveys/channels/{channelId}/instances": {
		`{ account { channelSurveyInstances(channelZoomId: "c") { nodes { name meetingNumber } } } }`, `{"survey_instances": [{"instance_id": "i"}]}`, "account.channelSurveyInstances",
	},
	"Webinar GET /webinars/{webinarId}": {
		`{ webinar(by: {number: "123456789"}) { topic isEventsWebinar } }`, `{"id": 123456789}`, "webinar.isEventsWebinar",
	},
}

// readElsewhere are operations whose objects are read again by another operation if a selected
// field is missing, by type and operation.
var readElsewhere = setOf(
	"Account GET /accounts", "Account POST /accounts", "DashboardMeeting GET /metrics/meetings", "DashboardWebinar GET /metrics/webinars", "DashboardZoomRoom GET /metrics/zoomrooms",
	"InformationBarrierPolicy GET /information_barriers/policies/{policyId}", "Meeting GET /users/{userId}/meetings", "MeetingInstance GET /past_meetings/{meetingId}/instances",
	"MeetingInstance GET /report/users/{userId}/meetings", "MeetingReport GET /report/users/{userId}/meetings", "ParticipantQos GET /metrics/meetings/{meetingId}/participants/qos",
	"Registrant GET /webinars/{webinarId}/registrants", "Role GET /roles", "Survey GET /surveys", "User GET /users", "Webinar GET /users/{userId}/webinars",
	"WebinarReport GET /past_webinars/{webinarId}/instances",
	"Meeting POST /users/{userId}/meetings", // it contains all documented fields of a meeting
)

// A selected field that no answer can contain is reported, wherever it is selected.
func TestUnreadableFields(t *testing.T) {
	t.Parallel()
	for _, def := range schema.Load().Types {
		for _, fd := range def.Fields {
			info := schemaIndex().Field(def, fd)
			if info.Edge || info.Ops == nil {
				continue
			}
			for _, d := range def.Directives.ForNames("source") {
				op := d.Arguments.ForName("op").Value.Raw
				if key := def.Name + " " + op; info.Never(op) && fieldsNotReturned[key].query == "" && !readElsewhere[key] {
					t.Errorf("nothing asks for %s.%s of %s, which does not carry it", def.Name, fd.Name, op)
				}
			}
		}
	}
	for key, c := range fieldsNotReturned {
		t.Run(key, func(t *testing.T) {
			_, op, _ := strings.Cut(key, " ")
			method, path, _ := strings.Cut(op, " ")
			prefix, _, _ := strings.Cut(path, "{")
			inZoom(t, []zoomRow{{method, prefix + "*", 0, c.answer}}, func(r *rig, z *zoomSays) {
				a := r.ask(c.query, nil)
				if len(a.Errors) != 1 || a.Errors[0].code() != "NOT_RETURNED" || a.Errors[0].path() != c.path || len(z.asked()) != 1 {
					t.Errorf("%s", a.body)
				}
			})
		})
	}
}

// The language of a webinar's registrant is read by the call for a single one, however the
// registrant was found.
func TestLanguageOfFoundRegistrants(t *testing.T) {
	t.Parallel()
	inZoom(t, []zoomRow{
		{"GET", "/webinars/123456789/registrants", 0, `{"next_page_token": "", "total_records": 1, "registrants": [{"id": "r", "email": "a@example.com"}]}`},
		{"GET", "/webinars/123456789/registrants/r", 0, `{"id": "r", "email": "a@example.com", "language": "de-DE"}`},
	}, func(r *rig, _ *zoomSays) {
		for _, by := range []string{`email: "a@example.com"`, `zoomId: "r"`} {
			a := r.ask(`{ webinar(by: {number: "123456789"}) { registrant(by: {`+by+`}) { language } } }`, nil)
			a.want(t, `{"webinar": {"registrant": {"language": "DE_DE"}}}`, nil)
		}
	})
}

// Many registrants of a webinar are read one by one where lists lack what is selected of them, and no
// list beside; of others, the list is read.
func TestFieldsThatListsOfRegistrantsLack(t *testing.T) {
	t.Parallel()
	rows := []zoomRow{{"GET", "/webinars/123456789/registrants", 0, `{"next_page_token": "", "total_records": 7, "registrants": [{"id": "r1"}, {"id": "r2"}, {"id": "r3"}, {"id": "r4"}, {"id": "r5"}, {"id": "r6"}, {"id": "r7"}]}`}}
	var stays, singles []string
	for i := range 7 {
		id := fmt.Sprintf("r%d", i+1)
		rows = append(rows, zoomRow{"GET", "/webinars/123456789/registrants/" + id, 0, `{"id": "` + id + `", "email": "a@example.com", "language": "de-DE"}`})
		stays = append(stays, `{"id": "", "name": "N", "registrant_id": "`+id+`"}`)
		singles = append(singles, "GET /webinars/123456789/registrants/"+id)
	}
	rows = append(rows, zoomRow{"GET", "/past_webinars/123456789/participants", 0, `{"next_page_token": "", "total_records": 7, "participants": [` + strings.Join(stays, ", ") + `]}`})
	const people = "GET /past_webinars/123456789/participants"
	for fields, want := range map[string][]string{
		"language":                             append([]string{people}, singles...),
		"email":                                {people, "GET /webinars/123456789/registrants"},
		"email } other: registrant { language": append([]string{people}, singles...),
	} {
		inZoom(t, rows, func(r *rig, z *zoomSays) {
			r.ask(`{ webinar(by: {number: "123456789"}) { participants { nodes { registrant { `+fields+` } } } } }`, nil)
			z.wantCalls(t, want...)
		})
	}
}

// The fields of a row are kept if the object itself lacks them.
func TestRows_fieldsTheirObjectsLack(t *testing.T) {
	t.Parallel()
	inZoom(t, []zoomRow{
		{"GET", "/users", 0, `{"page_size": 30, "next_page_token": "", "users": [{"id": "u1", "email": "a@example.com", "dept": "HR", "timezone": "Europe/Paris", "verified": 0}]}`},
		{"GET", "/users/u1", 0, `{"id": "u1", "company": "C", "timezone": "Europe/Rome", "dept": {}}`},
		{"GET", "/roles", 0, `{"total_records": 1, "roles": [{"id": "r1", "name": "A", "total_members": 3}]}`},
		{"GET", "/roles/r1", 0, `{"id": "r1", "name": "A", "privileges": ["x"]}`},
	}, func(r *rig, _ *zoomSays) {
		a := r.ask(`{ account { users { nodes { email department timezone verified company } } roles { totalMembers privileges } } }`, nil)
		a.want(t, `{"account": {
			"users": {"nodes": [{"email": "a@example.com", "department": "HR", "timezone": "Europe/Rome", "verified": false, "company": "C"}]},
			"roles": [{"totalMembers": 3, "privileges": ["x"]}]
		}}`, nil)
	})
}
