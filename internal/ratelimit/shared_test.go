package ratelimit

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"zoomql/cache/redistest"
)

// eventually waits for another process or the network.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

func (s *Shared) counts(replicas int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replicas == replicas
}

func (s *Shared) isPresent(replicas int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.present == replicas
}

// A log is a slog output that can be read while it is written.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}

func TestShared_countsReplicas(t *testing.T) {
	server := redistest.Start(t)
	a, b := openShared(t, server), openShared(t, server)
	c := NewShared(server.Client(), discard, withTimings(slowTimings))
	eventually(t, "all count three", func() bool { return a.counts(3) && b.counts(3) && c.counts(3) })
	c.Close()
	eventually(t, "all count two after one has closed", func() bool { return a.counts(2) && b.counts(2) })
}

func TestHeartbeat_silentReplica_isForgotten(t *testing.T) {
	client := redistest.Start(t).Client()
	a, b := NewRedis(client, withTimings(slowTimings)), NewRedis(client, withTimings(slowTimings))
	for i, r := range []*Redis{a, b} {
		if m, err := r.sendHeartbeat(t.Context(), false, 0); m.replicas != i+1 || err != nil {
			t.Errorf("%d replicas, want %d (%v)", m.replicas, i+1, err)
		}
	}
	client.ZIncrBy(t.Context(), registryKey, -float64(slowTimings.forgetAfter.Microseconds()), a.name) // as if so much time had passed
	if m, _ := b.sendHeartbeat(t.Context(), false, 0); m.replicas != 1 {
		t.Errorf("%d replicas are counted, one has sent no heartbeat", m.replicas)
	}
}

func TestShared_redisKilled_spendsItsShare(t *testing.T) {
	server := redistest.Start(t)
	var out log
	s := NewShared(server.Client(), slog.New(slog.NewTextHandler(&out, nil)), withTimings(slowTimings))
	t.Cleanup(s.Close)
	other := openShared(t, server)
	eventually(t, "both replicas count two", func() bool { return s.counts(2) && other.counts(2) })
	window := Limit{Key: "a:window", Calls: 10, Window: 2 * hour}
	daily := Limit{Key: "a:day", Calls: 100, Daily: true}
	blocked := Limit{Key: "a:blocked", Calls: 10, Window: time.Second}
	for range 30 {
		Take(t, other, hour, daily)
	}
	Take(t, s, 0, window, daily)

	server.Kill()
	// The other replica may have spent the window of the last reply of Redis.
	d := Take(t, s, 0, window)
	if d.OK || d.Wait < hour || d.Limit.Key != window.Key {
		t.Errorf("got %+v", d)
	}
	// Its share is half of the window, and half of what was left of the day.
	all, _ := s.Remaining(t.Context(), time.Now(), []Limit{window, daily})
	if all[0].Calls != 5 || all[0].Left != 0 || all[1].Calls != 50 || all[1].Left != 69/2 {
		t.Errorf("got %+v", all)
	}
	for range 69 / 2 {
		if d := Take(t, s, 0, daily); !d.OK {
			t.Fatalf("got %+v", d)
		}
	}
	if d := Take(t, s, 0, daily); d.OK {
		t.Errorf("got %+v", d)
	}
	given := Take(t, s, day, window)
	s.Cancel(t.Context(), given, []Limit{window})
	spent := Take(t, s, day, window)
	s.Block(t.Context(), blocked.Key, time.Now().Add(hour))
	s.Observe(t.Context(), time.Now(), daily, 0)

	server.Run()
	eventually(t, "it returns to Redis", func() bool { return !s.down.Load() })
	eventually(t, "the other returns too", func() bool { return !other.down.Load() })
	// Redis has the calls that were counted without it, and those that it had lost; the
	// window, whose log is lost, may have been full.
	if !spent.OK {
		t.Fatalf("got %+v", spent)
	}
	if got := Left(t, other, window, daily, blocked); !slices.Equal(got, []int{0, 100 - 31 - 69/2, 0}) {
		t.Errorf("left %v", got)
	}
	if !s.counts(2) {
		t.Error("the number of replicas is lost")
	}
	if lost, back := out.count("level=WARN"), out.count("Redis is back"); lost != 1 || back != 1 {
		t.Errorf("logged %d and %d times, want once each:\n%s", lost, back, &out.b)
	}
}

// TestShared_redisHangs_delaysOneCall: a Redis that does not reply delays one call, by
// two time limits at most. All further calls start without it.
func TestShared_redisHangs_delaysOneCall(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client()
	var takes atomic.Int32
	client.AddHook(hooked(func(cmd redis.Cmder) {
		if args := cmd.Args(); len(args) > 1 && args[1] == takeScript.Hash() {
			takes.Add(1)
		}
	}))
	quick := slowTimings
	quick.operation = 50 * time.Millisecond
	s := NewShared(client, discard, withTimings(quick))
	t.Cleanup(s.Close)
	l := Limit{Key: "a:l", Calls: 1000, Window: time.Millisecond}
	server.Hang()
	defer server.Resume()
	for range 100 {
		Take(t, s, hour, l)
	}
	if n := takes.Load(); n > 2 || !s.down.Load() {
		t.Errorf("%d of 100 calls waited for Redis", n)
	}
}

// hooked is a hook that is called with the commands that are sent to Redis.
type hooked func(redis.Cmder)

// DialHook does nothing.
func (hooked) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessPipelineHook does nothing.
func (hooked) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// ProcessHook calls h with a command.
func (h hooked) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		h(cmd)
		return next(ctx, cmd)
	}
}

// TestShared_redisHangs_fallsBackInTime: a call takes the time limit of an operation
// twice, if Redis replied just before, since the timeout may be transient.
func TestShared_redisHangs_fallsBackInTime(t *testing.T) {
	for _, c := range []struct {
		why     string
		options []Option
		want    time.Duration
	}{
		{"by default", nil, 500 * time.Millisecond},
		{"as set", []Option{withTimings(timings{operation: time.Second})}, 2 * time.Second},
	} {
		inVirtualTime(t, func(t *testing.T, v *virtualRedis) {
			s := NewShared(v, discard, c.options...)
			t.Cleanup(s.Close)
			Take(t, s, 0, second)
			v.Hang()
			began := time.Now()
			Take(t, s, hour, second)
			if took := time.Since(began); took != c.want || !s.down.Load() {
				t.Errorf("%s: it fell back after %v, want %v", c.why, took, c.want)
			}
			v.Resume()
		})
	}
}

func TestShared_callersContextEnds_usesRedis(t *testing.T) {
	s := openShared(t, redistest.Start(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 10 {
		if _, err := s.Take(ctx, time.Now(), 0, []Limit{second}); err != nil {
			t.Error(err)
		}
	}
	if s.down.Load() {
		t.Error("it fell back")
	}
}

// TestShared_redisRestarts_limitHolds makes all calls that two replicas allow while
// Redis is killed and started again: all starts together are within the limit, and no
// call fails.
func TestShared_redisRestarts_limitHolds(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, v *virtualRedis) {
		v.latency = always(2 * time.Millisecond)
		replicas := v.pair(t)
		l := Limit{Key: "a:l", Calls: 10, Window: 200 * time.Millisecond, Guard: 20 * time.Millisecond}
		var (
			mu     sync.Mutex
			starts []time.Time
			wg     sync.WaitGroup
		)
		ctx, end := context.WithCancel(t.Context())
		for i := range 6 {
			lim := NewLimiter(replicas[i%2], time.Minute)
			wg.Go(func() {
				for ctx.Err() == nil {
					if err := Wait(t.Context(), lim, []Limit{l}); err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					starts = append(starts, time.Now())
					mu.Unlock()
				}
			})
		}
		time.Sleep(time.Second)
		v.Kill()
		time.Sleep(3 * time.Second)
		mu.Lock()
		before := len(starts)
		mu.Unlock()
		v.Run()
		for _, s := range replicas {
			eventually(t, "it returns to Redis", func() bool { return !s.down.Load() })
		}
		time.Sleep(2 * time.Second)
		end()
		wg.Wait()
		for i := l.Calls; i < len(starts); i++ {
			if gap := starts[i].Sub(starts[i-l.Calls]); gap < l.Window {
				t.Errorf("starts %d and %d of %d are %v apart", i-l.Calls, i, len(starts), gap)
			}
		}
		if after := len(starts) - before; before < 120 || after < 60 {
			t.Errorf("only %d starts, and %d after Redis is back", before, after)
		}
	})
}

func BenchmarkSharedTake(b *testing.B) {
	s := openShared(b, redistest.Start(b))
	limits := []Limit{{Key: "a:l", Calls: 1 << 30, Window: time.Millisecond}}
	b.ReportAllocs()
	for b.Loop() {
		s.Take(b.Context(), time.Now(), 0, limits)
	}
}

// TestRedisTake_fullForPortion_notForAll: a window that is full for a portion of the
// limit, while replicas are missing, is not full for all of it.
func TestRedisTake_fullForPortion_notForAll(t *testing.T) {
	s := NewRedis(redistest.Start(t).Client(), withTimings(slowTimings))
	all := Limit{Key: "a:l", Calls: 9, Window: hour}
	part := all
	part.Calls = 3
	for range 3 {
		Take(t, s, 0, part)
	}
	if d := Take(t, s, 0, part); d.OK {
		t.Fatalf("got %+v", d)
	}
	if d := Take(t, s, 0, all); !d.OK {
		t.Errorf("got %+v", d)
	}
	if d := Take(t, s, 0, part); d.OK {
		t.Errorf("got %+v", d)
	}
}

// TestReserve_otherReplicaHasLongQueue: the calls that wait on one replica delay a call
// on another by a window and the starts reserved ahead, at most.
func TestReserve_otherReplicaHasLongQueue(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, v *virtualRedis) {
		v.latency = always(time.Millisecond)
		replicas := v.pair(t)
		busy, idle := NewLimiter(replicas[0], time.Minute), NewLimiter(replicas[1], time.Minute)
		limit := Limit{Key: "a:eighty", Calls: 80, Window: time.Second}
		ctx, end := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() { _ = Wait(ctx, busy, []Limit{limit}) })
		}
		eventually(t, "they wait", func() bool { return busy.Waiting() > 900 })
		for range 3 {
			began := time.Now()
			if err := Wait(ctx, idle, []Limit{limit}); err != nil {
				t.Error(err)
			}
			if waited := time.Since(began); waited > limit.Span()+100*time.Millisecond {
				t.Errorf("it waited for %v", waited)
			}
		}
		end()
		wg.Wait()
	})
}
