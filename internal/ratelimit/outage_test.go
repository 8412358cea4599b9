package ratelimit

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"zoomql/cache/redistest"
)

// TestTake_redisRestartedUnnoticed_restoresState: Redis is killed and is back, empty, before anyone
// asks. What was used of the day and who was refused is known all the same, and
// the window may have been full.
func TestTake_redisRestartedUnnoticed_restoresState(t *testing.T) {
	server := redistest.Start(t)
	s, other := openShared(t, server), openShared(t, server)
	eventually(t, "they know of two", func() bool { return s.knows(2) && other.knows(2) })
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
		t.Error("nobody knows of the others")
	}
}

// TestTake_redisRestartsUnderLoad kills Redis and starts it again, empty, while two replicas
// take all they can get: an origin that counts by the second refuses next to
// nothing, nobody fails, and what is to be had is used before and after.
func TestTake_redisRestartsUnderLoad(t *testing.T) {
	for name, trouble := range map[string]func(*virtualRedis){
		"killed":  func(v *virtualRedis) { v.Kill(); time.Sleep(time.Second); v.Run() },
		"flicker": func(v *virtualRedis) { v.Kill(); v.Run() },
		"stalled": func(v *virtualRedis) { v.Hang(); time.Sleep(2 * time.Second); v.Resume() },
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(t *testing.T, v *virtualRedis) {
				v.way = always(time.Millisecond)
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
				trouble(v)
				eventually(t, "they are back", func() bool { return back(replicas[0]) && back(replicas[1]) })
				backs := time.Now()
				time.Sleep(4 * time.Second) // of calls under the common limit again
				ends := time.Now()
				end()
				wg.Wait()
				t.Logf("%d refusals, %d calls; back after %v", len(o.refused), len(o.ours), backs.Sub(begins)-1500*time.Millisecond)
				if n := len(o.refused); n > len(o.ours)/50 { // without Redis, each for itself would have half refused
					t.Errorf("%d refusals, %d calls", n, len(o.ours))
				}
				if n := between(o.ours, ends.Add(-2*time.Second), ends); n < 100 {
					t.Errorf("%d calls in the last two seconds", n)
				}
			})
		})
	}
}

// TestTake_realRedisRestartsUnderLoad is that on a real Redis, at whatever speed: nobody fails,
// and all go back.
func TestTake_realRedisRestartsUnderLoad(t *testing.T) {
	for name, trouble := range map[string]func(*redistest.Server) (mend func()){
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
			s, other := NewShared(server.Client(), silent), NewShared(server.Client(), silent)
			for _, s := range []*Shared{s, other} {
				t.Cleanup(s.Close)
				l := NewLimiter(s, time.Minute)
				for range 10 {
					wg.Go(func() { o.callUntil(ctx, t, l) })
				}
			}
			some := func(why string) {
				before, _ := o.seen()
				eventually(t, why, func() bool { now, _ := o.seen(); return len(now) > len(before)+20 })
			}
			eventually(t, "they know of two", func() bool { return back(s) && back(other) })
			some("calls start")
			mend := trouble(server)
			eventually(t, "it is missed", func() bool { return s.down.Load() && other.down.Load() })
			some("calls start without it")
			mend()
			eventually(t, "they are back", func() bool { return back(s) && back(other) })
			some("calls start as before")
			end()
			wg.Wait()
		})
	}
}

// callUntil makes one call after the other.
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

// back reports whether a replica of two takes what it takes in Redis.
func back(s *Shared) bool { return !s.down.Load() && s.knows(2) }
