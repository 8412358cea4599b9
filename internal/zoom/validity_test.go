package zoom

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/cache"
	"zoomql/internal/zoom/types"
)

// covered is a Coverage of all operations, by events that have arrived since some time; the
// zero time means that none arrive.
type covered struct{ since time.Time }

// Kinds implements [Coverage].
func (*covered) Kinds(*Spec) EventKinds { return 1 }

// Since implements [Coverage].
func (c *covered) Since(EventKinds, time.Time) time.Time { return c.since }

// Missed implements [Coverage].
func (*covered) Missed(EventKinds) {}

func covering(events *covered) func(*Config) { return func(c *Config) { c.Coverage = events } }

// An answer is fresh for CoveredLife while events arrive. When they stop, or have been
// interrupted, it is fresh for its own lifetime.
func TestValidity_lifetimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls log
		events := &covered{since: time.Now().Add(-time.Second)}
		c := newTestClient(logged(&calls, zoomWith(map[string]string{"/meetings/7": `{"id":7}`})), covering(events))
		get := func(why string, want ...string) {
			t.Helper()
			u := &Usage{}
			if _, err := GetMeeting.Do(WithUsage(t.Context(), u), c, MeetingQuery{MeetingID: 7}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			calls.want(t, why, want...)
			if u.Stale() != 0 {
				t.Errorf("%s: it is stale", why)
			}
		}
		get("at first", "GET /meetings/7")
		time.Sleep(CoveredLife - time.Millisecond)
		get("while events come")
		time.Sleep(time.Minute)
		get("after an hour", "GET /meetings/7")
		time.Sleep(10 * time.Minute)
		get("while events come again")
		events.since = time.Time{}
		get("when they have ended", "GET /meetings/7")
		time.Sleep(10 * time.Minute)
		events.since = time.Now()
		time.Sleep(time.Millisecond)
		get("when they have begun since it was read", "GET /meetings/7")
		time.Sleep(10 * time.Minute)
		get("when they have begun before it was read")
		c.Evict(t.Context(), "meeting:7")
		get("after an event", "GET /meetings/7")
	})
}

// TestValidity_late asks every half minute for the latest run of a meeting, of which Zoom tells
// some time after the event. It is shown soon after Zoom has it, and few calls are made.
func TestValidity_late(t *testing.T) {
	for name, c := range map[string]struct {
		lag   time.Duration
		shown time.Duration // after the event, at the latest
		calls int           // in the six hours after it, at most
	}{
		"at once":        {0, time.Second, 40},
		"after a minute": {time.Minute, 2*time.Minute + 30*time.Second, 40},
		"half an hour":   {30 * time.Minute, 38*time.Minute + 30*time.Second, 40},
		"two hours":      {2 * time.Hour, 2*time.Hour + 31*time.Minute, 40},
	} {
		t.Run(name, func(t *testing.T) {
			for tier, shared := range map[string]bool{"one tier": false, "two tiers": true} {
				synctest.Test(t, func(t *testing.T) {
					events := &missing{covered: covered{since: time.Now().Add(-time.Minute)}}
					var calls atomic.Int64
					run := atomic.Pointer[string]{}
					run.Store(new("old"))
					client := newTestClient(func(*http.Request) *http.Response {
						calls.Add(1)
						return answer(200, `{"uuid":"`+*run.Load()+`","end_time":"2026-01-01T00:00:00Z"}`)
					}, func(cfg *Config) {
						cfg.Coverage = events
						if shared {
							cfg.Store, cfg.Shared = nil, cache.NewTiered(cache.NewMemory(1<<20), newL2())
						}
					})
					ask := func() string {
						i, err := GetPastMeeting.Do(t.Context(), client, InstanceKey{MeetingID: "7"})
						if err != nil {
							t.Fatal(err)
						}
						return string(i.UUID)
					}
					for range 10 * 60 * 2 { // ten hours
						ask()
						time.Sleep(30 * time.Second)
					}
					calls.Store(0)
					for range 2 * 60 * 2 {
						ask()
						time.Sleep(30 * time.Second)
					}
					if n := calls.Load(); n > 3 {
						t.Errorf("%s: without events, %d calls were made in two hours", tier, n)
					}
					client.Evict(t.Context(), "instance:7")
					ended := time.Now()
					time.AfterFunc(c.lag, func() { run.Store(new("new")) })
					var shown time.Duration
					calls.Store(0)
					for range 6 * 60 * 2 {
						synctest.Wait()
						if ask() == "new" && shown == 0 {
							shown = time.Since(ended) + 1
						}
						time.Sleep(30 * time.Second)
					}
					if n := int(calls.Load()); shown == 0 || shown > c.shown || n > c.calls {
						t.Errorf("%s: it is shown after %v, want %v; %d calls, want %d at most", tier, shown, c.shown, n, c.calls)
					}
					if n := events.missed.Load(); n > 0 {
						t.Errorf("%s: %d events were missed", tier, n)
					}
				})
			}
		})
	}
}

// TestValidity_lateWithoutEvents asks for the latest run when events have come for less long
// than nothing has changed: an event may have been missed before.
func TestValidity_lateWithoutEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := &covered{since: time.Now().Add(-time.Minute)}
		var calls atomic.Int64
		client := newTestClient(func(*http.Request) *http.Response {
			calls.Add(1)
			return answer(200, `{"uuid":"a","end_time":"2026-01-01T00:00:00Z"}`)
		}, covering(events))
		in := func(d time.Duration) int {
			calls.Store(0)
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(30 * time.Second) {
				if _, err := GetPastMeeting.Do(t.Context(), client, InstanceKey{MeetingID: "7"}); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			return int(calls.Load())
		}
		in(6 * time.Hour)
		if n := in(time.Hour); n > 2 {
			t.Errorf("while events come, %d calls were made in an hour", n)
		}
		events.since = time.Now()
		if n := in(10 * time.Minute); n < 5 {
			t.Errorf("when they have begun anew, %d calls were made in ten minutes", n)
		}
	})
}

// While events arrive, the answers that they invalidate are fresh longer.
func TestValidity_coveredAnswers(t *testing.T) {
	page := func(next string) any { return &Page[types.Meeting]{Next: next} }
	list := func(kind types.MeetingListType) func(*Client) (*Request, error) {
		return func(c *Client) (*Request, error) {
			return ListMeetings.request(c, ListMeetings.input(MeetingFilter{UserID: "u", Type: kind}, Paging{}), nil)
		}
	}
	for why, c := range map[string]struct {
		request func(*Client) (*Request, error)
		value   any
		want    time.Duration
	}{
		"an object":                     {func(c *Client) (*Request, error) { return GetUser.request(c, UserKey{"u"}, nil) }, &types.User{}, CoveredLife},
		"an address":                    {func(c *Client) (*Request, error) { return GetUser.request(c, UserKey{"a@b.c"}, nil) }, &types.User{}, 0},
		"me":                            {func(c *Client) (*Request, error) { return GetUser.request(c, UserKey{"me"}, nil) }, &types.User{}, 0},
		"a sub account":                 {func(c *Client) (*Request, error) { return GetUser.request(c.In("sub"), UserKey{"u"}, nil) }, &types.User{}, 0},
		"a refusal":                     {func(c *Client) (*Request, error) { return GetUser.request(c, UserKey{"u"}, nil) }, &Error{}, 0},
		"a list":                        {list(types.MeetingListTypeScheduled), page(""), CoveredLife},
		"a page":                        {list(types.MeetingListTypeScheduled), page("token"), tokenLife},
		"what is to come, by the clock": {list(types.MeetingListTypeUpcoming), page(""), 0},
		"what goes on":                  {list(types.MeetingListTypeLive), page(""), 0},
		"what is closed": {func(c *Client) (*Request, error) {
			return GetPastMeeting.request(c, InstanceKey{MeetingID: "a=="}, nil)
		}, &types.MeetingInstance{}, 0},
	} {
		client := newTestClient(nil, covering(&covered{time.Unix(1, 0)}))
		req, err := c.request(client)
		if err != nil {
			t.Fatal(why, err)
		}
		e := cache.Decoded(c.value, nil)
		e.Stored = time.Unix(1000, 0)
		e.Expires = e.Stored.Add(time.Second)
		want := max(c.want, time.Second)
		if got := client.cached.validity(req, c.value, e).Until(e.Stored, client.Coverage()).Sub(e.Stored); got != want {
			t.Errorf("%s is fresh for %v, want %v", why, got, want)
		}
	}
}

// A whole is valid as its parts together are, of which one has no events.
func TestValidity_join(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	events := &covered{at(5)}
	long, short := Validity{Stored: at(10), Expires: at(20), Extended: at(90), Kinds: 1}, Validity{Stored: at(11), Expires: at(30), Extended: at(30)}
	for _, v := range []Validity{(Validity{}).join(long).join(short), short.join(long)} {
		if v.Stored != at(10) || v.Expires != at(20) || v.Until(at(15), events) != at(30) {
			t.Errorf("%+v", v)
		}
		if events.since = at(10); v.Until(at(15), events) != at(20) {
			t.Error("events that began with the answer extend it")
		}
		events.since = at(5)
		if v = v.within(at(25)); v.Until(at(15), events) != at(25) || v.Fresh(at(25), events) || !v.Fresh(at(24), events) {
			t.Errorf("within 25: %+v", v)
		}
	}
}

// twoTiers is a second tier that is not shared; it counts its reads.
type twoTiers struct {
	*cache.Memory
	reads int
}

// Get implements [cache.Store].
func (s *twoTiers) Get(ctx context.Context, key string, tags ...cache.Tag) (*cache.Entry, cache.Ticket) {
	s.reads++
	return s.Memory.Get(ctx, key, tags...)
}

// GetOrLease implements [cache.Leaser].
func (s *twoTiers) GetOrLease(ctx context.Context, key string, want cache.Want, tags ...cache.Tag) (*cache.Entry, cache.Ticket, *cache.Lease) {
	e, ticket := s.Get(ctx, key, tags...)
	if e != nil && !want.Acceptable(e) {
		e = nil
	}
	return e, ticket, nil
}

// SetLeased implements [cache.L2].
func (s *twoTiers) SetLeased(ctx context.Context, key string, t cache.Ticket, e *cache.Entry) bool {
	s.Set(ctx, key, t, e)
	return true
}

// TagName implements [cache.L2].
func (*twoTiers) TagName(tag cache.Tag) string { return string(tag) }

// An answer that events invalidate is served from L1 without reading Redis.
func TestValidity_noRoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := &twoTiers{Memory: cache.NewMemory(1 << 20)}
		events := &covered{since: time.Now().Add(-time.Second)}
		c := newTestClient(zoomWith(map[string]string{"/users/u": `{"id":"u"}`}), covering(events), func(cfg *Config) {
			cfg.Store, cfg.Shared = nil, cache.NewTiered(cache.NewMemory(1<<20), far)
		})
		if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(Slow.StaleWhileRevalidate())
		before := far.reads
		if _, ok, _ := GetUser.Known(t.Context(), c, UserKey{"u"}); !ok || far.reads != before {
			t.Errorf("known %v, by %d reads of the second tier", ok, far.reads-before)
		}
		events.since = time.Time{}
		if _, ok, _ := GetUser.Known(t.Context(), c, UserKey{"u"}); ok || far.reads == before {
			t.Errorf("without events it is known %v, by %d reads", ok, far.reads-before)
		}
	})
}
