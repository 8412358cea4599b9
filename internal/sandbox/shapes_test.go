package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"zoomql/internal/zoom"
)

// shapes are Zoom's documents reduced to names, types and enums. They are not part of this
// repository; if they exist next to it, every answer is compared with them.
const shapes = "../../../shared/zoom/shapes"

// shape is a node of a documented answer.
type shape struct {
	Type       any               `json:"type"`
	Enum       []any             `json:"enum"`
	Format     string            `json:"format"`
	Required   any               `json:"required"`
	MaxItems   int               `json:"maxItems"`
	Properties map[string]*shape `json:"properties"`
	Items      *shape            `json:"items"`
}

type operation struct {
	Responses map[string]*shape `json:"responses"`
	Errors    map[string][]int  `json:"errors"`
}

func documented(t *testing.T) map[string]operation {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(shapes, "*.json"))
	if len(files) == 0 {
		t.Skip("Zoom's documents are not here (../shared/zoom/shapes): answers are not compared with them")
	}
	all := map[string]operation{}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Operations map[string]operation `json:"operations"`
		}
		if err := json.Unmarshal(raw, &file); err != nil {
			continue // webhooks.json has a different format
		}
		maps.Copy(all, file.Operations)
	}
	return all
}

// requests calls every operation so that the answers contain all that the sandbox generates:
// many users, meetings of all types, every landmark.
func (r *rig) requests() map[string][]request {
	q := map[string][]request{}
	ask := func(pattern, path string, body any) { q[pattern] = append(q[pattern], request{path, body}) }
	for _, status := range []string{"active", "inactive", "pending"} {
		ask("GET /users", "/users?page_size=2000&status="+status, nil)
	}
	ask("GET /users", "/users?include_fields=host_key", nil)
	ask("GET /users", "/users?include_fields=custom_attributes&page_size=300", nil)
	for i := range 40 {
		ask("GET /users/{userId}", "/users/"+r.world.email(i), nil)
	}
	for _, m := range r.world.meetingsOf(host, monday) {
		ask("GET /meetings/{meetingId}", fmt.Sprintf("/meetings/%d", r.world.number(m.n)), nil)
	}
	for _, kind := range []string{"scheduled", "live", "upcoming", "previous_meetings"} {
		ask("GET /users/{userId}/meetings", "/users/"+r.HostID+"/meetings?page_size=300&type="+kind, nil)
	}
	create := "/users/" + r.HostID + "/meetings"
	ask("POST /users/{userId}/meetings", create, map[string]any{"settings": map[string]any{"approval_type": 1}})
	ask("POST /users/{userId}/meetings", create, map[string]any{"type": 8, "recurrence": map[string]any{"type": 2, "weekly_days": "2,4"}})
	ask("POST /users/{userId}/meetings", create, map[string]any{"type": 3})
	ask("POST /users/{userId}/meetings", create, map[string]any{"type": 1})
	meeting := fmt.Sprintf("/meetings/%d", r.MeetingNumber)
	ask("PATCH /meetings/{meetingId}", meeting, map[string]any{"topic": "x"})
	ask("GET /meetings/{meetingId}", meeting+"?show_previous_occurrences=true", nil)
	ask("PUT /meetings/{meetingId}/status", fmt.Sprintf("/meetings/%d/status", r.LiveMeeting), map[string]any{"action": "end"})
	ask("DELETE /meetings/{meetingId}", fmt.Sprintf("/meetings/%d", r.OpenMeeting), nil)
	manual := fmt.Sprintf("/meetings/%d/registrants", r.ManualMeeting)
	for _, status := range []string{"approved", "pending", "denied"} {
		ask("GET /meetings/{meetingId}/registrants", manual+"?status="+status, nil)
	}
	ask("GET /meetings/{meetingId}/registrants", meeting+"/registrants?page_size=300", nil)
	ask("GET /meetings/{meetingId}/registrants/{registrantId}", meeting+"/registrants/"+r.RegistrantID, nil)
	ask("POST /meetings/{meetingId}/registrants", meeting+"/registrants", map[string]any{"email": "a@example.net", "first_name": "A"})
	ask("POST /meetings/{meetingId}/registrants", manual, map[string]any{"email": "a@example.net", "first_name": "A"})
	ask("PUT /meetings/{meetingId}/registrants/status", manual+"/status", map[string]any{"action": "deny", "registrants": []any{}})
	ask("DELETE /meetings/{meetingId}/registrants/{registrantId}", meeting+"/registrants/"+r.RegistrantID, nil)
	for _, id := range []string{strconv.FormatInt(r.MeetingNumber, 10), twice(r.BigInstance), twice(r.UUIDWithSlash)} {
		ask("GET /past_meetings/{meetingId}", "/past_meetings/"+id, nil)
		ask("GET /past_meetings/{meetingId}/participants", "/past_meetings/"+id+"/participants?page_size=300", nil)
		ask("GET /report/meetings/{meetingId}", "/report/meetings/"+id, nil)
		ask("GET /report/meetings/{meetingId}/participants", "/report/meetings/"+id+"/participants?page_size=300&include_fields=registrant_id", nil)
	}
	ask("GET /past_meetings/{meetingId}/instances", fmt.Sprintf("/past_meetings/%d/instances", r.MeetingNumber), nil)
	ask("GET /report/users/{userId}/meetings", "/report/users/"+r.HostID+"/meetings?from=2026-02-16&to=2026-03-16&page_size=300", nil)
	ask("GET /report/users/{userId}/meetings", "/report/users/"+r.HostID+"/meetings?from=2026-02-16&to=2026-03-16&page_size=300&type=pastJoined", nil)
	ask("GET /report/daily", "/report/daily", nil)
	r.reportRequests(ask)
	r.askForAttachments(ask)
	r.dashboardRequests(ask)
	for _, domain := range domains {
		domain(r, ask)
	}
	return q
}

// domains add the requests of domains that have their own test file.
var domains []func(r *rig, ask func(pattern, path string, body any))

func (r *rig) reportRequests(ask func(pattern, path string, body any)) {
	month := "?from=2026-02-16&to=2026-03-16"
	for _, report := range []string{"activities", "users", "operationlogs", "telephone", "upcoming_events"} {
		ask("GET /report/"+report, "/report/"+report+month+"&page_size=300", nil)
	}
	ask("GET /report/activities", "/report/activities", nil)
	ask("GET /report/users", "/report/users"+month+"&type=inactive", nil)
	ask("GET /report/telephone", "/report/telephone"+month+"&type=2&query_date_type=meeting_end_time", nil)
	ask("GET /report/telephone", "/report/telephone"+month+"&type=3", nil)
	ask("GET /report/upcoming_events", "/report/upcoming_events?from=2026-03-16&to=2026-04-16", nil)
	ask("GET /report/cloud_recording", "/report/cloud_recording"+month, nil)
	ask("GET /report/billing", "/report/billing", nil)
	ask("GET /report/billing/invoices", "/report/billing/invoices?billing_id="+r.BillingReport, nil)
	for _, id := range []string{strconv.FormatInt(r.MeetingNumber, 10), twice(r.BigInstance)} {
		for _, operation := range []string{"past_meetings/{meetingId}/polls", "past_meetings/{meetingId}/qa", "report/meetings/{meetingId}/polls", "report/meetings/{meetingId}/qa", "report/meetings/{meetingId}/survey"} {
			ask("GET /"+operation, "/"+strings.Replace(operation, "{meetingId}", id, 1), nil)
		}
	}
	for _, id := range []string{strconv.FormatInt(r.WebinarNumber, 10), twice(r.WebinarInstance)} {
		ask("GET /report/webinars/{webinarId}", "/report/webinars/"+id, nil)
		ask("GET /report/webinars/{webinarId}/participants", "/report/webinars/"+id+"/participants?include_fields=registrant_id", nil)
		ask("GET /report/webinars/{webinarId}/polls", "/report/webinars/"+id+"/polls", nil)
	}
}

type request struct {
	path string
	body any
}

func TestAnswersAreDocumented(t *testing.T) {
	docs := documented(t)
	for _, spec := range zoom.Specs() {
		t.Run(spec.Pattern, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Options{Users: 200})
			questions := r.requests()
			op, ok := docs[spec.Pattern]
			if !ok {
				t.Fatal("the operation is not documented")
			}
			if len(questions[spec.Pattern]) == 0 {
				t.Skip("the truth test covers it, with its query of testdata/operations")
			}
			for _, q := range questions[spec.Pattern] {
				res := r.do(spec.Method()+" "+q.path, q.body)
				want, ok := op.Responses[strconv.Itoa(res.status)]
				if !ok {
					t.Fatalf("%s: HTTP %d is not documented: %s", q.path, res.status, res.body)
				}
				if want == nil {
					if res.body != "" {
						t.Errorf("%s: a body where none is documented: %s", q.path, res.body)
					}
					continue
				}
				for _, wrong := range want.differ("", res.json) {
					t.Errorf("%s: %s", q.path, wrong)
				}
			}
		})
	}
}

// recorded are fields of recorded answers that no document contains.
var (
	recorded = map[string]bool{".questions[].first_name": true, ".questions[].last_name": true} // of polls
	indexes  = regexp.MustCompile(`\[\d+\]`)
)

// differ lists the paths at which a value differs from the documented shape.
func (s *shape) differ(at string, v any) []string {
	if v == nil {
		return []string{at + " is null"}
	}
	var wrong []string
	switch v := v.(type) {
	case map[string]any:
		for name, child := range v {
			if s.Properties == nil {
				continue // any object is allowed
			}
			if s.Properties[name] == nil && recorded[indexes.ReplaceAllString(at+"."+name, "[]")] {
				continue
			}
			if s.Properties[name] == nil {
				wrong = append(wrong, fmt.Sprintf("%s.%s is not documented", at, name))
				continue
			}
			wrong = append(wrong, s.Properties[name].differ(at+"."+name, child)...)
		}
		for name, p := range s.Properties {
			if _, there := v[name]; p.Required == true && !there {
				wrong = append(wrong, fmt.Sprintf("%s.%s is required", at, name))
			}
		}
	case []any:
		for i, child := range v {
			wrong = append(wrong, s.Items.differ(fmt.Sprintf("%s[%d]", at, i), child)...)
		}
	}
	if kind := kindOf(v); !s.allows(kind, v) {
		wrong = append(wrong, fmt.Sprintf("%s is %s, documented is %v", at, kind, s.Type))
	}
	if len(s.Enum) > 0 && !s.lists(v) {
		wrong = append(wrong, fmt.Sprintf("%s is %v, documented are %v", at, v, s.Enum))
	}
	if text, ok := v.(string); ok && text != "" && !formatted(s.Format, text) {
		wrong = append(wrong, fmt.Sprintf("%s is %q, documented is a %s", at, text, s.Format))
	}
	return wrong
}

// lists reports whether a value is one of the documented ones. The empty string is allowed
// everywhere. weekly_days is documented as one digit, and in its description as several,
// separated by commas.
func (s *shape) lists(v any) bool {
	text, ok := v.(string)
	if !ok {
		return slices.Contains(s.Enum, v)
	}
	if slices.Contains(s.Enum, v) || text == "" {
		return true
	}
	parts := strings.Split(text, ",")
	return len(parts) > 1 && !slices.ContainsFunc(parts, func(p string) bool { return !slices.Contains(s.Enum, any(p)) })
}

func kindOf(v any) string {
	switch v.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	case bool:
		return "boolean"
	}
	return "number"
}

func (s *shape) allows(kind string, v any) bool {
	allowed := fmt.Sprint(s.Type)
	if n, ok := v.(float64); ok && n == float64(int64(n)) && strings.Contains(allowed, "integer") {
		return true
	}
	return strings.Contains(allowed, kind)
}

func formatted(format, text string) bool {
	var err error
	switch format {
	case "date-time":
		_, err = time.Parse(time.RFC3339, text)
	case "date":
		_, err = time.Parse(time.DateOnly, text)
	case "email":
		return strings.Contains(text, "@")
	case "url":
		_, err = url.Parse(text)
	}
	return err == nil
}

// TestRefusalsAreDocumented compares the codes of planned refusals with those in the
// documents.
func TestRefusalsAreDocumented(t *testing.T) {
	docs := documented(t)
	r := newRig(t, Options{})
	for _, c := range []struct{ pattern, path string }{
		{"GET /users/{userId}", "/users/nobody"},
		{"GET /users/{userId}/meetings", "/users/nobody/meetings"},
		{"GET /meetings/{meetingId}", "/meetings/123"},
		{"GET /meetings/{meetingId}/registrants", "/meetings/123/registrants"},
		{"GET /meetings/{meetingId}/registrants", fmt.Sprintf("/meetings/%d/registrants", r.OpenMeeting)},
		{"GET /past_meetings/{meetingId}", "/past_meetings/" + twice(r.ExpiredInstance)},
		{"GET /past_meetings/{meetingId}", "/past_meetings/" + once(r.UUIDWithSlash)},
		{"GET /past_meetings/{meetingId}/participants", "/past_meetings/" + twice(r.GoneInstance) + "/participants"},
		{"GET /past_meetings/{meetingId}/instances", "/past_meetings/123/instances"},
		{"GET /report/meetings/{meetingId}", "/report/meetings/" + twice(r.PendingInstance)},
		{"GET /report/meetings/{meetingId}/participants", "/report/meetings/" + twice(r.ExpiredInstance) + "/participants"},
		{"GET /report/users/{userId}/meetings", "/report/users/nobody/meetings?from=2026-03-01&to=2026-03-02"},
		{"GET /report/users/{userId}/meetings", "/report/users/" + r.HostID + "/meetings?from=2025-03-01&to=2025-03-02"},
		{"GET /report/daily", "/report/daily?year=2020"},
		{"GET /accounts/{accountId}", "/accounts/nobody"},
		{"GET /accounts/{accountId}/lock_settings", "/accounts/nobody/lock_settings"},
		{"GET /accounts/{accountId}/settings", "/accounts/nobody/settings"},
		{"GET /report/billing/invoices", "/report/billing/invoices"},
		{"GET /report/billing/invoices", "/report/billing/invoices?billing_id=x"},
		{"GET /report/upcoming_events", "/report/upcoming_events?from=2025-01-01&to=2025-01-02"},
		{"GET /past_meetings/{meetingId}/polls", "/past_meetings/" + twice(r.ExpiredInstance) + "/polls"},
		{"GET /past_meetings/{meetingId}/qa", "/past_meetings/" + twice(r.GoneInstance) + "/qa"},
		{"GET /report/meetings/{meetingId}/polls", "/report/meetings/" + twice(r.ExpiredInstance) + "/polls"},
		{"GET /report/meetings/{meetingId}/qa", "/report/meetings/" + twice(r.PendingInstance) + "/qa"},
		{"GET /report/meetings/{meetingId}/survey", "/report/meetings/" + twice(r.OnePersonInstance) + "/survey"},
		{"GET /report/webinars/{webinarId}", "/report/webinars/123"},
		{"GET /report/webinars/{webinarId}/participants", "/report/webinars/" + twice(r.OldWebinarInstance) + "/participants"},
		{"GET /users", "/nothing"},
		{"GET /users", "/users?next_page_token=x"},
	} {
		res := r.get("%s", c.path)
		if codes := docs[c.pattern].Errors[strconv.Itoa(res.status)]; !slices.Contains(codes, res.num("code")) {
			t.Errorf("%s: HTTP %d with code %d, documented are %v", c.path, res.status, res.num("code"), codes)
		}
	}
}
