package sandbox

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestUsers(t *testing.T) {
	r := newRig(t, Options{})
	byID := r.get("/users/%s", r.HostID).want(t, 200, 0)
	byEmail := r.get("/users/%s", strings.ToUpper(r.HostEmail)).want(t, 200, 0)
	if byID.body != byEmail.body || byID.str("email") != r.HostEmail {
		t.Error("id and e-mail name different users")
	}
	r.get("/users/me").want(t, 404, 1001)
	r.get("/users/%s", r.DeletedUserID).want(t, 404, 1001)
	r.get("/users/nobody99@example.com").want(t, 404, 1001)
	if res := r.get("/users/%s", r.InactiveUserID).want(t, 200, 0); res.str("status") != "inactive" {
		t.Error(res.body)
	}
	if res := r.get("/users/%s", r.PendingUserEmail).want(t, 200, 0); res.str("status") != "pending" || res.json["id"] != nil {
		t.Error(res.body)
	}
	for _, u := range r.all("/users?status=pending", "users") {
		if u["id"] != nil || u["status"] != "pending" {
			t.Errorf("pending: %v", u)
		}
	}
	if all := r.all("/users?role_id=1", "users"); len(all) != 2 {
		t.Errorf("%d admins, want 2", len(all))
	}
	if u := r.get("/users?page_size=300").list("users")[1]; u["host_key"] != nil || u["custom_attributes"] != nil {
		t.Errorf("not requested: %v", u)
	}
	if u := r.get("/users?include_fields=host_key").list("users")[1]; u["host_key"] == nil {
		t.Errorf("no host key: %v", u)
	}
	r.get("/users?status=unknown").want(t, 400, 300)
	r.get("/users?include_fields=unknown").want(t, 400, 300)
}

func TestMeetingLifecycle(t *testing.T) {
	r := newRig(t, Options{})
	before := r.get("/users/%s/meetings", r.HostID).num("total_records")
	made := r.do("POST /users/"+r.HostEmail+"/meetings", map[string]any{
		"topic": "Plan & do", "type": 2, "start_time": "2026-03-20T10:00:00", "timezone": "Europe/Berlin", "duration": 45,
		"agenda": "x", "settings": map[string]any{"approval_type": 0, "mute_upon_entry": true, "unknown_setting": 1},
	}).want(t, 201, 0)
	id := made.num("id")
	if made.str("start_time") != "2026-03-20T09:00:00Z" || made.str("host_id") != r.HostID || made.str("registration_url") == "" || made.str("password") == "" {
		t.Errorf("created: %s", made.body)
	}
	path := fmt.Sprintf("/meetings/%d", id)
	got := r.get("%s", path).want(t, 200, 0)
	settings := got.json["settings"].(map[string]any)
	if got.str("topic") != "Plan & do" || settings["mute_upon_entry"] != true || settings["unknown_setting"] != nil || got.str("status") != "waiting" {
		t.Errorf("got: %s", got.body)
	}
	if n := r.get("/users/%s/meetings", r.HostID).num("total_records"); n != before+1 {
		t.Errorf("the list has %d, want %d", n, before+1)
	}

	if res := r.do("PATCH "+path, map[string]any{"topic": "Better", "settings": map[string]any{"approval_type": 2}}).want(t, 204, 0); res.body != "" {
		t.Errorf("204 with a body: %q", res.body)
	}
	got = r.get("%s", path).want(t, 200, 0)
	settings = got.json["settings"].(map[string]any)
	if got.str("topic") != "Better" || got.str("start_time") != "2026-03-20T09:00:00Z" || got.num("duration") != 45 || settings["mute_upon_entry"] != true || got.str("registration_url") != "" {
		t.Errorf("patched: %s", got.body)
	}

	r.do("DELETE "+path, nil).want(t, 204, 0)
	r.get("%s", path).want(t, 404, 3001)
	r.do("DELETE "+path, nil).want(t, 404, 3001)
	r.do("PUT "+path+"/status", map[string]any{"action": "recover"}).want(t, 204, 0)
	r.get("%s", path).want(t, 200, 0)
}

func TestMeetingPatch_refusedChangesNothing(t *testing.T) {
	r := newRig(t, Options{})
	path := fmt.Sprintf("/meetings/%d", r.MeetingNumber)
	r.do("PATCH "+path, map[string]any{"topic": "kept"}).want(t, 204, 0)
	before := r.get("%s", path).body
	r.do("PATCH "+path, map[string]any{"topic": "lost", "settings": map[string]any{"mute_upon_entry": true}, "duration": 0}).want(t, 400, 300)
	if after := r.get("%s", path).body; after != before {
		t.Errorf("a refused patch changed\n%s\nto\n%s", before, after)
	}
}

func TestNewMeetingValidation(t *testing.T) {
	r := newRig(t, Options{})
	for _, c := range []struct {
		why, field string
		body       map[string]any
	}{
		{"an unknown type", "type", map[string]any{"type": 5}},
		{"no time at all", "duration", map[string]any{"duration": 0}},
		{"more than a day", "duration", map[string]any{"duration": 1441}},
		{"a topic of 201", "topic", map[string]any{"topic": strings.Repeat("ü", 201)}},
		{"a passcode of 11", "password", map[string]any{"password": "12345678901"}},
		{"a start that is none", "start_time", map[string]any{"start_time": "tomorrow"}},
		{"an unknown approval", "settings.approval_type", map[string]any{"settings": map[string]any{"approval_type": 3}}},
		{"a series without a rule", "recurrence", map[string]any{"type": 8}},
		{"a rule without a type", "recurrence.type", map[string]any{"type": 8, "recurrence": map[string]any{}}},
		{"an eighth day", "recurrence.weekly_days", map[string]any{"type": 8, "recurrence": map[string]any{"type": 2, "weekly_days": "1,8"}}},
		{"61 times", "recurrence.end_times", map[string]any{"type": 8, "recurrence": map[string]any{"type": 1, "end_times": 61}}},
		{"a word for a number", "duration", map[string]any{"duration": "long"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			res := r.do("POST /users/"+r.HostID+"/meetings", c.body).want(t, 400, 300)
			if errs := res.list("errors"); len(errs) != 1 || errs[0]["field"] != c.field {
				t.Errorf("got %s, want field %s", res.body, c.field)
			}
		})
	}
	if res := r.do("POST /users/"+r.HostID+"/meetings", []int{1}); res.num("code") != 300 {
		t.Error(res.body)
	}
	r.do("POST /users/"+r.DeletedUserID+"/meetings", map[string]any{}).want(t, 404, 1001)
	r.do("POST /users/"+r.InactiveUserID+"/meetings", map[string]any{}).want(t, 400, 3161)
}

func TestRecurrence(t *testing.T) {
	start := time.Date(2026, 3, 16, 10, 0, 0, 0, time.UTC) // a Monday
	for _, c := range []struct {
		why  string
		rule recurrence
		zone string
		want string
	}{
		{"every other day", recurrence{Type: 1, RepeatInterval: 2, EndTimes: 3}, "UTC", "03-16T10 03-18T10 03-20T10"},
		{"until a date", recurrence{Type: 1, EndDateTime: "2026-03-18T09:00:00Z"}, "UTC", "03-16T10 03-17T10"},
		{"two days a week, from the middle", recurrence{Type: 2, WeeklyDays: "5,1", EndTimes: 3}, "UTC", "03-19T10 03-22T10 03-26T10"},
		{"the same hour in Berlin when clocks change", recurrence{Type: 2, WeeklyDays: "2", EndTimes: 3}, "Europe/Berlin", "03-16T10 03-23T10 03-30T09"},
		{"the 31st, where there is one", recurrence{Type: 3, MonthlyDay: 31, EndTimes: 3}, "UTC", "03-31T10 05-31T10 07-31T10"},
		{"the third Monday", recurrence{Type: 3, MonthlyWeek: 3, MonthlyWeekDay: 2, EndTimes: 3}, "UTC", "03-16T10 04-20T10 05-18T10"},
		{"the last Friday", recurrence{Type: 3, MonthlyWeek: -1, MonthlyWeekDay: 6, EndTimes: 2}, "UTC", "03-27T10 04-24T10"},
	} {
		t.Run(c.why, func(t *testing.T) {
			var got []string
			for _, d := range c.rule.dates(start, c.zone) {
				got = append(got, d.Format("01-02T15"))
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("got %s, want %s", s, c.want)
			}
		})
	}
	endless := recurrence{Type: 1}
	if n := len(endless.dates(start, "UTC")); n != maxOccurrences {
		t.Errorf("a series without an end has %d dates", n)
	}
}

func TestOccurrences(t *testing.T) {
	r := newRig(t, Options{})
	path := fmt.Sprintf("/meetings/%d", r.MeetingNumber)
	all := r.get("%s?show_previous_occurrences=true", path).list("occurrences")
	ahead := r.get("%s", path).list("occurrences")
	if len(ahead) == 0 || len(ahead) >= len(all) {
		t.Fatalf("%d future dates of %d", len(ahead), len(all))
	}
	id := ahead[1]["occurrence_id"].(string)
	one := path + "?occurrence_id=" + id

	r.do("PATCH "+one, map[string]any{"duration": 20, "agenda": "short", "topic": "no", "settings": map[string]any{"watermark": true}}).want(t, 204, 0)
	got := r.get("%s", one).want(t, 200, 0)
	if got.num("duration") != 20 || got.str("agenda") != "short" || got.str("topic") == "no" || got.json["settings"].(map[string]any)["watermark"] != true {
		t.Errorf("one occurrence: %s", got.body)
	}
	if whole := r.get("%s", path); whole.num("duration") != 60 || whole.str("agenda") == "short" {
		t.Errorf("a patch of one occurrence changed the series: %s", whole.body)
	}

	r.do("DELETE "+one, nil).want(t, 204, 0)
	r.get("%s", one).want(t, 400, 300)
	r.do("DELETE "+one, nil).want(t, 400, 300)
	after := r.get("%s", path).list("occurrences")
	if len(after) != len(ahead) || after[1]["status"] != "deleted" {
		t.Errorf("a deleted occurrence is not listed as deleted: %v", after)
	}
	r.do("PATCH "+path+"?occurrence_id=1", map[string]any{}).want(t, 400, 300)
	r.do("PATCH "+one, map[string]any{"duration": 20}).want(t, 400, 300)
}

func TestMeetingLists(t *testing.T) {
	r := newRig(t, Options{})
	path := "/users/" + r.HostID + "/meetings?page_size=300&type="
	count := map[string]int{}
	for _, kind := range []string{"scheduled", "live", "upcoming", "upcoming_meetings", "previous_meetings"} {
		res := r.get("%s%s", path, kind).want(t, 200, 0)
		count[kind] = res.num("total_records")
		for _, m := range res.list("meetings") {
			if m["type"] == 1.0 {
				t.Errorf("%s lists an instant meeting", kind)
			}
		}
	}
	if count["scheduled"] != 30 || count["live"] != 1 || count["upcoming"] != count["upcoming_meetings"] || count["previous_meetings"] == 0 {
		t.Errorf("lists: %v", count)
	}
	if count["upcoming"]+count["previous_meetings"] < count["scheduled"] {
		t.Errorf("some are neither upcoming nor previous: %v", count)
	}
	some := r.get("%sscheduled&from=2026-03-16&to=2026-03-23", path).num("total_records")
	if some == 0 || some >= count["scheduled"] {
		t.Errorf("%d of %d in a week", some, count["scheduled"])
	}
	r.get("%sunknown", path).want(t, 400, 300)
	r.get("%sscheduled&from=soon", path).want(t, 400, 300)
	r.get("/meetings/notanumber").want(t, 400, 300)
}

func TestEndMeeting(t *testing.T) {
	r := newRig(t, Options{})
	path := fmt.Sprintf("/meetings/%d", r.LiveMeeting)
	live := r.get("%s", path).want(t, 200, 0)
	if live.str("status") != "started" {
		t.Fatal(live.body)
	}
	r.get("/past_meetings/%d", r.LiveMeeting).want(t, 404, 3001)
	end := map[string]any{"action": "end"}
	r.do("PUT "+path+"/status", end).want(t, 204, 0)
	r.do("PUT "+path+"/status", end).want(t, 400, 3063)
	r.do("PUT "+path+"/status", map[string]any{"action": "pause"}).want(t, 400, 300)
	over := r.get("%s", path)
	if over.str("status") != "waiting" || over.str("uuid") == live.str("uuid") {
		t.Errorf("after the end: %s", over.body)
	}
	past := r.get("/past_meetings/%s", twice(live.str("uuid"))).want(t, 200, 0)
	if past.str("uuid") != live.str("uuid") || past.str("end_time") != stamp(monday) {
		t.Errorf("the instance that ended: %s", past.body)
	}
	r.do(fmt.Sprintf("DELETE /meetings/%d", r.PersonalMeeting), nil).want(t, 400, 3018)
}

func TestConcurrentWrites(t *testing.T) {
	r := newRig(t, Options{})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for k := range 10 {
				made := r.do("POST /users/"+r.HostID+"/meetings", map[string]any{"topic": fmt.Sprint(i, k)})
				path := fmt.Sprintf("/meetings/%d", made.num("id"))
				r.do("PATCH "+path, map[string]any{"agenda": "x"})
				r.get("/users/%s/meetings?page_size=300", r.HostID)
				r.get("/meetings/%d/registrants", r.MeetingNumber)
				r.do(fmt.Sprintf("POST /meetings/%d/registrants", r.MeetingNumber), map[string]any{"email": fmt.Sprintf("p%d.%d@example.net", i, k), "first_name": "P"})
			}
		})
	}
	all.Wait()
	if n := r.get("/users/%s/meetings", r.HostID).num("total_records"); n != 110 {
		t.Errorf("%d meetings, want 110", n)
	}
	if n := r.get("/meetings/%d/registrants", r.MeetingNumber).num("total_records"); n != 92 {
		t.Errorf("%d registrants, want 92", n)
	}
}
