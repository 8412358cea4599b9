package sandbox

import (
	"testing"
	"time"
)

// The totals of a host in the report on hosts equal those of the user's own report, and the
// totals of the report equal the sums of its rows.
func TestListHosts_totals(t *testing.T) {
	r := newRig(t, Options{Users: 12})
	month := "from=2026-02-16&to=2026-03-16&page_size=300"
	res := r.get("/report/users?%s", month).want(t, 200, 0)
	total := 0
	for _, row := range res.list("users") {
		n := int(row["meetings"].(float64))
		total += n
		path := "/report/users/" + row["id"].(string) + "/meetings?" + month
		want := len(r.get("%s", path).list("meetings")) + len(r.get("%s&type=pastOne", path).list("meetings"))
		if n != want {
			t.Errorf("%v: %d meetings, the user's own report has %d", row["email"], n, want)
		}
	}
	if total == 0 || total != res.num("total_meetings") {
		t.Errorf("%d meetings in rows, %d in all", total, res.num("total_meetings"))
	}
}

// Lists by day contain nothing in the future, the latest item first, and pages do not
// overlap.
func TestDailyLists(t *testing.T) {
	r := newRig(t, Options{})
	all := r.all("/report/activities?from=2026-02-16&to=2026-03-16", "activity_logs")
	last := monday.UTC().Format(time.RFC3339)
	for _, a := range all {
		at := a["time"].(string)
		if at > last {
			t.Errorf("%s comes after %s", at, last)
		}
		last = at
	}
	if len(all) < 60 || last[:10] != "2026-02-16" {
		t.Errorf("%d activities back to %s", len(all), last)
	}
}

func TestUpcomingAndStorage_range(t *testing.T) {
	r := newRig(t, Options{})
	for _, e := range r.get("/report/upcoming_events?from=2026-03-16&to=2026-04-16&page_size=300").want(t, 200, 0).list("upcoming_events") {
		if at := e["start_time"].(string); at < monday.UTC().Format(time.RFC3339) {
			t.Errorf("upcoming: %s", at)
		}
	}
	days := r.get("/report/cloud_recording?from=2026-03-10&to=2026-03-16").want(t, 200, 0).list("cloud_recording_storage")
	if len(days) != 6 || days[5]["date"] != "2026-03-15" {
		t.Errorf("storage: %v", days)
	}
}
