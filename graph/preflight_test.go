package graph

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"zoomql/internal/sandbox"
)

// granted is a setup of an app with only these scopes.
func granted(scopes ...string) setup {
	return setup{Options: sandbox.Options{Scopes: scopes}}
}

// missingOf returns the operations of the single error of missing scopes, with their fields.
func (a *answer) missingOf(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, e := range a.Errors {
		if e.code() != "MISSING_SCOPE" {
			continue
		}
		list, _ := e.Extensions["missingScopes"].([]any)
		if len(found) > 0 || len(list) == 0 {
			t.Errorf("it is not one error: %s", a.body)
		}
		for _, one := range list {
			one := one.(map[string]any)
			var fields []string
			for _, f := range one["fields"].([]any) {
				fields = append(fields, f.(string))
			}
			if len(one["granular"].([]any))+len(one["classic"].([]any)) == 0 {
				t.Errorf("%s: no scope is named", one["operation"])
			}
			found[one["operation"].(string)] = strings.Join(fields, " ")
		}
	}
	return found
}

// TestPreflight selects fields for which the app lacks scopes: one error names all of them, the
// fields are null without a call, and the rest is answered.
func TestPreflight(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why, query string
		scopes     []string
		missing    map[string]string
		data       string
		calls      int
	}{
		{
			why: "fields of one object and of items", scopes: []string{"user:read:user:admin", "user:read:list_users:admin"},
			query:   `{ user(by: {zoomId: "${HostID}"}) { email meetings { totalCount } r: role { name } } account { users(first: 2) { nodes { email webinars { totalCount } } } } }`,
			missing: map[string]string{"GET /users/{userId}/meetings": "user.meetings", "GET /roles/{roleId}": "user.r", "GET /users/{userId}/webinars": "account.users.nodes.webinars"},
			data:    `"meetings":null`, calls: 2,
		},
		{
			why: "all of the query", scopes: []string{"user:read:user:admin"},
			query:   `{ account { users { nodes { meetings { totalCount } } } } meeting(by: {number: "${MeetingNumber}"}) { topic } }`,
			missing: map[string]string{"GET /users": "account.users", "GET /users/{userId}/meetings": "account.users.nodes.meetings", "GET /meetings/{meetingId}": "meeting"},
			data:    `{"account":{"users":null},"meeting":null}`,
		},
		{
			why: "what completes the items of a list", scopes: []string{"user:read:list_users:admin"},
			query:   `{ account { users(first: 3) { nodes { email title: jobTitle } } } }`,
			missing: map[string]string{"GET /users/{userId}": "account.users.nodes.title"},
			data:    `"title":null`, calls: 1,
		},
		{
			why: "what another operation tells as well", scopes: []string{"user:read:list_users:admin", "meeting:read:meeting:admin"},
			query: `{ account { users(first: 3) { nodes { email } } } meeting(by: {number: "${MeetingNumber}"}) { topic } }`, data: `"topic":"`, calls: 2,
		},
		{
			why: "reports", scopes: []string{"meeting:read:past_meeting:admin"},
			query:   `{ meetingInstance(by: {uuid: "${BigInstance}"}) { topic report { topic } participants(source: REPORT) { nodes { name } } } }`,
			missing: map[string]string{"GET /report/meetings/{meetingId}": "meetingInstance.report", "GET /report/meetings/{meetingId}/participants": "meetingInstance.participants"},
			data:    `"report":null,"participants":null`, calls: 1,
		},
		{
			why: "attendance", scopes: []string{"meeting:read:past_meeting:admin"},
			query:   `{ meetingInstance(by: {uuid: "${BigInstance}"}) { topic attendance { totals { attended } } attendees { nodes { names } } } }`,
			missing: map[string]string{"GET /past_meetings/{meetingId}/participants": "meetingInstance.attendance meetingInstance.attendees"},
			data:    `"attendance":null,"attendees":null`, calls: 1,
		},
		{
			why: "the schedule of an attendance, and its absentees", scopes: []string{"meeting:read:past_meeting:admin", "meeting:read:list_past_participants:admin"},
			query: `{ meetingInstance(by: {uuid: "${BigInstance}"}) { topic attendance { totals { attended late } absentees { totalCount } scheduledStart } } }`,
			missing: map[string]string{
				"GET /meetings/{meetingId}":             "meetingInstance.attendance.totals.late meetingInstance.attendance.absentees meetingInstance.attendance.scheduledStart",
				"GET /meetings/{meetingId}/registrants": "meetingInstance.attendance.absentees",
			},
			data: `"late":null},"absentees":null,"scheduledStart":null`, calls: 2,
		},
		{
			why: "the attendance of all instances", scopes: []string{"meeting:read:meeting:admin", "meeting:read:list_past_participants:admin"},
			query:   `{ meeting(by: {number: "${BigMeeting}"}) { topic attendance { attendees { nodes { names } } } } }`,
			missing: map[string]string{"GET /past_meetings/{meetingId}/instances": "meeting.attendance"},
			data:    `"attendance":null`, calls: 1,
		},
		{
			why: "an object of a sub account, by an app for sub accounts alone", scopes: []string{"meeting:read:meeting:master"},
			query: `{ meeting(by: {id: "${Meeting@SubAccountID SubMeetingNumber}"}) { topic } }`, data: `"topic":"`, calls: 1,
		},
		{
			why: "a mutation of an object of a sub account, by an app for sub accounts alone", scopes: []string{"meeting:update:meeting:master"},
			query: `mutation { updateMeeting(input: {meeting: {id: "${Meeting@SubAccountID SubMeetingNumber}"}, patch: {topic: "x"}}) { userErrors { message } } }`, data: `"userErrors":[]`, calls: 1,
		},
	} {
		inRig(t, granted(c.scopes...), func(r *rig) {
			for _, again := range []bool{false, true} {
				a := r.ask(c.query, nil)
				got := a.missingOf(t)
				if len(got) != len(c.missing) || len(a.Errors) != min(len(c.missing), 1) || !strings.Contains(a.body, c.data) {
					t.Errorf("%s (again: %t): %s", c.why, again, a.body)
				}
				for op, fields := range c.missing {
					if got[op] != fields {
						t.Errorf("%s: %s is missing for %q, want %q", c.why, op, got[op], fields)
					}
				}
				if calls := r.spent(); len(calls) != c.calls && !again {
					t.Errorf("%s: %d calls, want %d: %v", c.why, len(calls), c.calls, patterns(calls))
				}
			}
		})
	}
}

// TestPreflight_mutations refuses changes before anything is sent: not even the users that they
// name are looked up.
func TestPreflight_mutations(t *testing.T) {
	t.Parallel()
	inRig(t, granted("user:read:user:admin", "user:read:list_users:admin", "meeting:update:meeting:admin"), func(r *rig) {
		a := r.ask(`mutation { c: createMeeting(input: {host: {email: "${HostEmail}"}, meeting: {topic: "x"}}) { meeting { topic } userErrors { code message } } }`, nil)
		if len(a.Errors) > 0 || a.at(t, "c.userErrors.0.code") != "MISSING_SCOPE" || !strings.Contains(a.at(t, "c.userErrors.0.message"), "meeting:write:meeting:admin") {
			t.Errorf("%s", a.body)
		}
		r.spends(0)
		// The change itself may be made; what is selected of it may not be read.
		a = r.ask(`mutation { updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {topic: "New"}}) { meeting { topic } userErrors { code } } }`, nil)
		if got := a.missingOf(t); got["GET /meetings/{meetingId}"] != "updateMeeting.meeting" || !strings.Contains(a.body, `"userErrors":[]`) {
			t.Errorf("%s", a.body)
		}
		r.spends(1)
	})
}

// TestPreflight_accounts selects a field of objects of two accounts, of which the scopes allow one.
func TestPreflight_accounts(t *testing.T) {
	t.Parallel()
	inRig(t, granted("meeting:read:list_meetings:admin", "user:read:user:admin"), func(r *rig) {
		a := r.ask(`{ nodes(ids: ["${User HostID}", "${User@SubAccountID SubHostID}"]) { ... on User { meetings(first: 1) { nodes { topic } } } } }`, nil)
		if got := a.missingOf(t)["GET /users/{userId}/meetings"]; got != "nodes.meetings" {
			t.Errorf("the missing scope is of %q", got)
		}
		if !strings.Contains(a.body, `{"nodes":[{"meetings":{"nodes":[{"topic":`) || !strings.Contains(a.body, `{"meetings":null}]`) {
			t.Errorf("the answer is %s", a.body)
		}
		r.spends(1)
	})
}

// TestLeastScopes grants the scopes of the calls that a query needs, and no others: operations that are
// alternatives for other objects, such as those on webinars for a meeting, take nothing away.
func TestLeastScopes(t *testing.T) {
	t.Parallel()
	for _, query := range []string{
		`{ meetingInstance(by: {uuid: "${BigInstance}"}) { participants(first: 5) { nodes { registrant { email } } } } }`,
		`{ meetingInstance(by: {uuid: "${BigInstance}"}) { attendees(first: 5) { nodes { registrant { email } } } } }`,
		`{ meeting(by: {number: "${BigMeeting}"}) { attendance { attendees(first: 5) { nodes { registrant { email } } } } } }`,
		`{ account { dashboard { meeting(by: {uuid: "${BigInstance}"}, type: PAST) { participants(first: 5) { nodes { registrant { email } qos { healthText } } } } } } }`,
		`{ account { dashboard { webinar(by: {uuid: "${WebinarInstance}"}, type: PAST) { participants(first: 5) { nodes { registrant { email } qos { healthText } } } } } } }`,
		`{ webinar(by: {number: "${WebinarNumber}"}) { instances(first: 1) { nodes { participants(first: 5) { nodes { registrant { email } } } } } } }`,
	} {
		whole, scopes := "", []string{"none:read"}
		inRig(t, setup{}, func(r *rig) {
			report := r.dry(func() *answer { return r.ask(query, nil) })
			whole = string(r.ask(query, nil).Data)
			for _, c := range r.spent() {
				for _, row := range report.Scopes {
					if row.Operation == c.Pattern {
						scopes = append(scopes, row.Granular...)
					}
				}
			}
		})
		if !strings.Contains(whole, "@example.com") {
			t.Errorf("%s has nothing to lose: %s", query, whole)
		}
		inRig(t, granted(scopes...), func(r *rig) {
			if a := r.ask(query, nil); string(a.Data) != whole {
				t.Errorf("%s with the scopes %v: %s\nwant %s", query, scopes, a.body, whole)
			}
		})
	}
}

// TestPreflight_proof creates a role by an app that may not read roles. The scope is one of a
// proof: it refuses no write, and is wanted only where the answer does not tell the role.
func TestPreflight_proof(t *testing.T) {
	t.Parallel()
	const create = `mutation { createRole(input: {role: {name: "Desk"}}) { userErrors { code } } }`
	for _, strict := range []bool{false, true} {
		told, posts := `{}`, 0
		rigged := granted("role:write:role:admin")
		rigged.before = func(w http.ResponseWriter, req *http.Request) bool {
			if req.URL.Path != "/v2/roles" || req.Method != http.MethodPost {
				return false
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusCreated)
			posts++
			_, _ = w.Write([]byte(told))
			return true
		}
		inRig(t, rigged, func(r *rig) {
			r.strict = strict
			report := r.dry(func() *answer { return r.ask(create, nil) })
			if len(report.Refused) > 0 || report.AtMost["MEDIUM"] != 2 {
				t.Errorf("the price is %+v", report)
			}
			a := r.ask(create, nil)
			if len(a.Errors) != 1 || a.Errors[0].code() != "OUTCOME_UNKNOWN" || !strings.Contains(a.body, "lacks a scope of GET /roles") {
				t.Errorf("strict %t: what is not proven is unknown: %s", strict, a.body)
			}
			told = `{"id": "r9"}`
			r.contains(r.ask(create, nil), `{"createRole":{"userErrors":[]}}`)
			r.spends(0) // of the reads
			if posts != 2 {
				t.Errorf("strict %t: %d roles were sent", strict, posts)
			}
		})
	}
}

// TestStrict requests all or nothing.
func TestStrict(t *testing.T) {
	t.Parallel()
	inRig(t, granted("user:read:user:admin", "meeting:update:meeting:admin", "meeting:delete:meeting:admin"), func(r *rig) {
		const query = `{ user(by: {zoomId: "${HostID}"}) { email meetings { totalCount } } }`
		r.ask(query, nil)
		r.spends(1)
		r.strict = true
		a := r.ask(query, nil)
		if a.status != http.StatusBadRequest || len(a.Data) > 0 || a.missingOf(t)["GET /users/{userId}/meetings"] != "user.meetings" {
			t.Errorf("%d %s", a.status, a.body)
		}
		a = r.ask(`mutation { a: updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {topic: "x"}}) { meeting { topic } userErrors { code } } }`, nil)
		if a.status != http.StatusBadRequest || a.Errors[0].code() != "MISSING_SCOPE" {
			t.Errorf("%s", a.body)
		}
		r.spends(0)
		if a := r.ask(`{ user(by: {zoomId: "${HostID}"}) { email } }`, nil); len(a.Errors) > 0 || a.at(t, "user.email") == "" {
			t.Errorf("nothing is missing: %s", a.body)
		}
		r.strict = false
		a = r.post("application/json", r.fill(`{"query": "{ user(by: {zoomId: \"${HostID}\"}) { meetings { totalCount } } }", "extensions": {"handling": "strict"}}`))
		if a.status != http.StatusBadRequest || a.Errors[0].code() != "MISSING_SCOPE" {
			t.Errorf("%s", a.body)
		}
	})
}

// TestStrict_plan refuses operations that the account's plan does not include, before any call.
func TestStrict_plan(t *testing.T) {
	t.Parallel()
	const query = `{ account { dashboard { meetings(type: PAST, from: "2026-03-01", to: "2026-03-10") { nodes { topic } } } users(first: 1) { nodes { email } } } }`
	rigged := setup{Options: sandbox.Options{Plan: sandbox.PlanPro}, planKnown: true}
	inRig(t, rigged, func(r *rig) {
		a := r.ask(query, nil)
		if len(a.Errors) != 1 || a.Errors[0].code() != "PLAN_REQUIRED" || a.at(t, "account.users.nodes.0.email") == "" {
			t.Errorf("%s", a.body)
		}
		r.spends(1)
		r.strict = true
		a = r.ask(query, nil)
		if a.status != http.StatusBadRequest || a.Errors[0].code() != "PLAN_REQUIRED" || !strings.Contains(a.body, "Business or a higher plan") {
			t.Errorf("%s", a.body)
		}
		r.spends(0)
		report := r.dry(func() *answer { return r.ask(query, nil) })
		if len(report.Refused) != 1 || report.Refused[0].Code != "PLAN_REQUIRED" || report.Refused[0].Fields[0] != "account.dashboard.meetings" {
			t.Errorf("%+v", report.Refused)
		}
	})
}

// TestStrict_day refuses a query that exceeds today's budget, and reports when the next begins.
func TestStrict_day(t *testing.T) {
	t.Parallel()
	inRig(t, setup{Options: sandbox.Options{Plan: sandbox.PlanFree}, throttles: true}, func(r *rig) {
		const query = `{ account { users(first: 3) { nodes { jobTitle } } } }`
		r.Fault(sandbox.Fault{Pattern: "GET /meetings/{meetingId}", Status: 429, Code: 429, Message: "You have reached the maximum daily rate limit for this API."})
		r.ask(`{ meeting(by: {number: "${MeetingNumber}"}) { topic } }`, nil)
		r.spent()
		report := r.dry(func() *answer { return r.ask(query, nil) })
		if report.Days != 2 || !report.RetryAt.Equal(monday.Truncate(24*time.Hour).AddDate(0, 0, 1)) {
			t.Errorf("%d days, from %v", report.Days, report.RetryAt)
		}
		r.strict = true
		a := r.ask(query, nil)
		if a.status != http.StatusBadRequest || !strings.Contains(a.Errors[0].Message, "what is left of today's budget") || a.Errors[0].code() != "DAILY_LIMIT" || a.Errors[0].Extensions["retryAt"] != "2026-03-17T00:00:00Z" {
			t.Errorf("%s", a.body)
		}
		r.spends(0)
		time.Sleep(15 * time.Hour)
		if a := r.ask(query, nil); len(a.Errors) > 0 {
			t.Errorf("the next day's budget holds it: %s", a.body)
		}
	})
}
