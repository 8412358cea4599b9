package cache

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

	"zoomql/cache/redistest"
)

// anyEntry is content with any entry.
var anyEntry = Want{Acceptable: func(*Entry) bool { return true }}

// replica is a tiered store over a Redis of its own connection, as a gateway has. It
// is generous, but for its leases.
func replica(t testing.TB, client redis.UniversalClient, lease time.Duration) *Tiered {
	t.Helper()
	timings := generous
	timings.Lease = lease
	far := openRedis(t, client, WithTimings(timings))
	s := NewTiered(NewMemory(1<<20), far)
	subscribed(t, far)
	return s
}

// subscribed waits for a subscription. It begins by emptying the near store; had that
// come in the middle of a test, misses would be no fault.
func subscribed(t testing.TB, r *Redis) {
	t.Helper()
	eventually(t, "it subscribes", func() bool {
		r.invalidations.mu.Lock()
		defer r.invalidations.mu.Unlock()
		return r.invalidations.known
	})
}

// waiterAt reports whether somebody waits for the lease of a key.
func waiterAt(t testing.TB, client redis.UniversalClient, key string) func() bool {
	return func() bool { return client.Exists(t.Context(), redisKey(waiterPrefix, hashed(key))).Val() == 1 }
}

// leaseOf takes the lease that must be free.
func leaseOf(t testing.TB, s Leaser, key string, tags ...Tag) (Ticket, *Lease) {
	t.Helper()
	e, ticket, lease := s.GetOrLease(t.Context(), key, anyEntry, tags...)
	if e != nil || lease == nil {
		t.Fatalf("got %v and the lease %v", e, lease)
	}
	return ticket, lease
}

// Many who want the same thing at once ask the origin once, on however many
// replicas.
func TestOneAsksForAll(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]func(testing.TB) func() redis.UniversalClient{
		"redis": func(t testing.TB) func() redis.UniversalClient {
			s := redistest.Start(t)
			return func() redis.UniversalClient { return s.Client() }
		},
		"cluster": func(t testing.TB) func() redis.UniversalClient {
			c := redistest.Cluster(t)
			return func() redis.UniversalClient { return c }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dial := client(t)
			var replicas []*Tiered
			for range 4 {
				replicas = append(replicas, replica(t, dial(), time.Minute))
			}
			observer := dial()
			const keys = 20
			var asked [keys]atomic.Int32
			var wg sync.WaitGroup
			for i := range 4 * keys { // within a replica, flights see to it
				wg.Go(func() {
					s, n := replicas[i%4], i/4
					// Braces in a key must not send its names to different places.
					key := "}{" + strconv.Itoa(n)
					e, ticket, lease := s.GetOrLease(t.Context(), key, anyEntry, "a")
					defer lease.Release()
					if e == nil {
						asked[n].Add(1)
						if !reached(waiterAt(t, observer, key)) { // while the origin is asked
							t.Error("nobody waits for the answer")
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
			for n := range asked {
				if got := asked[n].Load(); got != 1 {
					t.Errorf("the origin was asked %d times for %d", got, n)
				}
			}
		})
	}
}

// Waiters hear at once that there is an answer, or that there will be none.
func TestWaitersAreWoken(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(ctx context.Context, s *Tiered, ticket Ticket, l *Lease){
		"by an answer": func(ctx context.Context, s *Tiered, ticket Ticket, _ *Lease) { s.Set(ctx, "k", ticket, entry(7)) },
		"by its lack":  func(_ context.Context, _ *Tiered, _ Ticket, l *Lease) { l.Release() },
		"if never kept": func(ctx context.Context, s *Tiered, ticket Ticket, l *Lease) {
			s.Set(ctx, "k", ticket, Decoded(7, nil))
			l.Release()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			// So long a lease that nobody looks for himself meanwhile.
			here, there := replica(t, server.Client(), time.Hour), replica(t, server.Client(), time.Hour)
			ticket, lease := leaseOf(t, here, "k", "a")
			type result struct {
				e     *Entry
				lease *Lease
			}
			got := make(chan result, 1)
			go func() {
				e, _, l := there.GetOrLease(t.Context(), "k", anyEntry, "a")
				got <- result{e, l}
			}()
			eventually(t, "it waits", waiterAt(t, server.Client(), "k"))
			select {
			case r := <-got:
				t.Fatalf("it did not wait: %v", r)
			default:
			}
			end(t.Context(), here, ticket, lease)
			r := receive(t, got)
			if name == "by an answer" {
				if number(t, r.e) != 7 || r.lease != nil {
					t.Errorf("got %v", r)
				}
			} else if r.e != nil || r.lease == nil {
				t.Errorf("got %v, want the lease", r)
			}
			r.lease.Release()
			r.lease.Release() // no harm
			lease.Release()
		})
	}
}

// A renewal prolongs a lease, as long as it is the holder's. See TestLeaseRenewal for
// when it comes.
func TestLeasesAreRenewed(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client, ctx := server.Client(), t.Context()
	here := replica(t, client, time.Hour)
	ticket, lease := leaseOf(t, here, "k")
	name := redisKey(leasePrefix, hashed("k"))
	client.PExpire(ctx, name, 30*time.Minute) // as if time had passed
	lease.renew()
	if left := client.PTTL(ctx, name).Val(); left <= 30*time.Minute {
		t.Errorf("a lease that was renewed lasts %v", left)
	}
	if !lease.renewTimer.Stop() {
		t.Error("it will not be renewed again")
	}
	client.Set(ctx, name, "another's", 30*time.Minute)
	lease.renew()
	if left := client.PTTL(ctx, name).Val(); left > 30*time.Minute || lease.renewTimer.Stop() {
		t.Errorf("the lease of another was prolonged to %v", left)
	}
	here.Set(ctx, "k", ticket, entry(1))
	want(t, here, 1, "k")
}

// Who was cut off loses the lease, and what he says late is kept neither in Redis
// nor in his own store, where it might be older than what is there.
func TestALateHolderIsRefused(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	wire := server.Wire()
	cut, other := replica(t, wire, 200*time.Millisecond), replica(t, server.Client(), time.Minute)
	late, lease := leaseOf(t, cut, "k", "a")
	wire.Cut()
	next, second := leaseOf(t, other, "k", "a") // see TestTakeOver for when
	wire.Mend()
	cutRedis := cut.l2.(*Redis)
	eventually(t, "the link is up", func() bool { return cutRedis.client.Ping(t.Context()).Err() == nil && !cutRedis.conn.down() })
	subscribed(t, cutRedis)

	cut.Set(t.Context(), "k", late, entry(1)) // while the other still asks
	if e, _ := other.Get(t.Context(), "k", "a"); e != nil {
		t.Error("the late answer is kept")
	}
	if n := unleasedCallsOf(cutRedis); n != 1 {
		t.Errorf("%d calls without agreement are counted, and there was one", n)
	}
	other.Set(t.Context(), "k", next, entry(2))
	cut.Set(t.Context(), "k", late, entry(1))
	want(t, other, 2, "k", "a")
	want(t, cut, 2, "k", "a")
	lease.Release() // it is not his any more
	second.Release()
}

// What is there and is not good enough is asked for under a lease too, once.
func TestLeaseOfWhatIsStale(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	here, there := replica(t, server.Client(), time.Minute), replica(t, server.Client(), time.Minute)
	ctx := t.Context()
	here.Set(ctx, "k", want(t, here, miss, "k", "a"), entry(1))
	want(t, there, 1, "k", "a")
	better := Want{Acceptable: func(e *Entry) bool { return number(t, e) > 1 }}

	_, ticket, lease := here.GetOrLease(ctx, "k", better, "a")
	if lease == nil {
		t.Fatal("no lease")
	}
	if e, _, l := there.GetOrLease(ctx, "k", anyEntry, "a"); e == nil || l != nil {
		t.Error("who is content with less has to wait")
	}
	got := make(chan int, 1)
	go func() {
		e, _, l := there.GetOrLease(ctx, "k", better, "a")
		l.Release()
		got <- number(t, e)
	}()
	eventually(t, "it waits", waiterAt(t, server.Client(), "k"))
	here.Set(ctx, "k", ticket, entry(2))
	if n := receive(t, got); n != 2 {
		t.Errorf("got %d", n)
	}

	// And so is what was evicted.
	there.Evict(ctx, "a")
	_, lease = leaseOf(t, there, "k", "a")
	lease.Release()
}

// Without Redis everybody asks for himself, also who waits already.
func TestNoLeaseWithoutRedis(t *testing.T) {
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
	eventually(t, "it waits", waiterAt(t, server.Client(), "k"))
	server.Kill()
	if !receive(t, done) {
		t.Error("there was an entry or a lease")
	}
	e, ticket, l := here.GetOrLease(t.Context(), "other", anyEntry, "a")
	if e != nil || l != nil {
		t.Fatal("an entry or a lease")
	}
	here.Set(t.Context(), "x", ticket, entry(1))
	want(t, here, 1, "x", "a") // the near store goes on
}

// A cold question costs one round trip as long as its tags are known.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Client()
	trips := &tripCounter{}
	client.AddHook(trips)
	r := openRedis(t, client)
	_, _, lease := r.GetOrLease(t.Context(), "first", anyEntry, "a") // loads the script, makes the versions
	lease.Release()
	trips.n.Store(0)
	_, ticket, lease := r.GetOrLease(t.Context(), "k", anyEntry, "a")
	if n := trips.n.Load(); lease == nil || n != 1 {
		t.Errorf("a lease took %d round trips", n)
	}
	r.Set(t.Context(), "k", ticket, entry(1))
	lease.Release()
	r.GetOrLease(t.Context(), "k", anyEntry, "a")
	if n := trips.n.Load(); n != 3 && n != 4 { // file is loaded at its first use
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

// holdLease is what the process of TestAHolderIsKilled does: it takes a lease and
// renews it until it is killed.
func holdLease(url string) {
	client, err := Dial(url)
	if err != nil {
		panic(err)
	}
	short := generous
	short.Lease = holderLease
	_, _, lease := NewRedis(client, silent, WithTimings(short)).GetOrLease(context.Background(), "k", anyEntry)
	fmt.Fprintln(os.Stdout, lease != nil)
	select {}
}

const (
	holderArg   = "-hold-lease="
	holderLease = time.Second
)

// A holder who is killed is replaced when its lease has ended, by one.
func TestAHolderIsKilled(t *testing.T) {
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
	var replicas []*Tiered
	for range 3 {
		replicas = append(replicas, replica(t, server.Client(), time.Minute))
	}
	var asked atomic.Int32
	var wg sync.WaitGroup
	for _, s := range replicas {
		wg.Go(func() {
			e, ticket, lease := s.GetOrLease(t.Context(), "k", anyEntry)
			defer lease.Release()
			if e == nil {
				asked.Add(1)
				s.Set(t.Context(), "k", ticket, entry(1))
			}
		})
	}
	eventually(t, "they wait", waiterAt(t, server.Client(), "k"))
	cmd.Process.Kill()
	wg.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("%d asked again", n)
	}
}

// Who waits for an answer does not wait for a refresh, which may stand in line for
// long; two refreshes wait for each other. Of the answers the younger one stays.
func TestARefreshKeepsOffRefreshes(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	here, there := replica(t, server.Client(), time.Minute), replica(t, server.Client(), time.Minute)
	background := Want{Acceptable: anyEntry.Acceptable, Refresh: true}
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

// A watcher is told what other replicas evict, and not what its own does.
func TestWatch_otherReplicaEvicts(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	here, there := replica(t, server.Client(), time.Minute), replica(t, server.Client(), time.Minute)
	evicted := make(chan []Tag, 10)
	here.Watch(func(e Eviction) {
		evicted <- slices.DeleteFunc([]Tag{"own", "a", "b", "c", All}, func(tag Tag) bool { return !e.Has(tag) })
	})
	here.Evict(t.Context(), "own")
	there.Evict(t.Context(), "a", "b")
	if tags := receive(t, evicted); !slices.Equal(tags, []Tag{"a", "b"}) {
		t.Errorf("told of %q, want a and b", tags)
	}
	there.Evict(t.Context(), All)
	if tags := receive(t, evicted); len(tags) != 5 {
		t.Errorf("told of %q, want all", tags)
	}
}
