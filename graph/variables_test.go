package graph

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"zoomql/graph/endpoint"
)

// refused fails the test unless a request was refused before execution: by the validation rules,
// or with a message of the gateway that contains the words.
func (r *rig) refused(a *answer, words ...string) {
	r.t.Helper()
	if a.status != 400 || a.Data != nil || len(a.Errors) == 0 || words != nil && a.Errors[0].code() != "BAD_USER_INPUT" {
		r.t.Errorf("it was not refused: %d %s", a.status, a.body)
		return
	}
	for _, text := range words {
		if !strings.Contains(a.Errors[0].Message, text) {
			r.t.Errorf("the message does not say %q: %s", text, a.Errors[0].Message)
		}
	}
	r.spends(0)
	if strings.Contains(r.log.String(), "ERROR") {
		r.t.Errorf("the caller's mistake is an error in the log: %s", r.log)
	}
}

// twoWrites is a document whose first field would be executed before the arguments of the second
// are read.
func twoWrites(variable, patch string) string {
	return `mutation ($v: ` + variable + `) { a: deleteMeeting(input: {meeting: {number: "${MeetingNumber}"}}) { deletedMeetingId } b: updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {` + patch + `}}) { userErrors { code } } }`
}

// TestInputs_invalid sends inputs that the specification forbids and no validation rule
// detects. Nothing is executed, and no call is made.
func TestInputs_invalid(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		role := map[string]any{"id": r.id("Role", r.RoleID), "zoomId": "1"}
		for _, c := range []struct {
			query     string
			variables map[string]any
			words     []string
		}{
			{`query ($v: AccountBy) { account(by: $v) { zoomId } }`, map[string]any{"v": map[string]any{}}, []string{"$v", "exactly one of id, zoomId", "none"}},
			{`query ($v: AccountBy) { account(by: $v) { zoomId } }`, map[string]any{"v": map[string]any{"id": nil, "zoomId": nil}}, []string{"none"}},
			{`query ($v: WebinarBy!) { webinar(by: $v) { topic } }`, map[string]any{"v": map[string]any{}}, []string{"$v"}},
			{`query ($v: RoleBy!) { account { role(by: $v) { name } } }`, map[string]any{"v": map[string]any{}}, []string{"$v"}},
			{`mutation ($v: RoleBy!) { updateRole(input: {role: $v, patch: {description: "x"}}) { role { name } } }`, map[string]any{"v": role}, []string{"2 are"}},
			{`mutation ($v: AssignRoleInput!) { assignRole(input: $v) { userErrors { code } } }`, map[string]any{"v": map[string]any{
				"role": map[string]any{"zoomId": "1"}, "users": []any{map[string]any{"email": "a@example.com"}, map[string]any{}},
			}}, []string{"$v.users[1]"}},
			{`mutation ($v: [UserBy!]!) { assignRole(input: {role: {zoomId: "1"}, users: $v}) { userErrors { code } } }`, map[string]any{"v": map[string]any{}}, []string{"$v"}},
			{`query ($v: AccountBy = {}) { account(by: $v) { zoomId } }`, nil, nil},
			{`query ($v: String = "x") { account(by: {zoomId: $v}) { zoomId } }`, map[string]any{"v": nil}, nil},
			{`{ account(by: {}) { zoomId } }`, nil, nil},
			{`{ account(by: {zoomId: null}) { zoomId } }`, nil, nil},
			{`{ account(by: {zoomId: "x", id: null}) { zoomId } }`, nil, nil},
			{`mutation { assignRole(input: {role: {zoomId: "1"}, users: [{email: "a@example.com", me: true}]}) { userErrors { code } } }`, nil, nil},

			{`query ($v: Boolean = true) { viewer @include(if: $v) { __typename } }`, map[string]any{"v": nil}, []string{"$v is null"}},
			{`query ($v: Boolean = true) { account { ... @skip(if: $v) { zoomId } } }`, map[string]any{"v": nil}, []string{"$v is null"}},
			{`query ($v: Boolean = true) { account { ...F } } fragment F on Account { zoomId @skip(if: $v) }`, map[string]any{"v": nil}, []string{"$v is null"}},
			{`mutation ($v: Boolean = true) { deleteMeeting(input: {meeting: {number: "${MeetingNumber}"}}) { deletedMeetingId @include(if: $v) } }`, map[string]any{"v": nil}, []string{"$v is null"}},
			{`query ($v: Int) { account { users(first: $v) { totalCount } } }`, map[string]any{"v": nil}, []string{"$v is null", "default"}},
			{`query ($v: UserStatus) { account { users(status: $v) { totalCount } } }`, map[string]any{"v": nil}, []string{"$v is null"}},
			{`query ($v: String = "x") { account { channelSurveyInstances(channelZoomId: $v) { totalCount } } }`, map[string]any{"v": nil}, []string{"$v is null"}},
			{`query ($v: ID = "x") { nodes(ids: [$v]) { id } }`, map[string]any{"v": nil}, []string{"$v is null"}},
			{`mutation ($v: String = "x") { createMeeting(input: {host: {zoomId: "x"}, meeting: {trackingFields: [{field: $v}]}}) { userErrors { code } } }`, map[string]any{"v": nil}, []string{"$v is null"}},

			{`query ($v: Int!) { account { users(first: $v) { totalCount } } }`, map[string]any{"v": json.Number("2147483648")}, []string{"32-bit"}},
			{`query ($v: Int!) { account { users(first: $v) { totalCount } } }`, map[string]any{"v": "5"}, []string{"$v", "not of type Int"}},
			{`query ($v: String!) { account { channelSurveyInstances(channelZoomId: $v) { totalCount } } }`, map[string]any{"v": 5}, []string{"not of type String"}},
			{`mutation ($v: NewMeeting!) { createMeeting(input: {host: {zoomId: "x"}, meeting: $v}) { userErrors { code } } }`, map[string]any{"v": map[string]any{"topic": 5}}, []string{"$v.topic"}},
			{`query ($v: UserStatus!) { account { users(status: $v) { totalCount } } }`, map[string]any{"v": "active"}, []string{"$v", "not a value of UserStatus"}},
			{`mutation ($v: CreateUserInput!) { createUser(input: $v) { userErrors { code } } }`, map[string]any{"v": map[string]any{"action": "create", "user": map[string]any{"email": "a@example.com", "type": "BASIC"}}}, []string{"$v.action"}},
			{`query ($v: UserBy!) { user(by: $v) { email } }`, map[string]any{"v": map[string]any{"__typename": "UserBy", "zoomId": "x"}}, []string{"$v.__typename", "unknown field"}},

			{twoWrites("DateTime", "startTime: $v"), map[string]any{"v": "tomorrow"}, []string{"$v", "a DateTime is written"}},
			{twoWrites("DateTime", "startTime: $v"), map[string]any{"v": ""}, []string{"$v", "a DateTime is written"}},
			{twoWrites("DateTime", "startTime: $v"), map[string]any{"v": 5}, []string{"$v", "string"}},
			{twoWrites("DateTime", "startTime: $v"), map[string]any{"v": "0001-01-01T00:00:00Z"}, []string{"$v"}},
			{twoWrites("Secret", "password: $v"), map[string]any{"v": 5}, []string{"$v", "string"}},
			{twoWrites("String", `agenda: $v, startTime: "tomorrow"`), nil, []string{"a DateTime is written"}},
			{twoWrites("String", `agenda: $v, startTime: 5`), nil, []string{"DateTime"}},
			{twoWrites("String", `agenda: $v, password: secret`), nil, []string{"Secret", "quotes"}},
			{`mutation ($v: UpdateMeetingInput!) { updateMeeting(input: $v) { userErrors { code } } }`, map[string]any{"v": map[string]any{
				"meeting": map[string]any{"number": "abc"}, "patch": map[string]any{"topic": "x"},
			}}, []string{"$v.meeting.number", "digits"}},
			{`{ account { zoomId } meeting(by: {number: "abc"}) { topic } }`, nil, []string{"MeetingNumber", "digits"}},
			{`{ account { zoomId } user(by: {zoomId: "x"}) { meetings(from: "2026-13-45", to: "2026-01-31") { totalCount } } }`, nil, []string{"a Date is written"}},
			{`query ($v: Date!) { user(by: {zoomId: "x"}) { meetings(from: $v, to: "2026-01-31") { totalCount } } }`, map[string]any{"v": "0001-01-01"}, []string{"$v", "a Date is written"}},
			{`query ($v: Date = "tomorrow") { user(by: {zoomId: "x"}) { meetings(from: $v) { totalCount } } }`, nil, []string{"$v", "a Date is written"}},
			{`mutation ($v: Upload!) { uploadVirtualBackground(input: {file: $v}) { userErrors { code } } }`, map[string]any{"v": "x"}, []string{"$v", "a file is sent"}},
			{`mutation { uploadVirtualBackground(input: {file: "x"}) { userErrors { code } } }`, nil, []string{"a file is sent"}},

			{`mutation { it: zoomRequest(input: {operation: "GET /users", query: {page_size: 99999999999999999999}}) { status } }`, nil, []string{"it.input.query.page_size: the number 99999999999999999999 is too large", "variable"}},
			{`mutation { zoomRequest(input: {operation: "PATCH /users/{userId}", body: {a: [1, {b: -9223372036854775809}]}}) { status } }`, nil, []string{"zoomRequest.input.body.a[1].b: the number -9223372036854775809 is too large"}},
			{`mutation { zoomRequest(input: {operation: "PATCH /users/{userId}", body: 1e999}) { status } }`, nil, []string{"zoomRequest.input.body: the number 1e999 is too large"}},
			{`mutation ($v: JSON = {a: 99999999999999999999}) { zoomRequest(input: {operation: "GET /users", query: $v}) { status } }`, nil, []string{"variable.v.a: the number 99999999999999999999 is too large"}},
			{`{ ...F } fragment F on Query { account { users(first: 99999999999999999999) { totalCount } } }`, nil, []string{"account.users.first: the number 99999999999999999999 is too large"}},
			{`{ meeting(by: {number: 99999999999999999999}) { topic } }`, nil, []string{"meeting.by.number: the number 99999999999999999999 is too large"}},
			{`{ account { users(first: 2147483648) { totalCount } } }`, nil, []string{"2147483648 is too large"}},
		} {
			t.Log(c.query)
			r.refused(r.ask(c.query, c.variables), c.words...)
		}
	})
}

// aliased returns a field under n aliases.
func aliased(n int, field string) []string {
	fields := make([]string, n)
	for i := range fields {
		fields[i] = fmt.Sprintf("a%d: %s", i, field)
	}
	return fields
}

// TestVariablesInManyPlaces uses one long variable in many places of a document, which would send
// it as often: in lists, in objects, in JSON and in several fields.
func TestVariablesInManyPlaces(t *testing.T) {
	t.Parallel()
	long := map[string]any{"v": strings.Repeat("canary ", (1<<20)/10)}
	times := func(n int, text string) string { return strings.Repeat(text+" ", n) }
	inRig(t, setup{}, func(r *rig) {
		write := func(patch string) string {
			return `mutation ($v: String!) { updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {` + patch + `}}) { userErrors { code } } }`
		}
		for _, query := range []string{
			write(`trackingFields: [` + times(6, `{field: "a", value: $v}`) + `]`),
			write(`agenda: $v, topic: $v, settings: {alternativeHosts: [$v, $v, $v, $v]}`),
			`mutation ($v: String!) { zoomRequest(input: {operation: "GET /users", body: {a: $v, b: [$v, $v], c: {d: $v, e: $v, f: $v}}}) { status } }`,
			`mutation ($v: String!) { ` + strings.Join(aliased(6, `updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {agenda: $v}}) { userErrors { code } }`), " ") + `}`,
		} {
			a := r.ask(query, long)
			if a.status != 400 || len(a.Errors) != 1 || a.Errors[0].code() != "LIMIT_EXCEEDED" || !strings.Contains(a.body, "written out") {
				t.Errorf("%s: %.300s", query, a.body)
			}
			r.spends(0)
		}
		if a := r.ask(write(`trackingFields: [`+times(2, `{field: "a", value: $v}`)+`]`), long); a.status != 200 {
			t.Errorf("twice: %.300s", a.body)
		}
	})
}

// TestValuesAreNotRepeated sends values of wrong types: the error names the variable and the type,
// and repeats neither a value nor a caller's text in place of a name.
func TestValuesAreNotRepeated(t *testing.T) {
	t.Parallel()
	const address = "canary@example.com"
	long := strings.Repeat("canary", 20_000)
	inRig(t, setup{}, func(r *rig) {
		for _, c := range []struct{ query, message string }{
			{`query ($v: UserStatus!) { account { users(status: $v) { totalCount } } }`, "$v: it is not of type UserStatus"},
			{`query ($v: Int!) { account { users(first: $v) { totalCount } } }`, "$v: it is not of type Int"},
			{`query ($v: UserBy!) { user(by: $v) { email } }`, "$v: it is not of type UserBy"},
			{`query ($v: Boolean!) { account { zoomId @skip(if: $v) } }`, "$v: it is not of type Boolean"},
			{`query ($v: MeetingNumber!) { meeting(by: {number: $v}) { topic } }`, "$v: a meeting number is"},
			{`query ($v: Date!) { user(by: {zoomId: "x"}) { meetings(from: $v, to: $v) { totalCount } } }`, "$v: a Date is"},
		} {
			for _, value := range []string{address, long, "canary\n" + address + " as Int"} {
				a := r.ask(c.query, map[string]any{"v": value})
				if len(a.Errors) != 1 || !strings.HasPrefix(a.Errors[0].Message, c.message) || strings.Contains(a.body, "canary") {
					t.Errorf("%s: %.300s", c.query, a.body)
				}
			}
		}
		for _, name := range []string{address, long, ""} {
			a := r.ask(`query ($v: UserBy!) { user(by: $v) { email } }`, map[string]any{"v": map[string]any{name: "x"}})
			if len(a.Errors) != 1 || a.Errors[0].Message != "$v.…: unknown field" || a.Errors[0].path() != "variable.v.…" || strings.Contains(a.body, "canary") {
				t.Errorf("%.300s", a.body)
			}
		}
		a := r.ask(`query ($v: Int!) { account { users(first: $v) { totalCount } } }`, map[string]any{"v": json.Number("1.5")})
		if len(a.Errors) != 1 || a.Errors[0].Message != "$v: it is not of type Int" {
			t.Errorf("%s", a.body)
		}
	})
}

// TestInputs_valid sends inputs that resemble those of TestInputs_invalid and are valid.
func TestInputs_valid(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		for _, c := range []struct {
			query     string
			variables map[string]any
		}{
			{`query ($v: AccountBy) { account(by: $v) { zoomId } }`, nil},
			{`query ($v: AccountBy) { account(by: $v) { zoomId } }`, map[string]any{"v": nil}},
			{`query ($v: UserBy!) { user(by: $v) { email } }`, map[string]any{"v": map[string]any{"zoomId": r.HostID, "id": nil, "email": nil, "me": nil}}},
			{`query ($v: String!) { user(by: {zoomId: $v}) { email } }`, map[string]any{"v": r.HostID}},
			{`query ($v: Boolean = true) { viewer @include(if: $v) { __typename } }`, nil},
			{`query ($v: Boolean!, $n: Int) { account { zoomId users(first: $n) @skip(if: $v) { totalCount } } }`, map[string]any{"v": true, "n": nil}},
			{`query ($v: Int) { account { users(first: $v) { totalCount } } }`, nil},
			{`query ($v: String) { account { users(after: $v) { totalCount } } }`, map[string]any{"v": nil}},
			{`query ($v: MeetingNumber!) { meeting(by: {number: $v}) { topic } }`, map[string]any{"v": r.MeetingNumber}},
		} {
			if a := r.ask(c.query, c.variables); a.status != 200 || len(a.Errors) > 0 {
				t.Errorf("%s: %s", c.query, a.body)
			}
		}
	})
}

// TestCheckIsLinear checks a document whose fragments double with each level: each is checked
// once.
func TestCheckIsLinear(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("query ($v: Boolean = true) { viewer { ...f0 } }")
	for i := range 60 {
		fmt.Fprintf(&text, " fragment f%d on Viewer { ...f%d ...f%d }", i, i+1, i+1)
	}
	text.WriteString(" fragment f60 on Viewer { scopes @include(if: $v) }")
	wide := endpoint.DefaultLimits
	wide.Nesting, wide.Depth = 100, 100
	wide.Directives, wide.Nodes, wide.Merged, wide.Comparisons = math.MaxInt, math.MaxInt, math.MaxInt, math.MaxInt
	inRig(t, setup{limits: wide}, func(r *rig) {
		r.refused(r.ask(text.String(), map[string]any{"v": nil}), "$v is null")
	})
}
