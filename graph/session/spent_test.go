package session

import (
	"context"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/graph/admission"
	"zoomql/internal/gate"
	"zoomql/internal/ratelimit"
)

// TestSpent_largeOperationsTakeTurns runs operations that take more room than there is: one is large, one after
// the other, and no two wait for each other.
func TestSpent_largeOperationsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := admission.New()
		begin := func(caller string) (*Response, context.Context) {
			ctx, stop := context.WithCancelCause(ratelimit.WithCaller(t.Context(), caller))
			q := &Response{items: admission.Items{Pool: room.Items}, Spent: Spent{budget: DefaultBudget, control: room, caller: caller, gate: gate.New(0), stop: stop, done: ctx.Done()}}
			return q, ctx
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		fill := func() (held []*Response) {
			for i := range admission.MaxObjects/openHeld - 1 { // no caller takes the last of it
				q, ctx := begin(strconv.Itoa(i))
				must(q.Spent.Work(ctx, openFreely))
				must(q.Spent.Work(ctx, openHeld))
				if q.Spent.large.Load() {
					t.Error("there is room, and an operation is large")
				}
				held = append(held, q)
			}
			return held
		}
		full := fill()
		_, fullCtx := begin("0")
		must(full[0].Admit(fullCtx, admission.MaxItems)) // all there is of long lists

		small, smallCtx := begin("small")
		must(small.Spent.Work(smallCtx, openFreely))

		beyond, beyondCtx := begin("a")
		admitted := make(chan error)
		go func() { admitted <- beyond.Admit(beyondCtx, admission.LongList) }()
		synctest.Wait() // it waits for the long list of the first
		must(beyond.Spent.Work(beyondCtx, openHeld))
		must(<-admitted) // or the first might wait for this one, and this one for it

		last, lastCtx := begin("b")
		worked := make(chan error, 1)
		go func() { worked <- last.Spent.Work(lastCtx, openHeld) }()
		synctest.Wait()
		select {
		case err := <-worked:
			t.Fatalf("two operations are large: %v", err)
		default:
		}
		end := (*Response).end
		end(beyond)
		must(<-worked)
		end(last)
		for _, q := range full {
			end(q)
		}
		end(small)
		for _, q := range fill() {
			end(q)
		}

		large, largeCtx := begin("a")
		must(large.Spent.Work(largeCtx, openFreely))
		must(large.Spent.Work(largeCtx, openHeld+1))
		if !large.Spent.large.Load() {
			t.Error("one operation takes more room than it may")
		}
		end(large)
	})
}

// TestSpent_longLeavesAProcessor runs a long operation beside short ones: while another caller has
// such, one processor is free of it.
func TestSpent_longLeavesAProcessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := admission.New()
		begin := func(caller string, objects int) (*Spent, context.Context) {
			ctx, stop := context.WithCancelCause(ratelimit.WithCaller(t.Context(), caller))
			s := &Spent{budget: DefaultBudget, control: room, caller: caller, gate: gate.New(0), stop: stop, done: ctx.Done()}
			if err := s.Work(ctx, objects); err != nil {
				t.Fatal(err)
			}
			return s, gate.With(ctx, s.gate)
		}
		short := func(caller string) {
			s, _ := begin(caller, openFreely)
			s.end()
		}
		long, ctx := begin("a", openFreely+1)
		atOnce := func(want int) {
			t.Helper()
			var running atomic.Int64
			var counts sync.Map
			var wait sync.WaitGroup
			for range 50 {
				wait.Go(func() {
					_, exit := gate.Enter(ctx)
					defer exit()
					counts.Store(int(running.Add(1)), true)
					time.Sleep(time.Microsecond)
					running.Add(-1)
				})
			}
			wait.Wait()
			_, as := counts.Load(want)
			_, more := counts.Load(want + 1)
			if !as || more {
				t.Errorf("it was not %d of its goroutines that ran at once", want)
			}
		}
		all, few := 2*runtime.GOMAXPROCS(0), max(1, runtime.GOMAXPROCS(0)-1)
		atOnce(all)
		short("a")
		atOnce(all)
		short("b")
		atOnce(few)
		short("a")
		atOnce(few)
		time.Sleep(2 * time.Second)
		atOnce(all)
		long.end()
		short("b")
		long, ctx = begin("a", openFreely+1)
		atOnce(all)
		long.end()
	})
}

// TestSpent_longAnswersTakeTurns has operations with long answers run one at a time, callers
// by turns, and no more answers held than there are places while readers are slow.
func TestSpent_longAnswersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := admission.New()
		var order []string
		var now, most atomic.Int64
		var wait sync.WaitGroup
		run := func(caller string) {
			wait.Go(func() {
				ctx, stop := context.WithCancelCause(ratelimit.WithCaller(t.Context(), caller))
				sent := &admission.Response{}
				spent := &Spent{budget: DefaultBudget, control: room, stop: stop, done: ctx.Done(), sent: sent}
				if err := spent.Lengthen(ctx, admission.LongAnswer); err != nil || spent.large.Load() {
					t.Error("a short answer waits", err)
				}
				if err := spent.Lengthen(ctx, admission.LongAnswer+1); err != nil {
					t.Error(err)
				}
				order = append(order, caller)
				time.Sleep(time.Second)
				spent.end()
				most.Store(max(most.Load(), now.Add(1)))
				time.Sleep(10 * time.Second) // the reader is slow
				now.Add(-1)
				sent.Release()
			})
		}
		for range 6 {
			run("hostile")
		}
		synctest.Wait()
		run("other")
		wait.Wait()
		if at := slices.Index(order, "other"); at > 3 || len(order) != 7 {
			t.Errorf("it was the turn of %v", order)
		}
		if n := most.Load(); n > admission.MaxLongAnswers {
			t.Errorf("%d answers were held", n)
		}
	})
}
