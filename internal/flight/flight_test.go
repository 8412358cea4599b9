package flight

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// gate is work that waits until open is closed, and counts how often it was begun.
type gate struct {
	open  chan struct{}
	begun int
	ctx   context.Context
}

func (g *gate) work(ctx context.Context) (int, error) {
	g.begun++
	g.ctx = ctx
	select {
	case <-g.open:
		return g.begun, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Concurrent callers share work, and a later one begins it again.
func TestDo_concurrentCallersShareWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, group := &gate{open: make(chan struct{})}, &Group[int]{}
		results := make([]int, 64)
		var wait sync.WaitGroup
		for i := range results {
			wait.Go(func() { results[i], _ = group.Do(t.Context(), "key", nil, g.work) })
		}
		synctest.Wait()
		if !group.Has("key") || group.Len() != 1 {
			t.Error("nothing is under way")
		}
		if n := group.Waiting("key"); n != len(results) || group.Waiting("another") != 0 {
			t.Errorf("%d wait, and %d for another", n, group.Waiting("another"))
		}
		close(g.open)
		wait.Wait()
		for _, r := range results {
			if r != 1 {
				t.Fatalf("results %v", results)
			}
		}
		if r, _ := group.Do(t.Context(), "key", nil, g.work); r != 2 || group.Len() != 0 {
			t.Errorf("later: %d, %d under way", r, group.Len())
		}
	})
}

// A caller whose context ends returns at once; the work continues for the others, and
// ends with the last.
func TestDo_workEndsWithLastCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, group := &gate{open: make(chan struct{})}, &Group[int]{}
		first, cancelFirst := context.WithCancel(t.Context())
		second, cancelSecond := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		go func() { _, err := group.Do(first, "key", nil, g.work); errs <- err }()
		synctest.Wait()
		go func() { _, err := group.Do(second, "key", nil, g.work); errs <- err }()
		synctest.Wait()
		cancelFirst()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("the caller whose context ended: %v", err)
		}
		if g.ctx.Err() != nil {
			t.Error("the work ended with the caller that began it")
		}
		cancelSecond()
		<-errs
		synctest.Wait()
		if g.ctx.Err() == nil || group.Len() != 0 {
			t.Error("the work continues without callers")
		}
	})
}

// A caller with a later deadline than the one that began the work begins it again.
func TestDo_restartsAfterShorterDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, group := &gate{open: make(chan struct{})}, &Group[int]{}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go func() { _, _ = group.Do(short, "key", nil, g.work) }()
		synctest.Wait()
		result := make(chan int)
		go func() { r, _ := group.Do(t.Context(), "key", nil, g.work); result <- r }()
		time.Sleep(2 * time.Second)
		close(g.open)
		if r := <-result; r != 2 {
			t.Errorf("result %d, want that of the second work", r)
		}
	})
}

// After Forget, work is not shared with later callers.
func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		group, open := &Group[int]{}, make(chan struct{})
		var wait sync.WaitGroup
		for _, about := range []string{"users", "meetings"} {
			wait.Go(func() { _, _ = group.Do(t.Context(), about, about, (&gate{open: open}).work) })
		}
		synctest.Wait()
		group.Forget(func(about any) bool { return about == "users" })
		if group.Has("users") || !group.Has("meetings") {
			t.Errorf("users %t, meetings %t", group.Has("users"), group.Has("meetings"))
		}
		close(open)
		wait.Wait()
	})
}

func TestDo_panicIsAnError(t *testing.T) {
	group := &Group[int]{}
	_, err := group.Do(t.Context(), "key", nil, func(context.Context) (int, error) { panic("a bug") })
	if err == nil || !strings.Contains(err.Error(), "a bug") {
		t.Errorf("error %v", err)
	}
}

// Here runs work in its caller: others wait and may leave, and the context of the work
// ends with the last of them.
func TestHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group[int]
		works := 0
		work := func(ctx context.Context) (int, error) {
			works++
			select {
			case <-time.After(time.Second):
				return works, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
		results := make(chan int, 2)
		first, cancelFirst := context.WithCancel(t.Context())
		for _, ctx := range []context.Context{first, t.Context()} {
			go func() {
				n, _ := g.Here(ctx, "k", nil, work)
				results <- n
			}()
			synctest.Wait()
		}
		cancelFirst() // the other still waits
		if a, b := <-results, <-results; a != 1 || b != 1 || g.Len() != 0 {
			t.Errorf("%d and %d, %d under way", a, b, g.Len())
		}

		alone, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		began := time.Now()
		if _, err := g.Here(alone, "k", nil, work); err == nil || time.Since(began) > 10*time.Millisecond {
			t.Errorf("the work continued without callers: %v after %s", err, time.Since(began))
		}
		if _, err := g.Here(t.Context(), "k", nil, func(context.Context) (int, error) { panic("x") }); err == nil {
			t.Error("a panic is no error")
		}
	})
}

// The deadline of the caller that runs the work is the cause by which the work ends,
// and not a cancellation: so the work may return a partial result with the reason.
func TestHere_deadlineOfItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 1000 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			var g Group[int]
			_, err := g.Here(ctx, "x", nil, func(ctx context.Context) (int, error) {
				<-ctx.Done()
				return 0, context.Cause(ctx)
			})
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("it ended by %v", err)
			}
		}
	})
}
