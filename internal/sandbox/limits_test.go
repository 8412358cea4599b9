package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"zoomql/internal/zoom"
)

// spend charges calls of one label to an account until one is refused, and
// returns how many were not.
func spend(s *Sandbox, rate zoom.Rate, at func() time.Time, most int) (int, *call, *zoomError) {
	for n := range most {
		c := &call{Sandbox: s, now: at(), header: http.Header{}, route: &route{
			registered: &registered{pattern: "GET /test"}, spec: &zoom.Spec{Pattern: "GET /test", Rate: rate},
		}}
		var refusal *zoomError
		if errors.As(s.throttle(c), &refusal) {
			return n, c, refusal
		}
	}
	return most, nil, nil
}

func TestPlanTable(t *testing.T) {
	for _, c := range []struct {
		plan       string
		rate       zoom.Rate
		calls      int
		per        time.Duration
		daily      int
		sharedWith zoom.Rate
	}{
		{PlanFree, zoom.Light, 4, time.Second, 6000, 0},
		{PlanFree, zoom.Medium, 2, time.Second, 2000, 0},
		{PlanFree, zoom.Heavy, 1, time.Second, 1000, 0},
		{PlanFree, zoom.ResourceIntensive, 10, time.Minute, 30000, 0},
		{PlanPro, zoom.Light, 30, time.Second, 0, 0},
		{PlanPro, zoom.Medium, 20, time.Second, 0, 0},
		{PlanPro, zoom.Heavy, 10, time.Second, 30000, zoom.ResourceIntensive},
		{PlanPro, zoom.ResourceIntensive, 10, time.Minute, 30000, zoom.Heavy},
		{PlanBusiness, zoom.Light, 80, time.Second, 0, 0},
		{PlanBusiness, zoom.Medium, 60, time.Second, 0, 0},
		{PlanBusiness, zoom.Heavy, 40, time.Second, 60000, zoom.ResourceIntensive},
		{PlanBusiness, zoom.ResourceIntensive, 20, time.Minute, 60000, zoom.Heavy},
	} {
		t.Run(c.plan+" "+c.rate.String(), func(t *testing.T) {
			s, err := New(Options{Plan: c.plan})
			if err != nil {
				t.Fatal(err)
			}
			still := func() time.Time { return monday }
			n, refused, e := spend(s, c.rate, still, 100)
			if n != c.calls || e.status != 429 || !strings.Contains(e.Message, "per-second") || refused.header.Get("X-RateLimit-Type") != "QPS" {
				t.Fatalf("%d calls at once, want %d; then %+v %v", n, c.calls, e, refused.header)
			}
			almost := func() time.Time { return monday.Add(c.per - time.Millisecond) }
			if n, _, _ := spend(s, c.rate, almost, 100); n != 0 {
				t.Errorf("%d calls before the window has passed", n)
			}
			after := func() time.Time { return monday.Add(c.per) }
			if n, _, _ := spend(s, c.rate, after, 100); n != c.calls {
				t.Errorf("%d calls after the window has passed, want %d", n, c.calls)
			}
			c.checkDaily(t)
		})
	}
}

type planRow = struct {
	plan       string
	rate       zoom.Rate
	calls      int
	per        time.Duration
	daily      int
	sharedWith zoom.Rate
}
