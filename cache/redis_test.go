package cache

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

	"zoomql/cache/redistest"
)

// generous are timings for tests of what is done, not when: a busy machine does not
// exceed them.
var generous = Timings{
	Attempt: time.Minute, Claim: time.Minute,
	Operation: time.Minute, Lease: time.Minute, PingAfter: time.Minute, CompareEvery: time.Minute, ReplayWindow: time.Hour,
	ProbeMin: 20 * time.Millisecond, ProbeMax: 50 * time.Millisecond,
}

// openRedis opens a store with generous timings, unless options say otherwise.
func openRedis(t testing.TB, client redis.UniversalClient, options ...RedisOption) *Redis {
	r := NewRedis(client, silent, append([]RedisOption{WithTimings(generous)}, options...)...)
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
	r := NewRedis(server.Client(), textLog(&out), WithTimings(generous))
	t.Cleanup(r.Close)
	s := NewTiered(NewMemory(1<<20), r)
	ctx := t.Context()
	r.Set(ctx, "old", want(t, r, miss, "old", "a"), entry(1))

	server.Kill()
	eventually(t, "the connection is down", func() bool {
		want(t, r, miss, "old", "a")
		return r.conn.down()
	})
	r.Evict(ctx, "a")
	// L1 works on without L2.
	s.Set(ctx, "new", want(t, s, miss, "new", "b"), entry(2))
	want(t, s, 2, "new", "b")
	s.Evict(ctx, "b")
	want(t, s, miss, "new", "b")

	server.Run()
	eventually(t, "the connection is up", func() bool { return !r.conn.down() })
	r.Set(ctx, "old", want(t, r, miss, "old", "a"), entry(3))
	want(t, r, 3, "old", "a")
	if gone, back := out.count("level=WARN"), out.count("Redis is back"); gone != 1 || back != 1 {
		t.Errorf("logged %d and %d times, want once each:\n%s", gone, back, &out.b)
	}
}

// While Redis counts as unreachable no call is made.
func TestRedis_noCallsWhileUnreachable(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client, calls := server.Client(), &tripCounter{}
	client.AddHook(calls)
	seldom := generous
	seldom.ProbeMin, seldom.ProbeMax = time.Hour, time.Hour
	r := openRedis(t, client, WithTimings(seldom))
	ctx := t.Context()
	want(t, r, miss, "k", "a")
	server.Kill()
	r.Evict(ctx, "a")
	if !r.conn.down() {
		t.Fatal("the connection is up after an eviction that failed")
	}
	before := calls.n.Load()
	for range 100 {
		want(t, r, miss, "k", "a")
		r.Set(ctx, "k", Ticket{versions: []version{1}}, entry(1))
		r.Evict(ctx, "a")
		if e, _, lease := r.GetOrLease(ctx, "k", anyEntry, "a"); e != nil || lease != nil {
			t.Fatal("an entry or a lease")
		}
	}
	if n := calls.n.Load() - before; n > 0 {
		t.Errorf("400 operations without Redis made %d calls", n)
	}
	if n := unleasedCallsOf(r); n != 100 {
		t.Errorf("%d calls without a lease are counted, want 100", n)
	}
}

// TestTiered_redisIsKilledUnderLoad kills Redis again and again under readers that check
// that they never read an evicted entry.
func TestTiered_redisIsKilledUnderLoad(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r := openRedis(t, server.Client())
	s := NewTiered(NewMemory(1<<20), r)
	readersAndWriters(t, []Store{s}, func(await func(int64)) {
		for range 3 {
			await(30)
			server.Kill()
			await(30)
			server.Run()
			eventually(t, "the connection is up", func() bool { return !r.conn.down() })
		}
		await(30)
	})
}

func TestRedis_twoProcessesReadAndEvict(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	// Without an L1 an eviction counts in all processes as soon as it is over.
	readersAndWriters(t, []Store{openRedis(t, server.Client()), openRedis(t, server.Client())}, nil)
}

// The timings hold also for a client with longer timeouts of its own, such as the
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
	r := openRedis(t, client, WithTimings(Timings{Operation: 50 * time.Millisecond, TripAfter: time.Millisecond, ProbeMin: time.Hour}))
	calls := &tripCounter{}
	r.client.AddHook(calls)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 100 {
			r.Get(t.Context(), "k", "a")
		}
	}()
	receive(t, done)
	// Each read that fails costs the connection, and setting up one is a call too.
	if n := calls.n.Load(); n < failuresToTrip || n > 2*failuresToTrip || !r.conn.down() {
		t.Errorf("100 reads made %d calls to a Redis that hangs; the connection is down: %v", n, r.conn.down())
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
	if r.conn.down() {
		t.Error("the connection went down")
	}
}

// TestEvict_whileDisconnected disconnects a replica from Redis while it evicts: when it is
// connected again, no replica may read what it evicted.
func TestEvict_whileDisconnected(t *testing.T) {
	t.Parallel()
	for name, evictions := range map[string]int{"few evictions": 1, "more than can be recorded": maxPending + 1} {
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
				cut.Evict(ctx, NewTag("x", strconv.Itoa(i)))
			}
			wire.Mend()
			// From the first read on, before and after the connection is up.
			eventually(t, "the connection is up", func() bool {
				want(t, cut, miss, "k", "a")
				return !cut.conn.down()
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
	s := NewTiered(NewMemory(1<<20), r)
	subscribed(t, r)
	ctx := t.Context()
	s.Set(ctx, "k", want(t, s, miss, "k", "a"), entry(1))
	version := client.Get(ctx, tagPrefix+hashed("a")).Val()
	s.Evict(ctx, "a")
	client.Set(ctx, tagPrefix+hashed("a"), version, 0)
	want(t, r, 1, "k", "a") // the eviction is lost

	wire.Cut()
	wire.Mend()
	eventually(t, "the eviction is done again", func() bool {
		e, _ := r.Get(ctx, "k", "a")
		return e == nil && !r.conn.down()
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
	for _, tag := range []Tag{"a", All} {
		client.Del(ctx, versionKey(r.tagName(tag))) // as Redis may, for lack of memory
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
		e := Encoded([]byte(body))
		e.Expires = time.Now().Add(time.Minute)
		_, ticket := r.Get(ctx, "k", "a")
		r.Set(ctx, "k", ticket, e)
		good := client.Get(ctx, redisKey(entryPrefix, hashed("k"))).Val()
		if got, _ := r.Get(ctx, "k", "a"); got == nil {
			t.Fatal("the entry is not there")
		}
		for i := range good[:min(len(good), 200)] {
			bad := []byte(good)
			bad[i] ^= 0x41
			client.Set(ctx, redisKey(entryPrefix, hashed("k")), bad, 0)
			if got, _ := r.Get(ctx, "k", "a"); got != nil {
				t.Fatalf("read an entry with byte %d broken", i)
			}
			client.Set(ctx, redisKey(entryPrefix, hashed("k")), good[:i], 0)
			if got, _ := r.Get(ctx, "k", "a"); got != nil {
				t.Fatalf("read an entry cut to %d bytes", i)
			}
		}
		client.Del(ctx, redisKey(entryPrefix, hashed("k")))
		client.LPush(ctx, redisKey(entryPrefix, hashed("k")), "of another type")
		_, ticket = r.Get(ctx, "k", "a")
		r.Set(ctx, "k", ticket, e)
		if got, _ := r.Get(ctx, "k", "a"); got == nil {
			t.Error("a set does not replace it")
		}
	}
}

func FuzzDecodeEntry(f *testing.F) {
	e := entry(1)
	good, _ := encodeEntry(e, &Ticket{names: []tagName{"a"}, versions: []version{1, 2}})
	f.Add(good[headerSize:])
	f.Add([]byte("\x00\x00\x00\x00\x00\x01\xff\x01a"))             // a tag longer than all
	f.Add([]byte("\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\x01a")) // more tags than bytes
	f.Add([]byte("\x00\x00\x00\x00\x00\x01\x01a1234567812345"))    // half a version
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, format := range []byte{formatPlain, formatS2} {
			_, ticket, ok := decodeEntry(withChecksum(append([]byte{format, 0, 0, 0, 0}, b...)))
			if ok && len(ticket.versions) != len(ticket.names)+1 {
				t.Error("a ticket without all versions")
			}
		}
	})
}

func TestEvict_otherReplicaReadsFresh(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	wire := server.Wire()
	l1 := NewMemory(1 << 20)
	l2 := openRedis(t, wire)
	here, there := NewTiered(l1, l2), openRedis(t, server.Client())
	ctx := t.Context()
	client := server.Client()
	subscribers := func() int64 { return client.PubSubNumSub(ctx, evictedChannel).Val()[evictedChannel] }
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
	eventually(t, "it subscribes again", func() bool { return subscribers() == 1 && !l2.conn.down() })
}

func TestTiered_hitInL2FillsL1(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	l2, l1 := openRedis(t, client), NewMemory(1<<20)
	s := &Tiered{l1: l1, l2: l2} // not subscribed: nothing empties L1
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

// An eviction by another process while L2 is read keeps the entry that was read out of
// L1.
func TestTiered_evictionWhileL2IsRead(t *testing.T) {
	l2 := &interrupted{Memory: NewMemory(1 << 20)}
	s := NewTiered(NewMemory(1<<20), l2)
	ctx := t.Context()
	l2.Set(ctx, "k", want(t, l2, miss, "k", "a"), entry(1))
	l2.during = func() { s.evicted(Eviction{names: []tagName{"a"}}) }
	want(t, s, 1, "k", "a") // it was read before
	l2.during = nil
	want(t, s.l1, miss, "k", "a")
}

// interrupted is an L2 during whose reads something else happens.
type interrupted struct {
	*Memory
	during func()
}

func (s *interrupted) GetOrLease(context.Context, string, Want, ...Tag) (*Entry, Ticket, *Lease) {
	return nil, Ticket{}, nil
}
func (s *interrupted) SetLeased(context.Context, string, Ticket, *Entry) bool { return true }
func (s *interrupted) TagName(tag Tag) string                                 { return string(tag) }

func (s *interrupted) Get(ctx context.Context, key string, tags ...Tag) (*Entry, Ticket) {
	e, ticket := s.Memory.Get(ctx, key, tags...)
	if s.during != nil {
		s.during()
	}
	return e, ticket
}

func TestClose_redisIsUnreachable(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r := NewRedis(server.Client(), silent, WithTimings(generous))
	r.Watch(func(Eviction) {})
	_, ticket := r.Get(t.Context(), "k", "a")
	server.Kill()
	r.Evict(t.Context(), "a") // starts a probe; goleak sees it if Close does not end it
	r.Close()
	want(t, r, miss, "k", "a")
	r.Set(t.Context(), "k", ticket, entry(1))
	r.Evict(t.Context(), "a")
}

func TestClose_watcherIsRunning(t *testing.T) {
	t.Parallel()
	r := NewRedis(redistest.Start(t).Client(), silent, WithTimings(generous))
	called, finish, closed := make(chan struct{}), make(chan struct{}), make(chan struct{})
	r.Watch(func(Eviction) {
		close(called)
		<-finish
	})
	receive(t, called)
	go func() {
		r.Close()
		close(closed)
	}()
	<-r.conn.ctx.Done()
	select {
	case <-closed:
		t.Error("Close returned while the watcher was running")
	case <-time.After(50 * time.Millisecond): // to be wrong in
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
		c, err := Dial(url)
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
		if _, err := Dial(url); err == nil {
			t.Errorf("%s: no error", url)
		}
	}
}

// When a node dies, the client reloads the topology at once, long before go-redis would.
func TestDial_clusterNodeDies(t *testing.T) {
	t.Parallel()
	nodes := map[string]*redistest.Server{}
	var addrs []string
	for range 2 {
		node, addr := redistest.ClusterNode(t)
		nodes[addr], addrs = node, append(addrs, addr)
	}
	client, err := Dial("redis://" + addrs[0] + "?addr=" + addrs[1])
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
	client, err := Dial(redistest.Sentinel(t))
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

// page returns JSON such as a list of users.
func page(users int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"users":[`)
	for i := range users {
		fmt.Fprintf(&b, `{"id":"z8yCxjayTi6a%06d","first_name":"First%d","last_name":"Last%d","email":"user%d@example.com","type":2,"status":"active","timezone":"Europe/Berlin","created_at":"2026-01-02T03:04:%02dZ"},`, i*7919, i, i*31, i, i%60)
	}
	b.WriteString(`null]}`)
	return b.Bytes()
}

func BenchmarkRedisHit(b *testing.B) {
	for _, users := range []int{1, 30, 300} {
		b.Run(fmt.Sprintf("%dUsers", users), func(b *testing.B) {
			r := openRedis(b, redistest.Start(b).Client())
			body, tags := page(users), []Tag{"a", "b"}
			e := Encoded(body)
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
	body, tags := page(30), []Tag{"a", "b"}
	_, ticket := r.Get(b.Context(), "k", tags...)
	e := Encoded(body)
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
	tags := []Tag{"a", "b"}
	b.ReportAllocs()
	for b.Loop() {
		r.Get(b.Context(), "k", tags...)
	}
}

func BenchmarkWire(b *testing.B) {
	e, ticket := Encoded(page(30)), &Ticket{names: []tagName{"a", "b"}, versions: []version{1, 2, 3}}
	data, _ := encodeEntry(e, ticket)
	b.Run("Encode", func(b *testing.B) {
		body, _ := e.Body()
		b.SetBytes(int64(len(body)))
		b.ReportMetric(float64(len(body))/float64(len(data)), "ratio")
		for b.Loop() {
			encodeEntry(e, ticket)
		}
	})
	b.Run("Decode", func(b *testing.B) {
		for b.Loop() {
			decodeEntry(data)
		}
	})
}
