package graph

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// contains fails unless an answer came without errors and holds all of the texts.
func (r *rig) contains(a *answer, texts ...string) {
	r.t.Helper()
	if len(a.Errors) > 0 {
		r.t.Errorf("errors: %v", a.Errors)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			r.t.Errorf("%q is not in %s", text, a.body)
		}
	}
}

// calls fails unless just these calls, in alphabetical order, were made since the
// last look.
func (r *rig) calls(want ...string) {
	r.t.Helper()
	if got := patterns(r.spent()); !slices.Equal(got, want) {
		r.t.Errorf("calls are %q, want %q", got, want)
	}
}

// A list whose pages have numbers is read like any other, to its end and no page
// further.
func TestPagesByNumber(t *testing.T) {
	inRig(t, setup{}, func(r *rig) {
		client, _ := r.client()
		for size, pages := range map[int]int{4: 3, 5: 2, 300: 1} {
			var seen []types.MeetingNumber
			filter := zoom.WebinarFilter{UserID: r.HostID}
			for page, err := range zoom.ListWebinars.Pages(r.t.Context(), client, filter, zoom.Paging{Size: size}) {
				if err != nil {
					t.Fatal(err)
				}
				for _, w := range page.Items {
					seen = append(seen, w.Number)
				}
			}
			slices.Sort(seen)
			if n := len(slices.Compact(seen)); n != 10 || len(r.spent()) != pages {
				t.Errorf("pages of %d: %d webinars", size, n)
			}
		}
	})
}

// A user who was written to is read anew, under each name.
func TestUserWrites(t *testing.T) {
	inRig(t, setup{}, func(r *rig) {
		byMail := `{ user(by: { email: "${OwnerEmail}" }) { jobTitle } }`
		r.contains(r.ask(byMail, nil))
		r.contains(r.ask(`mutation { updateUser(input: { user: { email: "${OwnerEmail}" }, patch: { jobTitle: "Gardener" } }) { user { jobTitle } userErrors { code } } }`, nil), `"jobTitle":"Gardener"`)
		r.contains(r.ask(byMail, nil), `"jobTitle":"Gardener"`)

		r.contains(r.ask(`mutation { createUser(input: { action: AUTO_CREATE, user: { email: "canary", type: BASIC } }) { user { zoomId } userErrors { code field } } }`, nil), `"code":"INVALID"`)
		created := r.ask(`mutation { createUser(input: { action: AUTO_CREATE, user: { email: "new.one@example.net", type: BASIC } }) { user { type user { status } } userErrors { code } } }`, nil)
		r.contains(created, `"type":"BASIC"`, `"status":"ACTIVE"`)
		again := r.ask(`mutation { createUser(input: { action: AUTO_CREATE, user: { email: "new.one@example.net", type: BASIC } }) { user { zoomId } userErrors { code zoomCode } } }`, nil)
		r.contains(again, `"user":null`, `"code":"CONFLICT"`, `"zoomCode":1005`)

		r.contains(r.ask(`mutation { deleteUser(input: { user: { zoomId: "${InactiveUserID}" }, action: DELETE }) { deletedUserId userErrors { code } } }`, nil), `"userErrors":[]`)
		r.contains(r.ask(`{ user(by: { zoomId: "${InactiveUserID}" }) { email } }`, nil), `"user":null`)
		r.contains(r.ask(`mutation { deleteUser(input: { user: { zoomId: "${HostID}" } }) { deletedUserId userErrors { code zoomCode } } }`, nil), `"deletedUserId":null`, `"code":"CONFLICT"`, `"zoomCode":1117`)
	})
}

// Deletions of one user take turns, so that none is refused for the other's sake.
func TestWritesTakeTurns(t *testing.T) {
	inRig(t, setup{}, func(r *rig) {
		var wait sync.WaitGroup
		for range 3 {
			wait.Go(func() {
				r.ask(`mutation { deleteUser(input: { user: { zoomId: "${InactiveUserID}" }, action: DELETE }) { userErrors { code } } }`, nil)
			})
		}
		wait.Wait()
		for _, c := range r.spent() {
			if c.Status == 429 {
				t.Error("Zoom met two at once")
			}
		}
	})
}

// Only users who are invited count against the day's allowance of the plan.
func TestInvitationsOfADay(t *testing.T) {
	inRig(t, setup{Options: sandbox.Options{Plan: sandbox.PlanPro}}, func(r *rig) {
		r.contains(r.ask(`mutation { createUser(input: { action: SSO_CREATE, user: { email: "a@example.net", type: BASIC } }) { user { type } userErrors { code } } }`, nil), `"userErrors":[]`)
		last := &answer{}
		for i := 0; i <= 1500; i += 20 {
			var b strings.Builder
			for k := i; k < min(i+20, 1501); k++ {
				fmt.Fprintf(&b, `u%d: createUser(input: { action: CREATE, user: { email: "u%d@example.net", type: BASIC } }) { userErrors { code } }`, k, k)
			}
			last = r.ask(`mutation {`+b.String()+`}`, nil)
		}
		r.contains(last, `"u1500":{"userErrors":[{"code":"DAILY_LIMIT"}]}`)
		if n := len(r.spent()); n != 1501 {
			t.Errorf("%d calls, want 1,500 invitations and one that is none", n)
		}
	})
}

// A role is given to many users in calls of 30, and all that told of roles is
// stale afterwards. Zoom's lists save calls for many users' roles.
func TestRoles(t *testing.T) {
	inRig(t, setup{}, func(r *rig) {
		r.contains(r.ask(`{ user(by: { zoomId: "${HostID}" }) { roleName role { name } } }`, nil), `"roleName":"Admin"`, `"name":"Admin"`)
		r.spent()
		var users strings.Builder
		for i := range 31 {
			fmt.Fprintf(&users, `{ zoomId: "nobody%d" }, `, i)
		}
		assign := `mutation { assignRole(input: { role: { zoomId: "${RoleID}" }, users: [` + users.String() + `{ zoomId: "${HostID}" }] }) { role { totalMembers } assignments { userZoomIds } userErrors { code } } }`
		r.contains(r.ask(assign, nil), `"totalMembers":1`, r.value("${HostID}"))
		r.calls("GET /roles/{roleId}", "POST /roles/{roleId}/members", "POST /roles/{roleId}/members")
		r.contains(r.ask(`{ user(by: { zoomId: "${HostID}" }) { roleName } }`, nil), `"roleName":"Support desk"`)
		r.spent()
		r.contains(r.ask(`{ account { users(first: 3) { nodes { role { name } } } } }`, nil), `"name":"Owner"`, `"name":"Support desk"`)
		r.calls("GET /roles", "GET /users")
		r.contains(r.ask(`mutation { createRole(input: { role: { name: "New" } }) { role { name privileges } userErrors { code } } }`, nil), `"name":"New"`)
		r.contains(r.ask(`mutation { createRole(input: { role: { name: "New" } }) { role { name } userErrors { code zoomCode } } }`, nil), `"role":null`, `"code":"CONFLICT"`)
		r.contains(r.ask(`mutation { deleteRole(input: { role: { zoomId: "none" } }) { deletedRoleId userErrors { code } } }`, nil), `"code":"NOT_FOUND"`)
	})
}

// Zoom takes whole policies: what a patch leaves out is read first, and stays.
func TestPolicyPatch(t *testing.T) {
	inRig(t, setup{}, func(r *rig) {
		read := `{ account { informationBarrierPolicy(by: { zoomId: "${PolicyID}" }) { name status settings { im recording } } } }`
		r.contains(r.ask(read, nil), `"im":true`, `"recording":false`)
		r.spent()
		r.contains(r.ask(`mutation { updateInformationBarrierPolicy(input: { policy: { zoomId: "${PolicyID}" }, patch: { name: "Renamed", settings: { recording: true } } }) { userErrors { code } } }`, nil), `"userErrors":[]`)
		r.calls("GET /information_barriers/policies/{policyId}", "PATCH /information_barriers/policies/{policyId}")
		r.contains(r.ask(read, nil), `"name":"Renamed"`, `"status":"ENABLED"`, `"im":true`, `"recording":true`)
		same := `mutation { createInformationBarrierPolicy(input: { policy: { name: "x", assignedGroupId: "a", toGroupId: "a", settings: {} } }) { policy { id } userErrors { code } } }`
		r.contains(r.ask(same, nil), `"policy":null`, `"code":"INVALID"`)
	})
}

// A registrant of a webinar is a registrant like any other, and his id leads back
// to the webinar.
func TestWebinarRegistrants(t *testing.T) {
	inRig(t, setup{}, func(r *rig) {
		a := r.ask(`{ webinar(by: { number: "${WebinarNumber}" }) { registrant(by: { zoomId: "${WebinarRegistrantID}" }) { id meeting { topic } webinar { topic } } } }`, nil)
		r.contains(a, `"meeting":null`, `"topic":"Product news, weekly"`)
		id := r.id("Registrant", "webinar "+r.value("${WebinarNumber}")+"/"+r.value("${WebinarRegistrantID}"))
		r.contains(r.ask(`query($id: ID!) { node(id: $id) { ... on Registrant { language webinar { number } } } }`, map[string]any{"id": id}), `"language":"EN_US"`, r.value("${WebinarNumber}"))
		came := r.ask(`{ webinar(by: { number: "${WebinarNumber}" }) { participants(first: 3) { reportState nodes { registrant { status } } } } }`, nil)
		r.contains(came, `"reportState":"READY"`, `"status":"APPROVED"`)
	})
}

// From the answers to a survey the way leads to the run of the meeting.
func TestSurveyEdges(t *testing.T) {
	inRig(t, setup{}, func(r *rig) {
		a := r.ask(`{ account { survey(by: { zoomId: "${SurveyID}" }) { answers(first: 1, instanceZoomId: "${UUIDWithSlash}") { nodes { instance { productType meetingInstance { uuid hostName } meeting { number } } } } } } }`, nil)
		r.contains(a, `"productType":"MEETING"`, r.value("${UUIDWithSlash}"), r.value("${MeetingNumber}"))
	})
}
