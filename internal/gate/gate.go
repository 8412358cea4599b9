// Package gate bounds how many goroutines of one operation run at once. Those that wait,
// for a call or for each other, do not count.
//
// An operation over lists has hundreds of goroutines, lest one call waits for another.
// Where nothing has to be waited for, all of them can run, and the scheduler of Go, which
// knows no operations, has the one goroutine of a short operation wait behind them.
package gate

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// stillFor is how long no goroutine enters or leaves until a gate assumes that those within
// wait without [Wait], and admits more.
const stillFor = time.Millisecond

// Gate lets so many goroutines run at once. Its zero value is not ready: see [New].
type Gate struct {
	mu      sync.Mutex
	width   int
	free    int             // negative if more goroutines were admitted than there are places
	waiting []chan struct{} // first come, first served
	moved   bool            // since the timer began
	extra   int             // how many more are admitted when none has entered or left
	timer   *time.Timer     // nil while no goroutine waits

	outer atomic.Pointer[func() *Gate] // see Within
}

// New returns a gate of so many places; 0 means two for each processor.
func New(width int) *Gate {
	if width <= 0 {
		width = 2 * runtime.GOMAXPROCS(0)
	}
	return &Gate{width: width, free: width, extra: width}
}

// Within has the goroutines that enter from now on take a place in another gate too, which several
// gates may share. Each calls outer; nil means none.
func (g *Gate) Within(outer func() *Gate) { g.outer.Store(&outer) }

func (g *Gate) enter() {
	g.mu.Lock()
	g.moved = true
	if g.free > 0 {
		g.free--
		g.mu.Unlock()
		return
	}
	admitted := make(chan struct{})
	g.waiting = append(g.waiting, admitted)
	if g.timer == nil {
		g.moved, g.extra = false, g.width
		g.timer = time.AfterFunc(stillFor, g.look)
	}
	g.mu.Unlock()
	<-admitted
}

func (g *Gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.moved = true
	g.free++
	if g.free > 0 {
		g.admit(1)
	}
}

// admit admits the n goroutines that have waited longest. The caller holds the lock.
func (g *Gate) admit(n int) {
	n = min(n, len(g.waiting))
	for _, admitted := range g.waiting[:n] {
		close(admitted)
	}
	g.free -= n
	if g.waiting = g.waiting[n:]; len(g.waiting) == 0 {
		g.waiting = nil
	}
}

// look admits more goroutines if none has entered or left: twice as many each time.
func (g *Gate) look() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.timer = nil
		return
	}
	if g.moved {
		g.extra = g.width
	} else {
		g.admit(g.extra)
		g.extra *= 2
	}
	g.moved = false
	g.timer.Reset(stillFor)
}

type (
	gateKey   struct{}
	runnerKey struct{}
)

// With returns the context of an operation whose goroutines pass a gate.
func With(ctx context.Context, g *Gate) context.Context {
	return context.WithValue(ctx, gateKey{}, g)
}

// runner is a goroutine that has passed a gate, with those that work for it.
type runner struct {
	gate, outer *Gate // outer is nil where there is none

	mu     sync.Mutex
	waits  int // how many of them wait
	exited bool
}

// Enter waits for a place in the gate of ctx, and returns the context of what runs there.
// The caller MUST call exit once, at its end. Without a gate it does nothing.
func Enter(ctx context.Context) (_ context.Context, exit func()) {
	g, _ := ctx.Value(gateKey{}).(*Gate)
	if g == nil {
		return ctx, func() {}
	}
	r := &runner{gate: g}
	if outer := g.outer.Load(); outer != nil {
		r.outer = (*outer)()
	}
	r.enter()
	return context.WithValue(ctx, runnerKey{}, r), r.exit
}

func (r *runner) enter() {
	r.gate.enter()
	if r.outer != nil {
		r.outer.enter()
	}
}

func (r *runner) leave() {
	if r.outer != nil {
		r.outer.leave()
	}
	r.gate.leave()
}

// Wait gives the place of ctx to others while its goroutine, or one that works for it,
// waits. The caller MUST call resume once, when it waits no more. It is for waits that may
// take longer than a lock is held.
func Wait(ctx context.Context) (resume func()) {
	r, _ := ctx.Value(runnerKey{}).(*runner)
	if r == nil {
		return func() {}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.exited {
		return func() {}
	}
	if r.waits++; r.waits == 1 {
		r.leave()
	}
	return r.resume
}

func (r *runner) resume() {
	r.mu.Lock()
	r.waits--
	enter := r.waits == 0 && !r.exited
	r.mu.Unlock()
	if enter { // should another wait begin before that, it gives back what is taken here
		r.enter()
	}
}

// exit gives the place back. What works on for the runner, such as a refresh in the
// background, has none.
func (r *runner) exit() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.exited = true; r.waits == 0 {
		r.leave()
	}
}
