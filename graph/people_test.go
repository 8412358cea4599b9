package graph

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// contains fails the test unless an answer has no errors and contains all of the texts.
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

// calls fails the test unless exactly these calls, in alphabetical order, were made since the last
// call of calls.
func (r *rig) calls(want ...string) {
	r.t.Helper()
	if got := patterns(r.spent()); !slices.Equal(got, want) {
		r.t.Errorf("calls are %q, want %q", got, want)
	}
}

// A list with page numbers is read like any other, to its end and no further.
func TestPagesByNumber(t *testing.T) {
	t.Parallel()
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

// Users whom a field further down reads whole are not looked up in a list before: the list would save
// no call.
func TestUsersReadWholeLater(t *testing.T) {
	t.Parallel()
	const above = `role(by: { zoomId: "2" }) { members(first: 12) { nodes { user { timezone } } } }`
	for below, pages := range map[string]int{
		"": 1,
		`owner { account { role(by: { zoomId: "2" }) { members(first: 12) { nodes { user { jobTitle } } } } } }`: 0,
	} {
		inRig(t, setup{Options: sandbox.Options{Plan: sandbox.PlanBusiness}}, func(r *rig) {
			r.contains(r.ask(`{ account { `+above+` `+below+` } }`, nil))
			got := patterns(r.spent())
			lists := slices.DeleteFunc(slices.Clone(got), func(p string) bool { return p != zoom.ListUsers.Pattern })
			if len(lists) != pages {
				t.Errorf("%q: calls are %q, want %d pages of users", below, got, pages)
			}
		})
	}
}

// A user who was changed is read again, under each name.
func TestUserWrites(t *testing.T) {
	t.Parallel()
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

// Concurrent deletions of one user are sent one after another, so that Zoom refuses none.
func TestWritesTakeTurns(t *testing.T) {
	t.Parallel()
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
				t.Error("Zoom received two at once")
			}
		}
	})
}

// Only invitations count against the plan's daily quota.
func TestInvitationsOfADay(t *testing.T) {
	t.Parallel()
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

// TestCreateRole_answerProvesNothing has Zoom answer 2xx without a role, as its documents have
// it for a missing permission: only the list of roles proves that the role was made.
func TestCreateRole_answerProvesNothing(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `{}`, `{"id": null}`} {
		for _, listed := range []bool{false, true} {
			posts := 0
			inRig(t, setup{before: func(w http.ResponseWriter, req *http.Request) bool {
				if req.URL.Path != "/v2/roles" {
					return false
				}
				w.Header().Set("Content-Type", "application/json")
				switch {
				case req.Method == http.MethodPost:
					posts++
					fmt.Fprint(w, body)
				case listed:
					fmt.Fprint(w, `{"total_records": 1, "roles": [{"id": "r9", "name": "Desk"}]}`)
				default:
					fmt.Fprint(w, `{"total_records": 0, "roles": []}`)
				}
				return true
			}}, func(r *rig) {
				const create = `mutation { createRole(input: { role: { name: "Desk" }, idempotencyKey: "k" }) { role { zoomId } userErrors { code } } }`
				for range 2 { // the repeat does not send it again
					want := `"OUTCOME_UNKNOWN"`
					if listed {
						want = `{"role":{"zoomId":"r9"},"userErrors":[]}`
					}
					if a := r.ask(create, nil); !strings.Contains(a.body, want) {
						t.Errorf("%q, listed %v: want %s: %s", body, listed, want, a.body)
					}
				}
				if posts != 1 {
					t.Errorf("%q, listed %v: it was sent %d times", body, listed, posts)
				}
			})
		}
	}
}

// A role is assigned to many users in calls of 30, and cached values with roles are then stale.
// Zoom's lists save calls for the roles of many users.
func TestRoles(t *testing.T) {
	t.Parallel()
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
		r.spent()
		r.contains(r.ask(`mutation { assignRole(input: { role: { zoomId: "${RoleID}" }, users: [{ me: true }] }) { userErrors { code field } } }`, nil), `["input","users","0"]`)
		r.calls()
		r.contains(r.ask(`mutation { deleteRole(input: { role: { zoomId: "none" } }) { deletedRoleId userErrors { code } } }`, nil), `"code":"NOT_FOUND"`)
	})
}

// Zoom accepts complete policies only: fields that a patch omits are read first, and kept.
func TestPolicyPatch(t *testing.T) {
	t.Parallel()
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

// A registrant of a webinar is a registrant like any other, and the id leads back to the webinar.
func TestWebinarRegistrants(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		a := r.ask(`{ webinar(by: { number: "${WebinarNumber}" }) { registrant(by: { zoomId: "${WebinarRegistrantID}" }) { id meeting { topic } webinar { topic } } } }`, nil)
		r.contains(a, `"meeting":null`, `"topic":"Product news, weekly"`)
		id := r.id("Registrant", "webinar "+r.value("${WebinarNumber}")+"/"+r.value("${WebinarRegistrantID}"))
		r.contains(r.ask(`query($id: ID!) { node(id: $id) { ... on Registrant { language webinar { number } } } }`, map[string]any{"id": id}), `"language":"EN_US"`, r.value("${WebinarNumber}"))
		came := r.ask(`{ webinar(by: { number: "${WebinarNumber}" }) { participants(first: 3) { reportState nodes { registrant { status } } } } }`, nil)
		r.contains(came, `"reportState":"READY"`, `"status":"APPROVED"`)
	})
}

// The answers to a survey have an edge to the instance of the meeting.
func TestSurveyEdges(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		a := r.ask(`{ account { survey(by: { zoomId: "${SurveyID}" }) { answers(first: 1, instanceZoomId: "${UUIDWithSlash}") { nodes { instance { productType meetingInstance { uuid hostName } meeting { number } } } } } } }`, nil)
		r.contains(a, `"productType":"MEETING"`, r.value("${UUIDWithSlash}"), r.value("${MeetingNumber}"))
	})
}
