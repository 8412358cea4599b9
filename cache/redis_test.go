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

// generous are the timings of tests that are about what is done, not when: a busy
// machine does not exceed them.
var generous = Timings{
	Attempt: time.Minute, Claim: time.Minute,
	Operation: time.Minute, Lease: time.Minute, PingAfter: time.Minute, CompareEvery: time.Minute, ReplayWindow: time.Hour,
	ProbeMin: 20 * time.Millisecond, ProbeMax: 50 * time.Millisecond,
}

// openRedis opens a generous store, unless options say otherwise.
func openRedis(t testing.TB, client redis.UniversalClient, options ...RedisOption) *Redis {
	r := NewRedis(client, silent, append([]RedisOption{WithTimings(generous)}, options...)...)
	t.Cleanup(r.Close)
	return r
}

// eventually waits for what another process or the network has yet to do.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	if !reached(is) {
		t.Fatal("never: " + what)
	}
}

// hang is longer than anything takes, even on a busy machine.
const hang = 2 * time.Minute

// reached waits until something is so, and reports false when it never is.
func reached(is func() bool) bool {
	for end := time.Now().Add(hang); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// receive returns what comes from a channel.
func receive[T any](t testing.TB, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(hang):
		t.Fatal("nothing comes")
	}
	return v
}

// log is a slog output that can be read meanwhile.
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

func TestRedisKilled(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	var out log
	r := NewRedis(server.Client(), textLog(&out), WithTimings(generous))
	t.Cleanup(r.Close)
	s := NewTiered(NewMemory(1<<20), r)
	ctx := t.Context()
	r.Set(ctx, "far", want(t, r, miss, "far", "a"), entry(1))

	server.Kill()
	eventually(t, "the link is down", func() bool {
		want(t, r, miss, "far", "a")
		return r.conn.down()
	})
	r.Evict(ctx, "a")
	// The near store goes on by itself.
	s.Set(ctx, "near", want(t, s, miss, "near", "b"), entry(2))
	want(t, s, 2, "near", "b")
	s.Evict(ctx, "b")
	want(t, s, miss, "near", "b")

	server.Run()
	eventually(t, "the link is up", func() bool { return !r.conn.down() })
	r.Set(ctx, "far", want(t, r, miss, "far", "a"), entry(3))
	want(t, r, 3, "far", "a")
	if gone, back := out.count("level=WARN"), out.count("Redis is back"); gone != 1 || back != 1 {
		t.Errorf("logged %d and %d times, want once each:\n%s", gone, back, &out.b)
	}
}

// While the link is down no call goes to Redis.
func TestNoCallsWithoutRedis(t *testing.T) {
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
		t.Fatal("the link is up after an eviction that failed")
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
		t.Errorf("the origin was asked 100 times without agreement, and %d are counted", n)
	}
}

// TestRedisKilledInMidRun kills Redis again and again under readers who check
// that they never see what was evicted.
func TestRedisKilledInMidRun(t *testing.T) {
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
			eventually(t, "the link is up", func() bool { return !r.conn.down() })
		}
		await(30)
	})
}

func TestReplicasShareRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	// Without near stores an eviction counts for all as soon as it is over.
	readersAndWriters(t, []Store{openRedis(t, server.Client()), openRedis(t, server.Client())}, nil)
}

// A client with limits of its own that are longer, as those of go-redis are unless
// told otherwise, gives up in time all the same.
func TestRedisHangs(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	o := server.Client().Options()
	client := redis.NewClient(&redis.Options{Dialer: o.Dialer, ReadTimeout: time.Hour, MaxRetries: -1})
	t.Cleanup(func() { client.Close() })
	want(t, openRedis(t, client), miss, "k", "a") // it answers, however long it takes
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
		t.Errorf("100 reads made %d calls to a Redis that hangs; the link is down: %v", n, r.conn.down())
	}
}

func TestCallersWithoutTimeSayNothingOfRedis(t *testing.T) {
	t.Parallel()
	r := openRedis(t, redistest.Start(t).Client())
	for i := range 100 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*20*time.Microsecond)
		r.Get(ctx, "k", "a")
		cancel()
	}
	if r.conn.down() {
		t.Error("the link went down")
	}
}

// TestReplicaCutOff cuts a replica off from Redis while it evicts: when it is
// connected again, nobody may find what it evicted.
func TestReplicaCutOff(t *testing.T) {
	t.Parallel()
	for name, evictions := range map[string]int{"few evictions": 1, "more than can be remembered": maxPending + 1} {
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
			// From the first read on, before and after the link is up.
			eventually(t, "the link is up", func() bool {
				want(t, cut, miss, "k", "a")
				return !cut.conn.down()
			})
			want(t, cut, miss, "k", "a")
			want(t, other, miss, "k", "a")
		})
	}
}

// TestRedisForgetsEvictions stands for a Redis that crashes and comes back from
// a file in which the last evictions are missing.
func TestRedisForgetsEvictions(t *testing.T) {
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
	want(t, r, 1, "k", "a") // it has forgotten

	wire.Cut()
	wire.Mend()
	eventually(t, "the eviction is done again", func() bool {
		e, _ := r.Get(ctx, "k", "a")
		return e == nil && !r.conn.down()
	})
}

func TestVersionsMayGetLost(t *testing.T) {
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

func TestBrokenBytes(t *testing.T) {
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
			t.Error("a set does not mend it")
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

func TestOtherReplicasHear(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	wire := server.Wire()
	near := NewMemory(1 << 20)
	far := openRedis(t, wire)
	here, there := NewTiered(near, far), openRedis(t, server.Client())
	ctx := t.Context()
	client := server.Client()
	heard := func() int64 { return client.PubSubNumSub(ctx, evictedChannel).Val()[evictedChannel] }
	eventually(t, "it subscribes", func() bool { return heard() == 1 })

	set := func(n int) {
		t.Helper()
		eventually(t, "it is set", func() bool { // the subscription may still empty the near store
			here.Set(ctx, "k", want(t, here, miss, "k", "a"), entry(n))
			e, _ := near.Get(ctx, "k", "a")
			if e == nil {
				here.Evict(ctx, "a")
			}
			return e != nil
		})
	}
	set(1)
	there.Evict(ctx, "a")
	eventually(t, "the near store hears of an eviction", func() bool {
		e, _ := near.Get(ctx, "k", "a")
		return e == nil
	})
	want(t, here, miss, "k", "a")

	set(2)
	wire.Cut()
	there.Evict(ctx, "a")
	if e, _ := near.Get(ctx, "k", "a"); e == nil {
		t.Error("the near store is not read while Redis is away")
	}
	wire.Mend()
	eventually(t, "the near store is emptied after a gap", func() bool {
		e, _ := near.Get(ctx, "k", "a")
		return e == nil
	})
	eventually(t, "it subscribes again", func() bool { return heard() == 1 && !far.conn.down() })
}

func TestSecondFillsFirst(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	far, near := openRedis(t, client), NewMemory(1<<20)
	s := &Tiered{l1: near, l2: far} // not subscribed: nothing empties near
	ctx := t.Context()
	far.Set(ctx, "k", want(t, far, miss, "k", "a"), entry(1))
	want(t, near, miss, "k", "a")
	want(t, s, 1, "k", "a")
	want(t, near, 1, "k", "a")
	e1, _ := s.Get(ctx, "k", "a")
	e2, _ := s.Get(ctx, "k", "a")
	if e1 != e2 {
		t.Error("readers do not share the entry")
	}
}

// An eviction of another process that comes while the far store is read keeps what was
// read out of the near store.
func TestEvictionWhileTheFarStoreIsRead(t *testing.T) {
	far := &interrupted{Memory: NewMemory(1 << 20)}
	s := NewTiered(NewMemory(1<<20), far)
	ctx := t.Context()
	far.Set(ctx, "k", want(t, far, miss, "k", "a"), entry(1))
	far.during = func() { s.evicted(Eviction{names: []tagName{"a"}}) }
	want(t, s, 1, "k", "a") // it was read before
	far.during = nil
	want(t, s.l1, miss, "k", "a")
}

// interrupted is a far store during whose reads something else happens.
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

func TestClose(t *testing.T) {
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

func TestCloseWaits(t *testing.T) {
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
		t.Error("Close returned while the subscriber was at work")
	case <-time.After(50 * time.Millisecond): // to be wrong in
	}
	close(finish)
	receive(t, closed)
}

func TestDial(t *testing.T) {
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

// A node that dies says nothing of its successor: the client asks the others at
// once, long before go-redis would.
func TestDialFindsTheSuccessor(t *testing.T) {
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
	client.(*redis.ClusterClient).Options().ClusterStateReloadInterval = time.Hour // go-redis' own turn
	set := func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return client.Set(ctx, "key", "value", 0).Err() == nil
	}
	eventually(t, "it finds a node", set)
	for _, node := range nodes { // each is a cluster, and one of them was chosen
		if node.Client().Exists(t.Context(), "key").Val() == 1 {
			node.Kill()
		}
	}
	eventually(t, "it finds the one that is there", set)
}

// Behind a Sentinel's URL stands the server that it watches.
func TestDialSentinel(t *testing.T) {
	t.Parallel()
	client, err := Dial(redistest.Sentinel(t))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	// The Sentinel needs a moment to start; what it says then must be right.
	eventually(t, "it finds the server", func() bool { return client.Set(t.Context(), "key", "value", 0).Err() == nil })
	if got, err := client.Get(t.Context(), "key").Result(); got != "value" {
		t.Errorf("got %q, %v", got, err)
	}
}

// page is JSON such as a list of users.
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
