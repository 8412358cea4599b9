package graph

import (
	"fmt"
	"strings"
	"testing"

	"zoomql/internal/sandbox"
)

// TestUserGroups reads the groups of a user, one by its id and several from the list. A group
// that no longer exists is left out, and one that cannot be read makes the field an error.
func TestUserGroups(t *testing.T) {
	user := zoomRow{"GET", "/users/u1", 0, `{"id": "u1", "group_ids": ["g1", "g2"]}`}
	one := zoomRow{"GET", "/groups/g1", 0, `{"id": "g1", "name": "One", "total_members": 1}`}
	refused := zoomRow{"GET", "/groups", 403, `{"code": 403, "message": "No permission."}`}
	for _, c := range []struct {
		why  string
		rows []zoomRow
		want string
		errs map[string]string
		call string // to Zoom, for the groups
	}{
		{"one", []zoomRow{{"GET", "/users/u1", 0, `{"id": "u1", "group_ids": ["g1"]}`}, one}, `[{"name": "One"}]`, nil, "GET /groups/g1"},
		{"it is gone", []zoomRow{{"GET", "/users/u1", 0, `{"id": "u1", "group_ids": ["g1"]}`}, {"GET", "/groups/g1", 404, `{"code": 4130, "message": "Gone."}`}}, `[]`, nil, "GET /groups/g1"},
		{"two, in the list of all groups", []zoomRow{user, {"GET", "/groups", 0, `{"total_records": 2, "next_page_token": "", "groups": [{"id": "g2", "name": "2"}, {"id": "g1", "name": "1"}]}`}}, `[{"name": "1"}, {"name": "2"}]`, nil, "GET /groups"},
		{
			"many, of which one is gone", []zoomRow{
				{"GET", "/users/u1", 0, `{"id": "u1", "group_ids": ["g1", "g2", "g3", "g4", "g5", "g6", "g7", "gone"]}`},
				{"GET", "/groups", 0, `{"total_records": 7, "next_page_token": "", "groups": [{"id": "g1", "name": "1"}, {"id": "g7", "name": "7"}, {"id": "g2", "name": "2"}, {"id": "g3", "name": "3"}, {"id": "g4", "name": "4"}, {"id": "g5", "name": "5"}, {"id": "g6", "name": "6"}]}`},
			}, `[{"name": "1"}, {"name": "2"}, {"name": "3"}, {"name": "4"}, {"name": "5"}, {"name": "6"}, {"name": "7"}]`, nil, "GET /groups",
		},
		{"the list is refused", []zoomRow{user, refused, one, {"GET", "/groups/g2", 0, `{"id": "g2", "name": "Two"}`}}, `[{"name": "One"}, {"name": "Two"}]`, nil, "GET /groups GET /groups/g1 GET /groups/g2"},
		{"one is refused, too", []zoomRow{user, refused, one, {"GET", "/groups/g2", 403, `{"code": 403, "message": "No permission."}`}}, `null`, map[string]string{"user.groups": "FORBIDDEN"}, "GET /groups GET /groups/g1 GET /groups/g2"},
		{"none", []zoomRow{{"GET", "/users/u1", 0, `{"id": "u1", "group_ids": []}`}}, `[]`, nil, ""},
		{"they are not told", []zoomRow{{"GET", "/users/u1", 0, `{"id": "u1"}`}}, `null`, nil, ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			inZoom(t, c.rows, func(r *rig, z *zoomSays) {
				a := r.ask(`{ user(by: {zoomId: "u1"}) { groups { name } } }`, nil)
				a.want(t, `{"user": {"groups": `+c.want+`}}`, c.errs)
				if got := strings.Join(z.asked(), " "); got != strings.TrimSpace(c.call+" GET /users/u1") {
					t.Errorf("the calls are %s", got)
				}
			})
		})
	}
}

// TestAddGroupMembers adds more users than one call may have, some of whom do not exist.
func TestAddGroupMembers(t *testing.T) {
	inRig(t, setup{}, func(r *rig) {
		r.contains(r.ask(`{ user(by: { zoomId: "${OwnerID}" }) { groupIds } account { group(by: { zoomId: "${GroupID}" }) { totalMembers } } }`, nil), `"totalMembers":1`)
		r.spent()
		var users strings.Builder
		for i := range 31 {
			fmt.Fprintf(&users, `{ zoomId: "nobody%d" }, `, i)
		}
		add := `mutation { addGroupMembers(input: { group: { zoomId: "${GroupID}" }, users: [` + users.String() + `{ zoomId: "${OwnerID}" }] }) { group { totalMembers } additions { userZoomIds } userErrors { code } } }`
		r.contains(r.ask(add, nil), `"totalMembers":2`, r.value("${OwnerID}"))
		r.calls("GET /groups/{groupId}", "POST /groups/{groupId}/members", "POST /groups/{groupId}/members")
		r.contains(r.ask(`{ user(by: { zoomId: "${OwnerID}" }) { groupIds } }`, nil), r.value("${GroupID}"))
		r.spent()
		r.contains(r.ask(`mutation { addGroupMembers(input: { group: { zoomId: "${GroupID}" }, users: [{ me: true }] }) { userErrors { code field } } }`, nil), `["input","users","0"]`)
		r.calls()
		r.contains(r.ask(`mutation { removeGroupMember(input: { group: { zoomId: "${GroupID}" }, user: { zoomId: "nobody" } }) { userErrors { code zoomCode } } }`, nil), `"code":"NOT_FOUND"`, `"zoomCode":4131`)
	})
}

// TestGroupsOfADay creates more groups than Zoom accepts in a day.
func TestGroupsOfADay(t *testing.T) {
	inRig(t, setup{Options: sandbox.Options{Plan: sandbox.PlanPro}}, func(r *rig) {
		last := &answer{}
		for i := 0; i <= 100; i += 20 {
			var b strings.Builder
			for k := i; k < min(i+20, 101); k++ {
				fmt.Fprintf(&b, `g%d: createGroup(input: { group: { name: "Group %d" } }) { userErrors { code } }`, k, k)
			}
			last = r.ask(`mutation {`+b.String()+`}`, nil)
		}
		r.contains(last, `"g100":{"userErrors":[{"code":"DAILY_LIMIT"}]}`)
		if n := len(r.spent()); n != 100 {
			t.Errorf("%d calls, want 100", n)
		}
	})
}
