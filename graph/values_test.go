package graph

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"zoomql/graph/generated"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// zoomSays answers some calls instead of the sandbox: with the status and body of the first row
// whose method and path match. It stores the bodies of requests.
type zoomSays struct {
	rows []zoomRow

	mu   sync.Mutex
	sent []string
}

type zoomRow struct {
	method, path string // below /v2; a path that ends with "*" is a prefix
	status       int    // 0 is 200
	body         string
}

func (z *zoomSays) answer(w http.ResponseWriter, req *http.Request) bool {
	path := strings.TrimPrefix(req.URL.EscapedPath(), "/v2")
	for _, row := range z.rows {
		prefix, isPrefix := strings.CutSuffix(row.path, "*")
		if row.method != req.Method || path != row.path && (!isPrefix || !strings.HasPrefix(path, prefix)) {
			continue
		}
		body, _ := io.ReadAll(req.Body)
		z.mu.Lock()
		z.sent = append(z.sent, strings.TrimSpace(req.Method+" "+path+" "+string(body)))
		z.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		if row.status != 0 {
			w.WriteHeader(row.status)
		}
		io.WriteString(w, row.body)
		return true
	}
	return false
}

// inZoom is inRig with answers that replace the sandbox's.
func inZoom(t *testing.T, rows []zoomRow, test func(*rig, *zoomSays)) {
	t.Helper()
	z := &zoomSays{rows: rows}
	inRig(t, setup{before: z.answer}, func(r *rig) { test(r, z) })
}

// want fails the test unless an answer has this data and errors with these codes, by their paths.
func (a *answer) want(t *testing.T, data string, codes map[string]string) {
	t.Helper()
	var got, want any
	if err := json.Unmarshal([]byte(data), &want); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(a.Data, &got)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("the data (-want +got):\n%s\n%s", diff, a.body)
	}
	found := map[string]string{}
	for _, e := range a.Errors {
		found[e.path()] = e.code()
	}
	if diff := gocmp.Diff(codes, found); diff != "" && len(codes)+len(found) > 0 {
		t.Errorf("the errors (-want +got):\n%s\n%s", diff, a.body)
	}
}

const someMeeting = `"uuid": "aGFuZHMtMQ==", "host_id": "u-host", "topic": "Hands", "type": 2`

// TestNoNullWhereThereIsNone has Zoom omit values that are non-null in the schema.
func TestNoNullWhereThereIsNone(t *testing.T) {
	t.Parallel()
	inZoom(t, []zoomRow{
		{"GET", "/meetings/81234567890", 0, `{"id": 81234567890, ` + someMeeting + `, "duration": 4294967296, "settings": {"global_dial_in_countries": ["", "US"], "host_video": true}}`},
		{"GET", "/users/u1/meetings", 0, `{"page_size": 300, "next_page_token": "", "meetings": [{"topic": "no id", "type": 2}, {"id": 123456789, "topic": "id", "type": 2, "duration": 3000000000}]}`},
	}, func(r *rig, _ *zoomSays) {
		a := r.ask(`{ meeting(by: {number: "81234567890"}) { topic durationMinutes settings { globalDialInCountries } } }`, nil)
		a.want(t, `{"meeting": {"topic": "Hands", "durationMinutes": null, "settings": {"globalDialInCountries": ["US"]}}}`,
			map[string]string{"meeting.durationMinutes": "BAD_ANSWER"})
		a = r.ask(`{ user(by: {zoomId: "u1"}) { meetings { nodes { topic durationMinutes } } } }`, nil) // rendered by the plan
		a.want(t, `{"user": {"meetings": {"nodes": [{"topic": "id", "durationMinutes": null}]}}}`,
			map[string]string{"user.meetings": "BAD_ANSWER", "user.meetings.nodes.0.durationMinutes": "BAD_ANSWER"})
		a = r.ask(`{ user(by: {zoomId: "u1"}) { meetings { edges { node { topic durationMinutes } } } } }`, nil)
		a.want(t, `{"user": {"meetings": {"edges": [{"node": {"topic": "id", "durationMinutes": null}}]}}}`,
			map[string]string{"user.meetings": "BAD_ANSWER", "user.meetings.edges.0.node.durationMinutes": "BAD_ANSWER"})
		for _, field := range []string{"number", "id"} { // the row without it is left out
			a = r.ask(`{ user(by: {zoomId: "u1"}) { zoomId meetings { nodes { topic `+field+` } } } }`, nil)
			if len(a.Errors) != 1 || a.Errors[0].path() != "user.meetings" || a.Errors[0].code() != "BAD_ANSWER" || strings.Count(string(a.Data), `"topic":"id"`) != 1 {
				t.Errorf("%s: %s", field, a.body)
			}
			if !strings.HasPrefix(a.Errors[0].Message, "1 row of Zoom's list") {
				t.Errorf("the message is %q", a.Errors[0].Message)
			}
		}
	})
}

// TestPendingUsers queries users who have no id yet: by e-mail address if Zoom accepts it, and
// otherwise not at all.
func TestPendingUsers(t *testing.T) {
	t.Parallel()
	inZoom(t, []zoomRow{
		{"GET", "/users", 0, `{"page_size": 300, "next_page_token": "", "users": [{"email": "canary@example.com", "type": 1, "status": "pending"}]}`},
		{"GET", "/users/canary%40example.com", 0, `{"email": "canary@example.com", "type": 1, "status": "pending"}`},
		{"GET", "/users/canary%40example.com/meetings", 0, `{"next_page_token": "", "meetings": []}`},
		{"GET", "/report/users/canary%40example.com/meetings", 0, `{"next_page_token": "", "meetings": []}`},
		{"GET", "/users/canary%40example.com/webinars", 0, `{"next_page_token": "", "webinars": []}`},
		{"GET", "/users/canary%40example.com/upcoming_meetings", 0, `{"meetings": []}`},
		{"GET", "/users/canary%40example.com/pac", 0, `{"pac_accounts": []}`},
		{"GET", "/phone/users/canary%40example.com/recordings", 0, `{"next_page_token": "", "recordings": []}`},
	}, func(r *rig, z *zoomSays) {
		a := r.ask(`{ account { users(status: PENDING) { nodes {
			meetings { nodes { topic } } webinars { nodes { topic } } upcomingMeetings { topic } phoneRecordings { nodes { zoomId } }
			pastMeetings(from: "2026-03-01", to: "2026-03-16") { nodes { topic } } personalAudioConferences { __typename }
			chatChannels { totalCount } chatMessages(with: {channel: "c"}) { totalCount } meetingTemplates { name } role { name } account { zoomId }
		} } } }`, nil)
		const at = "account.users.nodes.0."
		a.want(t, r.fill(`{"account": {"users": {"nodes": [{
			"meetings": {"nodes": []}, "webinars": {"nodes": []}, "upcomingMeetings": [], "phoneRecordings": {"nodes": []},
			"pastMeetings": {"nodes": []}, "personalAudioConferences": [],
			"chatChannels": null, "chatMessages": null, "meetingTemplates": null, "role": null, "account": {"zoomId": "${AccountID}"}
		}]}}}`), map[string]string{at + "chatChannels": "CONFLICT", at + "chatMessages": "CONFLICT", at + "meetingTemplates": "CONFLICT"})
		if strings.Contains(a.body, "refused") {
			t.Errorf("Zoom is said to have refused what it never saw: %s", a.body)
		}
	})
}

// TestLaterWritesAreSeen changes one object twice, and a user named by e-mail address: each
// payload is the result of its own write.
func TestLaterWritesAreSeen(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		a := r.ask(`mutation {
			a: updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {topic: "First"}}) { meeting { topic host { firstName } } }
			b: updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {topic: "Second"}}) { meeting { topic } }
			c: updateUser(input: {user: {email: "${HostEmail}"}, patch: {firstName: "Third"}}) { user { firstName } }
			d: updateUser(input: {user: {zoomId: "${HostID}"}, patch: {firstName: "Fourth"}}) { user { firstName } }
			e: updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {topic: "Fifth"}}) { meeting { topic host { firstName } } }
			f: updateRole(input: {role: {zoomId: "${RoleID}"}, patch: {description: "Sixth"}}) { role { description } }
			g: updateRole(input: {role: {zoomId: "${RoleID}"}, patch: {description: "Seventh"}}) { role { description } }
		}`, nil)
		var host struct {
			A struct {
				Meeting struct{ Host struct{ FirstName string } }
			}
		}
		_ = json.Unmarshal(a.Data, &host)
		a.want(t, `{"a": {"meeting": {"topic": "First", "host": {"firstName": "`+host.A.Meeting.Host.FirstName+`"}}}, "b": {"meeting": {"topic": "Second"}},
			"c": {"user": {"firstName": "Third"}}, "d": {"user": {"firstName": "Fourth"}}, "e": {"meeting": {"topic": "Fifth", "host": {"firstName": "Fourth"}}},
			"f": {"role": {"description": "Sixth"}}, "g": {"role": {"description": "Seventh"}}}`, nil)
	})
}

// TestInputs_requiredFieldsAreSent walks the Go types of all inputs: required fields are always
// sent, and optional ones distinguish zero from unset.
func TestInputs_requiredFieldsAreSent(t *testing.T) {
	t.Parallel()
	seen := map[reflect.Type]bool{}
	mutations := reflect.TypeFor[generated.MutationResolver]()
	for method := range mutations.Methods() {
		for in := range method.Type.Ins() {
			sentWhole(t, in, seen)
		}
	}
	if len(seen) < 100 {
		t.Errorf("only %d inputs were looked at", len(seen))
	}
}

func sentWhole(t *testing.T, in reflect.Type, seen map[reflect.Type]bool) {
	for in.Kind() == reflect.Pointer || in.Kind() == reflect.Slice {
		in = in.Elem()
	}
	if in.Kind() != reflect.Struct || in.PkgPath() != reflect.TypeFor[types.UserBy]().PkgPath() || seen[in] || in == reflect.TypeFor[types.NodeID]() {
		return
	}
	if in.NumField() == 0 || in.Field(0).Tag.Get("json") == "" {
		return // a scalar
	}
	seen[in] = true
	names := map[string]bool{}
	for f := range in.Fields() {
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue // written instead of another one
		}
		if names[name] {
			t.Errorf("%s writes %s twice", in, name)
		}
		names[name] = true
		nullable := f.Type.Kind() == reflect.Pointer || f.Type.Kind() == reflect.Slice
		if option != "" && !nullable {
			t.Errorf("%s.%s is left out when it is %v", in, f.Name, reflect.Zero(f.Type))
		}
		sentWhole(t, f.Type, seen)
	}
}

// TestZeroIsSent sends false, 0, "" and [] of several inputs.
func TestZeroIsSent(t *testing.T) {
	t.Parallel()
	inZoom(t, []zoomRow{{method: "PATCH", path: "/meetings/*", status: 204}, {method: "PATCH", path: "/users/*", status: 204}}, func(r *rig, z *zoomSays) {
		r.ask(`mutation {
			a: updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {settings: {autoAddRecordingToVideoManagement: {enable: false}}}}) { userErrors { code } }
			b: updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {agenda: "", durationMinutes: 0, settings: {hostVideo: false, globalDialInCountries: []}}}) { userErrors { code } }
			c: updateUser(input: {user: {zoomId: "${HostID}"}, patch: {lastName: ""}}) { userErrors { code } }
		}`, nil)
		want := []string{
			r.fill(`PATCH /meetings/${MeetingNumber} {"settings":{"auto_add_recording_to_video_management":{"enable":false}}}`),
			r.fill(`PATCH /meetings/${MeetingNumber} {"agenda":"","duration":0,"settings":{"host_video":false,"global_dial_in_countries":[]}}`),
			r.fill(`PATCH /users/${HostID} {"last_name":""}`),
		}
		if diff := gocmp.Diff(want, z.sent); diff != "" {
			t.Errorf("what was sent (-want +got):\n%s", diff)
		}
	})
}

// TestJSONNumbers sends a JSON body in a variable.
func TestJSONNumbers(t *testing.T) {
	t.Parallel()
	inZoom(t, []zoomRow{{method: "PATCH", path: "/meetings/1", status: 204}}, func(r *rig, z *zoomSays) {
		body := json.RawMessage(`{"a": 45, "b": 1.50, "c": {"d": [10, -1e3, true, null, "5"]}, "e": 12345678901234567890}`)
		r.ask(`mutation ($b: JSON) { zoomRequest(input: {operation: "PATCH /meetings/{meetingId}", path: {meetingId: 1}, body: $b}) { status } }`, map[string]any{"b": body})
		want := `PATCH /meetings/1 {"a":45,"b":1.50,"c":{"d":[10,-1e3,true,null,"5"]},"e":12345678901234567890}`
		if !slices.Equal(z.sent, []string{want}) {
			t.Errorf("%q was sent, want %q", z.sent, want)
		}
		z.sent = nil
		r.ask(`mutation ($in: ZoomRequestInput!) { zoomRequest(input: $in) { status } }`, map[string]any{"in": map[string]any{
			"operation": "PATCH /meetings/{meetingId}", "path": map[string]any{"meetingId": 1}, "body": body,
		}})
		if !slices.Equal(z.sent, []string{want}) {
			t.Errorf("in an input object: %q was sent, want %q", z.sent, want)
		}
	})
}

// TestEmptyChanges sends empty patches to every update: each is refused without a call.
func TestEmptyChanges(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		for _, change := range []string{
			`updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {}})`,
			`updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, occurrenceId: "1", patch: {settings: {}}})`,
			`updateUser(input: {user: {email: "${HostEmail}"}, patch: {}})`,
			`updateRole(input: {role: {zoomId: "${RoleID}"}, patch: {}})`,
			`updateGroup(input: {group: {zoomId: "${GroupID}"}, patch: {}})`,
			`updateInformationBarrierPolicy(input: {policy: {zoomId: "${PolicyID}"}, patch: {settings: {}}})`,
			`updateAccountSettings(input: {change: {settings: {}}})`,
			`updateAccountSettings(input: {change: {settings: {inMeeting: {}}}})`,
			`updateAccountSettings(input: {change: {security: {}}})`,
			`updateAccountSettings(input: {change: {meetingSecurity: {}}})`,
			`updateAccountSettings(input: {change: {meetingAuthentication: {}}})`,
			`updateAccountLockedSettings(input: {change: {settings: {}}})`,
			`updateAccountLockedSettings(input: {change: {meetingSecurity: {}}})`,
			`updateAccountOptions(input: {account: {zoomId: "${SubAccountID}"}, patch: {}})`,
			`updateWebinarRegistrationSettings(input: {patch: {}})`,
			`updateRegistrationQuestions(input: {meeting: {number: "${MeetingNumber}"}, form: {}})`,
			`updateMeetingSurvey(input: {meeting: {number: "${MeetingNumber}"}, survey: {}})`,
		} {
			a := r.ask(`mutation { it: `+change+` { userErrors { code message } } }`, nil)
			if got := a.at(t, "it.userErrors.0.code"); got != "INVALID" || !strings.Contains(a.body, "nothing") {
				t.Errorf("%s: %s", change, a.body)
			}
			r.spends(0)
		}
	})
}

// TestEmptyNames sends empty names that would narrow a query or a write.
func TestEmptyNames(t *testing.T) {
	t.Parallel()
	const groups = `account { dashboard { it: meetings(type: PAST, from: "2026-03-01", to: "2026-03-16", groupIds: ["a", "b,c"]) { totalCount } } }`
	inRig(t, setup{}, func(r *rig) {
		for _, field := range []string{
			`account { it: users(roleId: "") { totalCount } }`,
			`account { it: channelSurveyInstances(channelZoomId: " ") { totalCount } }`,
			groups,
			`account { reports { it: hosts(from: "2026-03-01", to: "2026-03-16", groupId: "") { totalCount } } }`,
			`meeting(by: {number: "${MeetingNumber}"}) { it: registrants(occurrenceId: "") { totalCount } }`,
			`webinar(by: {number: "${WebinarNumber}"}) { it: registrants(trackingSourceId: "") { totalCount } }`,
			`user(by: {zoomId: "${HostID}"}) { it: chatMessages(with: {channel: ""}) { totalCount } }`,
		} {
			a := r.ask(`{ `+field+` }`, nil)
			if len(a.Errors) != 1 || a.Errors[0].code() != "BAD_USER_INPUT" {
				t.Errorf("%s: %s", field, a.body)
			}
			if field == groups && !strings.Contains(a.body, "groupIds.1: ") {
				t.Errorf("the message does not name the caller's item: %s", a.body)
			}
			r.spends(0)
		}
		for _, field := range []string{
			`deleteMeeting(input: {meeting: {number: "${MeetingNumber}"}, occurrenceId: ""})`,
			`updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, occurrenceId: " ", patch: {topic: "x"}})`,
			`addRegistrant(input: {meeting: {number: "${MeetingNumber}"}, occurrenceIds: ["1", ""], registrant: {email: "a@example.com", firstName: "A"}})`,
			`addRegistrant(input: {meeting: {number: "${MeetingNumber}"}, occurrenceIds: [], registrant: {email: "a@example.com", firstName: "A"}})`,
			`addRegistrant(input: {meeting: {number: "${MeetingNumber}"}, occurrenceIds: ["1,2"], registrant: {email: "a@example.com", firstName: "A"}})`,
			`deleteVirtualBackgrounds(input: {fileZoomIds: ["a", "b,c"]})`,
			`createMeeting(input: {host: {zoomId: "${HostID}"}, idempotencyKey: "", meeting: {topic: "x"}})`,
		} {
			a := r.ask(`mutation { it: `+field+` { userErrors { code field } } }`, nil)
			if got := a.at(t, "it.userErrors.0.code"); got != "INVALID" {
				t.Errorf("%s: %s", field, a.body)
			}
			r.spends(0)
		}
	})
}

// TestSecretsCountForIdempotency uses one key for two passcodes.
func TestSecretsCountForIdempotency(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		create := func(password string) *answer {
			return r.ask(`mutation { createMeeting(input: {host: {zoomId: "${HostID}"}, idempotencyKey: "k", meeting: {topic: "x", password: "`+password+`"}}) { meeting { number password } userErrors { code field } } }`, nil)
		}
		first := create("first1")
		create("other2").want(t, `{"createMeeting": {"meeting": null, "userErrors": [{"code": "INVALID", "field": ["input", "idempotencyKey"]}]}}`, nil)
		if again := create("first1"); string(again.Data) != string(first.Data) {
			t.Errorf("a repeat answers %s, want %s", again.Data, first.Data)
		}
	})
}

// fields returns the paths in userErrors, one a line.
func (a *answer) fields(t *testing.T) string {
	t.Helper()
	var data map[string]struct{ UserErrors []struct{ Field []string } }
	if err := json.Unmarshal(a.Data, &data); err != nil {
		t.Fatal(err, a.body)
	}
	var lines []string
	for _, payload := range data {
		for _, e := range payload.UserErrors {
			lines = append(lines, strings.Join(e.Field, "."))
		}
	}
	return strings.Join(lines, "\n")
}

// TestUserErrors_zoomsFields has Zoom refuse fields by its own names.
func TestUserErrors_zoomsFields(t *testing.T) {
	t.Parallel()
	const update = `updateMeeting(input: {meeting: {number: "1"}, patch: {durationMinutes: 30, settings: {languageInterpretation: {enable: true, interpreters: [{email: "a@example.com"}, {email: "b@example.com"}]}}, recurrence: {type: WEEKLY, repeatInterval: 500}}})`
	for _, c := range []struct{ mutation, names, want string }{
		{update, "recurrence.repeat_interval duration", "input.patch.recurrence.repeatInterval\ninput.patch.durationMinutes"},
		{update, "settings.language_interpretation.interpreters[1].email", "input.patch.settings.languageInterpretation.interpreters.1.email"},
		{update, "settings.nothing", "input.patch.settings"},
		{update, "nothing", ""},
		{update, "number", ""},
		{update, "meetingId meeting_id", "input.meeting\ninput.meeting"},
		{`createUser(input: {action: CREATE, user: {email: "a@example.com", type: BASIC}})`, "user_info.email action first_name", "input.user.email\ninput.action\ninput.user.firstName"},
		{`createPoll(input: {meeting: {number: "1"}, poll: {title: "x", questions: [{name: "x", type: SINGLE}]}})`, "questions.answers", "input.poll.questions.0.answers"},
		{`updateAccountSettings(input: {change: {settings: {inMeeting: {alertGuestJoin: true}}}})`, "in_meeting.alert_guest_join", "input.change.settings.inMeeting.alertGuestJoin"},
		{`updateAccountSettings(input: {change: {security: {hideBillingInfo: true}}})`, "security.hide_billing_info", "input.change.security.hideBillingInfo"},
	} {
		t.Run(c.names, func(t *testing.T) {
			var errs []string
			for name := range strings.FieldsSeq(c.names) {
				errs = append(errs, fmt.Sprintf(`{"field": %q, "message": "Invalid field."}`, name))
			}
			body := `{"code": 300, "message": "Validation Failed.", "errors": [` + strings.Join(errs, ",") + `]}`
			var rows []zoomRow
			for _, method := range []string{"PATCH", "POST"} {
				for _, path := range []string{"/meetings/*", "/users*", "/accounts/*"} {
					rows = append(rows, zoomRow{method, path, 400, body})
				}
			}
			inZoom(t, rows, func(r *rig, _ *zoomSays) {
				a := r.ask(`mutation { it: `+c.mutation+` { userErrors { field message } } }`, nil)
				if got := a.fields(t); got != c.want {
					t.Errorf("the fields are\n%s\nwant\n%s\n%s", got, c.want, a.body)
				}
			})
		})
	}
}

// TestUserErrors_ownFields makes mistakes that the gateway detects itself.
func TestUserErrors_ownFields(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		for _, c := range []struct{ mutation, want string }{
			{`createMeeting(input: {host: {email: "nobody"}, meeting: {topic: "x"}})`, "input.host.email"},
			{`createMeeting(input: {host: {id: "${Meeting MeetingNumber}"}, meeting: {topic: "x"}})`, "input.host.id"},
			{`createMeeting(input: {host: {me: false}, meeting: {topic: "x"}})`, "input.host.me"},
			{`deleteMeeting(input: {meeting: {id: "${User HostID}"}})`, "input.meeting.id"},
			{`deleteMeeting(input: {meeting: {number: "${MeetingNumber}"}, occurrenceId: ""})`, "input.occurrenceId"},
			{`updateUser(input: {user: {zoomId: ""}, patch: {firstName: "x"}})`, "input.user.zoomId"},
			{`updateUser(input: {user: {zoomId: "${HostID}"}, patch: {}})`, "input.patch"},
			{`updateRole(input: {account: {zoomId: "${SubAccountID}"}, role: {zoomId: " "}, patch: {description: "x"}})`, "input.role.zoomId"},
			{`updateRole(input: {account: {zoomId: ""}, role: {zoomId: "1"}, patch: {description: "x"}})`, "input.account.zoomId"},
			{`assignRole(input: {role: {zoomId: "1"}, users: []})`, "input.users"},
			{`assignRole(input: {role: {zoomId: "1"}, users: [{zoomId: "u"}, {email: "nobody"}]})`, "input.users.1.email"},
			{`addGroupMembers(input: {group: {zoomId: "1"}, users: []})`, "input.users"},
			{`addGroupMembers(input: {group: {zoomId: " "}, users: [{zoomId: "u"}]})`, "input.group.zoomId"},
			{`removeGroupMember(input: {group: {zoomId: "1"}, user: {zoomId: "."}})`, "input.user.zoomId"},
			{`updateRegistrantStatus(input: {meeting: {number: "${MeetingNumber}"}, action: DENY, registrants: [{zoomId: "a"}, {zoomId: ""}]})`, "input.registrants.1.zoomId"},
			{`updateRegistrantStatus(input: {meeting: {number: "${MeetingNumber}"}, action: DENY, registrants: []})`, "input.registrants"},
			{`deleteRegistrant(input: {meeting: {number: "${MeetingNumber}"}, registrant: {email: "nobody"}})`, "input.registrant.email"},
			{`addRegistrant(input: {meeting: {number: "${MeetingNumber}"}, occurrenceIds: ["1", "2,3"], registrant: {email: "a@example.com", firstName: "A"}})`, "input.occurrenceIds.1"},
			{`addWebinarRegistrant(input: {webinar: {id: "${User HostID}"}, registrant: {email: "a@example.com", firstName: "A"}})`, "input.webinar.id"},
			{`deletePoll(input: {meeting: {number: "${MeetingNumber}"}, poll: {zoomId: ""}})`, "input.poll.zoomId"},
			{`deletePoll(input: {meeting: {number: "${ManualMeeting}"}, poll: {id: "${Poll PollKey}"}})`, "input.poll.id"},
			{`deleteVirtualBackgrounds(input: {fileZoomIds: ["a", "b,c"]})`, "input.fileZoomIds.1"},
			{`deleteVirtualBackgrounds(input: {fileZoomIds: []})`, "input.fileZoomIds"},
			{`deleteVirtualBackgrounds(input: {fileZoomIds: ["` + strings.Repeat(`x", "`, zoom.MaxList/2) + `x"]})`, "input.fileZoomIds"},
			{`updateUser(input: {user: {zoomId: ".."}, patch: {firstName: "x"}})`, "input.user.zoomId"},
			{`unassignRole(input: {role: {zoomId: "1"}, user: {zoomId: "."}})`, "input.user.zoomId"},
			{`deletePoll(input: {meeting: {number: "${MeetingNumber}"}, poll: {zoomId: ".."}})`, "input.poll.zoomId"},
			{`updateAccountOwner(input: {account: {zoomId: ".."}, email: "a@example.com"})`, "input.account.zoomId"},
			{`updateUser(input: {user: {zoomId: "${HostID}"}, removeTspCredentials: false, patch: {}})`, "input.patch"},
			{`updateRegistrationQuestions(input: {meeting: {number: "${MeetingNumber}"}, form: {}})`, "input.form"},
			{`updateMeetingSurvey(input: {meeting: {number: "${MeetingNumber}"}, survey: {}})`, "input.survey"},
			{`updateAccountSettings(input: {change: {security: {}}})`, "input.change.security"},
			{`updateAccountLockedSettings(input: {change: {settings: {}}})`, "input.change.settings"},
			{`updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {settings: {}}})`, "input.patch"},
			{`deleteUser(input: {user: {zoomId: "${HostID}"}, transfer: {email: "", meetings: true}})`, "input.transfer.email"},
			{`deleteUser(input: {user: {zoomId: "${HostID}"}, transfer: {email: "nobody", meetings: true}})`, "input.transfer.email"},
			{`zoomRequest(input: {operation: "GET /nothing"})`, "input.operation"},
			{`updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {settings: {alternativeHosts: ["a@example.com", "b;c"]}}})`, "input.patch.settings.alternativeHosts.1"},
			{`createMeeting(input: {host: {zoomId: "${HostID}"}, idempotencyKey: "k", meeting: {settings: {alternativeHosts: [""]}}})`, "input.meeting.settings.alternativeHosts.0"},
			{`createMeeting(input: {host: {zoomId: "${HostID}"}, meeting: {settings: {languageInterpretation: {interpreters: [{email: "a@example.com", interpreterLanguages: ["English,French"]}]}}}})`, "input.meeting.settings.languageInterpretation.interpreters.0.interpreterLanguages.0"},
			{`zoomRequest(input: {operation: "GET /users", path: {userId: "u"}})`, "input.path"},
		} {
			mutation := strings.Replace(c.mutation, "${Poll PollKey}", r.id("Poll", strconv.FormatInt(r.MeetingNumber, 10)+"/"+r.PollID), 1)
			a := r.ask(`mutation { it: `+mutation+` { userErrors { field message } } }`, nil)
			if got := a.fields(t); got != c.want {
				t.Errorf("%s: %q is blamed, want %q: %s", c.mutation, got, c.want, a.body)
			}
			r.spends(0)
		}
	})
}
