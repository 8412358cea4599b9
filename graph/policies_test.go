package graph

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
)

// A policy is sent as a whole: fields that Zoom omits are not invented, and fields that the patch
// changes need not be known.
func TestPolicies_nothingInvented(t *testing.T) {
	t.Parallel()
	settings := map[string]any{
		"meeting": true, "in_meeting_chat": true, "file_transfer": true, "screen_share": true,
		"recording": true, "im": true, "complete_phone_calls": false, "message_via_sms": true,
	}
	with := func(name string, value any, of map[string]any) map[string]any {
		changed := maps.Clone(of)
		if changed[name] = value; value == nil {
			delete(changed, name)
		}
		return changed
	}
	whole := map[string]any{"id": "p", "policy_name": "N", "status": 1, "type": 7, "assigned_group_id": "a", "to_group_id": "b", "settings": settings}
	for _, c := range []struct {
		why    string
		told   map[string]any
		patch  string
		untold string // "" for a change that is sent
	}{
		{"all is told, and a type that nobody knows", whole, `name: "X"`, ""},
		{"no settings", with("settings", nil, whole), `name: "X"`, "settings.meeting"},
		{"settings of another shape", with("settings", "", whole), `name: "X"`, "settings.message_via_sms"},
		{"a setting that is none", with("settings", with("im", "perhaps", settings), whole), `name: "X"`, "settings.im"},
		{"a setting that is none, and changed", with("settings", with("im", "perhaps", settings), whole), `settings: {im: false}`, ""},
		{"no name", with("policy_name", nil, whole), `status: DISABLED`, "policy_name"},
		{"no status", with("status", nil, whole), `name: "X"`, "status"},
		{"an object for a group", with("to_group_id", map[string]any{}, whole), `name: "X"`, "to_group_id"},
	} {
		t.Run(c.why, func(t *testing.T) {
			told, err := json.Marshal(c.told)
			if err != nil {
				t.Fatal(err)
			}
			inZoom(t, []zoomRow{
				{"GET", "/information_barriers/policies/p", 0, string(told)},
				{"PATCH", "/information_barriers/policies/p", 204, ""},
			}, func(r *rig, z *zoomSays) {
				a := r.ask(`mutation { updateInformationBarrierPolicy(input: {policy: {zoomId: "p"}, patch: {`+c.patch+`}}) { userErrors { code } } }`, nil)
				var sent string
				for _, call := range z.asked() {
					if body, ok := strings.CutPrefix(call, "PATCH /information_barriers/policies/p "); ok {
						sent = body
					}
				}
				if c.untold != "" {
					if len(a.Errors) != 1 || a.Errors[0].code() != "BAD_ANSWER" || !strings.Contains(a.body, c.untold) || sent != "" {
						t.Errorf("%s was sent: %s", sent, a.body)
					}
					return
				}
				if a.Errors != nil || !strings.Contains(sent, `"type":7`) || !strings.Contains(sent, `"complete_phone_calls":false`) || !strings.Contains(sent, `"recording":true`) {
					t.Errorf("%s was sent: %s", sent, a.body)
				}
			})
		})
	}
}
