package sandbox

import (
	"fmt"
	"net/url"
	"strconv"
	"testing"
	"time"
)

func TestPages_everyUserOnce(t *testing.T) {
	r := newRig(t, Options{Users: 500})
	for _, size := range []int{7, 30, 300, 2000} {
		seen := map[string]bool{}
		for _, u := range r.all(fmt.Sprintf("/users?page_size=%d", size), "users") {
			seen[u["id"].(string)] = true
		}
		if total := r.get("/users").num("total_records"); len(seen) != total {
			t.Errorf("pages of %d: %d users, total_records %d", size, len(seen), total)
		}
	}
}

func TestPageCounters(t *testing.T) {
	r := newRig(t, Options{Users: 500})
	res := r.get("/users?page_size=100")
	total := res.num("total_records")
	if res.num("page_size") != 100 || res.num("page_count") != (total+99)/100 || len(res.list("users")) != 100 {
		t.Errorf("counters: %d of %d, %d pages", res.num("page_size"), total, res.num("page_count"))
	}
	if n := len(r.get("/users").list("users")); n != 30 {
		t.Errorf("without page_size: %d users, want 30", n)
	}
	second := r.get("/users?page_size=100&page_number=2").list("users")
	token := url.QueryEscape(res.str("next_page_token"))
	if byToken := r.get("/users?page_size=100&next_page_token=%s", token).list("users"); second[0]["id"] != byToken[0]["id"] {
		t.Error("page_number=2 and the token are different positions")
	}
}

func TestPageToken(t *testing.T) {
	r := newRig(t, Options{Users: 500})
	first := "/users?page_size=10&status=active"
	token := url.QueryEscape(r.get("%s", first).str("next_page_token"))
	for _, c := range []struct {
		why, path string
		code      int
	}{
		{"the same question", first + "&next_page_token=" + token, 0},
		{"parameters in another order", "/users?status=active&next_page_token=" + token + "&page_size=10", 0},
		{"another page size", "/users?page_size=20&status=active&next_page_token=" + token, 300},
		{"another filter", "/users?page_size=10&status=pending&next_page_token=" + token, 300},
		{"a filter less", "/users?page_size=10&next_page_token=" + token, 300},
		{"another operation", "/users/" + r.HostID + "/meetings?page_size=10&status=active&next_page_token=" + token, 300},
		{"a token cut short", first + "&next_page_token=" + token[:9], 300},
		{"no token of ours", first + "&next_page_token=%2B%2B", 300},
	} {
		t.Run(c.why, func(t *testing.T) {
			status := 200
			if c.code != 0 {
				status = 400
			}
			res := r.get("%s", c.path).want(t, status, c.code)
			if c.code != 0 && res.str("message") != "The next page token is invalid or expired." {
				t.Errorf("message %q", res.str("message"))
			}
		})
	}
	rows := "meetings/" + twice(r.BigInstance) + "/participants?page_size=10"
	other := url.QueryEscape(r.get("/past_%s", rows).str("next_page_token"))
	r.get("/past_%s&next_page_token=%s", rows, other).want(t, 200, 0)
	r.get("/report/%s&next_page_token=%s", rows, other).want(t, 400, 300) // the same parameters for another operation

	r.clock.pass(15*time.Minute - time.Millisecond)
	r.get("%s&next_page_token=%s", first, token).want(t, 200, 0)
	r.clock.pass(time.Millisecond)
	r.get("%s&next_page_token=%s", first, token).want(t, 400, 300)
}

func TestPageSizeBounds(t *testing.T) {
	r := newRig(t, Options{})
	for path, largest := range map[string]int{
		"/users?":                           2000,
		"/users/" + r.HostID + "/meetings?": 300,
		fmt.Sprintf("/meetings/%d/registrants?", r.MeetingNumber):                300,
		"/past_meetings/" + twice(r.BigInstance) + "/participants?":              300,
		"/report/meetings/" + twice(r.BigInstance) + "/participants?":            300,
		"/report/users/" + r.HostID + "/meetings?from=2026-03-01&to=2026-03-15&": 300,
	} {
		r.get("%spage_size=%d", path, largest).want(t, 200, 0)
		for _, bad := range []string{strconv.Itoa(largest + 1), "0", "-1", "many"} {
			res := r.get("%spage_size=%s", path, bad).want(t, 400, 300)
			if fields := res.list("errors"); len(fields) != 1 || fields[0]["field"] != "page_size" {
				t.Errorf("%s with page_size=%s: %s", path, bad, res.body)
			}
		}
	}
}
