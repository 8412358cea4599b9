package graph

import (
	"encoding/json"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// Zoom's text for an enum value is a second field, whether the schema has the value or not.
func TestTextsOfEnums(t *testing.T) {
	t.Parallel()
	inZoom(t, []zoomRow{
		{"GET", "/metrics/meetings/abc%3D%3D/participants", 0, `{"next_page_token": "", "participants": [{"user_id": "0", "user_name": "P0", "device": "Windows"}, {"user_id": "1", "user_name": "P1", "device": "Web Browser Chrome 129", "network_type": "6G"}, {"user_id": "2", "device": ""}]}`},
		{"GET", "/meetings/abc%3D%3D/recordings", 0, `{"uuid": "abc==", "id": 1, "timezone": "GMT+8:00", "host_email": "h@example.com", "share_url": "https://us06web.zoom.us/rec/share/X", "recording_files": [{"id": "f0", "recording_type": "cc_transcript"}, {"id": "f1", "recording_type": "hologram"}]}`},
		{"GET", "/users/u1", 0, `{"id": "u1", "type": 3, "login_types": [100, 77]}`},
	}, func(r *rig, _ *zoomSays) {
		a := r.ask(`{ meetingInstance(by: {uuid: "abc=="}) { dashboard { participants { nodes { device deviceText networkType networkTypeText } edges { node { text: deviceText } } } } } }`, nil)
		a.want(t, `{"meetingInstance": {"dashboard": {"participants": {
			"nodes": [{"device": "WINDOWS", "deviceText": "Windows", "networkType": null, "networkTypeText": null}, {"device": null, "deviceText": "Web Browser Chrome 129", "networkType": null, "networkTypeText": "6G"}, {"device": null, "deviceText": null, "networkType": null, "networkTypeText": null}],
			"edges": [{"node": {"text": "Windows"}}, {"node": {"text": "Web Browser Chrome 129"}}, {"node": {"text": null}}]}}}}`, nil)
		a = r.ask(`{ meetingInstance(by: {uuid: "abc=="}) { recordings { timezone hostEmail shareUrl files { recordingType recordingTypeText } } } }`, nil)
		a.want(t, `{"meetingInstance": {"recordings": {"timezone": "GMT+8:00", "hostEmail": "h@example.com", "shareUrl": "https://us06web.zoom.us/rec/share/X",
			"files": [{"recordingType": "CC_TRANSCRIPT", "recordingTypeText": "cc_transcript"}, {"recordingType": null, "recordingTypeText": "hologram"}]}}}`, nil)
		a = r.ask(`{ user(by: {zoomId: "u1"}) { type typeText loginTypes loginTypesText } }`, nil)
		a.want(t, `{"user": {"type": "ON_PREMISE", "typeText": "3", "loginTypes": ["ZOOM_WORK_EMAIL"], "loginTypesText": ["100", "77"]}}`, nil)
	})
}

// Writing a list back by its texts keeps values that the schema does not have.
func TestListsOfEnumsGoBackWhole(t *testing.T) {
	t.Parallel()
	inZoom(t, []zoomRow{
		{"GET", "/accounts/me/settings", 0, `{"in_meeting": {"data_center_regions": ["XX", "US", "SG"], "unchecked_data_center_regions": ["XX"]}}`},
		{"PATCH", "/accounts/me/settings", 204, ""},
	}, func(r *rig, z *zoomSays) {
		a := r.ask(`{ account { settings { inMeeting { dataCenterRegions dataCenterRegionsText uncheckedDataCenterRegionsText } } } }`, nil)
		a.want(t, `{"account": {"settings": {"inMeeting": {"dataCenterRegions": ["US", "SG"], "dataCenterRegionsText": ["XX", "US", "SG"], "uncheckedDataCenterRegionsText": ["XX"]}}}}`, nil)
		z.asked()
		const write = `mutation ($in: InMeetingSettingsInput!) { updateAccountSettings(input: {change: {settings: {inMeeting: $in}}}) { userErrors { code message } } }`
		r.ask(write, map[string]any{"in": map[string]any{"dataCenterRegionsText": []string{"XX", "US"}}})
		if diff := gocmp.Diff([]string{`PATCH /accounts/me/settings {"in_meeting":{"data_center_regions":["XX","US"]}}`}, z.asked()); diff != "" {
			t.Errorf("what was sent (-want +got):\n%s", diff)
		}
		a = r.ask(write, map[string]any{"in": map[string]any{"dataCenterRegionsText": []string{"XX"}, "dataCenterRegions": []string{"US"}}})
		if a.at(t, "updateAccountSettings.userErrors.0.code") != "INVALID" || len(z.asked()) > 0 {
			t.Errorf("given twice: %s", a.body)
		}
	})
}

// A container of another type than documented loses its field, a row of a list the row, and both
// are reported once to the log and to callers that request drift.
func TestShapesOfContainers(t *testing.T) {
	t.Parallel()
	z := &zoomSays{rows: []zoomRow{
		{"GET", "/users", 0, `{"page_size": 30, "next_page_token": "", "users": [{"id": "u1", "email": "a@example.com", "group_ids": "", "nickname": "canary"}, "odd", {"id": "u2", "email": "b@example.com", "group_ids": ["g1"], "type": 77}]}`},
		{"GET", "/users/u1", 0, `{"id": "u1", "company": "C", "group_ids": {}, "custom_attributes": {}, "license_info_list": [""]}`},
		{"GET", "/users/none", 0, `""`},
		{"GET", "/report/users/u1/meetings", 0, `{"next_page_token": "", "meetings": ""}`},
	}}
	inRig(t, setup{before: z.answer, drift: true}, func(r *rig) {
		a := r.ask(`{ account { users(first: 5) { nodes { zoomId groupIds } } } }`, nil)
		a.want(t, `{"account": {"users": {"nodes": [{"zoomId": "u1", "groupIds": null}, {"zoomId": "u2", "groupIds": ["g1"]}]}}}`, map[string]string{"account.users": "BAD_ANSWER"})
		drift, _ := json.Marshal(a.Extensions["drift"])
		for _, want := range []string{`"field":"users.group_ids"`, `"field":"users","first"`, `"field":"users.nickname"`, `"field":"users.type"`, `"value":"77"`, `"operation":"GET /users"`} {
			if !strings.Contains(string(drift), want) {
				t.Errorf("the drift lacks %s: %s", want, drift)
			}
		}
		a = r.ask(`{ user(by: {zoomId: "u1"}) { company groupIds customAttributes { key } licenseInfoList { subscriptionId } } }`, nil)
		a.want(t, `{"user": {"company": "C", "groupIds": null, "customAttributes": null, "licenseInfoList": []}}`, nil)
		a = r.ask(`{ user(by: {zoomId: "none"}) { company } }`, nil)
		a.want(t, `{"user": null}`, map[string]string{"user": "BAD_ANSWER"})
		a = r.ask(`{ user(by: {zoomId: "u1"}) { pastMeetings(from: "2026-03-01", to: "2026-03-16") { nodes { topic } } } }`, nil)
		a.want(t, `{"user": {"pastMeetings": null}}`, map[string]string{"user.pastMeetings": "BAD_ANSWER"})
		again := r.ask(`{ account { users(first: 5) { nodes { zoomId groupIds } } } }`, nil)
		if drift, _ := json.Marshal(again.Extensions["drift"]); strings.Contains(string(drift), "users") {
			t.Errorf("a kept answer read nothing of Zoom's: %s", again.body)
		}
	})
}
