package ratelimit

import (
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"zoomql/cache/redistest"

	"zoomql/internal/ratelimit/window"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) { os.Exit(code) }))
}

// second allows two calls a second, exactly.
var second = Limit{Key: "a:second", Calls: 2, Window: time.Second, Guard: -1}

var discard = slog.New(slog.DiscardHandler)

// stores starts the server of each kind of store. The functions that it returns open an
// empty store.
var stores = map[string]func(t testing.TB) func(t testing.TB) Store{
	"memory": func(testing.TB) func(testing.TB) Store {
		return func(testing.TB) Store { return &Memory{} }
	},
	"redis": func(t testing.TB) func(testing.TB) Store {
		client := redistest.Start(t).Client()
		return func(t testing.TB) Store {
			client.FlushAll(t.Context())
			return NewRedis(client, withTimings(slowTimings))
		}
	},
	"cluster": func(t testing.TB) func(testing.TB) Store {
		client := redistest.Cluster(t)
		return func(t testing.TB) Store {
			client.FlushAll(t.Context())
			return NewRedis(client, withTimings(slowTimings))
		}
	},
	"shared": func(t testing.TB) func(testing.TB) Store {
		server := redistest.Start(t)
		return func(t testing.TB) Store {
			server.Client().FlushAll(t.Context())
			return openShared(t, server)
		}
	},
}

// slowTimings are timings that only a Redis that hangs exceeds: tests of what a Store
// counts do not depend on how fast the machine is. Tests of time limits are in virtual
// time.
var slowTimings = timings{
	operation: time.Minute, heartbeat: 20 * time.Millisecond, probeFirst: 10 * time.Millisecond, probeMax: 20 * time.Millisecond,
	missingAfter: hour, heartbeatDelay: hour, replyLifetime: hour, forgetAfter: 2 * hour,
}

func openShared(t testing.TB, server *redistest.Server) *Shared {
	s := NewShared(server.Client(), discard, withTimings(slowTimings))
	t.Cleanup(s.Close)
	return s
}

const (
	hour = time.Hour
	day  = window.Day
)

// suite holds for every store, like the cases of TestStore.
var suite = map[string]func(*testing.T, Store){
	"each start is the first that the rule allows": storeIsExact,
	"many take concurrently":                       func(t *testing.T, s Store) { takeConcurrently(t, s) },
	"a refusal gives an estimate":                  storeEstimates,
	"a figure of the origin gives an estimate":     storeObserves,
	"competing usage shortens the window":          storeShortensWindows,
	"calls are paced":                              storePaces,
}

func TestStore(t *testing.T) {
	var (
		two   = Limit{Key: "a:two", Calls: 2, Window: 2 * hour}
		three = Limit{Key: "a:three", Calls: 3, Window: 12 * hour}
		daily = Limit{Key: "a:daily", Calls: 3, Daily: true}
	)
	cases := map[string]func(t *testing.T, s Store){
		"so many start at once, the next after a window": func(t *testing.T, s Store) {
			first := Take(t, s, 0, two)
			Take(t, s, 0, two)
			d := Take(t, s, 3*hour, two)
			if !first.OK || first.Wait != 0 || !d.OK || d.Limit != two {
				t.Errorf("first %+v, third %+v", first, d)
			}
			if got := time.Duration(d.at - first.at); got != two.Span() {
				t.Errorf("the third starts %v after the first", got)
			}
			if off := time.Until(d.Start) - d.Wait; off > time.Second || off < -time.Minute {
				t.Errorf("Start and Wait are %v apart", off)
			}
		},
		"a call that is not reserved counts nothing": func(t *testing.T, s Store) {
			Take(t, s, 0, two)
			Take(t, s, 0, two, three)
			if d := Take(t, s, time.Second, three, two); d.OK || d.Wait < hour || d.Limit != two {
				t.Errorf("got %+v", d)
			}
			if got := Left(t, s, two, three); !slices.Equal(got, []int{0, 2}) {
				t.Errorf("left %v", got)
			}
		},
		"a call under two limits waits for both": func(t *testing.T, s Store) {
			first := Take(t, s, 0, three)
			Take(t, s, 0, three)
			Take(t, s, 0, three)
			if d := Take(t, s, day, two, three); !d.OK || d.Limit != three || time.Duration(d.at-first.at) != three.Span() {
				t.Errorf("got %+v", d)
			}
			// The gap before it is free for other calls.
			if d := Take(t, s, 0, two); !d.OK {
				t.Errorf("got %+v", d)
			}
		},
		"a call that is cancelled can be taken again": func(t *testing.T, s Store) {
			under := []Limit{two, daily}
			Take(t, s, 0, under...)
			d := Take(t, s, 0, under...)
			if got := Left(t, s, under...); !slices.Equal(got, []int{0, 1}) {
				t.Errorf("left %v", got)
			}
			if err := s.Cancel(t.Context(), d, under); err != nil {
				t.Fatal(err)
			}
			if got := Left(t, s, under...); !slices.Equal(got, []int{1, 2}) {
				t.Errorf("left %v", got)
			}
			if d := Take(t, s, 0, under...); !d.OK {
				t.Errorf("got %+v", d)
			}
		},
		"a call that leaves late delays those a window after it": func(t *testing.T, s Store) {
			first, second := Take(t, s, 0, two), Take(t, s, 0, two)
			time.Sleep(50 * time.Millisecond) // at least: it is late from here on
			for _, d := range []Decision{first, second} {
				if err := s.Late(t.Context(), time.Now(), d, []Limit{two}); err != nil {
					t.Fatal(err)
				}
			}
			if d := Take(t, s, 3*hour, two); time.Duration(d.at-first.at) < two.Span()+50*time.Millisecond {
				t.Errorf("the third starts %v after the first was to", time.Duration(d.at-first.at))
			}
		},
		"a day is counted": func(t *testing.T, s Store) {
			for range 3 {
				if d := Take(t, s, 0, daily); !d.OK {
					t.Fatalf("got %+v", d)
				}
			}
			d := Take(t, s, 0, daily)
			midnight := time.Now().UTC().Truncate(day).Add(day + daily.Margin())
			if off := d.Start.Sub(midnight); d.OK || d.Limit != daily || off < -time.Minute || off > time.Minute {
				t.Errorf("got %+v, want a refusal until %v", d, midnight)
			}
			// Tomorrow's can be reserved today.
			if d := Take(t, s, 2*day, daily); !d.OK || d.Wait == 0 {
				t.Errorf("got %+v", d)
			}
			all, _ := s.Remaining(t.Context(), time.Now(), []Limit{daily})
			if off := all[0].Reset.Sub(midnight); off < -time.Minute || off > time.Minute {
				t.Errorf("resets at %v", all[0].Reset)
			}
		},
		"the origin's refusal counts for all limits of a call": func(t *testing.T, s Store) {
			until := time.Now().Add(hour)
			s.Block(t.Context(), two.Key, until)
			s.Block(t.Context(), two.Key, time.Now().Add(time.Second)) // shorter: no effect
			d := Take(t, s, 0, three, two)
			if off := d.Start.Sub(until); d.OK || d.Limit != two || off < -time.Minute || off > time.Minute {
				t.Errorf("got %+v, want a refusal until %v", d, until)
			}
			if got := Left(t, s, two, three); !slices.Equal(got, []int{0, 3}) {
				t.Errorf("left %v", got)
			}
			if d := Take(t, s, 0, three); !d.OK {
				t.Errorf("another limit: %+v", d)
			}
			s.Block(t.Context(), daily.Key, until)
			if d := Take(t, s, 0, daily); d.OK {
				t.Errorf("a daily limit: %+v", d)
			}
		},
		"a block in the past blocks nothing": func(t *testing.T, s Store) {
			s.Block(t.Context(), two.Key, time.Now().Add(-time.Second))
			if d := Take(t, s, 0, two); !d.OK {
				t.Errorf("got %+v", d)
			}
		},
		"the origin's figure of a day raises the count, and never lowers it": func(t *testing.T, s Store) {
			Take(t, s, 0, daily)
			s.Observe(t.Context(), time.Now(), daily, 1)
			if got := Left(t, s, daily); got[0] != 1 {
				t.Errorf("left %v", got)
			}
			s.Observe(t.Context(), time.Now(), daily, 3)
			if got := Left(t, s, daily); got[0] != 1 {
				t.Errorf("left %v", got)
			}
		},
		"accounts are counted apart": func(t *testing.T, s Store) {
			other := two
			other.Key = "b:two"
			Take(t, s, 0, two)
			Take(t, s, 0, two)
			if d := Take(t, s, 0, other); !d.OK {
				t.Errorf("got %+v", d)
			}
		},
	}
	maps.Copy(cases, suite)
	for name, begin := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open := begin(t) // once: a cluster takes two seconds
			for name, run := range cases {
				t.Run(name, func(t *testing.T) { run(t, open(t)) })
			}
		})
	}
}

// storeIsExact is TestMemoryTake_isExact for every store, by its own clock, and with
// competing usage. Windows are so long that none ends during the test, and no estimate
// decays.
func storeIsExact(t *testing.T, s Store) {
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		h := history{}
		limits := make([]Limit, 4)
		ours := make([]Limit, len(limits)) // the part that competing usage leaves
		for i := range limits {
			l := Limit{
				Key:    strconv.Itoa(run) + ":" + strconv.Itoa(i),
				Calls:  rapid.SampledFrom([]int{1, 2, 4, 5}).Draw(rt, "calls"),
				Window: time.Duration(rapid.IntRange(1, 20).Draw(rt, "window")) * time.Minute,
				Daily:  i == 3,
				Guard:  rapid.SampledFrom([]time.Duration{-1, 4 * time.Minute, 8 * time.Minute}).Draw(rt, "guard"),
			}
			limits[i], ours[i] = l, l
			if competing := rapid.IntRange(0, l.Calls-1).Draw(rt, "competing"); competing > 0 && !l.Daily {
				if err := s.Observe(t.Context(), time.Now(), l, l.Calls-competing); err != nil {
					rt.Fatal(err)
				}
				ours[i].Calls, ours[i].Window, ours[i].Guard = l.Calls-competing, l.Effective(competing), -1
			}
		}
		type reservation struct {
			Decision
			under, ours []Limit
		}
		var held []reservation
		for range rapid.IntRange(10, 50).Draw(rt, "steps") {
			if len(held) > 0 && rapid.IntRange(0, 3).Draw(rt, "cancel") == 0 {
				i := rapid.IntRange(0, len(held)-1).Draw(rt, "which")
				s.Cancel(t.Context(), held[i].Decision, held[i].under)
				h.remove(held[i].at, held[i].ours)
				held = slices.Delete(held, i, i+1)
				continue
			}
			var under, left []Limit
			for i := range limits {
				if rapid.Bool().Draw(rt, "under") {
					under, left = append(under, limits[i]), append(left, ours[i])
				}
			}
			if len(under) == 0 {
				continue
			}
			maxWait := rapid.SampledFrom([]time.Duration{0, time.Minute, 3 * day, 3 * day, 3 * day}).Draw(rt, "max wait")
			d, err := s.Take(t.Context(), time.Now(), maxWait, under)
			if err != nil {
				rt.Fatal(err)
			}
			h.check(rt, d, d.at-int64(d.Wait), maxWait, left)
			if d.OK {
				held = append(held, reservation{d, under, left})
			}
		}
	})
}

func TestTake_twoReplicasAtOnce(t *testing.T) {
	server := redistest.Start(t)
	a, b := openShared(t, server), openShared(t, server)
	eventually(t, "both replicas count two, and both are present", func() bool { return a.counts(2) && b.counts(2) && a.isPresent(2) && b.isPresent(2) })
	takeConcurrently(t, a, b)
}

// takeConcurrently takes from all the stores at the same time. They have one clock.
func takeConcurrently(t *testing.T, stores ...Store) {
	l := Limit{Key: "a:l", Calls: 7, Window: hour}
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		starts []int64
	)
	for i := range 8 {
		wg.Go(func() {
			for range 25 {
				d, err := stores[i%len(stores)].Take(t.Context(), time.Now(), 10*day, []Limit{l})
				if err != nil || !d.OK {
					t.Error(d, err)
				}
				mu.Lock()
				starts = append(starts, d.at)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(starts)
	for i := l.Calls; i < len(starts); i++ {
		// All wait but the first, so the log is full: no less, and no more.
		if gap := time.Duration(starts[i] - starts[i-l.Calls]); gap != l.Span() {
			t.Fatalf("calls %d and %d start %v apart", i-l.Calls, i, gap)
		}
	}
}

func BenchmarkRedisTake(b *testing.B) {
	second := Limit{Key: "a:LIGHT", Calls: 80, Window: time.Second}
	for name, limits := range map[string][]Limit{
		"OneLimit":    {second},
		"ThreeLimits": {second, {Key: "a:day", Calls: 1 << 40, Daily: true}, {Key: "a:host", Calls: 1 << 40, Daily: true}},
		"Roomy":       {{Key: "a:roomy", Calls: 1 << 30, Window: 10 * time.Millisecond}},
	} {
		b.Run(name, func(b *testing.B) {
			s := NewRedis(redistest.Start(b).Client())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Take(b.Context(), time.Now(), 10*time.Second, limits); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
