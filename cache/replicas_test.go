package cache_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"zoomql/cache"
	"zoomql/cache/redistest"
)

// A model holds the versions that a read may return. The origin has a version of each
// thing. Once an eviction is over on a replica, or another one has received its
// message, no read that begins there later may return an older version than the
// eviction's. So each eviction carries a tag of thing and version.
type model struct {
	origin []atomic.Int64
	over   []atomic.Int64   // the highest version that was evicted from Redis
	least  [][]atomic.Int64 // the lowest version that may be read, by replica and thing
	tags   sync.Map         // evicted tags, by their names in messages
	stale  atomic.Int64
	hits   atomic.Int64
}

func newModel(replicas, things int) *model {
	m := &model{origin: make([]atomic.Int64, things), over: make([]atomic.Int64, things)}
	for range replicas {
		m.least = append(m.least, make([]atomic.Int64, things))
	}
	return m
}

func raise(a *atomic.Int64, v int64) {
	for old := a.Load(); old < v && !a.CompareAndSwap(old, v); old = a.Load() {
	}
}

// modelled is a Redis that adds to the model the messages that a replica has received.
type modelled struct {
	*cache.Redis
	m       *model
	replica int
}

func (s modelled) Watch(f func(cache.Eviction)) {
	s.Redis.Watch(func(e cache.Eviction) {
		over := make([]int64, len(s.m.over))
		if e.All() {
			for thing := range over {
				over[thing] = s.m.over[thing].Load()
			}
		}
		for _, name := range e.Names() {
			tag, _ := s.m.tags.Load(name)
			var thing, version int
			if _, err := fmt.Sscanf(fmt.Sprint(tag), "version:%d:%d", &thing, &version); err == nil {
				over[thing] = int64(version)
			}
		}
		f(e)
		for thing, v := range over {
			raise(&s.m.least[s.replica][thing], v)
		}
	})
}

// Evict records the names of the tags in messages.
func (s modelled) Evict(ctx context.Context, tags ...cache.Tag) bool {
	for _, tag := range tags {
		s.m.tags.Store(s.TagName(tag), tag)
	}
	return s.Redis.Evict(ctx, tags...)
}

// open opens a replica.
func (m *model) open(t *testing.T, client redis.UniversalClient, replica int, timings cache.Timings) *cache.Tiered {
	l2 := openRedis(t, client, cache.WithTimings(timings))
	s := cache.NewTiered(cache.NewMemory(1<<20), modelled{l2, m, replica})
	subscribed(t, l2)
	return s
}

// read reads a thing, calling the origin on a miss, and returns the version.
func (m *model) read(t *testing.T, s *cache.Tiered, replica, thing int) int64 {
	key, tags := "k"+strconv.Itoa(thing), []cache.Tag{cache.NewTag("t", strconv.Itoa(thing)), "all"}
	least := m.least[replica][thing].Load()
	e, ticket := s.Get(t.Context(), key, tags...)
	if e == nil {
		v := m.origin[thing].Load()
		s.Set(t.Context(), key, ticket, entryFor(int(v), time.Hour))
		return v
	}
	m.hits.Add(1)
	v := int64(number(t, e))
	if v < least {
		m.stale.Add(1)
	}
	return v
}

func (m *model) write(t *testing.T, s *cache.Tiered, replica, thing int) {
	v := m.origin[thing].Add(1)
	s.Evict(t.Context(), cache.NewTag("t", strconv.Itoa(thing)), cache.NewTag("version", strconv.Itoa(thing), strconv.FormatInt(v, 10)))
	raise(&m.least[replica][thing], v)
	if !s.L2().(modelled).Down() {
		raise(&m.over[thing], v)
	}
}

// checkSettled waits until each replica reads the last version of each thing.
func (m *model) checkSettled(t *testing.T, replicas []*cache.Tiered) {
	t.Helper()
	for i, s := range replicas {
		for thing := range m.origin {
			eventually(t, fmt.Sprintf("replica %d reads the last version of thing %d", i, thing), func() bool {
				return m.read(t, s, i, thing) == m.origin[thing].Load()
			})
		}
	}
	t.Logf("%d hits", m.hits.Load())
	if n := m.stale.Load(); n > 0 || m.hits.Load() == 0 {
		t.Errorf("%d stale reads of %d", n, m.hits.Load())
	}
}

// TestEvict_fourReplicasAgainstModel reads and evicts thousands of times in random order on four
// replicas, checks each read against the model, and waits until all replicas have all evictions.
func TestEvict_fourReplicasAgainstModel(t *testing.T) {
	t.Parallel()
	const things, each = 40, 2_500 // so many that a missed eviction is not repaired by chance
	server := redistest.Start(t)
	m := newModel(4, things)
	var replicas []*cache.Tiered
	var wg sync.WaitGroup
	for i := range 4 {
		s := m.open(t, server.Client(), i, generous)
		replicas = append(replicas, s)
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			for range each {
				if thing := random.IntN(things); random.IntN(20) == 0 {
					m.write(t, s, i, thing)
				} else {
					m.read(t, s, i, thing)
				}
			}
		})
	}
	wg.Wait()
	m.checkSettled(t, replicas)
}

// TestEvict_disconnectedReplicasAgainstModel disconnects replicas while all read and write. The
// reads of each are compared with the messages that it has received, and in the end all
// have all evictions: a disconnected replica those that it missed, and the others those
// that it made.
func TestEvict_disconnectedReplicasAgainstModel(t *testing.T) {
	t.Parallel()
	const things = 100
	server := redistest.Start(t)
	m := newModel(4, things)
	// Short enough to detect the loss, and long enough for a busy machine.
	timings := cache.Timings{Operation: 3 * time.Second, PingAfter: 3 * time.Second, ReplayWindow: time.Hour}
	var (
		wires    []*redistest.Wire
		replicas []*cache.Tiered
		steps    [4]atomic.Int64
		over     atomic.Bool
		wg       sync.WaitGroup
	)
	for i := range 4 {
		w := server.Wire()
		wires, replicas = append(wires, w), append(replicas, m.open(t, w.Client, i, timings))
	}
	for i, s := range replicas {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(2, uint64(i)))
			for !over.Load() {
				thing := random.IntN(things)
				if n := steps[i].Add(1); n%50 > 0 {
					m.read(t, s, i, thing)
					continue
				}
				m.write(t, s, i, thing)
				time.Sleep(time.Millisecond) // leaves the processor to others
			}
		})
	}
	// await waits until each replica has done n steps more.
	await := func(n int64) {
		t.Helper()
		for i := range steps {
			soFar := steps[i].Load()
			eventually(t, "all proceed", func() bool { return steps[i].Load() >= soFar+n })
		}
	}
	for n, breakWire := range []func(*redistest.Wire){(*redistest.Wire).Lose, (*redistest.Wire).Cut} {
		r := replicas[n].L2().(modelled)
		await(500)
		breakWire(wires[n])
		eventually(t, "the connection is down", r.Down)
		await(500)
		wires[n].Mend()
		eventually(t, "the connection is up", func() bool { return !r.Down() })
	}
	await(500)
	over.Store(true)
	wg.Wait()
	m.checkSettled(t, replicas)
}

// TestEvict_messageIsLost simulates another process that evicts, and whose message is lost.
func TestEvict_messageIsLost(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Client()
	timings := generous
	timings.CompareEvery = 50 * time.Millisecond
	l2 := openRedis(t, server.Client(), cache.WithTimings(timings))
	s := cache.NewTiered(cache.NewMemory(1<<20), l2)
	subscribed(t, l2)
	ctx := t.Context()
	s.Evict(ctx, "x") // it has received one
	eventually(t, "it is stored", func() bool {
		s.Set(ctx, "k", want(t, s, miss, "k", "a"), entry(1))
		e, _ := s.L1().Get(ctx, "k", "a")
		return e != nil
	})
	client.Del(ctx, l2.VersionKey("a"))
	client.Incr(ctx, cache.EvictionCounter)
	eventually(t, "the loss is detected", func() bool {
		e, _ := s.L1().Get(ctx, "k", "a")
		return e == nil
	})
	want(t, s, miss, "k", "a")
}
