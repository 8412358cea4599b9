package sandbox

import (
	"testing"
	"time"
)

func TestPastMeetingsReport(t *testing.T) {
	r := newRig(t, Options{})
	path := "/report/users/" + r.HostID + "/meetings?from=2026-02-16&to=2026-03-16&page_size=300"
	res := r.get("%s", path).want(t, 200, 0)
	uuids := map[string]bool{}
	for _, m := range res.list("meetings") {
		if m["participants_count"].(float64) < 2 {
			t.Errorf("a meeting of one participant is reported: %v", m)
		}
		if at := m["start_time"].(string); at < "2026-02-16" || at > "2026-03-16T23:59:59Z" {
			t.Errorf("out of range: %s", at)
		}
		uuids[m["uuid"].(string)] = true
	}
	for _, in := range []string{r.UUIDWithSlash, r.UUIDDoubleSlash, r.BigInstance} {
		if !uuids[in] {
			t.Errorf("%s is not reported", in)
		}
	}
	if uuids[r.OnePersonInstance] || uuids[r.PendingInstance] {
		t.Error("an instance without a report is reported")
	}
	alone := r.get("%s&type=pastOne", path).want(t, 200, 0).list("meetings")
	if len(alone) == 0 || alone[0]["participants_count"] != 1.0 {
		t.Errorf("pastOne: %v", alone)
	}
	joined := r.get("%s&type=pastJoined", path).want(t, 200, 0).list("meetings")
	webinars := 0
	for _, m := range joined {
		if m["user_email"] != r.HostEmail {
			t.Errorf("the row is of another user: %v", m)
		}
		if m["type"] == 9.0 {
			webinars++
		}
	}
	if len(joined) <= len(uuids) || webinars == 0 || joined[0]["join_time"] == nil {
		t.Errorf("%d meetings were joined, %d of them webinars, and %d hosted", len(joined), webinars, len(uuids))
	}
	r.get("/report/users/%s/meetings?from=2026-03-01&to=2026-03-02", r.DeletedUserID).want(t, 404, 1001)
}

func TestReportRanges(t *testing.T) {
	r := newRig(t, Options{})
	for _, c := range []struct {
		why, query string
		status     int
	}{
		{"a month", "from=2026-02-16&to=2026-03-16", 200},
		{"one day", "from=2026-03-16&to=2026-03-16", 200},
		{"more than a month", "from=2026-02-15&to=2026-03-16", 400},
		{"half a year ago", "from=2025-09-16&to=2025-10-15", 200},
		{"longer ago", "from=2025-09-01&to=2025-09-30", 400},
		{"backwards", "from=2026-03-16&to=2026-03-15", 400},
		{"no end", "from=2026-03-16", 400},
		{"no beginning", "to=2026-03-16", 400},
		{"no date", "from=soon&to=2026-03-16", 400},
		{"an unknown type", "from=2026-03-01&to=2026-03-16&type=x", 400},
	} {
		t.Run(c.why, func(t *testing.T) {
			code := map[int]int{200: 0, 400: 300}[c.status]
			r.get("/report/users/%s/meetings?%s", r.HostID, c.query).want(t, c.status, code)
		})
	}
}

func TestDailyReport(t *testing.T) {
	r := newRig(t, Options{})
	res := r.get("/report/daily?year=2026&month=2").want(t, 200, 0)
	if n := len(res.list("dates")); n != 28 || res.num("month") != 2 {
		t.Errorf("%d days in month %d", n, res.num("month"))
	}
	if now := r.get("/report/daily").want(t, 200, 0); now.num("month") != 3 {
		t.Errorf("the month without parameters is %d", now.num("month"))
	}
	r.get("/report/daily?year=2025&month=9").want(t, 200, 0)
	r.get("/report/daily?year=2025&month=8").want(t, 400, 300)
	r.get("/report/daily?year=2026&month=4").want(t, 400, 300)
	r.get("/report/daily?month=13").want(t, 400, 300)
}

// All operations return the same values for an instance.
func TestReports_equalValues(t *testing.T) {
	r := newRig(t, Options{})
	from := monday.AddDate(0, -1, 0).Format(time.DateOnly)
	for _, m := range r.all("/report/users/"+r.HostID+"/meetings?from="+from+"&to=2026-03-16", "meetings") {
		id := twice(m["uuid"].(string))
		details := r.get("/past_meetings/%s", id).want(t, 200, 0)
		report := r.get("/report/meetings/%s", id).want(t, 200, 0)
		persons := map[string]bool{}
		for _, p := range r.all("/past_meetings/"+id+"/participants?page_size=300", "participants") {
			persons[p["name"].(string)] = true
		}
		for _, name := range []string{"start_time", "end_time", "duration", "participants_count", "total_minutes", "topic", "id"} {
			if m[name] != details.json[name] || m[name] != report.json[name] {
				t.Errorf("%s of %v: %v, %v, %v", name, m["uuid"], m[name], details.json[name], report.json[name])
			}
		}
		if n := int(m["participants_count"].(float64)); n < len(persons) {
			t.Errorf("%d participants, %d names", n, len(persons))
		}
	}
}
