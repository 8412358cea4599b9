package zoom

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom/types"
)

// untilNoon waits so that the daily counters are not reset during a test; bubbles begin at
// midnight.
func untilNoon() { time.Sleep(12 * time.Hour) }

func TestLimited_quotaOfAHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		untilNoon()
		calls := 0
		c := budgeted(Business, func(r *http.Request) *http.Response {
			calls++
			if r.Method == http.MethodPost {
				return answer(201, `{"id":7,"host_id":"u"}`)
			}
			return answer(204, "")
		}, time.Minute)
		create := func() error {
			_, err := CreateMeeting.Do(t.Context(), c, NewMeeting{UserID: "u", Meeting: &types.NewMeeting{}})
			return err
		}
		update := func(meeting types.MeetingNumber) error {
			_, err := UpdateMeeting.Do(t.Context(), c, MeetingPatch{MeetingID: meeting, Patch: somePatch})
			return err
		}
		for i := range 100 {
			do := create // the answer has the host of meeting 7
			if i > 0 {
				do = func() error { return update(7) }
			}
			if err := do(); err != nil {
				t.Fatal(i, err)
			}
		}
		for _, err := range []error{update(7), create()} {
			if !errors.Is(err, ErrDailyLimit) || calls != 100 {
				t.Errorf("after a hundred: %v, %d calls", err, calls)
			}
		}
		if err := update(8); err != nil {
			t.Errorf("a meeting of an unknown host: %v", err)
		}
	})
}

// A quota that Zoom refuses for an unknown host blocks calls for that meeting, and for no
// other.
func TestLimited_quotaOfAnUnknownHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		untilNoon()
		calls := 0
		c := budgeted(Business, func(*http.Request) *http.Response {
			calls++
			return answer(429, `{"code":429,"message":"You have exceeded the daily rate limit (100) of Meeting Create/Update API requests permitted for this particular user."}`)
		}, time.Minute)
		for i, meeting := range []types.MeetingNumber{7, 7, 8} {
			_, err := UpdateMeeting.Do(t.Context(), c, MeetingPatch{MeetingID: meeting, Patch: somePatch})
			if want := []int{1, 1, 2}[i]; !errors.Is(err, ErrDailyLimit) || calls != want {
				t.Errorf("update %d: %v, %d calls", i, err, calls)
			}
		}
	})
}

func TestLimited_quotaOfEachRegistrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		untilNoon()
		c := budgeted(Business, func(*http.Request) *http.Response { return answer(204, "") }, time.Minute)
		change := func(emails ...string) error {
			patch := RegistrantStatusPatch{MeetingID: 7, Body: RegistrantStatusBody{Action: types.RegistrantActionApprove}}
			for _, email := range emails {
				patch.Body.Registrants = append(patch.Body.Registrants, RegistrantName{Email: email})
			}
			_, err := UpdateRegistrantStatus.Do(t.Context(), c, patch)
			return err
		}
		for range 10 {
			if err := change("Ann@example.com", "bob@example.com"); err != nil {
				t.Fatal(err)
			}
		}
		if err := change("carl@example.com", "ann@example.com"); !errors.Is(err, ErrDailyLimit) {
			t.Errorf("an eleventh change of one of them: %v", err)
		}
		if err := change("carl@example.com"); err != nil {
			t.Errorf("another, who was not counted with it: %v", err)
		}
	})
}

// The limiter adopts the figures in the headers of any answer.
func TestLimited_observesHeaders(t *testing.T) {
	for _, c := range []struct {
		why       string
		headers   []string
		left      int // of the pool
		competing int
	}{
		{"a day, by its figure", []string{"X-RateLimit-Limit", "60000", "X-RateLimit-Remaining", "41000"}, 41_000, 0},
		{"a day, by its name", []string{"X-RateLimit-Type", "Daily-limit", "X-RateLimit-Limit", "30000", "X-RateLimit-Remaining", "29000"}, 29_000, 0},
		{"a second, by its figure", []string{"X-RateLimit-Limit", "40", "X-RateLimit-Remaining", "9"}, 59_999, 30},
		{"a day of one object, which is not the label's", []string{"X-RateLimit-Type", "Daily-limit", "X-RateLimit-Limit", "100", "X-RateLimit-Remaining", "0"}, 59_999, 0},
		{"figures of an unknown limit", []string{"X-RateLimit-Limit", "7", "X-RateLimit-Remaining", "1"}, 59_999, 0},
		{"no figures", []string{"X-RateLimit-Limit", "many", "X-RateLimit-Remaining", "-1"}, 59_999, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			untilNoon()
			c2 := budgeted(Business, func(*http.Request) *http.Response { return answer(200, `{"dates":[]}`, c.headers...) }, time.Minute)
			if _, err := GetDailyReport.Do(t.Context(), c2, MonthKey{}); err != nil {
				t.Fatal(err)
			}
			all, err := c2.cfg.Limiter.Remaining(t.Context(), Business.labels("account", GetDailyReport.Spec, Heavy))
			if err != nil || all[1].Left != c.left || all[0].Competing != c.competing {
				t.Errorf("%s: %+v, %v", c.why, all, err)
			}
		})
	}
}

// A daily refusal about one object leaves the label free, whatever the headers count.
func TestLimited_dayOfOneObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		untilNoon()
		c := budgeted(Free, func(r *http.Request) *http.Response {
			if r.Method == http.MethodDelete {
				return answer(429, `{"code":429,"message":"You have exceeded the daily rate limit (100) of Meeting Create/Update API requests permitted for this particular user."}`,
					"X-RateLimit-Category", "Light", "X-RateLimit-Type", "Daily-limit", "X-RateLimit-Limit", "100", "X-RateLimit-Remaining", "0")
			}
			return answer(200, `{"id":"u"}`)
		}, time.Minute)
		if _, err := DeleteMeeting.Do(t.Context(), c, MeetingRemoval{MeetingID: 7}); !errors.Is(err, ErrDailyLimit) {
			t.Fatal(err)
		}
		if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); err != nil {
			t.Errorf("another object: %v", err)
		}
	})
}

// A label whose day is over is free again when Zoom says so.
func TestLimited_dayOverUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		untilNoon()
		calls := 0
		c := budgeted(Business, func(*http.Request) *http.Response {
			if calls++; calls == 1 {
				return answer(429, `{"code":429,"message":"You have reached the maximum daily rate limit for this API."}`,
					"X-RateLimit-Category", "Heavy", "X-RateLimit-Type", "Daily-limit", "X-RateLimit-Limit", "60000", "X-RateLimit-Remaining", "0", "Retry-After", "3600")
			}
			return answer(200, `{"dates":[]}`)
		}, time.Minute)
		ask := func() error {
			_, err := GetDailyReport.Do(t.Context(), c, MonthKey{})
			return err
		}
		for range 2 {
			if err := ask(); !errors.Is(err, ErrDailyLimit) || calls != 1 {
				t.Errorf("before: %v, %d calls", err, calls)
			}
		}
		time.Sleep(time.Hour)
		if err := ask(); err != nil || calls != 2 {
			t.Errorf("after: %v, %d calls", err, calls)
		}
	})
}

// An operation counts against the label that Zoom's headers name.
func TestLimited_labelNamedByZoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := budgeted(Business, func(*http.Request) *http.Response { return answer(200, `{"id":"u"}`, "X-RateLimit-Category", "Heavy") }, time.Minute)
		for i := range 3 {
			if _, err := GetUser.Do(t.Context(), c, UserKey{strings.Repeat("u", i+1)}); err != nil {
				t.Fatal(err)
			}
		}
		all, err := c.cfg.Limiter.Remaining(t.Context(), append(Business.labels("account", GetUser.Spec, Light), Business.labels("account", GetUser.Spec, Heavy)[0]))
		if err != nil || all[0].Left != 79 || all[1].Left != 38 {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

// A per-second refusal without a date counts as usage by other apps; with one, it blocks the
// label until then.
func TestLimited_refusalsByTheSecond(t *testing.T) {
	for _, dated := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			untilNoon()
			refuse := false
			c := budgeted(Business, func(*http.Request) *http.Response {
				if refuse {
					headers := []string{"X-RateLimit-Type", "QPS"}
					if dated {
						headers = append(headers, "Retry-After", "3")
					}
					return answer(429, `{"code":429,"message":"You have reached the maximum per-second rate limit for this API. Try again later."}`, headers...)
				}
				return answer(404, `{"code":1001}`)
			}, time.Minute)
			for i := range 60 {
				_, _ = GetUser.Do(t.Context(), c, UserKey{"u" + strings.Repeat("x", i)})
			}
			refuse = true
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			_, err := GetUser.Do(ctx, c, UserKey{"v"})
			e := asError(t, err)
			want, competing := time.Second, 26
			if dated {
				want, competing = 3*time.Second, 0
			}
			if wait := time.Until(e.RetryAt); !errors.Is(e, ErrRateLimited) || wait < want-100*time.Millisecond || wait > want {
				t.Errorf("dated %v: %v, again in %v", dated, e, wait)
			}
			all, err := c.cfg.Limiter.Remaining(t.Context(), []ratelimit.Limit{Business.labels("account", GetUser.Spec, Light)[0]})
			if err != nil || all[0].Competing != competing {
				t.Errorf("dated %v: %+v, %v", dated, all, err)
			}
		})
	}
}

func TestResetOf(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Time{
		"":                     {},
		"soon":                 {},
		"5":                    now.Add(5 * time.Second),
		"1795176005":           time.Unix(1795176005, 0),
		"9999999999":           {},
		"2026-11-21T00:00:00Z": now.Add(12 * time.Hour),
	} {
		if got := resetOf(v, now); !got.Equal(want) {
			t.Errorf("%q: %v, want %v", v, got, want)
		}
	}
}

// The limiter is notified of a call that was written late.
func TestLimited_countsFromTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		untilNoon()
		for _, c := range []struct {
			connected time.Duration
			late      int
		}{{time.Millisecond, 0}, {20 * time.Millisecond, 1}} {
			store := &lateness{late: make(chan struct{}, 1)}
			client := newTestClient(func(req *http.Request) *http.Response {
				time.Sleep(c.connected)
				httptrace.ContextClientTrace(req.Context()).WroteRequest(httptrace.WroteRequestInfo{})
				return answer(404, `{"code":1001,"message":"User does not exist."}`)
			}, func(c *Config) { c.Plan, c.Limiter = Pro, ratelimit.NewLimiter(store, time.Second) })
			if _, err := GetUser.Do(t.Context(), client, UserKey{"u"}); !errors.Is(err, ErrNotFound) {
				t.Error(err)
			}
			if synctest.Wait(); len(store.late) != c.late {
				t.Errorf("after %v, the limiter was notified of %d late calls, want %d", c.connected, len(store.late), c.late)
			}
		}
	})
}

// lateness is a store that records late calls.
type lateness struct {
	ratelimit.Memory
	late chan struct{}
}

// Late implements [ratelimit.Store].
func (l *lateness) Late(context.Context, time.Time, ratelimit.Decision, []ratelimit.Limit) error {
	l.late <- struct{}{}
	return nil
}

// farStore is a store with a slow round trip.
type farStore struct{ ratelimit.Store }

func (s farStore) Take(ctx context.Context, now time.Time, within time.Duration, limits []ratelimit.Limit) (ratelimit.Decision, error) {
	time.Sleep(100 * time.Millisecond)
	return s.Store.Take(ctx, now, within, limits)
}

// The store's round trip does not count as waiting.
func TestLimited_waited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		untilNoon()
		c := newTestClient(func(*http.Request) *http.Response { return answer(200, `{"id":"u"}`) }, func(cfg *Config) {
			cfg.Plan, cfg.Store, cfg.Limiter = Free, nil, ratelimit.NewLimiter(farStore{&ratelimit.Memory{}}, time.Minute)
		})
		for i := range 5 { // four per second, and a round trip of 100 ms for each
			u := &Usage{}
			if _, err := GetUser.Do(WithUsage(t.Context(), u), c, UserKey{"u"}); err != nil {
				t.Fatal(err)
			}
			if waited := u.Waited() > 0; waited != (i == 4) {
				t.Errorf("call %d waited %s", i, u.Waited())
			}
		}
	})
}
