// Package gate bounds how many goroutines of one operation run at once. Goroutines that wait, for
// a call or for each other, do not count.
//
// An operation over lists has hundreds of goroutines, so that its calls are concurrent. If all
// answers are cached, all of these can run at once, and Go's scheduler, which does not distinguish
// operations, would let the single goroutine of a short operation wait behind them.
package gate

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// idleFor is the time without a goroutine that enters or leaves after which a gate assumes that
// those inside wait without [Wait], and admits more.
const idleFor = time.Millisecond

// Gate bounds the goroutines that run at once. The zero value is not ready: see [New].
type Gate struct {
	mu      sync.Mutex
	width   int
	free    int             // negative if more goroutines were admitted than there are places
	waiting []chan struct{} // in order of arrival; each is closed on admission
	active  bool            // goroutines have entered or left since the timer began
	batch   int             // goroutines to admit if none has
	timer   *time.Timer     // nil while no goroutine waits

	outer atomic.Pointer[func() *Gate] // see Within
}

// New returns a gate with width places; 0 means two for each processor.
func New(width int) *Gate {
	if width <= 0 {
		width = 2 * runtime.GOMAXPROCS(0)
	}
	return &Gate{width: width, free: width, batch: width}
}

// Within makes goroutines that enter from now on take a place in a second gate, too, which several
// gates may share. Each goroutine calls outer for it; nil means none.
func (g *Gate) Within(outer func() *Gate) { g.outer.Store(&outer) }

func (g *Gate) enter() {
	g.mu.Lock()
	g.active = true
	if g.free > 0 {
		g.free--
		g.mu.Unlock()
		return
	}
	admitted := make(chan struct{})
	g.waiting = append(g.waiting, admitted)
	if g.timer == nil {
		g.active, g.batch = false, g.width
		g.timer = time.AfterFunc(idleFor, g.admitMore)
	}
	g.mu.Unlock()
	<-admitted
}

func (g *Gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.active = true
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

// admitMore admits more goroutines if none has entered or left for idleFor: twice as many each time.
func (g *Gate) admitMore() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.timer = nil
		return
	}
	if g.active {
		g.batch = g.width
	} else {
		g.admit(g.batch)
		g.batch *= 2
	}
	g.active = false
	g.timer.Reset(idleFor)
}

type (
	gateKey   struct{}
	runnerKey struct{}
)

// With returns the context of an operation whose goroutines enter a gate.
func With(ctx context.Context, g *Gate) context.Context {
	return context.WithValue(ctx, gateKey{}, g)
}

// runner is a goroutine that has entered a gate, and those that work for it, which share its place.
type runner struct {
	gate, outer *Gate // outer may be nil

	mu     sync.Mutex
	waits  int // how many of them wait
	exited bool
}

// Enter waits for a place in the gate of ctx, even after ctx has ended, and returns the context for
// the goroutine. The caller MUST call exit once, at its end. Without a gate it does nothing.
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

// Wait frees the place of ctx while its goroutine, or one that works for it, waits. The caller MUST
// call resume once, after the wait: it waits for a place again. Wait is for waits that may be longer
// than that for a mutex.
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
	if enter { // a Wait that begins before this frees the place that is taken here
		r.enter()
	}
}

// exit frees the place. Goroutines that continue to work for the runner, such as a refresh in the
// background, have none.
func (r *runner) exit() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.exited = true; r.waits == 0 {
		r.leave()
	}
}
