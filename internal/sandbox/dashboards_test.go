package sandbox

import (
	"fmt"
	"testing"
)

// dashboardRequests sends every request of the dashboard: for past and live instances, of
// meetings and of webinars.
func (r *rig) dashboardRequests(ask func(pattern, path string, body any)) {
	const days = "from=2026-02-17&to=2026-03-16"
	for _, q := range []struct {
		kind, variable string
		paths          []string
	}{
		{"meetings", "meetingId", []string{twice(r.BigInstance) + "?type=past", twice(r.UUIDWithSlash) + "?type=past", fmt.Sprintf("%d?type=live", r.LiveMeeting)}},
		{"webinars", "webinarId", []string{twice(r.WebinarInstance) + "?type=past", fmt.Sprintf("%d?type=live", r.LiveWebinar)}},
	} {
		list := "/metrics/" + q.kind
		for _, kind := range []string{"past", "live"} {
			ask("GET "+list, list+"?page_size=300&"+days+"&type="+kind, nil)
		}
		one := "GET " + list + "/{" + q.variable + "}"
		for _, path := range q.paths {
			name, kind := cut(path)
			ask(one, list+"/"+name+"?"+kind, nil)
			ask(one+"/participants", list+"/"+name+"/participants?page_size=300&include_fields=registrant_id&"+kind, nil)
			ask(one+"/participants/qos", list+"/"+name+"/participants/qos?page_size=10&"+kind, nil)
			ask(one+"/participants/{participantId}/qos", list+"/"+name+"/participants/"+r.ParticipantInMeetingID+"/qos?"+kind, nil)
			ask(one+"/participants/satisfaction", list+"/"+name+"/participants/satisfaction?"+kind, nil)
			ask(one+"/participants/sharing", list+"/"+name+"/participants/sharing?"+kind, nil)
		}
	}
	ask("GET /metrics/meetings", "/metrics/meetings?type=pastOne&include_fields=tracking_fields&"+days, nil)
	ask("GET /metrics/zoomrooms", "/metrics/zoomrooms", nil)
	ask("GET /metrics/zoomrooms/{zoomroomId}", "/metrics/zoomrooms/"+r.ZoomRoomID+"?"+days, nil)
	ask("GET /metrics/zoomrooms/issues", "/metrics/zoomrooms/issues?"+days, nil)
	ask("GET /metrics/issues/zoomrooms", "/metrics/issues/zoomrooms?"+days, nil)
	ask("GET /metrics/issues/zoomrooms/{zoomroomId}", "/metrics/issues/zoomrooms/"+r.ZoomRoomID+"?"+days, nil)
	ask("GET /metrics/chat", "/metrics/chat?"+days, nil)
	ask("GET /metrics/client/feedback", "/metrics/client/feedback?"+days, nil)
	ask("GET /metrics/client/feedback/{feedbackId}", "/metrics/client/feedback/1?"+days, nil)
	ask("GET /metrics/client/satisfaction", "/metrics/client/satisfaction?"+days, nil)
	ask("GET /metrics/client_versions", "/metrics/client_versions", nil)
	ask("GET /metrics/crc", "/metrics/crc?"+days, nil)
	ask("GET /metrics/quality", "/metrics/quality?type=participants&"+days, nil)
}

func cut(path string) (name, kind string) {
	for i := range path {
		if path[i] == '?' {
			return path[:i], path[i+1:]
		}
	}
	return path, ""
}

// The dashboard, the report and the past meeting contain the same stays.
func TestDashboard_equalsReport(t *testing.T) {
	r := newRig(t, Options{})
	uuid := twice(r.BigInstance)
	dashboard := r.get("/metrics/meetings/%s/participants?type=past&page_size=300&include_fields=registrant_id", uuid)
	report := r.get("/report/meetings/%s/participants?page_size=300&include_fields=registrant_id", uuid)
	rows, want := dashboard.list("participants"), report.list("participants")
	if len(rows) == 0 || len(rows) != len(want) {
		t.Fatalf("%d rows on the dashboard, %d in the report", len(rows), len(want))
	}
	for i, row := range rows {
		for _, name := range []string{"user_id", "participant_user_id", "registrant_id", "join_time", "leave_time", "status"} {
			if row[name] != want[i][name] {
				t.Errorf("row %d: %s is %v, the report has %v", i, name, row[name], want[i][name])
			}
		}
	}
}

// Live and past are separate: neither contains instances of the other.
func TestDashboard_liveAndPast(t *testing.T) {
	r := newRig(t, Options{})
	for _, c := range []struct {
		path   string
		status int
	}{
		{fmt.Sprintf("/metrics/meetings/%d", r.LiveMeeting), 200},
		{fmt.Sprintf("/metrics/meetings/%d?type=past", r.LiveMeeting), 404},
		{fmt.Sprintf("/metrics/meetings/%s?type=past", twice(r.BigInstance)), 200},
		{fmt.Sprintf("/metrics/meetings/%s", twice(r.BigInstance)), 404},
		{fmt.Sprintf("/metrics/meetings/%s?type=pastOne", twice(r.BigInstance)), 404},
		{fmt.Sprintf("/metrics/meetings/%s?type=pastOne", twice(r.OnePersonInstance)), 200},
		{fmt.Sprintf("/metrics/meetings/%s?type=past", once(r.UUIDWithSlash)), 404},
		{fmt.Sprintf("/metrics/meetings/%s?type=past", twice(r.ExpiredInstance)), 400},
		{fmt.Sprintf("/metrics/meetings/%d", r.LiveWebinar), 404},
		{fmt.Sprintf("/metrics/webinars/%d", r.LiveWebinar), 200},
		{fmt.Sprintf("/metrics/meetings/%s/participants/qos?type=pastOne", twice(r.OnePersonInstance)), 400},
		{fmt.Sprintf("/metrics/meetings/%s/participants/qos?page_size=11&type=past", twice(r.BigInstance)), 400},
		{"/metrics/meetings?from=2026-01-01&to=2026-03-01&type=past", 400},
		{"/metrics/meetings?from=2025-01-01&to=2025-01-02&type=past", 400},
		{"/metrics/zoomrooms/nowhere?from=2026-03-01&to=2026-03-02", 404},
	} {
		if res := r.get("%s", c.path); res.status != c.status {
			t.Errorf("%s: HTTP %d, want %d: %.200s", c.path, res.status, c.status, res.body)
		}
	}
}

func TestDashboard_businessPlan(t *testing.T) {
	for plan, status := range map[string]int{PlanFree: 400, PlanPro: 400, PlanBusiness: 200} {
		r := newRig(t, Options{Plan: plan})
		if res := r.get("/metrics/client_versions"); res.status != status {
			t.Errorf("%s: HTTP %d, want %d", plan, res.status, status)
		}
	}
}
