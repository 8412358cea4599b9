package zoom

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/cache"
	"zoomql/internal/zoom/types"
)

// covered is a coverage of all operations, by events that have come since some time; the
// zero time means that they do not come.
type covered struct{ since time.Time }

// Kinds implements [Coverage].
func (*covered) Kinds(*Spec) EventKinds { return 1 }

// Since implements [Coverage].
func (c *covered) Since(EventKinds, time.Time) time.Time { return c.since }

func covering(events *covered) func(*Config) { return func(c *Config) { c.Coverage = events } }

// TestValidity_lifetimes reads an answer again and again for an hour while events come. When
// they end, and when they have ended in between, what is older than its own time is asked
// for anew at once.
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
				t.Errorf("%s: it is told as stale", why)
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

// TestValidity_whatLivesLonger looks at how long answers are fresh while events come.
func TestValidity_whatLivesLonger(t *testing.T) {
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

// TestValidity_join makes a whole of parts of which one has no events.
func TestValidity_join(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	events := &covered{at(5)}
	long, short := Validity{at(10), at(20), at(90), 1}, Validity{at(11), at(30), at(30), 0}
	for _, v := range []Validity{(Validity{}).join(long).join(short), short.join(long)} {
		if v.Stored != at(10) || v.Expires != at(20) || v.Until(at(15), events) != at(30) {
			t.Errorf("%+v", v)
		}
		if events.since = at(10); v.Until(at(15), events) != at(20) {
			t.Error("events that have begun with it keep it")
		}
		events.since = at(5)
		if v = v.within(at(25)); v.Until(at(15), events) != at(25) || v.Fresh(at(25), events) || !v.Fresh(at(24), events) {
			t.Errorf("within 25: %+v", v)
		}
	}
}

// twoTiers is a second tier that no other process shares, and counts its reads.
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

// TestValidity_noRoundTrip finds in L1 what events keep right, and asks Redis for what they
// do not.
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
