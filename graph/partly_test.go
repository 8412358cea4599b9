package graph

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// A write to many objects goes to Zoom in several calls: if one fails, the error states how many
// objects the calls before it changed.
func TestWrite_inSeveralCalls_oneFails(t *testing.T) {
	t.Parallel()
	many := func(prefix string) string {
		var names strings.Builder
		for i := range 65 {
			fmt.Fprintf(&names, `{zoomId: "%s%d"}`, prefix, i)
		}
		return names.String()
	}
	const note = "The change was made for the first 30 of 65"
	for _, write := range []struct{ path, query, done, items, blamed string }{
		{
			"/v2/meetings/123456789/registrants/status",
			`mutation { updateRegistrantStatus(input: {meeting: {number: "123456789"}, action: APPROVE, registrants: [` + many("r") + `]}) { userErrors { code field message } } }`, ``,
			"registrants", `["input","registrants","31","zoomId"]`,
		},
		{
			"/v2/roles/r1/members",
			`mutation { assignRole(input: {role: {zoomId: "r1"}, users: [` + many("u") + `]}) { assignments { addedAt } userErrors { code field message } } }`, `{"add_at": "2026-03-16T00:00:00Z", "ids": "x"}`,
			"members", `["input","users","31","zoomId"]`,
		},
		{
			"/v2/groups/g1/members",
			`mutation { addGroupMembers(input: {group: {zoomId: "g1"}, users: [` + many("u") + `]}) { additions { addedAt } userErrors { code field message } } }`, `{"added_at": "2026-03-16T00:00:00Z", "ids": "x"}`,
			"members", `["input","users","31","zoomId"]`,
		},
	} {
		for _, c := range []struct {
			why    string
			fails  int // the call that fails, from 1
			status int
			body   string
			code   string
			noted  bool
		}{
			{"the second is refused", 2, 400, `{"code": 300, "message": "One of them is invalid."}`, "INVALID", true},
			{"the second is refused for its second item", 2, 400, `{"code": 300, "message": "Validation Failed.", "errors": [{"field": "` + write.items + `[1].id", "message": "Invalid field."}]}`, "INVALID", true},
			{"of the second nothing is known", 2, 504, `<html>`, "OUTCOME_UNKNOWN", true},
			{"today's allowance ends before the second", 2, 429, `{"code": 429, "message": "You have reached the maximum daily rate limit for this API."}`, "DAILY_LIMIT", true},
			{"the first is refused", 1, 400, `{"code": 300, "message": "One of them is invalid."}`, "INVALID", false},
		} {
			calls := 0
			answers := func(w http.ResponseWriter, req *http.Request) bool {
				if req.URL.Path != write.path {
					return false
				}
				w.Header().Set("Content-Type", "application/json")
				if calls++; calls == c.fails {
					w.WriteHeader(c.status)
					fmt.Fprint(w, c.body)
				} else if write.done == "" {
					w.WriteHeader(http.StatusNoContent)
				} else {
					w.WriteHeader(http.StatusCreated)
					fmt.Fprint(w, write.done)
				}
				return true
			}
			inRig(t, setup{before: answers}, func(r *rig) {
				a := r.ask(write.query, nil)
				if calls != c.fails || !strings.Contains(a.body, `"`+c.code+`"`) || strings.Contains(a.body, note) != c.noted {
					t.Errorf("%s: %s, after %d calls: %s", write.path, c.why, calls, a.body)
				}
				if strings.Contains(c.body, "[1]") && !strings.Contains(a.body, `"field":`+write.blamed) {
					t.Errorf("%s: want the path %s: %s", write.path, write.blamed, a.body)
				}
			})
		}
	}
}
