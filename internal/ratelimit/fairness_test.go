package ratelimit_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/internal/ratelimit"
)

var eighty = ratelimit.Limit{Key: "a:eighty", Calls: 80, Window: time.Second}

// flood begins calls of a caller at once. They end when ctx ends.
func flood(ctx context.Context, l *ratelimit.Limiter, caller string, calls int, wg *sync.WaitGroup) {
	ctx = ratelimit.WithCaller(ctx, caller)
	for range calls {
		wg.Go(func() { _ = ratelimit.Wait(ctx, l, []ratelimit.Limit{eighty}) })
	}
}

func TestReserve_otherCallerHasThousandWaiting(t *testing.T) {
	ratelimit.OneAtATime(t)
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.NewLimiter(&ratelimit.Memory{}, time.Minute)
		ctx, end := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		flood(ctx, l, "many", 1080, &wg)
		synctest.Wait()
		if l.Waiting() != 1000 {
			t.Fatalf("%d wait", l.Waiting())
		}
		time.Sleep(1100 * time.Millisecond)
		for range 3 {
			began := time.Now()
			// In order of arrival, its start would be after its deadline.
			short, cancel := context.WithTimeout(ratelimit.WithCaller(ctx, "one"), 2*time.Second)
			if err := ratelimit.Wait(short, l, []ratelimit.Limit{eighty}); err != nil || time.Since(began) > eighty.Span() {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
			cancel()
		}
		end()
		wg.Wait()
	})
}

// TestReserve_callersHaveEqualParts: three callers, one of which makes ten times as many
// calls at once, have equal parts of a budget that is short.
func TestReserve_callersHaveEqualParts(t *testing.T) {
	ratelimit.OneAtATime(t)
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.NewLimiter(&ratelimit.Memory{}, time.Minute)
		var (
			mu  sync.Mutex
			got = map[string]int{}
			wg  sync.WaitGroup
			end = time.Now().Add(20 * time.Second)
		)
		for caller, workers := range map[string]int{"a": 1000, "b": 100, "c": 100} {
			for range workers {
				wg.Go(func() {
					ctx, cancel := context.WithDeadline(ratelimit.WithCaller(t.Context(), caller), end)
					defer cancel()
					for ratelimit.Wait(ctx, l, []ratelimit.Limit{eighty}) == nil {
						mu.Lock()
						got[caller]++
						mu.Unlock()
					}
				})
			}
		}
		wg.Wait()
		all := got["a"] + got["b"] + got["c"]
		for caller, n := range got {
			if n < all*30/100 || n > all*37/100 {
				t.Errorf("%s had %d of %d", caller, n, all)
			}
		}
	})
}

func TestReserve_longQueue_failsAtOnce(t *testing.T) {
	ratelimit.OneAtATime(t)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour)
		l := ratelimit.NewLimiter(&ratelimit.Memory{}, time.Minute)
		ctx, end := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		flood(ctx, l, "many", 480, &wg)
		synctest.Wait()
		short, cancel := context.WithTimeout(ratelimit.WithCaller(ctx, "many"), 2*time.Second)
		defer cancel()
		began := time.Now()
		err := ratelimit.Wait(short, l, []ratelimit.Limit{eighty})
		var e *ratelimit.Error
		if !errors.As(err, &e) || time.Since(began) > 0 {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
		if in := e.RetryAt.Sub(began); in < 5*time.Second || in > 7*time.Second {
			t.Errorf("RetryAt is in %v; 400 calls are before it, at 80 a second", in)
		}
		end()
		wg.Wait()
	})
}
