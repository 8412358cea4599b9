package ratelimit

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var eighty = Limit{Key: "a:eighty", Calls: 80, Window: time.Second}

// flood has a caller wait for so many calls at once, and returns when they stand
// in line. They are gone when ctx ends.
func flood(ctx context.Context, l *Limiter, name string, calls int, wg *sync.WaitGroup) {
	ctx = WithCaller(ctx, name)
	for range calls {
		wg.Go(func() { _ = wait(ctx, l, []Limit{eighty}) })
	}
}

func TestAThousandCallsDelayNobodyElse(t *testing.T) {
	oneAtATime(t)
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(&Memory{}, time.Minute)
		ctx, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		flood(ctx, l, "many", 1080, &wg)
		synctest.Wait()
		if l.Waiting() != 1000 {
			t.Fatalf("%d wait", l.Waiting())
		}
		time.Sleep(1100 * time.Millisecond)
		for range 3 {
			began := time.Now()
			// Its own start, in order of arrival, would be beyond its time.
			brief, cancel := context.WithTimeout(WithCaller(ctx, "one"), 2*time.Second)
			if err := wait(brief, l, []Limit{eighty}); err != nil || time.Since(began) > eighty.Span() {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
			cancel()
		}
		leave()
		wg.Wait()
	})
}

// TestEqualParts: three callers, one of which asks ten times as much, have the
// same part of what there is.
func TestEqualParts(t *testing.T) {
	oneAtATime(t)
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(&Memory{}, time.Minute)
		var (
			mu  sync.Mutex
			got = map[string]int{}
			wg  sync.WaitGroup
			end = time.Now().Add(20 * time.Second)
		)
		for name, workers := range map[string]int{"a": 1000, "b": 100, "c": 100} {
			for range workers {
				wg.Go(func() {
					ctx, cancel := context.WithDeadline(WithCaller(t.Context(), name), end)
					defer cancel()
					for wait(ctx, l, []Limit{eighty}) == nil {
						mu.Lock()
						got[name]++
						mu.Unlock()
					}
				})
			}
		}
		wg.Wait()
		all := got["a"] + got["b"] + got["c"]
		for name, n := range got {
			if n < all*30/100 || n > all*37/100 {
				t.Errorf("%s had %d of %d", name, n, all)
			}
		}
	})
}

func TestHopelessCallsFailAtOnce(t *testing.T) {
	oneAtATime(t)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour)
		l := NewLimiter(&Memory{}, time.Minute)
		ctx, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		flood(ctx, l, "many", 480, &wg)
		synctest.Wait()
		brief, cancel := context.WithTimeout(WithCaller(ctx, "many"), 2*time.Second)
		defer cancel()
		began := time.Now()
		err := wait(brief, l, []Limit{eighty})
		var e *Error
		if !errors.As(err, &e) || time.Since(began) > 0 {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
		if in := e.RetryAt.Sub(began); in < 5*time.Second || in > 7*time.Second {
			t.Errorf("it could be had in %v; 400 are before it, at 80 a second", in)
		}
		leave()
		wg.Wait()
	})
}

// TestALongQueueElsewhere: what waits on one replica does not delay a call on
// another by more than what is reserved ahead, and a window.
func TestALongQueueElsewhere(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, v *virtualRedis) {
		v.way = always(time.Millisecond)
		replicas := v.pair(t)
		busy, idle := NewLimiter(replicas[0], time.Minute), NewLimiter(replicas[1], time.Minute)
		ctx, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		flood(ctx, busy, "many", 1000, &wg)
		eventually(t, "they wait", func() bool { return busy.Waiting() > 900 })
		for range 3 {
			began := time.Now()
			if err := wait(ctx, idle, []Limit{eighty}); err != nil {
				t.Error(err)
			}
			if waited := time.Since(began); waited > eighty.Span()+100*time.Millisecond {
				t.Errorf("it waited for %v", waited)
			}
		}
		leave()
		wg.Wait()
	})
}
