package ratelimit

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

func mustTake(ctx context.Context, t *testing.T, p *Pool, n int64) func() {
	t.Helper()
	release, ok := p.TryAcquire(ctx, n)
	if !ok {
		t.Fatalf("%d are not to be had", n)
	}
	return release
}

// A caller with a thousand requests in line delays another's single one by one.
func TestPoolTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(1)
		release := mustTake(t.Context(), t, p, 1)
		var mu sync.Mutex
		var served []string
		var wait sync.WaitGroup
		stand := func(caller string) {
			wait.Go(func() {
				release, err := p.Acquire(WithCaller(t.Context(), caller), 1)
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
			stand("flood")
		}
		stand("single")
		release()
		wait.Wait()
		if len(served) != 1_001 || served[1] != "single" {
			t.Errorf("of %d, the first were %v", len(served), served[:3])
		}
		if p.Waiting() != 0 || p.free != 1 {
			t.Errorf("in the end %d wait, %d are free", p.Waiting(), p.free)
		}
	})
}

// What is large is not passed over for ever by what is small.
func TestPoolServesLargeOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(10)
		first := mustTake(t.Context(), t, p, 9)
		large := make(chan func(), 1)
		go func() {
			release, _ := p.Acquire(WithCaller(t.Context(), "large"), 50)
			large <- release
		}()
		synctest.Wait()
		if _, ok := p.TryAcquire(t.Context(), 1); ok {
			t.Error("a small one went past")
		}
		first()
		(<-large)()
		if p.free != 10 {
			t.Errorf("%d are free", p.free)
		}
	})
}

// Who leaves the line leaves nothing behind, and lets the next go.
func TestPoolIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(10)
		release := mustTake(t.Context(), t, p, 5)
		ctx, leave := context.WithCancel(t.Context())
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
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("the one that left: %v", err)
		}
		(<-served)()
		release()
		if _, err := p.Acquire(ctx, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("a context that has ended: %v", err)
		}
		if p.Waiting() != 0 || p.free != 10 {
			t.Errorf("%d wait, %d are free", p.Waiting(), p.free)
		}
	})
}

// However many one caller wants to hold, another finds some free; two that want all
// have the same.
func TestSharedPoolKeepsRoom(t *testing.T) {
	p := NewSharedPool(100)
	fill := func(caller string) (n int) {
		for {
			if _, ok := p.TryAcquire(WithCaller(t.Context(), caller), 1); !ok {
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
	mustTake(WithCaller(t.Context(), "large"), t, p, p.free)
}

// A caller that holds its part waits without keeping others waiting.
func TestSharedPoolPassesOverWhoHasItsPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewSharedPool(10)
		a := WithCaller(t.Context(), "a")
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
		other := mustTake(WithCaller(t.Context(), "b"), t, p, 1)
		if len(sixth) != 0 {
			t.Fatal("a caller has more than it leaves free")
		}
		other()
		releases[0]()
		(<-sixth)()
		for _, release := range releases[1:] {
			release()
		}
		if p.free != 10 || len(p.held) != 0 {
			t.Errorf("%d are free, %v is held", p.free, p.held)
		}
	})
}

// Whatever is asked for, in whatever order: no more is lent than there is, and all
// are served in the end.
func TestPoolLendsWhatThereIs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.Int64Range(1, 20).Draw(rt, "size")
		p := NewPool(size)
		if rapid.Bool().Draw(rt, "shares") {
			p = NewSharedPool(size)
		}
		var mu sync.Mutex
		var lent int64
		var wait sync.WaitGroup
		for i := range rapid.IntRange(1, 40).Draw(rt, "requests") {
			n := rapid.Int64Range(1, 25).Draw(rt, "n")
			ctx := WithPriority(WithCaller(t.Context(), strconv.Itoa(i%3)), Priority(i%int(priorities)))
			wait.Go(func() {
				release, err := p.Acquire(ctx, n)
				if err != nil {
					rt.Error(err)
					return
				}
				mu.Lock()
				lent += min(n, size)
				if lent > size {
					rt.Errorf("%d of %d are lent", lent, size)
				}
				mu.Unlock()
				runtime.Gosched()
				mu.Lock()
				lent -= min(n, size)
				mu.Unlock()
				release()
			})
		}
		wait.Wait()
		if p.free != size || p.Waiting() != 0 || len(p.held) != 0 {
			rt.Errorf("in the end %d of %d are free, %d wait, %v is held", p.free, size, p.Waiting(), p.held)
		}
	})
}
