package ratelimit

import (
	"slices"
	"sync"
	"testing"
	"time"

	"zoomql/cache/redistest"
)

// TestNobodyNoticesTheRestart: Redis is killed and is back, empty, before anyone
// asks. What was used of the day and who was refused is known all the same, and
// the window may have been full.
func TestNobodyNoticesTheRestart(t *testing.T) {
	server := redistest.Start(t)
	s, other := openShared(t, server), openShared(t, server)
	eventually(t, "they know of two", func() bool { return s.knows(2) && other.knows(2) })
	var (
		window  = Limit{Key: "a:window", Calls: 10, Window: 2 * time.Second}
		daily   = Limit{Key: "a:day", Calls: 100, Daily: true}
		blocked = Limit{Key: "a:blocked", Calls: 10, Window: time.Second}
	)
	for range 30 {
		take(t, s, 0, daily)
	}
	take(t, other, 0, daily)
	for range 10 {
		take(t, s, 0, window)
	}
	_ = s.Block(t.Context(), blocked.Key, time.Now().Add(hour))
	_ = s.Refuse(t.Context(), time.Now(), window)
	take(t, s, hour, window)

	s.far.client.Del(t.Context(), countKey(window.Key), stateKey(window.Key), countKey(daily.Key), stateKey(blocked.Key), epochKey("a:"))
	if d := take(t, s, 0, daily); !d.OK {
		t.Errorf("got %+v", d)
	}
	if d := take(t, other, 0, daily); !d.OK {
		t.Errorf("got %+v", d)
	}
	if got := left(t, other, daily, window, blocked); !slices.Equal(got, []int{100 - 32, 0, 0}) {
		t.Errorf("left %v", got)
	}
	all, _ := s.Remaining(t.Context(), time.Now(), []Limit{window})
	if all[0].Others == 0 {
		t.Error("nobody knows of the others")
	}
}

// TestRestartUnderLoad kills Redis and starts it again, empty, while two replicas
// take all they can get: an origin that counts by the second refuses next to
// nothing, and nobody fails. How little, and how soon all is as before, depends on
// the machine too: make chaos measures that.
func TestRestartUnderLoad(t *testing.T) {
	for name, trouble := range map[string]func(*redistest.Server){
		"killed":  func(s *redistest.Server) { s.Kill(); time.Sleep(time.Second); s.Run() },
		"flicker": func(s *redistest.Server) { s.Kill(); s.Run() },
		"stalled": func(s *redistest.Server) { s.Hang(); time.Sleep(2 * time.Second); s.Resume() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			var (
				o   = &origin{calls: 80, window: time.Second}
				end = make(chan struct{})
				wg  sync.WaitGroup
			)
			replicas := []*Shared{openShared(t, server), openShared(t, server)}
			for _, s := range replicas {
				l := NewLimiter(s, time.Minute)
				eventually(t, "it is there", func() bool { return s.State().Replicas >= 1 })
				for range 40 {
					wg.Go(func() { o.callUntil(t, end, l) })
				}
			}
			time.Sleep(1500 * time.Millisecond)
			trouble(server)
			eventually(t, "they are back", func() bool { return back(replicas[0]) && back(replicas[1]) })
			time.Sleep(time.Second) // of calls under the common limit again
			close(end)
			wg.Wait()
			o.mu.Lock()
			defer o.mu.Unlock()
			if n := len(o.refused); n > len(o.ours)/10 { // without Redis, each for himself would have half refused
				t.Errorf("%d refusals, %d calls", n, len(o.ours))
			}
		})
	}
}

// callUntil makes one call after the other.
func (o *origin) callUntil(t *testing.T, end <-chan struct{}, l *Limiter) {
	for {
		select {
		case <-end:
			return
		default:
		}
		if err := l.Wait(t.Context(), []Limit{paced}); err != nil {
			t.Error(err)
			return
		}
		if !o.call(true) {
			_ = l.Refuse(t.Context(), paced)
		}
	}
}

// back reports whether a replica of two takes what it takes in Redis.
func back(s *Shared) bool { return !s.State().Alone && s.knows(2) }
