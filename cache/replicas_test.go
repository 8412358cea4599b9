package cache

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"zoomql/cache/redistest"
)

// news is how soon others must have heard of an eviction.
const news = 50 * time.Millisecond

// model knows what a read may return: world is what the origin would say of each
// thing, and ended what has been evicted of it.
type model struct {
	world []atomic.Int64
	mu    sync.Mutex
	ended [][]ended
}

// ended is an eviction that was over at a time, on a replica: what is older than
// version must not be read there any more, and nowhere after the news.
type ended struct {
	version int64
	at      time.Time
	by      int
}

func newModel(things int) *model {
	return &model{world: make([]atomic.Int64, things), ended: make([][]ended, things)}
}

// least returns the oldest version that a replica may read from now on.
func (m *model) least(thing, replica int, excused bool) (v int64) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.ended[thing] {
		if e.by == replica || (!excused && now.Sub(e.at) > news) {
			v = max(v, e.version)
		}
	}
	return v
}

func (m *model) evicted(thing, replica int, version int64, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.ended[thing]
	all = append(all, ended{version, at, replica})
	if len(all) > 256 { // all of the first half are long over, but for the highest of each replica
		var kept []ended
		for by := range 4 {
			best := ended{by: by}
			for _, e := range all[:128] {
				if e.by == by && e.version > best.version {
					best = e
				}
			}
			kept = append(kept, best)
		}
		all = append(kept, all[128:]...)
	}
	m.ended[thing] = all
}

// read reads a thing on a replica, asking the origin on a miss, and reports
// whether what it read was too old.
func (m *model) read(t *testing.T, s *Tiered, thing, replica int, excused func() bool) (stale bool) {
	key, tags := "k"+strconv.Itoa(thing), []string{"t" + strconv.Itoa(thing), "all"}
	least := m.least(thing, replica, excused())
	e, ticket := s.Get(t.Context(), key, tags...)
	if e == nil {
		s.Set(t.Context(), key, ticket, entry(int(m.world[thing].Load())))
		return false
	}
	return int64(number(t, e)) < least && !excused()
}

func (m *model) write(t *testing.T, s *Tiered, thing, replica int) (version int64) {
	version = m.world[thing].Add(1)
	s.Evict(t.Context(), "t"+strconv.Itoa(thing))
	return version
}

// TestNoStaleReads does 100,000 things in any order on four replicas and checks
// each read against the model.
func TestNoStaleReads(t *testing.T) {
	const things, each = 400, 25_000 // so many that what one replica misses it does not mend by chance
	server := redistest.Start(t)
	m := newModel(things)
	var stale, hits atomic.Int64
	var wg sync.WaitGroup
	for i := range 4 {
		s := replica(t, server.Client(), leaseTime)
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			for range each {
				thing := random.IntN(things)
				if random.IntN(20) == 0 {
					v := m.write(t, s, thing, i)
					m.evicted(thing, i, v, time.Now())
					continue
				}
				hits.Add(1)
				if m.read(t, s, thing, i, func() bool { return false }) {
					stale.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := stale.Load(); n > 0 {
		t.Errorf("%d stale reads of %d", n, hits.Load())
	}
}

// TestNewsIsFast measures how long an eviction takes to reach the near stores of
// other replicas, most of which do other things.
func TestNewsIsFast(t *testing.T) {
	server := redistest.Start(t)
	var replicas []*Tiered
	for range 4 {
		replicas = append(replicas, replica(t, server.Client(), leaseTime))
	}
	var took []time.Duration
	for i := range 500 {
		key, tag := "k"+strconv.Itoa(i), "t"+strconv.Itoa(i)
		for _, s := range replicas {
			e, ticket := s.Get(t.Context(), key, tag)
			if e == nil {
				s.Set(t.Context(), key, ticket, entry(i))
			}
		}
		began := time.Now()
		replicas[i%4].Evict(t.Context(), tag)
		for _, s := range replicas {
			for {
				if e, _ := s.first.Get(t.Context(), key, tag); e == nil {
					break
				}
				if time.Since(began) > 10*time.Second {
					t.Fatal("the news does not come")
				}
			}
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	p99 := took[len(took)*99/100]
	t.Logf("evicted everywhere after %v (median), %v (p99)", took[len(took)/2], p99)
	if p99 > news {
		t.Errorf("evicted everywhere after %v (p99), want %v", p99, news)
	}
}

// line is the way of a replica to Redis, which can be broken.
type line struct {
	*toxiproxy.Proxy
	t *testing.T
}

func newLine(t *testing.T, addr string) *line {
	t.Helper()
	quiet := zerolog.Nop()
	p := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), quiet), "redis", "127.0.0.1:0", addr)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return &line{p, t}
}

// lose drops whatever is sent, until mended.
func (l *line) lose() {
	for _, stream := range []string{"upstream", "downstream"} {
		if _, err := l.Toxics.AddToxicJson(strings.NewReader(`{"name":"` + stream + `","type":"timeout","stream":"` + stream + `","attributes":{"timeout":0}}`)); err != nil {
			l.t.Error(err)
		}
	}
}

func (l *line) mend() { l.Toxics.ResetToxics(context.Background()) }

// TestCutOffReplicas cuts replicas off while all read and write: soon after each is
// back it knows what it has missed, and the others know what it did meanwhile.
func TestCutOffReplicas(t *testing.T) {
	const things, back = 400, 3 * time.Second
	_, addr := redistest.StartTCP(t)
	m := newModel(things)
	var (
		lines    []*line
		replicas []*Tiered
		cut      [4]atomic.Bool // until a while after it is back
		stale    atomic.Int64
		reads    atomic.Int64
		wg       sync.WaitGroup
	)
	for range 4 {
		l := newLine(t, addr)
		client, err := Dial("redis://" + l.Listen)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		lines, replicas = append(lines, l), append(replicas, replica(t, client, leaseTime))
	}
	over := make(chan struct{})
	for i, s := range replicas {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(2, uint64(i)))
			late := map[int]int64{} // what was evicted while others could not know
			for {
				select {
				case <-over:
					return
				default:
				}
				thing := random.IntN(things)
				if random.IntN(50) > 0 {
					if reads.Load()%64 == 0 {
						time.Sleep(time.Millisecond)
					}
					reads.Add(1)
					if m.read(t, s, thing, i, cut[i].Load) {
						stale.Add(1)
					}
					continue
				}
				alone := cut[i].Load()
				v := m.write(t, s, thing, i)
				if alone = alone || cut[i].Load(); alone {
					// His own reads must see it at once, those of others later.
					m.evicted(thing, i, v, time.Now().Add(24*time.Hour))
					late[thing] = v
					continue
				}
				for other, v := range late {
					m.evicted(other, i, v, time.Now())
				}
				clear(late)
				m.evicted(thing, i, v, time.Now())
				time.Sleep(time.Millisecond)
			}
		})
	}
	for n, c := range []struct{ cut, mend func(*line) }{
		{(*line).lose, (*line).mend},
		{func(l *line) { l.Stop() }, func(l *line) {
			if err := l.Start(); err != nil {
				t.Error(err)
			}
		}},
	} {
		time.Sleep(200 * time.Millisecond)
		cut[n].Store(true)
		c.cut(lines[n])
		time.Sleep(500 * time.Millisecond)
		c.mend(lines[n])
		time.Sleep(back)
		if replicas[n].second.(*Redis).link.down() {
			t.Errorf("replica %d is not back after %v", n, back)
		}
		cut[n].Store(false)
	}
	time.Sleep(500 * time.Millisecond)
	close(over)
	wg.Wait()
	t.Logf("%d reads", reads.Load())
	if n := stale.Load(); n > 0 {
		t.Errorf("%d stale reads of %d", n, reads.Load())
	}
}

// TestNewsThatIsLost evicts as another process does whose message never comes.
func TestNewsThatIsLost(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client()
	s := replica(t, server.Client(), leaseTime)
	ctx := t.Context()
	s.Evict(ctx, "x") // it has heard of one
	eventually(t, "it is kept", func() bool {
		s.Set(ctx, "k", want(t, s, miss, "k", "a"), entry(1))
		e, _ := s.first.Get(ctx, "k", "a")
		return e != nil
	})
	client.Del(ctx, tagPrefix+"a")
	client.Incr(ctx, counter)
	eventually(t, "it notices", func() bool {
		e, _ := s.first.Get(ctx, "k", "a")
		return e == nil
	})
	want(t, s, miss, "k", "a")
}

func TestHearing(t *testing.T) {

	heard := func(n uint64, tags ...string) func(*hearing) { return func(h *hearing) { h.heard(n, tags) } }
	compared := func(n uint64, back bool) func(*hearing) { return func(h *hearing) { h.compare(n, back) } }
	began := (*hearing).began
	for _, c := range []struct {
		why   string
		steps []func(*hearing)
		want  string
	}{
		{"one after the other", []func(*hearing){heard(7, "a"), heard(8, "b")}, "a b"},
		{"one is missing", []func(*hearing){heard(7, "a"), heard(9, "c")}, "a *"},
		{"and then they go on", []func(*hearing){heard(7, "a"), heard(9, "c"), heard(10, "d")}, "a * d"},
		{"one comes late", []func(*hearing){heard(7, "a"), heard(9, "c"), heard(8, "b")}, "a * b"},
		{"his own", []func(*hearing){heard(7), heard(8)}, ""},
		{"after his own", []func(*hearing){heard(7), heard(8, "b")}, "b"},
		{"a program that does not count", []func(*hearing){heard(7, "a"), heard(0, "b"), heard(8, "c")}, "a b c"},
		{"anew", []func(*hearing){heard(7, "a"), began, heard(20, "b")}, "a * b"},
		{"all were heard", []func(*hearing){heard(7, "a"), compared(7, false), compared(7, false)}, "a"},
		{"one is on its way", []func(*hearing){heard(7, "a"), compared(8, false), heard(8, "b"), compared(8, false)}, "a b"},
		{"one is lost", []func(*hearing){heard(7, "a"), compared(8, false), compared(8, false), compared(8, false)}, "a *"},
		{"and comes at last", []func(*hearing){heard(7, "a"), compared(8, false), compared(8, false), heard(8, "b"), heard(9, "c")}, "a * b c"},
		{"one is missing when the link is back", []func(*hearing){heard(7, "a"), compared(8, true)}, "a *"},
		{"none is", []func(*hearing){heard(7, "a"), compared(7, true)}, "a"},
		{"nothing was heard yet", []func(*hearing){began, compared(7, false), heard(8, "b"), compared(8, false)}, "* b"},
		{"Redis counts anew", []func(*hearing){heard(7, "a"), compared(7, false), compared(1, false), heard(2, "b")}, "a * b"},
	} {
		var got []string
		h := &hearing{evict: func(tags ...string) { got = append(got, tags...) }}
		for _, step := range c.steps {
			step(h)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: evicted %q, want %q", c.why, s, c.want)
		}
	}

}
