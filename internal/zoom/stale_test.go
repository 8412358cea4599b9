package zoom

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/cache"
	"zoomql/cache/redistest"
	"zoomql/internal/zoom/types"
)

// failures are the failures of a call, with whether a stale answer is served instead.
var failures = []struct {
	why   string
	resp  func() *http.Response
	stale bool
}{
	{"an outage", func() *http.Response { return answer(503, "") }, true},
	{"no answer", func() *http.Response { return nil }, true},
	{"a throttle", func() *http.Response { return answer(429, `{"code":429,"message":"Too many requests."}`) }, true},
	{"a day's allowance that is used up", func() *http.Response {
		return answer(429, `{"code":429,"message":"You have reached the maximum daily rate limit for this API."}`)
	}, true},
	{"the object is gone", func() *http.Response { return answer(404, `{"code":1001}`) }, false},
	{"a firewall on the way", func() *http.Response { return answer(403, "<html>") }, true},
	{"no permission any more", func() *http.Response { return answer(403, `{"code":200,"message":"No permission."}`) }, false},
	{"a broken answer", func() *http.Response { return answer(200, `{"id":`) }, false},
}

func TestCached_staleIfError(t *testing.T) {
	for _, c := range failures {
		synctest.Test(t, func(t *testing.T) {
			broken := false
			client := newTestClient(func(*http.Request) *http.Response {
				if broken {
					return c.resp()
				}
				return answer(200, `{"id":"u"}`)
			})
			get := func() (*Usage, error) {
				u := &Usage{}
				_, err := GetUser.Do(WithUsage(t.Context(), u), client, UserKey{"u"})
				return u, err
			}
			if u, err := get(); err != nil || u.Stale() != 0 {
				t.Fatal(c.why, u.Stale(), err)
			}
			broken = true
			const age = time.Hour
			time.Sleep(age)
			u, err := get()
			if (err == nil) != c.stale {
				t.Errorf("%s: %v", c.why, err)
			}
			if c.stale && (u.Stale() < age || u.Stale() > age+time.Minute || u.Hits() != 1) {
				t.Errorf("%s: the age is %v, hits %d", c.why, u.Stale(), u.Hits())
			}
			client.Evict(t.Context(), "user:u")
			if _, err := get(); err == nil {
				t.Errorf("%s: an evicted answer is served", c.why)
			}
			broken = false
			if u, err := get(); c.why != "the object is gone" && (err != nil || u.Stale() != 0) {
				t.Errorf("%s: afterwards %v, %v", c.why, u.Stale(), err)
			}
			time.Sleep(Slow.StaleIfError())
			broken = true
			if _, err := get(); err == nil {
				t.Errorf("%s: an answer that is too old is served", c.why)
			}
		})
	}
}

// The maximum age of a stale answer depends on its life.
func TestLife_staleness(t *testing.T) {
	for _, life := range []Life{Never, Live, Scheduled, Slow, Closed} {
		fresh, revalidate, ifError := life.TTL(), life.StaleWhileRevalidate(), life.StaleIfError()
		if fresh > revalidate || revalidate > ifError || ifError > 7*24*time.Hour {
			t.Errorf("%d: fresh %v, stale-while-revalidate %v, stale-if-error %v", life, fresh, revalidate, ifError)
		}
	}
	if Never.StaleIfError() != 0 {
		t.Error("secrets are stored")
	}
	if Live.StaleWhileRevalidate() != Live.TTL() || Live.StaleIfError() > 15*time.Second {
		t.Error("live data is served stale")
	}
	// A page is not served after its token has expired, even if its data is closed.
	for next, want := range map[string]time.Duration{"": Closed.StaleIfError(), "token": tokenLife} {
		f := (&answerStore{}).lifetimeOf(&Request{Spec: &Spec{Life: Closed}}, &Page[types.User]{Next: next})
		if f.stale != want {
			t.Errorf("a page with token %q is stored for %v, want %v", next, f.stale, want)
		}
	}
}

// A configured lifetime is that of all classes that change, and nothing is served stale.
func TestConfig_lifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls log
		c := newTestClient(logged(&calls, zoomWith(map[string]string{"/users/u": `{"id":"u"}`})), func(c *Config) { c.Lifetime = 2 * time.Second })
		get := func(why string, want ...string) {
			t.Helper()
			if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			calls.want(t, why, want...)
		}
		get("at first", "GET /users/u")
		time.Sleep(2*time.Second - time.Millisecond)
		get("within the lifetime")
		time.Sleep(time.Millisecond)
		get("after it", "GET /users/u")
		a := &answerStore{lifetime: 2 * time.Second}
		if how := a.lifetimeOf(&Request{Spec: &Spec{Life: Closed}}, nil); how.fresh != Closed.TTL() {
			t.Errorf("what is closed is fresh for %v", how.fresh)
		}
	})
}

// One of many readers of a stale answer refreshes it, and none of them waits.
func TestKeepFresh_oneRefreshAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls log
		c := newTestClient(logged(&calls, func(*http.Request) *http.Response {
			time.Sleep(time.Second)
			return answer(200, `{"id":"u"}`)
		}))
		ask := func(n int) (slowest time.Duration) {
			var wait sync.WaitGroup
			var most atomic.Int64
			for range n {
				wait.Go(func() {
					began := time.Now()
					if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); err != nil {
						t.Error(err)
					}
					most.Store(max(most.Load(), int64(time.Since(began))))
				})
			}
			wait.Wait()
			return time.Duration(most.Load())
		}
		ask(1)
		calls.want(t, "at first", "GET /users/u")
		time.Sleep(Slow.TTL())
		for range 3 {
			if d := ask(64); d != 0 {
				t.Errorf("a reader waited %v", d)
			}
			synctest.Wait()
			calls.want(t, "at the first time", "GET /users/u")
			time.Sleep(2 * time.Second)
			ask(64)
			calls.want(t, "it is fresh")
			time.Sleep(Slow.TTL())
		}
	})
}

// Few readers refresh an answer shortly before it expires, so that a hot one is rarely
// served stale.
func TestKeepFresh_early(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls log
		c := newTestClient(logged(&calls, func(*http.Request) *http.Response {
			time.Sleep(time.Second)
			return answer(200, `{"id":"u"}`)
		}))
		stale := 0
		const rounds = 20
		for end := time.Now().Add(rounds * Slow.TTL()); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			u := &Usage{}
			if _, err := GetUser.Do(WithUsage(t.Context(), u), c, UserKey{"u"}); err != nil {
				t.Fatal(err)
			}
			if u.Stale() > 0 {
				stale++
			}
		}
		// Early refreshes are random; without them, a round has 20 stale answers.
		if n := len(calls.take()); stale > 2*rounds || n < rounds || n > rounds+2 {
			t.Errorf("%d calls for %d lifetimes, %d stale answers", n, rounds, stale)
		}
	})
}

// A refresh that fails does not affect its reader, who gets the stale answer. If it finds the
// object gone, later readers get that error.
func TestKeepFresh_failure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := false
		c := newTestClient(func(*http.Request) *http.Response {
			if broken {
				return answer(404, `{"code":1001,"message":"User does not exist."}`)
			}
			return answer(200, `{"id":"u"}`)
		})
		get := func() error {
			_, err := GetUser.Do(t.Context(), c, UserKey{"u"})
			return err
		}
		if err := get(); err != nil {
			t.Fatal(err)
		}
		broken = true
		time.Sleep(Slow.TTL())
		if err := get(); err != nil {
			t.Errorf("the reader of the stale answer: %v", err)
		}
		synctest.Wait()
		if err := get(); !errors.Is(err, ErrNotFound) {
			t.Errorf("the refresh learned that it is gone; the next gets %v", err)
		}
	})
}

func TestCached_notReadyForSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls log
		store := far{Store: cache.NewMemory(1 << 20)} // as of another process
		c := newTestClient(logged(&calls, func(*http.Request) *http.Response {
			return answer(400, `{"code":3001,"message":"This meeting has not ended yet."}`)
		}), storing(store))
		for i := range 3 {
			if _, err := GetMeetingReport.Do(t.Context(), c, InstanceKey{"a=="}); !errors.Is(err, ErrNotReady) {
				t.Errorf("got %v", err)
			}
			if n := len(calls.take()); n != max(1-i, 0) {
				t.Errorf("time %d: %d calls", i, n)
			}
		}
		time.Sleep(absent)
		_, _ = GetMeetingReport.Do(t.Context(), c, InstanceKey{"a=="})
		calls.want(t, "later", "GET /report/meetings/a%3D%3D")
	})
}

// longTimings are timeouts that only a hanging Redis exceeds.
var longTimings = cache.Timings{Operation: time.Minute, Lease: time.Minute}

// eventually waits for a condition that a server or another goroutine has to fulfill.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

// replicas returns clients with stores of their own that share a Redis. Each receives the evictions
// of the others, and has evicted everything for the last time: a store does when its subscription
// begins.
func replicas(t *testing.T, n int, w wire) []*Client {
	t.Helper()
	server := redistest.Start(t)
	store := func() *cache.Redis {
		far := cache.NewRedis(server.Client(), slog.New(slog.DiscardHandler), cache.WithTimings(longTimings))
		t.Cleanup(far.Close)
		return far
	}
	var clients []*Client
	const probe = cache.Tag("probe")
	var receive atomic.Int32
	for range n {
		far := store()
		clients = append(clients, newTestClient(w, func(c *Config) { c.Store, c.Shared = nil, cache.NewTiered(cache.NewMemory(1<<20), far) }))
		var once sync.Once
		far.Watch(func(e cache.Eviction) {
			if !e.All() && e.Has(probe) {
				once.Do(func() { receive.Add(1) })
			}
		})
	}
	other := store()
	eventually(t, "they receive evictions", func() bool {
		other.Evict(t.Context(), probe)
		return receive.Load() == int32(n)
	})
	return clients
}

// meeting7 is the identity of newTestClient's request for meeting 7.
var meeting7 = app(nil).ID() + "GET /meetings/{meetingId} /meetings/7?"

// A thousand concurrent requests to four replicas make one call.
func TestStored_oneCallForAllReplicas(t *testing.T) {
	var calls log
	clients := replicas(t, 4, logged(&calls, func(r *http.Request) *http.Response {
		time.Sleep(50 * time.Millisecond) // about Zoom's latency
		return answer(200, `{"id":7,"topic":"stand-up"}`)
	}))
	var wait sync.WaitGroup
	for i := range 1000 {
		wait.Go(func() {
			if m, err := GetMeeting.Do(t.Context(), clients[i%4], MeetingQuery{MeetingID: 7}); err != nil || m.Topic != "stand-up" {
				t.Errorf("got %v, %v", m, err)
			}
		})
	}
	wait.Wait()
	calls.want(t, "1,000 requests with a cold cache", "GET /meetings/7")

	clients[0].Evict(t.Context(), "meeting:7")
	for i := range 1000 {
		wait.Go(func() { _, _ = GetMeeting.Do(t.Context(), clients[i%4], MeetingQuery{MeetingID: 7}) })
	}
	wait.Wait()
	// The other replicas receive the eviction a moment later, and may still serve the old answer.
	calls.want(t, "and after an eviction", "GET /meetings/7")
}

// A failure is not shared: each replica makes its own call, one after the other. The first
// answer is sent when all requests wait.
func TestStored_failureIsNotShared(t *testing.T) {
	var (
		calls, under, most atomic.Int32
		clients            []*Client
		together           = make(chan struct{})
	)
	clients = replicas(t, 4, func(*http.Request) *http.Response {
		calls.Add(1)
		most.Store(max(most.Load(), under.Add(1)))
		defer under.Add(-1)
		<-together
		return answer(403, `{"code":200,"message":"No permission."}`)
	})
	var wait sync.WaitGroup
	for i := range 200 {
		wait.Go(func() {
			if _, err := GetMeeting.Do(t.Context(), clients[i%4], MeetingQuery{MeetingID: 7}); !errors.Is(err, ErrForbidden) {
				t.Errorf("got %v", err)
			}
		})
	}
	eventually(t, "all wait", func() bool {
		waiting := 0
		for _, c := range clients {
			waiting += c.flights.Waiting(meeting7)
		}
		return waiting == 200
	})
	close(together)
	wait.Wait()
	if calls.Load() != 4 || most.Load() != 1 {
		t.Errorf("%d calls, %d at once", calls.Load(), most.Load())
	}
}

// A refresh uses the answer that another replica has refreshed already.
func TestStored_refreshForAllReplicas(t *testing.T) {
	var calls log
	clients := replicas(t, 2, logged(&calls, zoomWith(map[string]string{"/users/u": `{"id":"u"}`})))
	ctx := t.Context()
	for _, c := range clients {
		if _, err := GetUser.Do(ctx, c, UserKey{"u"}); err != nil {
			t.Fatal(err)
		}
	}
	calls.want(t, "the second uses the stored answer of the first", "GET /users/u")
	old := cache.Decoded(&types.User{}, nil) // as cached in L1 for long
	for i, c := range clients {
		req, err := GetUser.request(c, UserKey{"u"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			known, _ := c.cached.store.Get(ctx, c.cached.key(req))
			old.Stored = known.Stored
		}
		time.Sleep(2 * time.Millisecond) // times in Redis are of milliseconds
		c.cached.keepFresh(ctx, req, &Response{entry: old})
		eventually(t, "it has the new answer", func() bool {
			now, _ := c.cached.l1.Get(ctx, c.cached.key(req))
			return now != nil && now.Stored.After(old.Stored)
		})
		if n := len(calls.take()); n != 1-i {
			t.Errorf("replica %d made %d calls", i, n)
		}
	}
}

// Waiting for another replica ends with the context.
func TestStored_waiterLeaves(t *testing.T) {
	called, open := make(chan struct{}, 2), make(chan struct{})
	clients := replicas(t, 2, func(*http.Request) *http.Response {
		called <- struct{}{}
		<-open
		return answer(200, `{"id":7}`)
	})
	first := make(chan error)
	go func() {
		_, err := GetMeeting.Do(t.Context(), clients[0], MeetingQuery{MeetingID: 7})
		first <- err
	}()
	<-called
	ctx, cancel := context.WithCancel(t.Context())
	second := make(chan error)
	go func() {
		_, err := GetMeeting.Do(ctx, clients[1], MeetingQuery{MeetingID: 7})
		second <- err
	}()
	eventually(t, "it waits", func() bool { return clients[1].flights.Has(meeting7) })
	cancel()
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if len(called) > 0 {
		t.Error("it called Zoom, too")
	}
	close(open)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

// A read after another replica's write does not join a flight from before it.
func TestStored_readAfterWriteOfAnotherReplica(t *testing.T) {
	var reads atomic.Int32
	slow, topic := make(chan struct{}), atomic.Value{}
	topic.Store("before")
	clients := replicas(t, 2, func(*http.Request) *http.Response {
		said, _ := topic.Load().(string)
		if reads.Add(1) == 1 {
			<-slow
		}
		return answer(200, `{"id":7,"topic":"`+said+`"}`)
	})
	ask := func(c *Client) <-chan types.Text {
		got := make(chan types.Text, 1)
		go func() {
			m, err := GetMeeting.Do(t.Context(), c, MeetingQuery{MeetingID: 7})
			if err != nil {
				t.Error(err)
				m = &types.Meeting{}
			}
			got <- m.Topic
		}()
		return got
	}
	early := ask(clients[0])
	eventually(t, "it is sent", func() bool { return reads.Load() == 1 })
	topic.Store("after")
	clients[1].Evict(t.Context(), "meeting:7")
	eventually(t, "the eviction arrives", func() bool { return clients[0].flights.Len() == 0 })
	late := ask(clients[0])
	eventually(t, "it is under way", func() bool { return clients[0].flights.Len() == 1 })
	close(slow)
	if a, b := <-early, <-late; a != "before" || b != "after" {
		t.Errorf("the read before the write got %q, the one after it %q", a, b)
	}
}
