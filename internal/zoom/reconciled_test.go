package zoom

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/cache"
	"zoomql/internal/zoom/types"
)

// missing is a coverage by events that have come since some time, and which counts those that
// were missed.
type missing struct {
	covered
	missed atomic.Int32
	during func() // is called by Since, unless it is nil
}

// Since implements [Coverage].
func (m *missing) Since(kinds EventKinds, now time.Time) time.Time {
	if m.during != nil {
		m.during()
	}
	return m.covered.Since(kinds, now)
}

// Missed implements [Coverage].
func (m *missing) Missed(kinds EventKinds) {
	if kinds != 1 {
		panic("other kinds")
	}
	m.missed.Add(1)
}

// l2 is an L2 in this process, without leases.
type l2 struct{ *cache.Memory }

func newL2() l2 { return l2{cache.NewMemory(1 << 20)} }

// GetOrLease implements [cache.Leaser].
func (s l2) GetOrLease(ctx context.Context, key string, want cache.Want, tags ...cache.Tag) (*cache.Entry, cache.Ticket, *cache.Lease) {
	e, ticket := s.Get(ctx, key, tags...)
	if e != nil && !want.Acceptable(e) {
		e = nil
	}
	return e, ticket, nil
}

// SetLeased implements [cache.L2].
func (s l2) SetLeased(ctx context.Context, key string, ticket cache.Ticket, e *cache.Entry) bool {
	s.Set(ctx, key, ticket, e)
	return true
}

// TagName implements [cache.L2].
func (l2) TagName(tag cache.Tag) string { return string(tag) }

// TestReconcile asks anew for an answer that events have kept right for an hour, and for one
// that is about to be asked anew in the background. Where it has changed and no event has
// told so, one was missed.
func TestReconcile(t *testing.T) {
	const first, second = `{"id":7,"topic":"first"}`, `{"id":7,"topic":"second"}`
	for why, c := range map[string]struct {
		now   string
		event time.Duration // when it comes after the answer; 0 for never
		age   time.Duration
		since time.Duration // before the first read
		want  int32
	}{
		"it is as it was":                     {now: first, age: CoveredLife + 30*time.Second, since: time.Minute},
		"it has changed":                      {now: second, age: CoveredLife + 30*time.Second, since: time.Minute, want: 1},
		"its event comes late":                {now: second, age: CoveredLife + 30*time.Second, since: time.Minute, event: 20 * time.Second},
		"its event comes too late":            {now: second, age: CoveredLife + 30*time.Second, since: time.Minute, event: 40 * time.Second, want: 1},
		"events do not come yet":              {now: second, age: 61 * time.Second, since: -time.Hour},
		"events have begun since it was read": {now: second, age: CoveredLife + 30*time.Second, since: -time.Second},
	} {
		t.Run(why, func(t *testing.T) {
			for tier, shared := range map[string]bool{"one tier": false, "two tiers": true} {
				synctest.Test(t, func(t *testing.T) {
					var answered atomic.Pointer[string]
					text := first
					answered.Store(&text)
					events := &missing{covered: covered{since: time.Now().Add(-c.since)}}
					c2 := newTestClient(func(*http.Request) *http.Response { return answer(200, *answered.Load()) }, func(cfg *Config) {
						cfg.Coverage = events
						if shared {
							cfg.Store, cfg.Shared = nil, cache.NewTiered(cache.NewMemory(1<<20), newL2())
						}
					})
					get := func() {
						t.Helper()
						if _, err := GetMeeting.Do(t.Context(), c2, MeetingQuery{MeetingID: 7}); err != nil {
							t.Fatal(err)
						}
					}
					get()
					answered.Store(&c.now)
					time.Sleep(c.age)
					get()
					if c.event > 0 {
						time.Sleep(c.event)
						c2.Evict(t.Context(), "meeting:7")
					}
					time.Sleep(2 * reconcileAfter)
					synctest.Wait()
					if n := events.missed.Load(); n != c.want {
						t.Errorf("%s: %d events were missed, want %d", tier, n, c.want)
					}
				})
			}
		})
	}
}

// TestReconcile_evicted asks anew for what an event has made stale: it has changed, and none
// was missed.
func TestReconcile_evicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := &missing{covered: covered{since: time.Now().Add(-time.Minute)}}
		n := 0
		c := newTestClient(func(*http.Request) *http.Response {
			n++
			return answer(200, `{"id":7,"topic":"`+strings.Repeat("x", n)+`"}`)
		}, func(cfg *Config) { cfg.Coverage = events })
		for range 5 {
			if _, err := GetMeeting.Do(t.Context(), c, MeetingQuery{MeetingID: 7}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Minute)
			c.Evict(t.Context(), "meeting:7")
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		if n != 5 || events.missed.Load() != 0 {
			t.Errorf("%d calls, and %d events were missed", n, events.missed.Load())
		}
	})
}

// TestReconcile_eventMeanwhile has the event come when the answer has been looked for, and is
// about to be asked for anew.
func TestReconcile_eventMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := &missing{covered: covered{since: time.Now().Add(-time.Minute)}}
		text := "first"
		c := newTestClient(func(*http.Request) *http.Response { return answer(200, `{"id":7,"topic":"`+text+`"}`) }, func(cfg *Config) {
			cfg.Coverage, cfg.Store, cfg.Shared = events, nil, cache.NewTiered(cache.NewMemory(1<<20), newL2())
		})
		get := func() {
			t.Helper()
			if _, err := GetMeeting.Do(t.Context(), c, MeetingQuery{MeetingID: 7}); err != nil {
				t.Fatal(err)
			}
		}
		get()
		time.Sleep(CoveredLife + 30*time.Second)
		text = "second"
		events.during = func() { c.Evict(t.Context(), "meeting:7") }
		get()
		events.during = nil
		time.Sleep(2 * reconcileAfter)
		synctest.Wait()
		if n := events.missed.Load(); n != 0 {
			t.Errorf("%d events were missed", n)
		}
	})
}

// TestReconcile_isBounded finds more differences at once than wait for their events.
func TestReconcile_isBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := &missing{covered: covered{since: time.Now().Add(-time.Minute)}}
		var changed atomic.Bool
		c := newTestClient(func(r *http.Request) *http.Response {
			return answer(200, `{"id":`+strings.TrimPrefix(r.URL.Path, "/v2/meetings/")+`,"agenda":"`+map[bool]string{true: "new"}[changed.Load()]+`"}`)
		}, func(cfg *Config) { cfg.Coverage, cfg.MaxInFlight = events, 1000 })
		read := func() {
			for i := range 2 * maxReconciled {
				if _, err := GetMeeting.Do(t.Context(), c, MeetingQuery{MeetingID: types.MeetingNumber(i + 1)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		read()
		changed.Store(true)
		time.Sleep(CoveredLife + 30*time.Second)
		read()
		time.Sleep(2 * reconcileAfter)
		synctest.Wait()
		if n := events.missed.Load(); n != maxReconciled {
			t.Errorf("%d differences have waited, want %d", n, maxReconciled)
		}
	})
}
