package cache_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"zoomql/cache"
	"zoomql/cache/redistest"
)

// redises start a server for a [cache.Redis], and return a function that connects to it.
var redises = map[string]func(testing.TB) func() redis.UniversalClient{
	"redis": func(t testing.TB) func() redis.UniversalClient {
		s := redistest.Start(t)
		return func() redis.UniversalClient { return s.Client() }
	},
	"cluster": func(t testing.TB) func() redis.UniversalClient {
		c := redistest.Cluster(t)
		return func() redis.UniversalClient { return c }
	},
}

// generous are timings that a busy machine does not exceed, for tests of effects and not
// of times.
var generous = cache.Timings{
	Attempt: time.Minute, Claim: time.Minute,
	Operation: time.Minute, Lease: time.Minute, PingAfter: time.Minute, CompareEvery: time.Minute, ReplayWindow: time.Hour,
	ProbeMin: 20 * time.Millisecond, ProbeMax: 50 * time.Millisecond,
}

// openRedis opens a store with generous timings, unless options override them.
func openRedis(t testing.TB, client redis.UniversalClient, options ...cache.RedisOption) *cache.Redis {
	r := cache.NewRedis(client, silent, append([]cache.RedisOption{cache.WithTimings(generous)}, options...)...)
	t.Cleanup(r.Close)
	return r
}

// eventually waits for another process or the network.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	if !reached(is) {
		t.Fatal("never: " + what)
	}
}

// hang is longer than anything takes, even on a busy machine.
const hang = 2 * time.Minute

// reached waits for a condition, and reports false when it is never met.
func reached(is func() bool) bool {
	for end := time.Now().Add(hang); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// receive returns the next value of a channel.
func receive[T any](t testing.TB, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(hang):
		t.Fatal("nothing was received")
	}
	return v
}

// log is an output for slog that can be read at the same time.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func textLog(l *log) *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *log) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}

func TestTiered_redisIsKilled(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	var out log
	r := cache.NewRedis(server.Client(), textLog(&out), cache.WithTimings(generous))
	t.Cleanup(r.Close)
	s := cache.NewTiered(cache.NewMemory(1<<20), r)
	ctx := t.Context()
	r.Set(ctx, "old", want(t, r, miss, "old", "a"), entry(1))

	server.Kill()
	eventually(t, "the connection is down", func() bool {
		want(t, r, miss, "old", "a")
		return r.Down()
	})
	r.Evict(ctx, "a")
	// L1 works without L2.
	s.Set(ctx, "new", want(t, s, miss, "new", "b"), entry(2))
	want(t, s, 2, "new", "b")
	s.Evict(ctx, "b")
	want(t, s, miss, "new", "b")

	server.Run()
	eventually(t, "the connection is up", func() bool { return !r.Down() })
	r.Set(ctx, "old", want(t, r, miss, "old", "a"), entry(3))
	want(t, r, 3, "old", "a")
	if lost, back := out.count("level=WARN"), out.count("Redis is back"); lost != 1 || back != 1 {
		t.Errorf("logged %d and %d times, want once each:\n%s", lost, back, &out.b)
	}
}

// While Redis counts as unreachable no call is made.
func TestRedis_noCallsWhileUnreachable(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client, calls := server.Client(), &tripCounter{}
	client.AddHook(calls)
	rareProbes := generous
	rareProbes.ProbeMin, rareProbes.ProbeMax = time.Hour, time.Hour
	r := openRedis(t, client, cache.WithTimings(rareProbes))
	ctx := t.Context()
	want(t, r, miss, "k", "a")
	server.Kill()
	r.Evict(ctx, "a")
	if !r.Down() {
		t.Fatal("the connection is up after an eviction that failed")
	}
	before := calls.n.Load()
	for range 100 {
		want(t, r, miss, "k", "a")
		r.Set(ctx, "k", cache.VersionedTicket(), entry(1))
		r.Evict(ctx, "a")
		if e, _, lease := r.GetOrLease(ctx, "k", anyEntry, "a"); e != nil || lease != nil {
			t.Fatal("an entry or a lease")
		}
	}
	if n := calls.n.Load() - before; n > 0 {
		t.Errorf("400 operations without Redis made %d calls", n)
	}
	if n := r.UnleasedCalls(); n != 100 {
		t.Errorf("%d calls without a lease are counted, want 100", n)
	}
}

// TestTiered_redisIsKilledUnderLoad kills Redis repeatedly under readers that check
// that they never read an evicted entry.
func TestTiered_redisIsKilledUnderLoad(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r := openRedis(t, server.Client())
	s := cache.NewTiered(cache.NewMemory(1<<20), r)
	readersAndWriters(t, []cache.Store{s}, func(await func(int64)) {
		for range 3 {
			await(30)
			server.Kill()
			await(30)
			server.Run()
			eventually(t, "the connection is up", func() bool { return !r.Down() })
		}
		await(30)
	})
}

func TestRedis_twoProcessesReadAndEvict(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	// Without an L1 an eviction counts in all processes as soon as it is over.
	readersAndWriters(t, []cache.Store{openRedis(t, server.Client()), openRedis(t, server.Client())}, nil)
}

// The timings also limit a client with longer timeouts of its own, such as the
// defaults of go-redis.
func TestRedis_hangsWithSlowClientTimeouts(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	o := server.Client().Options()
	client := redis.NewClient(&redis.Options{Dialer: o.Dialer, ReadTimeout: time.Hour, MaxRetries: -1})
	t.Cleanup(func() { client.Close() })
	want(t, openRedis(t, client), miss, "k", "a") // it replies, however long it takes
	server.Hang()
	defer server.Resume()
	r := openRedis(t, client, cache.WithTimings(cache.Timings{Operation: 50 * time.Millisecond, TripAfter: time.Millisecond, ProbeMin: time.Hour}))
	calls := &tripCounter{}
	r.AddHook(calls)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 100 {
			r.Get(t.Context(), "k", "a")
		}
	}()
	receive(t, done)
	// Each read that fails closes its connection, and setting up one is a call too. On a busy
	// machine, the subscription makes a few calls at the same time.
	if n := calls.n.Load(); n < cache.FailuresToTrip || n > 20 || !r.Down() {
		t.Errorf("100 reads made %d calls to a Redis that hangs; the connection is down: %v", n, r.Down())
	}
}

func TestRedis_callersDeadlineIsNoFailure(t *testing.T) {
	t.Parallel()
	r := openRedis(t, redistest.Start(t).Client())
	for i := range 100 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*20*time.Microsecond)
		r.Get(ctx, "k", "a")
		cancel()
	}
	if r.Down() {
		t.Error("the connection went down")
	}
}

// TestEvict_whileDisconnected disconnects a replica from Redis while it evicts: when it
// is connected again, no replica may read the evicted entries.
func TestEvict_whileDisconnected(t *testing.T) {
	t.Parallel()
	for name, evictions := range map[string]int{"few evictions": 1, "more than can be recorded": cache.MaxPending + 1} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			wire := server.Wire()
			cut, other := openRedis(t, wire), openRedis(t, server.Client())
			ctx := t.Context()
			other.Set(ctx, "k", want(t, other, miss, "k", "a"), entry(1))
			want(t, cut, 1, "k", "a")

			wire.Cut()
			cut.Evict(ctx, "a")
			for i := 1; i < evictions; i++ {
				cut.Evict(ctx, cache.NewTag("x", strconv.Itoa(i)))
			}
			wire.Mend()
			// From the first read on, before and after the connection is up.
			eventually(t, "the connection is up", func() bool {
				want(t, cut, miss, "k", "a")
				return !cut.Down()
			})
			want(t, cut, miss, "k", "a")
			want(t, other, miss, "k", "a")
		})
	}
}

// TestEvict_redisLosesTheLastSecond simulates a Redis that crashes and restarts from
// a file in which the last evictions are missing.
func TestEvict_redisLosesTheLastSecond(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	wire := server.Wire()
	r, client := openRedis(t, wire), server.Client()
	s := cache.NewTiered(cache.NewMemory(1<<20), r)
	subscribed(t, r)
	ctx := t.Context()
	s.Set(ctx, "k", want(t, s, miss, "k", "a"), entry(1))
	version := client.Get(ctx, r.VersionKey("a")).Val()
	s.Evict(ctx, "a")
	client.Set(ctx, r.VersionKey("a"), version, 0)
	want(t, r, 1, "k", "a") // the eviction is lost

	wire.Cut()
	wire.Mend()
	eventually(t, "the eviction is done again", func() bool {
		e, _ := r.Get(ctx, "k", "a")
		return e == nil && !r.Down()
	})
}

func TestRedis_versionIsLost(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	r := openRedis(t, client)
	ctx := t.Context()
	r.Set(ctx, "k", want(t, r, miss, "k", "a"), entry(1))
	r.Evict(ctx, "a")
	r.Set(ctx, "l", want(t, r, miss, "l", "a"), entry(2))
	for _, tag := range []cache.Tag{"a", cache.All} {
		client.Del(ctx, r.VersionKey(tag)) // as Redis may, for lack of memory
		want(t, r, miss, "k", "a")
		want(t, r, miss, "l", "a")
	}
}

func TestRedis_corruptEntryIsAMiss(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	r := openRedis(t, client)
	ctx := t.Context()
	for _, body := range []string{"short", strings.Repeat("long ", 1000)} {
		e := cache.Encoded([]byte(body))
		e.Expires = time.Now().Add(time.Minute)
		_, ticket := r.Get(ctx, "k", "a")
		r.Set(ctx, "k", ticket, e)
		good := client.Get(ctx, cache.RedisKey(cache.EntryPrefix, hashed("k"))).Val()
		if got, _ := r.Get(ctx, "k", "a"); got == nil {
			t.Fatal("the entry is not there")
		}
		for i := range good[:min(len(good), 200)] {
			bad := []byte(good)
			bad[i] ^= 0x41
			client.Set(ctx, cache.RedisKey(cache.EntryPrefix, hashed("k")), bad, 0)
			if got, _ := r.Get(ctx, "k", "a"); got != nil {
				t.Fatalf("read an entry with byte %d broken", i)
			}
			client.Set(ctx, cache.RedisKey(cache.EntryPrefix, hashed("k")), good[:i], 0)
			if got, _ := r.Get(ctx, "k", "a"); got != nil {
				t.Fatalf("read an entry cut to %d bytes", i)
			}
		}
		client.Del(ctx, cache.RedisKey(cache.EntryPrefix, hashed("k")))
		client.LPush(ctx, cache.RedisKey(cache.EntryPrefix, hashed("k")), "of another type")
		_, ticket = r.Get(ctx, "k", "a")
		r.Set(ctx, "k", ticket, e)
		if got, _ := r.Get(ctx, "k", "a"); got == nil {
			t.Error("a set does not replace it")
		}
	}
}

func TestEvict_otherReplicaReadsFresh(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	wire := server.Wire()
	l1 := cache.NewMemory(1 << 20)
	l2 := openRedis(t, wire)
	here, there := cache.NewTiered(l1, l2), openRedis(t, server.Client())
	ctx := t.Context()
	client := server.Client()
	subscribers := func() int64 { return client.PubSubNumSub(ctx, cache.EvictedChannel).Val()[cache.EvictedChannel] }
	eventually(t, "it is subscribed", func() bool { return subscribers() == 1 })

	set := func(n int) {
		t.Helper()
		eventually(t, "it is set", func() bool { // the subscription may still empty L1
			here.Set(ctx, "k", want(t, here, miss, "k", "a"), entry(n))
			e, _ := l1.Get(ctx, "k", "a")
			if e == nil {
				here.Evict(ctx, "a")
			}
			return e != nil
		})
	}
	set(1)
	there.Evict(ctx, "a")
	eventually(t, "L1 gets the eviction", func() bool {
		e, _ := l1.Get(ctx, "k", "a")
		return e == nil
	})
	want(t, here, miss, "k", "a")

	set(2)
	wire.Cut()
	there.Evict(ctx, "a")
	if e, _ := l1.Get(ctx, "k", "a"); e == nil {
		t.Error("L1 is not read while Redis is unreachable")
	}
	wire.Mend()
	eventually(t, "L1 is emptied after a gap", func() bool {
		e, _ := l1.Get(ctx, "k", "a")
		return e == nil
	})
	eventually(t, "it subscribes again", func() bool { return subscribers() == 1 && !l2.Down() })
}

func TestTiered_hitInL2FillsL1(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	l2, l1 := openRedis(t, client), cache.NewMemory(1<<20)
	s := cache.UnsubscribedTiered(l1, l2) // not subscribed: nothing empties L1
	ctx := t.Context()
	l2.Set(ctx, "k", want(t, l2, miss, "k", "a"), entry(1))
	want(t, l1, miss, "k", "a")
	want(t, s, 1, "k", "a")
	want(t, l1, 1, "k", "a")
	e1, _ := s.Get(ctx, "k", "a")
	e2, _ := s.Get(ctx, "k", "a")
	if e1 != e2 {
		t.Error("readers do not share the entry")
	}
}

// An entry that was read from L2 during an eviction by another process is not stored in
// L1.
func TestTiered_evictionWhileL2IsRead(t *testing.T) {
	l2 := &interrupted{Memory: cache.NewMemory(1 << 20)}
	s := cache.NewTiered(cache.NewMemory(1<<20), l2)
	ctx := t.Context()
	l2.Set(ctx, "k", want(t, l2, miss, "k", "a"), entry(1))
	l2.during = func() { s.Evicted(cache.EvictionOf("a")) }
	want(t, s, 1, "k", "a") // it was read before
	l2.during = nil
	want(t, s.L1(), miss, "k", "a")
}

// interrupted is an L2 that calls during in each read.
type interrupted struct {
	*cache.Memory
	during func()
}

func (s *interrupted) GetOrLease(context.Context, string, cache.Want, ...cache.Tag) (*cache.Entry, cache.Ticket, *cache.Lease) {
	return nil, cache.Ticket{}, nil
}
func (s *interrupted) SetLeased(context.Context, string, cache.Ticket, *cache.Entry) bool {
	return true
}
func (s *interrupted) TagName(tag cache.Tag) string { return string(tag) }

func (s *interrupted) Get(ctx context.Context, key string, tags ...cache.Tag) (*cache.Entry, cache.Ticket) {
	e, ticket := s.Memory.Get(ctx, key, tags...)
	if s.during != nil {
		s.during()
	}
	return e, ticket
}

func TestClose_redisIsUnreachable(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r := cache.NewRedis(server.Client(), silent, cache.WithTimings(generous))
	r.Watch(func(cache.Eviction) {})
	_, ticket := r.Get(t.Context(), "k", "a")
	server.Kill()
	r.Evict(t.Context(), "a") // starts a probe; goleak fails if Close does not end it
	r.Close()
	want(t, r, miss, "k", "a")
	r.Set(t.Context(), "k", ticket, entry(1))
	r.Evict(t.Context(), "a")
}

func TestClose_watcherIsRunning(t *testing.T) {
	t.Parallel()
	r := cache.NewRedis(redistest.Start(t).Client(), silent, cache.WithTimings(generous))
	called, finish, closed := make(chan struct{}), make(chan struct{}), make(chan struct{})
	r.Watch(func(cache.Eviction) {
		close(called)
		<-finish
	})
	receive(t, called)
	go func() {
		r.Close()
		close(closed)
	}()
	<-r.Closing()
	select {
	case <-closed:
		t.Error("Close returned while the watcher was running")
	case <-time.After(50 * time.Millisecond): // time to return too early
	}
	close(finish)
	receive(t, closed)
}

func TestDial_schemes(t *testing.T) {
	for url, cluster := range map[string]bool{
		"redis://localhost:6379/1":                                       false,
		"rediss://u:p@localhost:6379":                                    false,
		"unix:///run/redis.sock":                                         false,
		"redis://localhost:6379?addr=localhost:6380":                     true,
		"redis://localhost:6379?addr=localhost:6380&addr=localhost:6381": true,
	} {
		c, err := cache.Dial(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if _, is := c.(*redis.ClusterClient); is != cluster {
			t.Errorf("%s: cluster is %v", url, is)
		}
		c.Close()
	}
	for _, url := range []string{"http://localhost", "redis://local host", ":"} {
		if _, err := cache.Dial(url); err == nil {
			t.Errorf("%s: no error", url)
		}
	}
}

// When a node dies, the client reloads the topology at once, long before its interval.
func TestDial_clusterNodeDies(t *testing.T) {
	t.Parallel()
	nodes := map[string]*redistest.Server{}
	var addrs []string
	for range 2 {
		node, addr := redistest.ClusterNode(t)
		nodes[addr], addrs = node, append(addrs, addr)
	}
	client, err := cache.Dial("redis://" + addrs[0] + "?addr=" + addrs[1])
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	client.(*redis.ClusterClient).Options().ClusterStateReloadInterval = time.Hour // that of go-redis
	set := func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return client.Set(ctx, "key", "value", 0).Err() == nil
	}
	eventually(t, "it finds a node", set)
	for _, node := range nodes { // each is a cluster by itself, and one of them was chosen
		if node.Client().Exists(t.Context(), "key").Val() == 1 {
			node.Kill()
		}
	}
	eventually(t, "it finds the other node", set)
}

// The URL of a Sentinel leads to the server that it monitors.
func TestDial_sentinel(t *testing.T) {
	t.Parallel()
	client, err := cache.Dial(redistest.Sentinel(t))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	// The Sentinel needs a moment to start; its first reply must be right.
	eventually(t, "it finds the server", func() bool { return client.Set(t.Context(), "key", "value", 0).Err() == nil })
	if got, err := client.Get(t.Context(), "key").Result(); got != "value" {
		t.Errorf("got %q, %v", got, err)
	}
}

func BenchmarkRedisHit(b *testing.B) {
	for _, users := range []int{1, 30, 300} {
		b.Run(fmt.Sprintf("%dUsers", users), func(b *testing.B) {
			r := openRedis(b, redistest.Start(b).Client())
			body, tags := cache.Page(users), []cache.Tag{"a", "b"}
			e := cache.Encoded(body)
			e.Expires = time.Now().Add(time.Hour)
			_, ticket := r.Get(b.Context(), "k", tags...)
			r.Set(b.Context(), "k", ticket, e)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if e, _ := r.Get(b.Context(), "k", tags...); e == nil {
					b.Fatal("miss")
				}
			}
		})
	}
}

func BenchmarkRedisSet(b *testing.B) {
	r := openRedis(b, redistest.Start(b).Client())
	body, tags := cache.Page(30), []cache.Tag{"a", "b"}
	_, ticket := r.Get(b.Context(), "k", tags...)
	e := cache.Encoded(body)
	e.Expires = time.Now().Add(time.Hour)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		r.Set(b.Context(), "k", ticket, e)
	}
}

func BenchmarkRedisDown(b *testing.B) {
	server := redistest.Start(b)
	r := openRedis(b, server.Client())
	server.Kill()
	r.Evict(b.Context(), "a")
	tags := []cache.Tag{"a", "b"}
	b.ReportAllocs()
	for b.Loop() {
		r.Get(b.Context(), "k", tags...)
	}
}
