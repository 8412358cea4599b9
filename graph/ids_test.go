package graph

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

// A name that exceeds its bound is refused before execution, with the path of its argument: in
// the document, in a variable, in a list.
func TestLongNamesAreRefused(t *testing.T) {
	t.Parallel()
	long, longest := strings.Repeat("x", 257), strings.Repeat("x", 256)
	encoded := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("x", 800)))
	for _, c := range []struct {
		at, query string
		variables map[string]any
	}{
		{"by.zoomId", `{ user(by: {zoomId: "` + long + `"}) { id } }`, nil},
		{"by.zoomId", `query ($z: String!) { user(by: {zoomId: $z}) { id } }`, map[string]any{"z": long}},
		{"by.zoomId", `query ($by: UserBy!) { user(by: $by) { id } }`, map[string]any{"by": map[string]any{"zoomId": long}}},
		{"by.email", `query ($by: UserBy!) { user(by: $by) { id } }`, map[string]any{"by": map[string]any{"email": long + "@example.com"}}},
		{"by.zoomId", `query ($z: String!) { account(by: {zoomId: $z}) { ...A } } fragment A on Account { zoomId }`, map[string]any{"z": long}},
		{"by.id", `query ($id: ID!) { user(by: {id: $id}) { id } }`, map[string]any{"id": encoded}},
		{"id", `query ($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": encoded}},
		{"ids.1", `query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`, map[string]any{"ids": []any{"x", encoded}}},
		{"ids.1", `query ($id: ID!) { nodes(ids: ["x", $id]) { id } }`, map[string]any{"id": encoded}},
		{"by.uuid", `query ($u: MeetingUUID!) { meetingInstance(by: {uuid: $u}) { topic } }`, map[string]any{"u": long}},
		{"by.number", `query ($n: MeetingNumber!) { meeting(by: {number: $n}) { topic } }`, map[string]any{"n": strings.Repeat(" ", 300) + "123"}},
		{"ids.0", `query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`, map[string]any{"ids": encoded}},
		{"input.users.0.zoomId", `mutation ($u: [UserBy!]!) { assignRole(input: {role: {zoomId: "1"}, users: $u}) { userErrors { code } } }`, map[string]any{"u": map[string]any{"zoomId": long}}},
		{"groupIds", `query ($g: [String!]) { account { dashboard { meetings(type: PAST, groupIds: $g) { totalCount } } } }`, map[string]any{"g": slices.Repeat([]string{"x"}, 4096+1)}},
		{"after", `query ($c: String!) { account { ...U } } fragment U on Account { users(first: 1, after: $c) { totalCount } }`, map[string]any{"c": strings.Repeat("x", 2049)}},
		{"input.meeting.id", `mutation ($id: ID!) { deleteMeeting(input: {meeting: {id: $id}}) { userErrors { message } } }`, map[string]any{"id": encoded}},
		{"input.occurrenceId", `mutation ($o: String!) { deleteMeeting(input: {meeting: {number: "${MeetingNumber}"}, occurrenceId: $o}) { userErrors { message } } }`, map[string]any{"o": long}},
	} {
		inRig(t, setup{}, func(r *rig) {
			a := r.ask(c.query, c.variables)
			if a.Data != nil || len(a.Errors) != 1 || a.Errors[0].code() != "BAD_USER_INPUT" || !strings.HasPrefix(a.Errors[0].Message, c.at+": ") || len(a.body) > 400 {
				t.Errorf("%s: %.400s", c.query, a.body)
			}
			r.spends(0)
		})
	}
	inRig(t, setup{}, func(r *rig) {
		a := r.ask(`query ($z: String!) { user(by: {zoomId: $z}) { firstName } }`, map[string]any{"z": longest})
		if len(a.Errors) > 0 {
			t.Errorf("the longest name: %s", a.body)
		}
		r.spends(1)
	})
}
