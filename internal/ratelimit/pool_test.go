package ratelimit_test

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"zoomql/internal/ratelimit"
)

func mustTake(ctx context.Context, t *testing.T, p *ratelimit.Pool, n int64) func() {
	t.Helper()
	release, ok := p.TryAcquire(ctx, n)
	if !ok {
		t.Fatalf("%d units are not free", n)
	}
	return release
}

// TestAcquire_otherCallerHasThousandWaiting: the requests of one caller delay another's
// single request by one.
func TestAcquire_otherCallerHasThousandWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := ratelimit.NewPool(1)
		release := mustTake(t.Context(), t, p, 1)
		var mu sync.Mutex
		var served []string
		var wg sync.WaitGroup
		begin := func(caller string) {
			wg.Go(func() {
				release, err := p.Acquire(ratelimit.WithCaller(t.Context(), caller), 1)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				served = append(served, caller)
				mu.Unlock()
				release()
			})
			synctest.Wait()
		}
		for range 1_000 {
			begin("flood")
		}
		begin("single")
		release()
		wg.Wait()
		if len(served) != 1_001 || served[1] != "single" {
			t.Errorf("of %d, the first were %v", len(served), served[:3])
		}
		if p.Waiting() != 0 || p.Free() != 1 {
			t.Errorf("in the end %d wait, %d are free", p.Waiting(), p.Free())
		}
	})
}

// TestAcquire_largeRequest_isNotOvertaken: a small request that would fit waits behind
// a large one.
func TestAcquire_largeRequest_isNotOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := ratelimit.NewPool(10)
		first := mustTake(t.Context(), t, p, 9)
		large := make(chan func(), 1)
		go func() {
			release, _ := p.Acquire(ratelimit.WithCaller(t.Context(), "large"), 50)
			large <- release
		}()
		synctest.Wait()
		if _, ok := p.TryAcquire(t.Context(), 1); ok {
			t.Error("a small request overtook a large one")
		}
		first()
		(<-large)()
		if p.Free() != 10 {
			t.Errorf("%d are free", p.Free())
		}
	})
}

// TestAcquire_contextEnds_nextIsServed: a request whose context ends holds nothing, and
// the next one is served at once.
func TestAcquire_contextEnds_nextIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := ratelimit.NewPool(10)
		release := mustTake(t.Context(), t, p, 5)
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			_, err := p.Acquire(ctx, 10)
			left <- err
		}()
		synctest.Wait()
		served := make(chan func(), 1)
		go func() {
			release, _ := p.Acquire(t.Context(), 3)
			served <- release
		}()
		synctest.Wait()
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("the request whose context ended: %v", err)
		}
		(<-served)()
		release()
		if _, err := p.Acquire(ctx, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("a context that has ended: %v", err)
		}
		if p.Waiting() != 0 || p.Free() != 10 {
			t.Errorf("%d wait, %d are free", p.Waiting(), p.Free())
		}
	})
}

// TestSharedPool_leavesPartFree: however many units callers want, a part is free for
// the next one, and a caller that holds none may take all that is free.
func TestSharedPool_leavesPartFree(t *testing.T) {
	p := ratelimit.NewSharedPool(100)
	fill := func(caller string) (n int) {
		for {
			if _, ok := p.TryAcquire(ratelimit.WithCaller(t.Context(), caller), 1); !ok {
				return n
			}
			n++
		}
	}
	if n := fill("a"); n != 50 {
		t.Errorf("one caller holds %d", n)
	}
	if n := fill("b"); n != 25 {
		t.Errorf("a second caller holds %d", n)
	}
	if n := fill("c"); n < 10 {
		t.Errorf("a third caller holds %d", n)
	}
	mustTake(ratelimit.WithCaller(t.Context(), "large"), t, p, p.Free())
}

// TestSharedPool_callerHasItsPart_othersOvertake: a caller that holds its part waits,
// and later requests of others do not.
func TestSharedPool_callerHasItsPart_othersOvertake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := ratelimit.NewSharedPool(10)
		a := ratelimit.WithCaller(t.Context(), "a")
		var releases []func()
		for range 5 {
			releases = append(releases, mustTake(a, t, p, 1))
		}
		sixth := make(chan func(), 1)
		go func() {
			release, _ := p.Acquire(a, 1)
			sixth <- release
		}()
		synctest.Wait()
		other := mustTake(ratelimit.WithCaller(t.Context(), "b"), t, p, 1)
		if len(sixth) != 0 {
			t.Fatal("a caller holds more than it leaves free")
		}
		other()
		releases[0]()
		(<-sixth)()
		for _, release := range releases[1:] {
			release()
		}
		if p.Free() != 10 || p.Holders() != 0 {
			t.Errorf("%d are free, %d callers hold some", p.Free(), p.Holders())
		}
	})
}

// TestAcquire_neverGrantsMoreThanItsSize: whatever is requested, in whatever order, no
// more is granted than there is, and all requests are served in the end.
func TestAcquire_neverGrantsMoreThanItsSize(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.Int64Range(1, 20).Draw(rt, "size")
		p := ratelimit.NewPool(size)
		if rapid.Bool().Draw(rt, "shares") {
			p = ratelimit.NewSharedPool(size)
		}
		var mu sync.Mutex
		var granted int64
		var wg sync.WaitGroup
		for i := range rapid.IntRange(1, 40).Draw(rt, "requests") {
			n := rapid.Int64Range(1, 25).Draw(rt, "n")
			ctx := ratelimit.WithPriority(ratelimit.WithCaller(t.Context(), strconv.Itoa(i%3)), ratelimit.Priority(i%ratelimit.Priorities))
			wg.Go(func() {
				release, err := p.Acquire(ctx, n)
				if err != nil {
					rt.Error(err)
					return
				}
				mu.Lock()
				granted += min(n, size)
				if granted > size {
					rt.Errorf("%d of %d are granted", granted, size)
				}
				mu.Unlock()
				runtime.Gosched()
				mu.Lock()
				granted -= min(n, size)
				mu.Unlock()
				release()
			})
		}
		wg.Wait()
		if p.Free() != size || p.Waiting() != 0 || p.Holders() != 0 {
			rt.Errorf("in the end %d of %d are free, %d wait, %d callers hold some", p.Free(), size, p.Waiting(), p.Holders())
		}
	})
}
