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

// refusals are the ways in which Zoom cannot be asked, and others, for which
// nothing old is given.
var refusals = []struct {
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
	for _, c := range refusals {
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
				t.Errorf("%s: the age is told as %v, hits %d", c.why, u.Stale(), u.Hits())
			}
			client.Evict(t.Context(), "user:u")
			if _, err := get(); err == nil {
				t.Errorf("%s: what was evicted is given", c.why)
			}
			broken = false
			if u, err := get(); c.why != "the object is gone" && (err != nil || u.Stale() != 0) {
				t.Errorf("%s: afterwards %v, %v", c.why, u.Stale(), err)
			}
			time.Sleep(Slow.StaleIfError())
			broken = true
			if _, err := get(); err == nil {
				t.Errorf("%s: what is too old is given", c.why)
			}
		})
	}
}

// How old an answer may be is a matter of what it tells of.
func TestLife_staleness(t *testing.T) {
	for _, life := range []Life{Never, Live, Scheduled, Slow, Closed} {
		fresh, meanwhile, keep := life.TTL(), life.StaleWhileRevalidate(), life.StaleIfError()
		if fresh > meanwhile || meanwhile > keep || keep > 7*24*time.Hour {
			t.Errorf("%d: fresh %v, meanwhile %v, kept %v", life, fresh, meanwhile, keep)
		}
	}
	if Never.StaleIfError() != 0 {
		t.Error("secrets are kept")
	}
	if Live.StaleWhileRevalidate() != Live.TTL() || Live.StaleIfError() > 15*time.Second {
		t.Error("what is going on is told as it was")
	}
	// A page whose token is dead leads nowhere, however closed the month is.
	for next, want := range map[string]time.Duration{"": Closed.StaleIfError(), "token": tokenLife} {
		f := (&Request{Spec: &Spec{Life: Closed}}).lifetimeOf(&Page[types.User]{Next: next})
		if f.stale != want {
			t.Errorf("a page with token %q is kept %v, want %v", next, f.stale, want)
		}
	}
}

// One of many who meet a stale answer asks again, and nobody waits for it.
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
				t.Errorf("somebody waited %v", d)
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

// Shortly before its end an answer is asked for again, by few of its readers, and
// hot ones are never seen stale.
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
		// When to ask early is drawn by lot; never to do so makes 20 stale answers a round.
		if n := len(calls.take()); stale > 2*rounds || n < rounds || n > rounds+2 {
			t.Errorf("%d calls for %d lifetimes, %d stale answers", n, rounds, stale)
		}
	})
}

// A refresh that fails harms nobody: who comes then gets the old answer still, and
// who asks when it is gone is not told of a failure that was the refresh's.
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
			t.Errorf("who meets it stale: %v", err)
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
		store := far{Store: cache.NewMemory(1 << 20)} // as from another process
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

// generous are time limits that only a Redis that hangs exceeds.
var generous = cache.Timings{Operation: time.Minute, Lease: time.Minute}

// eventually waits for what a server or another goroutine has yet to do.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

// replicas returns clients over stores of their own that share a Redis.
func replicas(t *testing.T, n int, w wire) []*Client {
	t.Helper()
	server := redistest.Start(t)
	var clients []*Client
	for range n {
		far := cache.NewRedis(server.Client(), slog.New(slog.DiscardHandler), cache.WithTimings(generous))
		t.Cleanup(far.Close)
		clients = append(clients, newTestClient(w, func(c *Config) { c.Store, c.Shared = nil, cache.NewTiered(cache.NewMemory(1<<20), far) }))
	}
	client := server.Client()
	eventually(t, "they subscribe", func() bool {
		heard, err := client.PubSubNumSub(t.Context(), "zoomql:v1:evicted").Result()
		return err == nil && heard["zoomql:v1:evicted"] == int64(n)
	})
	return clients
}

// sevenAsked is the key under which calls of newTestClient for a meeting are under way.
var sevenAsked = app(nil).ID() + "GET /meetings/{meetingId} /meetings/7?"

// A thousand who ask at once, on four replicas, cost what one costs.
func TestStored_oneCallForAllReplicas(t *testing.T) {
	var calls log
	clients := replicas(t, 4, logged(&calls, func(r *http.Request) *http.Response {
		time.Sleep(50 * time.Millisecond) // as Zoom does
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
	calls.want(t, "1,000 cold questions", "GET /meetings/7")

	clients[0].Evict(t.Context(), "meeting:7")
	for i := range 1000 {
		wait.Go(func() { _, _ = GetMeeting.Do(t.Context(), clients[i%4], MeetingQuery{MeetingID: 7}) })
	}
	wait.Wait()
	// Others hear of the eviction a moment later, and may answer from before it.
	calls.want(t, "and after an eviction", "GET /meetings/7")
}

// Where Zoom fails, each replica hears it for itself, one after the other. The first
// answer comes when all wait.
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
			waiting += c.flights.Waiting(sevenAsked)
		}
		return waiting == 200
	})
	close(together)
	wait.Wait()
	if calls.Load() != 4 || most.Load() != 1 {
		t.Errorf("%d calls, %d at once", calls.Load(), most.Load())
	}
}

// Who meets an answer that another replica has made new takes that.
func TestStored_refreshForAllReplicas(t *testing.T) {
	var calls log
	clients := replicas(t, 2, logged(&calls, zoomWith(map[string]string{"/users/u": `{"id":"u"}`})))
	ctx := t.Context()
	for _, c := range clients {
		if _, err := GetUser.Do(ctx, c, UserKey{"u"}); err != nil {
			t.Fatal(err)
		}
	}
	calls.want(t, "the second takes what the first has filed", "GET /users/u")
	old := cache.Decoded(&types.User{}, nil) // as who has had it for long sees it
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
			t.Errorf("replica %d asked %d times", i, n)
		}
	}
}

// A context that ends ends the wait for another replica.
func TestStored_waiterLeaves(t *testing.T) {
	asked, open := make(chan struct{}, 2), make(chan struct{})
	clients := replicas(t, 2, func(*http.Request) *http.Response {
		asked <- struct{}{}
		<-open
		return answer(200, `{"id":7}`)
	})
	first := make(chan error)
	go func() {
		_, err := GetMeeting.Do(t.Context(), clients[0], MeetingQuery{MeetingID: 7})
		first <- err
	}()
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	second := make(chan error)
	go func() {
		_, err := GetMeeting.Do(ctx, clients[1], MeetingQuery{MeetingID: 7})
		second <- err
	}()
	eventually(t, "it waits", func() bool { return clients[1].flights.Has(sevenAsked) })
	cancel()
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if len(asked) > 0 {
		t.Error("it asked Zoom, too")
	}
	close(open)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

// Who asks after another replica's write does not join what was asked before it.
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
	eventually(t, "the news is there", func() bool { return clients[0].flights.Len() == 0 })
	late := ask(clients[0])
	eventually(t, "it is under way", func() bool { return clients[0].flights.Len() == 1 })
	close(slow)
	if a, b := <-early, <-late; a != "before" || b != "after" {
		t.Errorf("who asked before got %q, who asked after it %q", a, b)
	}
}
