package cache_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"zoomql/cache"
	"zoomql/cache/redistest"
)

// anyEntry accepts every entry.
var anyEntry = cache.Want{Acceptable: func(*cache.Entry) bool { return true }}

// replica returns a tiered store with a connection of its own to Redis, as a gateway
// has. Its timings are generous, but for the lease.
func replica(t testing.TB, client redis.UniversalClient, lease time.Duration) *cache.Tiered {
	t.Helper()
	timings := generous
	timings.Lease = lease
	l2 := openRedis(t, client, cache.WithTimings(timings))
	s := cache.NewTiered(cache.NewMemory(1<<20), l2)
	subscribed(t, l2)
	return s
}

// subscribed waits for a subscription, which begins by emptying L1: later in a test, that
// would cause misses.
func subscribed(t testing.TB, r *cache.Redis) {
	t.Helper()
	eventually(t, "it is subscribed", r.Subscribed)
}

// waiterAt returns a function that reports whether there is a waiter for the lease of a key.
func waiterAt(t testing.TB, client redis.UniversalClient, key string) func() bool {
	return func() bool {
		return client.Exists(t.Context(), cache.RedisKey(cache.WaiterPrefix, hashed(key))).Val() == 1
	}
}

// leaseOf acquires a lease; it fails the test when the lease is held.
func leaseOf(t testing.TB, s cache.Leaser, key string, tags ...cache.Tag) (cache.Ticket, *cache.Lease) {
	t.Helper()
	e, ticket, lease := s.GetOrLease(t.Context(), key, anyEntry, tags...)
	if e != nil || lease == nil {
		t.Fatalf("got %v and the lease %v", e, lease)
	}
	return ticket, lease
}

// Concurrent callers on four replicas call the origin once for each key.
func TestGetOrLease_concurrentCallersOnFourReplicas(t *testing.T) {
	t.Parallel()
	for name, client := range redises {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dial := client(t)
			var replicas []*cache.Tiered
			for range 4 {
				replicas = append(replicas, replica(t, dial(), time.Minute))
			}
			observer := dial()
			const keys = 20
			var calls [keys]atomic.Int32
			var wg sync.WaitGroup
			for i := range 4 * keys { // one caller on each replica
				wg.Go(func() {
					s, n := replicas[i%4], i/4
					// Braces in a key must not map its keys in Redis to different slots.
					key := "}{" + strconv.Itoa(n)
					e, ticket, lease := s.GetOrLease(t.Context(), key, anyEntry, "a")
					defer lease.Release()
					if e == nil {
						calls[n].Add(1)
						if !reached(waiterAt(t, observer, key)) { // while the origin is called
							t.Error("there is no waiter")
						}
						e = entry(n)
						s.Set(t.Context(), key, ticket, e)
					}
					if got := number(t, e); got != n {
						t.Errorf("got %d, want %d", got, n)
					}
				})
			}
			wg.Wait()
			for n := range calls {
				if got := calls[n].Load(); got != 1 {
					t.Errorf("the origin was called %d times for %d", got, n)
				}
			}
		})
	}
}

// A waiter is woken at once by the entry, and by a release without one.
func TestGetOrLease_waiterIsWokenByTheEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(ctx context.Context, s *cache.Tiered, ticket cache.Ticket, l *cache.Lease){
		"entry is set": func(ctx context.Context, s *cache.Tiered, ticket cache.Ticket, _ *cache.Lease) {
			s.Set(ctx, "k", ticket, entry(7))
		},
		"lease is released": func(_ context.Context, _ *cache.Tiered, _ cache.Ticket, l *cache.Lease) { l.Release() },
		"entry stays in the process": func(ctx context.Context, s *cache.Tiered, ticket cache.Ticket, l *cache.Lease) {
			s.Set(ctx, "k", ticket, cache.Decoded(7, nil))
			l.Release()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			// So long a lease that a waiter does not poll.
			here, there := replica(t, server.Client(), time.Hour), replica(t, server.Client(), time.Hour)
			ticket, lease := leaseOf(t, here, "k", "a")
			type result struct {
				e     *cache.Entry
				lease *cache.Lease
			}
			got := make(chan result, 1)
			go func() {
				e, _, l := there.GetOrLease(t.Context(), "k", anyEntry, "a")
				got <- result{e, l}
			}()
			eventually(t, "there is a waiter", waiterAt(t, server.Client(), "k"))
			select {
			case r := <-got:
				t.Fatalf("it did not wait: %v", r)
			default:
			}
			end(t.Context(), here, ticket, lease)
			r := receive(t, got)
			if name == "entry is set" {
				if number(t, r.e) != 7 || r.lease != nil {
					t.Errorf("got %v", r)
				}
			} else if r.e != nil || r.lease == nil {
				t.Errorf("got %v, want the lease", r)
			}
			r.lease.Release()
			r.lease.Release() // has no effect
			lease.Release()
		})
	}
}

// A renewal prolongs a lease, as long as it is the holder's.
// TestLease_renewedUntilReleased tests when it is due.
func TestLease_renewalProlongsOwnLeaseOnly(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client, ctx := server.Client(), t.Context()
	here := replica(t, client, time.Hour)
	ticket, lease := leaseOf(t, here, "k")
	name := cache.RedisKey(cache.LeasePrefix, hashed("k"))
	client.PExpire(ctx, name, 30*time.Minute) // as if time had passed
	lease.Renew()
	if left := client.PTTL(ctx, name).Val(); left <= 30*time.Minute {
		t.Errorf("a lease that was renewed lasts %v", left)
	}
	if !lease.StopRenewing() {
		t.Error("no further renewal is scheduled")
	}
	client.Set(ctx, name, "another's", 30*time.Minute)
	lease.Renew()
	if left := client.PTTL(ctx, name).Val(); left > 30*time.Minute || lease.StopRenewing() {
		t.Errorf("the lease of another was prolonged to %v", left)
	}
	here.Set(ctx, "k", ticket, entry(1))
	want(t, here, 1, "k")
}

// A holder that was disconnected loses the lease, and its late entry is stored neither in
// Redis nor in its own L1, where it might replace a newer one.
func TestSet_leaseWasTakenOver(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	wire := server.Wire()
	cut, other := replica(t, wire, 200*time.Millisecond), replica(t, server.Client(), time.Minute)
	late, lease := leaseOf(t, cut, "k", "a")
	wire.Cut()
	next, second := leaseOf(t, other, "k", "a") // TestGetOrLease_holderStopsRenewing shows when
	wire.Mend()
	cutRedis := cut.L2().(*cache.Redis)
	eventually(t, "the connection is up", func() bool { return wire.Ping(t.Context()).Err() == nil && !cutRedis.Down() })
	subscribed(t, cutRedis)

	cut.Set(t.Context(), "k", late, entry(1)) // while the other still calls the origin
	if e, _ := other.Get(t.Context(), "k", "a"); e != nil {
		t.Error("the late entry is stored")
	}
	if n := cutRedis.UnleasedCalls(); n != 1 {
		t.Errorf("%d calls without a lease are counted, want 1", n)
	}
	other.Set(t.Context(), "k", next, entry(2))
	cut.Set(t.Context(), "k", late, entry(1))
	want(t, other, 2, "k", "a")
	want(t, cut, 2, "k", "a")
	lease.Release() // another process has it
	second.Release()
}

// An entry that is not acceptable is replaced under a lease, once.
func TestGetOrLease_entryIsNotAcceptable(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	here, there := replica(t, server.Client(), time.Minute), replica(t, server.Client(), time.Minute)
	ctx := t.Context()
	here.Set(ctx, "k", want(t, here, miss, "k", "a"), entry(1))
	want(t, there, 1, "k", "a")
	better := cache.Want{Acceptable: func(e *cache.Entry) bool { return number(t, e) > 1 }}

	_, ticket, lease := here.GetOrLease(ctx, "k", better, "a")
	if lease == nil {
		t.Fatal("no lease")
	}
	if e, _, l := there.GetOrLease(ctx, "k", anyEntry, "a"); e == nil || l != nil {
		t.Error("a caller that accepts the entry has to wait")
	}
	got := make(chan int, 1)
	go func() {
		e, _, l := there.GetOrLease(ctx, "k", better, "a")
		l.Release()
		got <- number(t, e)
	}()
	eventually(t, "there is a waiter", waiterAt(t, server.Client(), "k"))
	here.Set(ctx, "k", ticket, entry(2))
	if n := receive(t, got); n != 2 {
		t.Errorf("got %d", n)
	}

	// An evicted entry is, too.
	there.Evict(ctx, "a")
	_, lease = leaseOf(t, there, "k", "a")
	lease.Release()
}

// Without Redis each caller proceeds without a lease, even one that is waiting.
func TestGetOrLease_withoutRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	here, there := replica(t, server.Client(), time.Hour), replica(t, server.Client(), time.Second)
	_, lease := leaseOf(t, here, "k")
	defer lease.Release()
	done := make(chan bool, 1)
	go func() {
		e, _, l := there.GetOrLease(t.Context(), "k", anyEntry)
		done <- e == nil && l == nil
	}()
	eventually(t, "there is a waiter", waiterAt(t, server.Client(), "k"))
	server.Kill()
	if !receive(t, done) {
		t.Error("there was an entry or a lease")
	}
	e, ticket, l := here.GetOrLease(t.Context(), "other", anyEntry, "a")
	if e != nil || l != nil {
		t.Fatal("an entry or a lease")
	}
	here.Set(t.Context(), "x", ticket, entry(1))
	want(t, here, 1, "x", "a") // L1 still works
}

// A miss costs one round trip where the versions of its tags exist.
func TestGetOrLease_roundTrips(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Client()
	trips := &tripCounter{}
	client.AddHook(trips)
	r := openRedis(t, client)
	_, _, lease := r.GetOrLease(t.Context(), "first", anyEntry, "a") // loads the script, creates the versions
	lease.Release()
	trips.n.Store(0)
	_, ticket, lease := r.GetOrLease(t.Context(), "k", anyEntry, "a")
	if n := trips.n.Load(); lease == nil || n != 1 {
		t.Errorf("a lease took %d round trips", n)
	}
	r.Set(t.Context(), "k", ticket, entry(1))
	lease.Release()
	r.GetOrLease(t.Context(), "k", anyEntry, "a")
	if n := trips.n.Load(); n != 3 && n != 4 { // storeScript is loaded at its first use
		t.Errorf("lease, set and hit took %d round trips", n)
	}
}

// A tripCounter counts round trips: commands and pipelines.
type tripCounter struct{ n atomic.Int32 }

func (c *tripCounter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *tripCounter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.n.Add(1)
		return next(ctx, cmd)
	}
}

func (c *tripCounter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.n.Add(1)
		return next(ctx, cmds)
	}
}

// holdLease is the process of TestGetOrLease_holderIsKilled: it acquires a lease and
// renews it until it is killed.
func holdLease(url string) {
	client, err := cache.Dial(url)
	if err != nil {
		panic(err)
	}
	short := generous
	short.Lease = holderLease
	_, _, lease := cache.NewRedis(client, silent, cache.WithTimings(short)).GetOrLease(context.Background(), "k", anyEntry)
	fmt.Fprintln(os.Stdout, lease != nil)
	select {}
}

const (
	holderArg   = "-hold-lease="
	holderLease = time.Second
)

// A holder that is killed is replaced when its lease has expired, by one process.
func TestGetOrLease_holderIsKilled(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	cmd := exec.Command(os.Args[0], holderArg+server.URL())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "true\n" {
		t.Fatal(line, err)
	}
	var replicas []*cache.Tiered
	for range 3 {
		replicas = append(replicas, replica(t, server.Client(), time.Minute))
	}
	var calls atomic.Int32
	var wg sync.WaitGroup
	for _, s := range replicas {
		wg.Go(func() {
			e, ticket, lease := s.GetOrLease(t.Context(), "k", anyEntry)
			defer lease.Release()
			if e == nil {
				calls.Add(1)
				s.Set(t.Context(), "k", ticket, entry(1))
			}
		})
	}
	eventually(t, "there is a waiter", waiterAt(t, server.Client(), "k"))
	cmd.Process.Kill()
	wg.Wait()
	if n := calls.Load(); n != 1 {
		t.Errorf("%d replicas called the origin, want 1", n)
	}
}

// A caller does not wait for a refresh, which may be queued for long; two refreshes wait
// for each other. The newer of two entries remains.
func TestGetOrLease_refreshExcludesRefreshesOnly(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	here, there := replica(t, server.Client(), time.Minute), replica(t, server.Client(), time.Minute)
	background := cache.Want{Acceptable: anyEntry.Acceptable, Refresh: true}
	_, old, first := here.GetOrLease(t.Context(), "k", background, "a")
	if first == nil {
		t.Fatal("no lease")
	}
	defer first.Release()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if e, _, l := there.GetOrLease(ctx, "k", background, "a"); e != nil || l != nil {
		t.Errorf("a second refresh got %v, %v", e, l)
	}
	ticket, lease := leaseOf(t, there, "k", "a")
	there.Set(t.Context(), "k", ticket, entry(2))
	lease.Release()
	here.Set(t.Context(), "k", old, entry(1))
	want(t, here, 2, "k", "a")
	want(t, there, 2, "k", "a")
}

// A watcher gets the evictions of other replicas, and not those of its own.
func TestWatch_otherReplicaEvicts(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	here, there := replica(t, server.Client(), time.Minute), replica(t, server.Client(), time.Minute)
	evicted := make(chan []cache.Tag, 10)
	here.Watch(func(e cache.Eviction) {
		evicted <- slices.DeleteFunc([]cache.Tag{"own", "a", "b", "c", cache.All}, func(tag cache.Tag) bool { return !e.Has(tag) })
	})
	here.Evict(t.Context(), "own")
	there.Evict(t.Context(), "a", "b")
	if tags := receive(t, evicted); !slices.Equal(tags, []cache.Tag{"a", "b"}) {
		t.Errorf("got %q, want a and b", tags)
	}
	there.Evict(t.Context(), cache.All)
	if tags := receive(t, evicted); len(tags) != 5 {
		t.Errorf("got %q, want all", tags)
	}
}

// Several watchers of one Redis, and of one tiered store over it, get each eviction.
func TestWatch_severalWatchers(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	here, there := replica(t, server.Client(), time.Minute), replica(t, server.Client(), time.Minute)
	evicted := make(chan bool, 3)
	watch := func(e cache.Eviction) { evicted <- e.Has("a") && !e.Has("b") && !e.All() }
	here.Watch(watch)
	here.Watch(watch)
	here.L2().Watch(watch)
	there.Evict(t.Context(), "a")
	for i := range cap(evicted) {
		if !receive(t, evicted) {
			t.Errorf("watcher %d did not get the eviction of a alone", i)
		}
	}
}
