package ratelimit

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"zoomql/cache/redistest"
)

// TestTake_redisRestartedUndetected_restoresState: Redis is killed and is back, empty,
// before a request fails. The replicas restore the day and the block, and treat the
// window as full.
func TestTake_redisRestartedUndetected_restoresState(t *testing.T) {
	server := redistest.Start(t)
	s, other := openShared(t, server), openShared(t, server)
	eventually(t, "both replicas count two", func() bool { return s.counts(2) && other.counts(2) })
	var (
		window  = Limit{Key: "a:window", Calls: 10, Window: hour}
		daily   = Limit{Key: "a:day", Calls: 100, Daily: true}
		blocked = Limit{Key: "a:blocked", Calls: 10, Window: time.Second}
	)
	for range 30 {
		Take(t, s, 0, daily)
	}
	Take(t, other, 0, daily)
	for range 10 {
		Take(t, s, 0, window)
	}
	_ = s.Block(t.Context(), blocked.Key, time.Now().Add(hour))
	_ = s.Refuse(t.Context(), time.Now(), window)
	Take(t, s, day, window)

	s.redis.client.Del(t.Context(), (&Redis{}).countKey(window.Key), (&Redis{}).stateKey(window.Key), (&Redis{}).countKey(daily.Key), (&Redis{}).stateKey(blocked.Key), (&Redis{}).epochKey("a:"))
	if d := Take(t, s, 0, daily); !d.OK {
		t.Errorf("got %+v", d)
	}
	if d := Take(t, other, 0, daily); !d.OK {
		t.Errorf("got %+v", d)
	}
	if got := Left(t, other, daily, window, blocked); !slices.Equal(got, []int{100 - 32, 0, 0}) {
		t.Errorf("left %v", got)
	}
	all, _ := s.Remaining(t.Context(), time.Now(), []Limit{window})
	if all[0].Competing == 0 {
		t.Error("the estimate of competing usage is lost")
	}
}

// TestTake_redisRestartsUnderLoad kills Redis and starts it again, empty, while two
// replicas make all calls that they may: an origin that counts by the second refuses next
// to none, no call fails, and the budget is used before and after.
func TestTake_redisRestartsUnderLoad(t *testing.T) {
	for name, fault := range map[string]func(*virtualRedis){
		"killed":    func(v *virtualRedis) { v.Kill(); time.Sleep(time.Second); v.Run() },
		"restarted": func(v *virtualRedis) { v.Kill(); v.Run() },
		"stalled":   func(v *virtualRedis) { v.Hang(); time.Sleep(2 * time.Second); v.Resume() },
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(t *testing.T, v *virtualRedis) {
				v.latency = always(time.Millisecond)
				var (
					o  = &origin{calls: 80, window: time.Second}
					wg sync.WaitGroup
				)
				ctx, end := context.WithCancel(t.Context())
				replicas := v.pair(t)
				for _, s := range replicas {
					l := NewLimiter(s, time.Minute)
					for range 10 {
						wg.Go(func() { o.callUntil(ctx, t, l) })
					}
				}
				begins := time.Now()
				time.Sleep(1500 * time.Millisecond)
				fault(v)
				eventually(t, "both replicas use Redis", func() bool { return back(replicas[0]) && back(replicas[1]) })
				backs := time.Now()
				time.Sleep(4 * time.Second) // of calls under the common limit again
				ends := time.Now()
				end()
				wg.Wait()
				t.Logf("%d refusals, %d calls; back after %v", len(o.refused), len(o.ours), backs.Sub(begins)-1500*time.Millisecond)
				if n := len(o.refused); n > len(o.ours)/50 { // with the whole limit each, half would be refused
					t.Errorf("%d refusals, %d calls", n, len(o.ours))
				}
				if n := between(o.ours, ends.Add(-2*time.Second), ends); n < 100 {
					t.Errorf("%d calls in the last two seconds", n)
				}
			})
		})
	}
}

// TestTake_realRedisRestartsUnderLoad is the same on a real Redis, at any speed: no call
// fails, and both replicas return to Redis.
func TestTake_realRedisRestartsUnderLoad(t *testing.T) {
	for name, fault := range map[string]func(*redistest.Server) (repair func()){
		"killed":  func(s *redistest.Server) func() { s.Kill(); return s.Run },
		"stalled": func(s *redistest.Server) func() { s.Hang(); return s.Resume },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			var (
				o  = &origin{calls: 80, window: time.Millisecond}
				wg sync.WaitGroup
			)
			ctx, end := context.WithCancel(t.Context())
			s, other := NewShared(server.Client(), discard), NewShared(server.Client(), discard)
			for _, s := range []*Shared{s, other} {
				t.Cleanup(s.Close)
				l := NewLimiter(s, time.Minute)
				for range 10 {
					wg.Go(func() { o.callUntil(ctx, t, l) })
				}
			}
			moreCalls := func(why string) {
				before, _ := o.seen()
				eventually(t, why, func() bool { now, _ := o.seen(); return len(now) > len(before)+20 })
			}
			eventually(t, "both replicas count two", func() bool { return back(s) && back(other) })
			moreCalls("calls start")
			repair := fault(server)
			eventually(t, "both replicas count without it", func() bool { return s.down.Load() && other.down.Load() })
			moreCalls("calls start without it")
			repair()
			eventually(t, "both replicas use Redis", func() bool { return back(s) && back(other) })
			moreCalls("calls start as before")
			end()
			wg.Wait()
		})
	}
}

// callUntil makes one call after another.
func (o *origin) callUntil(end context.Context, t *testing.T, l *Limiter) {
	for end.Err() == nil {
		if err := Wait(t.Context(), l, []Limit{paced}); err != nil {
			t.Error(err)
			return
		}
		if !o.call(true) {
			_ = l.Refuse(t.Context(), paced)
		}
	}
}

// back reports whether one of two replicas counts in Redis.
func back(s *Shared) bool { return !s.down.Load() && s.counts(2) }
