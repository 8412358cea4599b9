package zoom

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/internal/ratelimit"
)

// TestScarce makes the last calls of a day dear, and no others.
func TestScarce(t *testing.T) {
	for _, c := range []struct {
		left int
		want float64
	}{{6000, 1}, {300, 1}, {299, 2}, {150, 2}, {149, 4}, {60, 8}, {30, 16}, {1, 16}, {0, 16}} {
		if got := scarce(c.left, 6000); got != c.want {
			t.Errorf("%d of 6000 left: %v times dearer, want %v", c.left, got, c.want)
		}
	}
}

// TestScarcity_second weighs what waits, and what other apps use, on every plan: users of whom
// each is asked for while there is room are looked for in a list then. An operation that has begun
// goes on as it began.
func TestScarcity_second(t *testing.T) {
	for _, c := range []struct {
		waiting   int
		competing int
		want      float64
	}{{0, 0, 1}, {79, 0, 1}, {80, 0, 2}, {200, 0, 4}, {100_000, 0, 16}, {0, 20, 1}, {0, 40, 2}, {0, 60, 4}, {0, 80, 16}} {
		if got := queued(c.waiting, Business.perSecond(Light)) * contested(c.competing, 80); got != c.want {
			t.Errorf("%d wait, and other apps use %d: %v times dearer, want %v", c.waiting, c.competing, got, c.want)
		}
	}
	for _, plan := range []Plan{Free, Pro, Business} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(12 * time.Hour) // it is not midnight
			var calls log
			limiter := ratelimit.NewLimiter(&ratelimit.Memory{}, time.Hour)
			ids := []string{"a", "b", "c"}
			c := newTestClient(func(r *http.Request) *http.Response {
				calls.note(r)
				if id, one := strings.CutPrefix(r.URL.Path, "/v2/users/"); one {
					return answer(200, userBody(id))
				}
				return answer(200, `{"users":[`+userBody("a")+`,`+userBody("b")+`,`+userBody("c")+`],"total_records":3}`)
			}, func(cfg *Config) { cfg.Plan, cfg.Limiter, cfg.Store = plan, limiter, nil })
			find := func(c *Client) string {
				calls.take()
				FindUsers(t.Context(), c, ids, nil)
				lists, gets := spent(calls.take())
				return fmt.Sprint(lists, gets)
			}
			began := c.Weighing()
			if got := find(began); got != "0 3" {
				t.Errorf("%s: %s lists and calls while there is room", plan, got)
			}
			light := plan.labels("account", &Spec{}, Light)[0]
			ctx, stop := context.WithCancel(t.Context())
			for range 10 * light.Calls {
				go func() { _, _ = limiter.Reserve(ctx, []ratelimit.Limit{light}) }()
			}
			synctest.Wait()
			if got := find(c); got != "1 0" {
				t.Errorf("%s: %s lists and calls while many wait", plan, got)
			}
			if got := began.Scarcity(); got.of(Light) != 1 {
				t.Errorf("%s: an operation that has begun takes calls for %v times dearer", plan, got.of(Light))
			}
			stop()
			synctest.Wait()
		})
	}
}

// TestScarcity looks for users in a list, where few of the day's calls are left that ask for
// one each, though it asks one by one as long as there are many.
func TestScarcity(t *testing.T) {
	for _, plan := range []Plan{Free, Business} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(12 * time.Hour) // it is not midnight
			var calls log
			limiter := ratelimit.NewLimiter(&ratelimit.Memory{}, time.Hour)
			c := newTestClient(func(r *http.Request) *http.Response {
				calls.note(r)
				if id, one := strings.CutPrefix(r.URL.Path, "/v2/users/"); one {
					return answer(200, userBody(id))
				}
				return answer(200, `{"users":[`+userBody("a")+`,`+userBody("b")+`,`+userBody("c")+`,`+userBody("d")+`,`+userBody("e")+`],"total_records":5}`)
			}, func(cfg *Config) { cfg.Plan, cfg.Limiter, cfg.Store = plan, limiter, nil })
			find := func() string {
				for range 2 { // the first learns what is left
					calls.take()
					FindUsers(t.Context(), c, []string{"a", "b", "c", "d", "e"}, nil)
					synctest.Wait()
				}
				lists, gets := spent(calls.take())
				return fmt.Sprint(lists, gets)
			}
			if got := find(); got != "0 5" {
				t.Errorf("%s: %s lists and calls while there are many", plan, got)
			}
			if limits := Free.labels("account", &Spec{}, Light); plan == Free {
				if err := limiter.Observe(t.Context(), limits[1], 60); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(scarcityTTL)
			if want := map[Plan]string{Free: "1 0", Business: "0 5"}[plan]; find() != want {
				t.Errorf("%s: not %s lists and calls while there are few", plan, want)
			}
		})
	}
}
