package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"zoomql/internal/zoom"
)

// spend charges calls of one label to an account until one is refused, and returns how many
// were allowed.
func spend(s *Sandbox, rate zoom.Rate, at func() time.Time, most int) (int, *call, *zoomError) {
	for n := range most {
		c := &call{Sandbox: s, now: at(), header: http.Header{}, route: &route{
			registered: &registered{pattern: "GET /test"}, spec: &zoom.Spec{Pattern: "GET /test", Rate: rate},
		}}
		if refusal, ok := errors.AsType[*zoomError](s.throttle(c)); ok {
			return n, c, refusal
		}
	}
	return most, nil, nil
}

func TestPlanTable(t *testing.T) {
	for _, c := range []struct {
		plan  string
		rate  zoom.Rate
		calls int
		per   time.Duration
	}{
		{PlanFree, zoom.Light, 4, time.Second},
		{PlanFree, zoom.Medium, 2, time.Second},
		{PlanFree, zoom.Heavy, 1, time.Second},
		{PlanFree, zoom.ResourceIntensive, 10, time.Minute},
		{PlanPro, zoom.Light, 30, time.Second},
		{PlanPro, zoom.Medium, 20, time.Second},
		{PlanPro, zoom.Heavy, 10, time.Second},
		{PlanPro, zoom.ResourceIntensive, 10, time.Minute},
		{PlanBusiness, zoom.Light, 80, time.Second},
		{PlanBusiness, zoom.Medium, 60, time.Second},
		{PlanBusiness, zoom.Heavy, 40, time.Second},
		{PlanBusiness, zoom.ResourceIntensive, 20, time.Minute},
	} {
		t.Run(c.plan+" "+c.rate.String(), func(t *testing.T) {
			s, err := New(Options{Plan: c.plan})
			if err != nil {
				t.Fatal(err)
			}
			at := func(d time.Duration) func() time.Time { return func() time.Time { return monday.Add(d) } }
			n, refused, e := spend(s, c.rate, at(0), 100)
			if n != c.calls || e.status != 429 || !strings.Contains(e.Message, "per-second") || refused.header.Get("X-RateLimit-Type") != "QPS" {
				t.Fatalf("%d calls at once, want %d; then %+v %v", n, c.calls, e, refused.header)
			}
			if n, _, _ := spend(s, c.rate, at(c.per-time.Millisecond), 100); n != 0 {
				t.Errorf("%d calls before the window has passed", n)
			}
			if n, _, _ := spend(s, c.rate, at(c.per), 100); n != c.calls {
				t.Errorf("%d calls after the window has passed, want %d", n, c.calls)
			}
		})
	}
	s, _ := New(Options{Plan: PlanNone})
	if n, _, _ := spend(s, zoom.ResourceIntensive, func() time.Time { return monday }, 1000); n != 1000 {
		t.Errorf("plan none refused after %d", n)
	}
}

func TestDailyLimits(t *testing.T) {
	for _, c := range []struct {
		plan    string
		rate    zoom.Rate
		step    time.Duration
		perDay  int
		emptied []zoom.Rate // refused afterwards
		left    []zoom.Rate // not refused afterwards
	}{
		{PlanFree, zoom.Light, time.Second / 4, 6000, []zoom.Rate{zoom.Light}, []zoom.Rate{zoom.Medium, zoom.Heavy, zoom.ResourceIntensive}},
		{PlanFree, zoom.Medium, time.Second / 2, 2000, []zoom.Rate{zoom.Medium}, []zoom.Rate{zoom.Light, zoom.Heavy}},
		{PlanFree, zoom.Heavy, time.Second, 1000, []zoom.Rate{zoom.Heavy}, []zoom.Rate{zoom.Light, zoom.ResourceIntensive}},
		{PlanPro, zoom.Heavy, time.Second / 10, 30000, []zoom.Rate{zoom.Heavy, zoom.ResourceIntensive}, []zoom.Rate{zoom.Light, zoom.Medium}},
		{PlanBusiness, zoom.Heavy, time.Second / 40, 60000, []zoom.Rate{zoom.Heavy, zoom.ResourceIntensive}, []zoom.Rate{zoom.Light, zoom.Medium}},
	} {
		t.Run(c.plan+" "+c.rate.String(), func(t *testing.T) {
			s, err := New(Options{Plan: c.plan})
			if err != nil {
				t.Fatal(err)
			}
			at := monday
			tick := func() time.Time { at = at.Add(c.step); return at }
			if n, _, _ := spend(s, c.rate, tick, 100_000); n != c.perDay {
				t.Fatalf("%d calls in a day, want %d", n, c.perDay)
			}
			still := func() time.Time { return at }
			for _, rate := range c.emptied {
				n, refused, e := spend(s, rate, still, 1)
				if n != 0 {
					t.Fatalf("%s: a call beyond the day's", rate)
				}
				if !strings.Contains(e.Message, "daily rate limit") || e.Code != 429 {
					t.Errorf("%s: %+v", rate, e)
				}
				for name, want := range map[string]string{
					"X-RateLimit-Type": "Daily-limit", "X-RateLimit-Limit": strconv.Itoa(c.perDay), "X-RateLimit-Remaining": "0",
					"Retry-After": "2026-03-17T00:00:00Z",
				} {
					if got := refused.header.Get(name); got != want {
						t.Errorf("%s: %s is %q, want %q", rate, name, got, want)
					}
				}
			}
			for _, rate := range c.left {
				if n, _, e := spend(s, rate, still, 1); n != 1 {
					t.Errorf("%s: %+v", rate, e)
				}
			}
			at = time.Date(2026, 3, 17, 0, 0, 0, 0, time.UTC)
			if n, _, e := spend(s, c.rate, still, 1); n != 1 {
				t.Errorf("after midnight: %+v", e)
			}
		})
	}
}

func TestThrottledAnswer(t *testing.T) {
	r := newRig(t, Options{Plan: PlanFree})
	for range 2 {
		r.get("/users").want(t, 200, 0)
	}
	res := r.get("/users").want(t, 429, 429)
	if res.header.Get("X-Ratelimit-Category") != "Medium" || res.header.Get("X-Ratelimit-Type") != "QPS" || res.header.Get("Retry-After") != "" {
		t.Errorf("headers: %v", res.header)
	}
	if r.Throttled() != 1 {
		t.Errorf("%d throttled, want 1", r.Throttled())
	}
	r.get("/users/%s", r.HostID).want(t, 200, 0) // another label

	r.clock.pass(time.Second)
	for range 2 {
		r.get("/past_meetings/%d/instances", r.MeetingNumber).want(t, 200, 0)
	}
	r.get("/past_meetings/%d/instances", r.MeetingNumber).want(t, 429, 4001)
}

func TestHostQuota(t *testing.T) {
	r := newRig(t, Options{Plan: PlanBusiness})
	create := func(user string) *result {
		r.clock.pass(time.Second)
		return r.do("POST /users/"+user+"/meetings", map[string]any{"topic": "x"})
	}
	first := create(r.HostID).want(t, 201, 0)
	for range 98 {
		create(r.HostEmail).want(t, 201, 0)
	}
	patch := fmt.Sprintf("PATCH /meetings/%d", first.num("id"))
	r.do(patch, map[string]any{"topic": "y"}).want(t, 204, 0)
	res := r.do(patch, map[string]any{"topic": "z"}).want(t, 429, 429)
	if !strings.Contains(res.str("message"), "daily rate limit (100) of Meeting Create/Update") || res.header.Get("Retry-After") != "" || res.header.Get("X-Ratelimit-Type") != "" {
		t.Errorf("%s %v", res.body, res.header)
	}
	create(r.HostID).want(t, 429, 429)
	create(r.OwnerID).want(t, 201, 0)
	r.clock.pass(24 * time.Hour)
	r.login()
	create(r.HostID).want(t, 201, 0)
}

func TestRegistrantQuotas(t *testing.T) {
	r := newRig(t, Options{Plan: PlanPro})
	add := func(meeting int64, email string) *result {
		r.clock.pass(time.Second)
		return r.do(fmt.Sprintf("POST /meetings/%d/registrants", meeting), map[string]any{"email": email, "first_name": "A"})
	}
	for _, email := range []string{"a@example.net", "A@example.net", "a@Example.net"} {
		add(r.MeetingNumber, email).want(t, 201, 0)
	}
	res := add(r.MeetingNumber, "a@example.net").want(t, 429, 429)
	if !strings.Contains(res.str("message"), "(a@example.net)") || res.header.Get("X-Ratelimit-Limit") != "3" {
		t.Errorf("%s %v", res.body, res.header)
	}
	add(r.MeetingNumber, "b@example.net").want(t, 201, 0)
	add(r.ManualMeeting, "a@example.net").want(t, 201, 0)

	change := func(ids ...string) *result {
		r.clock.pass(time.Second)
		var names []map[string]string
		for _, id := range ids {
			names = append(names, map[string]string{"id": id})
		}
		return r.do(fmt.Sprintf("PUT /meetings/%d/registrants/status", r.ManualMeeting), map[string]any{"action": "deny", "registrants": names})
	}
	for range 10 {
		change(r.PendingRegistrant).want(t, 204, 0)
	}
	change("someone", r.PendingRegistrant).want(t, 429, 429)
	change("someone").want(t, 204, 0)
}

func TestExclusive_oneWritePerUser(t *testing.T) {
	r := newRig(t, Options{})
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	r.Fault(Fault{Pattern: "DELETE /users/{userId}", Hang: true})
	var held sync.WaitGroup
	held.Go(func() {
		req, _ := http.NewRequestWithContext(ctx, http.MethodDelete, r.url+"/v2/users/"+r.InactiveUserID, nil)
		req.Header.Set("Authorization", "Bearer "+r.token)
		_, _ = http.DefaultClient.Do(req)
	})
	remove := func(id string) *result { return r.do("DELETE /users/"+id+"?action=delete", nil) }
	eventually(t, func() bool {
		r.locks.mu.Lock()
		defer r.locks.mu.Unlock()
		return len(r.locks.held) == 1
	})
	if res := remove(r.InactiveUserID).want(t, 429, 429); !strings.Contains(res.str("message"), "Too many concurrent requests") {
		t.Error(res.body)
	}
	remove(r.HostID).want(t, 204, 0)
	leave()
	held.Wait()
	eventually(t, func() bool { return remove(r.InactiveUserID).status == 204 })
}

// eventually polls until done returns true. The deadline of the test ends it otherwise.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for !done() {
		if t.Context().Err() != nil {
			t.Fatal("the condition was never met")
		}
		time.Sleep(time.Millisecond)
	}
}
