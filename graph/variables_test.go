package graph

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"zoomql/graph/endpoint"
)

// refused fails the test unless a request was refused before anything ran: by the
// rules of documents, or in words of ours that hold some.
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

// TestInputsThatAreNone sends what the specification refuses and no rule of the
// document sees. Nothing runs, and Zoom is not asked.
func TestInputsThatAreNone(t *testing.T) {
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

			{`query ($v: Int!) { account { users(first: $v) { totalCount } } }`, map[string]any{"v": json.Number("2147483648")}, []string{"32 bits"}},
			{`query ($v: Int!) { account { users(first: $v) { totalCount } } }`, map[string]any{"v": "5"}, []string{"$v", "no Int"}},
			{`query ($v: String!) { account { channelSurveyInstances(channelZoomId: $v) { totalCount } } }`, map[string]any{"v": 5}, []string{"no String"}},
			{`mutation ($v: NewMeeting!) { createMeeting(input: {host: {zoomId: "x"}, meeting: $v}) { userErrors { code } } }`, map[string]any{"v": map[string]any{"topic": 5}}, []string{"$v.topic"}},
			{`mutation { zoomRequest(input: {operation: "GET /users", query: {page_size: 99999999999999999999}}) { status } }`, nil, nil},
			{`{ meeting(by: {number: 99999999999999999999}) { topic } }`, nil, nil},
			{`{ account { users(first: 2147483648) { totalCount } } }`, nil, []string{"too large"}},
		} {
			t.Log(c.query)
			r.refused(r.ask(c.query, c.variables), c.words...)
		}
	})
}

// TestInputsThatAreSome sends what looks like the former and is right.
func TestInputsThatAreSome(t *testing.T) {
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

// TestCheckIsLinear checks a document whose fragments double with each level: each
// is looked at once.
func TestCheckIsLinear(t *testing.T) {
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
