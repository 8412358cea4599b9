package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"zoomql/cache/redistest"
)

// A model knows what a read may return. The origin has a version of each thing. Once
// an eviction is over on a replica, or another one has received the message of it, no
// read that begins there later may return an older version than the eviction's. So
// each eviction carries a tag that tells thing and version.
type model struct {
	origin []atomic.Int64
	over   []atomic.Int64   // the highest version that was evicted from Redis
	least  [][]atomic.Int64 // what may be read, by replica and thing
	tags   sync.Map         // evicted tags, by what they are called in messages
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

// modelled is a Redis that tells the model which messages a replica has received.
type modelled struct {
	*Redis
	m       *model
	replica int
}

func (s modelled) Watch(f func(Eviction)) {
	s.Redis.Watch(func(e Eviction) {
		over := make([]int64, len(s.m.over))
		if e.All() {
			for thing := range over {
				over[thing] = s.m.over[thing].Load()
			}
		}
		for _, name := range e.names {
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

// Evict notes what the tags are called in messages.
func (s modelled) Evict(ctx context.Context, tags ...Tag) {
	for _, tag := range tags {
		s.m.tags.Store(s.tagName(tag), tag)
	}
	s.Redis.Evict(ctx, tags...)
}

// open opens a replica.
func (m *model) open(t *testing.T, client redis.UniversalClient, replica int, timings Timings) *Tiered {
	far := openRedis(t, client, WithTimings(timings))
	s := NewTiered(NewMemory(1<<20), modelled{far, m, replica})
	subscribed(t, far)
	return s
}

// read reads a thing, asking the origin on a miss, and returns the version.
func (m *model) read(t *testing.T, s *Tiered, replica, thing int) int64 {
	key, tags := "k"+strconv.Itoa(thing), []Tag{NewTag("t", strconv.Itoa(thing)), "all"}
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

func (m *model) write(t *testing.T, s *Tiered, replica, thing int) {
	v := m.origin[thing].Add(1)
	s.Evict(t.Context(), NewTag("t", strconv.Itoa(thing)), NewTag("version", strconv.Itoa(thing), strconv.FormatInt(v, 10)))
	raise(&m.least[replica][thing], v)
	if !s.l2.(modelled).conn.down() {
		raise(&m.over[thing], v)
	}
}

// settled waits until each replica reads the last version of each thing.
func (m *model) settled(t *testing.T, replicas []*Tiered) {
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

// TestNoStaleReads does thousands of things in any order on four replicas, checks each
// read against the model, and waits until all replicas know all evictions.
func TestNoStaleReads(t *testing.T) {
	t.Parallel()
	const things, each = 40, 2_500 // so many that what one replica misses it does not mend by chance
	server := redistest.Start(t)
	m := newModel(4, things)
	var replicas []*Tiered
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
	m.settled(t, replicas)
}

// TestCutOffReplicas cuts replicas off while all read and write. The reads of each are
// held against what it has received, and in the end all know all: each what it has
// missed, and the others what it did meanwhile.
func TestCutOffReplicas(t *testing.T) {
	t.Parallel()
	const things = 100
	server := redistest.Start(t)
	m := newModel(4, things)
	// Short enough for replicas to notice, and long enough for a busy machine.
	timings := Timings{Operation: 3 * time.Second, PingAfter: 3 * time.Second, ReplayWindow: time.Hour}
	var (
		wires    []*redistest.Wire
		replicas []*Tiered
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
	// await waits until each replica has done so many steps more.
	await := func(n int64) {
		t.Helper()
		for i := range steps {
			soFar := steps[i].Load()
			eventually(t, "all go on", func() bool { return steps[i].Load() >= soFar+n })
		}
	}
	for n, breakWire := range []func(*redistest.Wire){(*redistest.Wire).Lose, (*redistest.Wire).Cut} {
		link := replicas[n].l2.(modelled).conn
		await(500)
		breakWire(wires[n])
		eventually(t, "the link is down", link.down)
		await(500)
		wires[n].Mend()
		eventually(t, "the link is up", func() bool { return !link.down() })
	}
	await(500)
	over.Store(true)
	wg.Wait()
	m.settled(t, replicas)
}

// TestNewsThatIsLost evicts as another process does whose message never comes.
func TestNewsThatIsLost(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Client()
	timings := generous
	timings.CompareEvery = 50 * time.Millisecond
	far := openRedis(t, server.Client(), WithTimings(timings))
	s := NewTiered(NewMemory(1<<20), far)
	subscribed(t, far)
	ctx := t.Context()
	s.Evict(ctx, "x") // it has heard of one
	eventually(t, "it is kept", func() bool {
		s.Set(ctx, "k", want(t, s, miss, "k", "a"), entry(1))
		e, _ := s.l1.Get(ctx, "k", "a")
		return e != nil
	})
	client.Del(ctx, tagPrefix+hashed("a"))
	client.Incr(ctx, evictionCounter)
	eventually(t, "it notices", func() bool {
		e, _ := s.l1.Get(ctx, "k", "a")
		return e == nil
	})
	want(t, s, miss, "k", "a")
}

func TestHearing(t *testing.T) {
	heard := func(n uint64, names ...tagName) func(*invalidations) { return func(h *invalidations) { h.receive(n, names) } }
	compared := func(n uint64, back bool) func(*invalidations) { return func(h *invalidations) { h.compare(n, back) } }
	began := func(n uint64) func(*invalidations) { return func(h *invalidations) { h.reset(n) } }
	for _, c := range []struct {
		why   string
		steps []func(*invalidations)
		want  string
	}{
		{"one after the other", []func(*invalidations){heard(7, "a"), heard(8, "b")}, "a b"},
		{"one is missing", []func(*invalidations){heard(7, "a"), heard(9, "c")}, "a *"},
		{"and then they go on", []func(*invalidations){heard(7, "a"), heard(9, "c"), heard(10, "d")}, "a * d"},
		{"one comes late", []func(*invalidations){heard(7, "a"), heard(9, "c"), heard(8, "b")}, "a * b"},
		{"his own", []func(*invalidations){heard(7), heard(8)}, ""},
		{"after his own", []func(*invalidations){heard(7), heard(8, "b")}, "b"},
		{"a program that does not count", []func(*invalidations){heard(7, "a"), heard(0, "b"), heard(8, "c")}, "a b c"},
		{"anew", []func(*invalidations){heard(7, "a"), began(19), heard(20, "b")}, "a * b"},
		{"all were heard", []func(*invalidations){heard(7, "a"), compared(7, false), compared(7, false)}, "a"},
		{"one is on its way", []func(*invalidations){heard(7, "a"), compared(8, false), heard(8, "b"), compared(8, false)}, "a b"},
		{"one is lost", []func(*invalidations){heard(7, "a"), compared(8, false), compared(8, false), compared(8, false)}, "a *"},
		{"and comes at last", []func(*invalidations){heard(7, "a"), compared(8, false), compared(8, false), heard(8, "b"), heard(9, "c")}, "a * b c"},
		{"one is missing when the link is back", []func(*invalidations){heard(7, "a"), compared(8, true)}, "a *"},
		{"none is", []func(*invalidations){heard(7, "a"), compared(7, true)}, "a"},
		{"anew, and one is missing", []func(*invalidations){heard(7, "a"), began(19), heard(21, "c")}, "a * *"},
		{"anew, and the first is lost", []func(*invalidations){began(7), compared(8, false), compared(8, false)}, "* *"},
		{"nothing was heard yet", []func(*invalidations){began(7), compared(7, false), heard(8, "b"), compared(8, false)}, "* b"},
		{"without a subscription", []func(*invalidations){compared(7, false), compared(7, false), compared(8, false), compared(8, false)}, "* *"},
		{"Redis counts anew", []func(*invalidations){heard(7, "a"), compared(7, false), compared(1, false), heard(2, "b")}, "a * b"},
	} {
		var got []string
		h := &invalidations{evict: func(names ...tagName) {
			for _, name := range names {
				got = append(got, string(name))
			}
		}}
		for _, step := range c.steps {
			step(h)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: evicted %q, want %q", c.why, s, c.want)
		}
	}
}
