package sandbox

import (
	"strings"
	"testing"
	"time"
)

// Zoom finds a UUID that begins with "/" or contains "//" only if it is encoded twice. The
// sandbox must refuse what Zoom refuses, or it could not test a client's encoding.
func TestUUIDEncoding(t *testing.T) {
	r := newRig(t, Options{})
	for _, form := range []struct {
		name, uuid  string
		onceIsRight bool
	}{
		{"begins with a slash", r.UUIDWithSlash, false},
		{"holds two slashes", r.UUIDDoubleSlash, false},
		{"holds one slash and a plus", r.UUIDPlain, true},
		{"big", r.BigInstance, !needsTwice(r.BigInstance)},
	} {
		for _, path := range []string{"/past_meetings/%s", "/past_meetings/%s/participants", "/report/meetings/%s", "/report/meetings/%s/participants"} {
			t.Run(form.name+" "+path, func(t *testing.T) {
				res := r.get(path, twice(form.uuid)).want(t, 200, 0)
				if strings.HasSuffix(path, "%s") && res.str("uuid") != form.uuid {
					t.Errorf("asked for %s, got %s", form.uuid, res.str("uuid"))
				}
				if form.onceIsRight {
					r.get(path, once(form.uuid)).want(t, 200, 0)
				} else {
					r.get(path, once(form.uuid)).want(t, 404, 3001)
				}
				if strings.Contains(form.uuid, "/") {
					if res := r.get(path, form.uuid); res.status < 400 {
						t.Errorf("unencoded: HTTP %d", res.status)
					}
				}
			})
		}
	}
	if !strings.HasPrefix(r.UUIDWithSlash, "/") || !strings.Contains(r.UUIDDoubleSlash, "//") || needsTwice(r.UUIDPlain) || !strings.Contains(r.UUIDPlain, "+") {
		t.Errorf("landmarks: %+v", r.Landmarks)
	}
}

func TestPath_notRedirected(t *testing.T) {
	r := newRig(t, Options{})
	res := r.get("/past_meetings//x")
	if res.status != 400 || r.Calls()[0].Path != "/v2/past_meetings//x" {
		t.Errorf("HTTP %d, path %q", res.status, r.Calls()[0].Path)
	}
}

func TestInstances(t *testing.T) {
	r := newRig(t, Options{})
	list := r.get("/past_meetings/%d/instances", r.MeetingNumber).want(t, 200, 0).list("meetings")
	if len(list) < 6 {
		t.Fatalf("%d instances", len(list))
	}
	for i, in := range list {
		if i > 0 && in["start_time"].(string) >= list[i-1]["start_time"].(string) {
			t.Errorf("instance %d is not earlier than the one before", i)
		}
		r.get("/past_meetings/%s", twice(in["uuid"].(string))).want(t, 200, 0)
	}
	latest := r.get("/past_meetings/%d", r.MeetingNumber).want(t, 200, 0)
	if latest.str("uuid") != list[0]["uuid"] {
		t.Error("a number does not name the latest instance")
	}
	from := monday.AddDate(0, 0, -15).Format(time.DateOnly)
	before := r.get("/past_meetings/%s", twice(r.UUIDPlain)).body
	r.do(r.path("PATCH /meetings/%d", r.MeetingNumber), map[string]any{"duration": 15}).want(t, 204, 0)
	if after := r.get("/past_meetings/%s", twice(r.UUIDPlain)).body; after != before {
		t.Errorf("a patch changed a past instance: %s, before %s", after, before)
	}
	some := r.get("/past_meetings/%d/instances?from=%s&to=2026-03-16", r.MeetingNumber, from).list("meetings")
	if len(some) == 0 || len(some) >= len(list) {
		t.Errorf("%d of %d instances since %s", len(some), len(list), from)
	}
	if n := len(r.get("/past_meetings/%d/instances?from=%s", r.MeetingNumber, from).list("meetings")); n != len(list) {
		t.Errorf("from without to: %d of %d", n, len(list))
	}
	r.get("/past_meetings/123/instances").want(t, 404, 3001)
	r.get("/past_meetings/%s/instances", twice(r.UUIDPlain)).want(t, 400, 300)
}

func TestInstances_unreadyAndExpired(t *testing.T) {
	r := newRig(t, Options{})
	for _, c := range []struct {
		why, uuid                             string
		details, participants, report, people int // codes
	}{
		{"one person has no report", r.OnePersonInstance, 0, 0, 3001, 3001},
		{"just over", r.PendingInstance, 0, 0, 3001, 3001},
		{"a year ago", r.ExpiredInstance, 12702, 0, 12702, 12702},
		{"15 months ago", r.GoneInstance, 12702, 12702, 12702, 12702},
		{"another sandbox's", "abcdefghijklmnopqrstuw==", 3001, 3001, 3001, 3001},
	} {
		t.Run(c.why, func(t *testing.T) {
			status := map[int]int{0: 200, 3001: 404, 12702: 400}
			id := twice(c.uuid)
			r.get("/past_meetings/%s", id).want(t, status[c.details], c.details)
			r.get("/past_meetings/%s/participants", id).want(t, status[c.participants], c.participants)
			r.get("/report/meetings/%s", id).want(t, status[c.report], c.report)
			r.get("/report/meetings/%s/participants", id).want(t, status[c.people], c.people)
		})
	}
	if n := r.get("/past_meetings/%s/participants", twice(r.OnePersonInstance)).num("total_records"); n != 0 {
		t.Errorf("a meeting of one person has %d participants", n)
	}
}

func TestReportLag(t *testing.T) {
	r := newRig(t, Options{})
	id := twice(r.PendingInstance)
	durations := func() (sum float64) {
		for _, p := range r.get("/past_meetings/%s/participants", id).want(t, 200, 0).list("participants") {
			sum += p["duration"].(float64)
		}
		return sum
	}
	if d := durations(); d != 0 {
		t.Errorf("durations of %.0f s before ReportLag has passed", d)
	}
	r.clock.pass(30 * time.Minute)
	if durations() == 0 {
		t.Error("no durations after half an hour")
	}
	r.get("/report/meetings/%s", id).want(t, 200, 0)
}

func TestStays_habits(t *testing.T) {
	r := newRig(t, Options{})
	rows := r.all("/report/meetings/"+twice(r.UUIDPlain)+"/participants?include_fields=registrant_id&page_size=5", "participants")
	seen := map[string]int{}
	stays := map[string]int{}
	ids := map[string]bool{}
	for _, p := range rows {
		if p["user_email"] == "" {
			seen["blank e-mail"]++
		}
		if p["id"] == "" && p["user_email"] != "" {
			seen["registered guest"]++
		}
		if p["status"] == "in_waiting_room" {
			seen["waiting"]++
		}
		if k, _ := p["customer_key"].(string); k != "" {
			seen["customer key"]++
		}
		if k, _ := p["registrant_id"].(string); k != "" {
			seen["registrant"]++
		}
		if p["id"] != p["participant_user_id"] {
			t.Errorf("two user ids: %v", p)
		}
		join, _ := time.Parse(time.RFC3339, p["join_time"].(string))
		leave, _ := time.Parse(time.RFC3339, p["leave_time"].(string))
		if leave.Sub(join).Seconds() != p["duration"].(float64) || leave.Before(join) {
			t.Errorf("duration %v from %v to %v", p["duration"], join, leave)
		}
		ids[p["user_id"].(string)] = true
		if stays[p["name"].(string)]++; stays[p["name"].(string)] == 2 {
			seen["two stays"]++
		}
	}
	for _, habit := range []string{"blank e-mail", "registered guest", "waiting", "customer key", "registrant", "two stays"} {
		if seen[habit] == 0 {
			t.Errorf("no participant with: %s", habit)
		}
	}
	if len(ids) != len(rows) {
		t.Errorf("%d user_ids in %d rows: each stay has its own", len(ids), len(rows))
	}
	past := r.all("/past_meetings/"+twice(r.UUIDPlain)+"/participants", "participants")
	if len(past) != len(rows) || past[0]["participant_user_id"] != nil || past[0]["internal_user"] != true {
		t.Errorf("past_meetings: %d rows, the report has %d; %v", len(past), len(rows), past[0])
	}
	for i, p := range past {
		if p["user_id"] != rows[i]["user_id"] || p["name"] != rows[i]["name"] {
			t.Fatalf("row %d differs: %v %v", i, p, rows[i])
		}
	}
}

// Nobody has registered for the meeting of the expired instance, so Zoom shows no guest's
// address.
func TestGuests_withoutRegistration(t *testing.T) {
	r := newRig(t, Options{})
	guests := 0
	for _, p := range r.all("/past_meetings/"+twice(r.ExpiredInstance)+"/participants", "participants") {
		if p["id"] != "" {
			continue
		}
		guests++
		if p["user_email"] != "" || p["name"] == "" || p["internal_user"] != false {
			t.Errorf("a guest: %v", p)
		}
	}
	if guests == 0 {
		t.Error("no guest took part")
	}
}

func TestBigMeeting(t *testing.T) {
	r := newRig(t, Options{Users: 500, Participants: 300})
	path := "/report/meetings/" + twice(r.BigInstance) + "/participants?include_fields=registrant_id&page_size=300"
	rows := r.get("%s", path).want(t, 200, 0)
	registrants := r.all(r.path("/meetings/%d/registrants?page_size=300", r.BigMeeting), "registrants")
	if rows.num("total_records") != 300 || len(registrants) != 300 {
		t.Fatalf("%d rows and %d registrants, want 300 of each", rows.num("total_records"), len(registrants))
	}
	email := map[string]string{}
	for _, g := range registrants {
		email[g["id"].(string)] = g["email"].(string)
	}
	users := 0
	for _, p := range rows.list("participants") {
		if p["id"] != "" {
			users++
			r.get("/users/%s", p["id"]).want(t, 200, 0)
		}
		if id, _ := p["registrant_id"].(string); id != "" && email[id] != p["user_email"] {
			t.Errorf("registrant %s is %q, the row has %q", id, email[id], p["user_email"])
		}
	}
	if users < 150 {
		t.Errorf("%d of 300 rows are users'", users)
	}
}
