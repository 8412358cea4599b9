package graph

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// Lists without pages that are shorter than Zoom's count.
func TestUnpagedLists_endEarly(t *testing.T) {
	t.Parallel()
	for path, query := range map[string]string{
		"/roles":                             `{ account { it: roles { name } } }`,
		"/meetings/${MeetingNumber}/polls":   `{ meeting(by: {number: "${MeetingNumber}"}) { it: polls { id } } }`,
		"/users/${HostID}/meeting_templates": `{ user(by: {zoomId: "${HostID}"}) { it: meetingTemplates { name } } }`,
		"/users/${HostID}/upcoming_meetings": `{ user(by: {zoomId: "${HostID}"}) { it: upcomingMeetings { topic } } }`,
		"/accounts/me/managed_domains":       `{ account { it: managedDomains { domain } } }`,
	} {
		t.Run(path, func(t *testing.T) {
			for odd, want := range [][]string{nil, {"INCOMPLETE_LIST"}, nil} {
				if odd == 2 && (strings.HasSuffix(path, "/roles") || strings.HasSuffix(path, "/polls")) {
					want = []string{"BAD_ANSWER"} // it must have an id
				}
				var box *rig
				inRig(t, setup{before: oddly(&box, func(r *http.Request, body map[string]any) {
					if r.URL.Path != "/v2"+box.fill(path) {
						return
					}
					for _, v := range body {
						items, ok := v.([]any)
						switch {
						case !ok || len(items) == 0:
						case odd == 1:
							body["total_records"] = len(items) + 2
						case odd == 2:
							delete(items[0].(map[string]any), "id")
						}
					}
				})}, func(r *rig) {
					box = r
					if a := r.ask(query, nil); !slices.Equal(codesOf(a), want) || !strings.Contains(string(a.Data), `"it":[{`) {
						r.t.Errorf("oddity %d: %s", odd, a.body)
					}
				})
			}
		})
	}
}

// An incomplete list does not prove that an object is missing: the object is requested alone.
func TestLookUps_listEndsEarly(t *testing.T) {
	t.Parallel()
	inRig(t, setup{before: zoomAnswers("/roles", func(url.Values) string {
		return `{"total_records":9,"roles":[{"id":"0","name":"Owner"}]}`
	})}, func(r *rig) {
		a := r.ask(`{ account { users(first: 30) { nodes { role { name } } } } }`, nil)
		if len(a.Errors) > 0 || strings.Contains(string(a.Data), `"role":null`) {
			r.t.Errorf("roles: %s", a.body)
		}
	})
	var box *rig
	inRig(t, setup{before: oddly(&box, func(r *http.Request, body map[string]any) {
		if items, ok := body["registrants"].([]any); ok {
			body["registrants"], body["next_page_token"] = items[:0], ""
		}
	})}, func(r *rig) {
		box = r
		a := r.ask(`{ meeting(by: {number: "${MeetingNumber}"}) { registrant(by: {email: "nobody@example.com"}) { id } } }`, nil)
		if !slices.Equal(codesOf(a), []string{"INCOMPLETE_LIST"}) {
			r.t.Errorf("registrants by e-mail: %s", a.body)
		}
	})
}
