package gate

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestEnter_waitsAreNoPlaces runs a hundred goroutines that work, wait for a call, and work again.
// It expects all to wait at once, and never more to run than the gate has places.
func TestEnter_waitsAreNoPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const width = 3
		ctx := With(t.Context(), New(width))
		var running, most, waiting atomic.Int64
		work := func() {
			n := running.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(time.Microsecond)
			running.Add(-1)
		}
		var wait sync.WaitGroup
		for range 100 {
			wait.Go(func() {
				ctx, exit := Enter(ctx)
				defer exit()
				work()
				resume := Wait(ctx)
				waiting.Add(1)
				time.Sleep(time.Second)
				resume()
				work()
			})
		}
		time.Sleep(time.Second / 2)
		if waiting.Load() != 100 {
			t.Errorf("%d wait at once, of 100", waiting.Load())
		}
		wait.Wait()
		if most.Load() != width {
			t.Errorf("%d ran at once, want %d", most.Load(), width)
		}
	})
}

// TestWithin_sharedByGates runs the goroutines of several gates within a shared one. It expects no
// more to run at once than that has places, and those that wait to have none in it.
func TestWithin_sharedByGates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const width = 2
		outer := New(width)
		var narrow atomic.Bool
		narrow.Store(true)
		var running, most atomic.Int64
		work := func() {
			n := running.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(time.Microsecond)
			running.Add(-1)
		}
		run := func() {
			var wait sync.WaitGroup
			for range 3 {
				g := New(4)
				g.Within(func() *Gate {
					if narrow.Load() {
						return outer
					}
					return nil
				})
				ctx := With(t.Context(), g)
				for range 20 {
					wait.Go(func() {
						ctx, exit := Enter(ctx)
						defer exit()
						work()
						resume := Wait(ctx)
						time.Sleep(time.Second)
						resume()
						work()
					})
				}
			}
			wait.Wait()
		}
		begun := time.Now()
		run()
		if took := time.Since(begun); most.Load() != width || took > 2*time.Second {
			t.Errorf("%d ran at once, want %d, for %s", most.Load(), width, took)
		}
		narrow.Store(false)
		run()
		if most.Load() != 12 {
			t.Errorf("without the outer gate %d ran at once, want 12", most.Load())
		}
		time.Sleep(time.Second)
		outer.mu.Lock()
		defer outer.mu.Unlock()
		if outer.free != width || outer.waiting != nil || outer.timer != nil {
			t.Errorf("at the end %d places are free of %d, %d wait", outer.free, width, len(outer.waiting))
		}
	})
}

// TestEnter_waitsWithoutWait runs a hundred goroutines that wait without Wait, and expects them to
// wait concurrently.
func TestEnter_waitsWithoutWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(2)
		ctx, begun := With(t.Context(), g), time.Now()
		var wait sync.WaitGroup
		for range 100 {
			wait.Go(func() {
				_, exit := Enter(ctx)
				defer exit()
				time.Sleep(time.Second)
			})
		}
		wait.Wait()
		if took := time.Since(begun); took > time.Second+10*time.Millisecond {
			t.Errorf("it took %s", took)
		}
		time.Sleep(time.Second)
		if g.free != 2 || g.waiting != nil || g.timer != nil {
			t.Errorf("at the end %d places are free of 2, %d wait, timer %v", g.free, len(g.waiting), g.timer)
		}
	})
}

// TestWait_ofSeveral expects a place to be free until both of two goroutines that share it have
// resumed, and a Wait after exit to free no place.
func TestWait_ofSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(1)
		ctx, exit := Enter(With(t.Context(), g))
		free := func(want int) {
			t.Helper()
			if g.free != want {
				t.Errorf("%d places are free, want %d", g.free, want)
			}
		}
		free(0)
		one, other := Wait(ctx), Wait(ctx)
		free(1)
		one()
		free(1)
		other()
		free(0)
		again := Wait(ctx)
		exit()
		free(1)
		again()
		Wait(ctx)()
		free(1)
	})
}

// TestEnter_withoutAGate expects Enter to do nothing in a context without a gate.
func TestEnter_withoutAGate(t *testing.T) {
	ctx, exit := Enter(t.Context())
	Wait(ctx)()
	exit()
	if ctx != t.Context() {
		t.Error("the context is another one")
	}
}
