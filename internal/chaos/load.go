package main

import (
	"cmp"
	"context"
	"sync"
	"time"

	"zoomql/internal/bench/proc"
)

// offer calls ask n times, evenly over some time, whether earlier calls have
// returned or not, and waits for all: callers do not slow down because the
// account is short of budget.
func offer(ctx context.Context, n int, over time.Duration, ask func(i int)) {
	var asked sync.WaitGroup
	defer asked.Wait()
	began := time.Now()
	for i := range n {
		due := began.Add(time.Duration(i) * over / time.Duration(n))
		if d := time.Until(due); d > 0 && pause(ctx, d) != nil || ctx.Err() != nil {
			return
		}
		asked.Go(func() { ask(i) })
	}
}

// tally counts replies by what became of them.
type tally struct {
	mu      sync.Mutex
	well    int
	refused int
	failed  int
	first   *reply // of those that failed

	firstRefused *reply
}

func (t *tally) add(r *reply) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case r.code == "":
		t.well++
	case r.refused():
		t.refused++
		t.firstRefused = cmp.Or(t.firstRefused, r)
	default:
		t.failed++
		if t.first == nil {
			t.first = r
		}
	}
}

// ids hands out users who have not been asked about yet.
type ids struct {
	mu   sync.Mutex
	left []string
}

// next returns a user, or "" when all were asked about.
func (d *ids) next() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.left) == 0 {
		return ""
	}
	id := d.left[0]
	d.left = d.left[1:]
	return id
}

// atOnce asks the same of some replicas, as often of each, all at one time.
func (c *chaos) atOnce(ctx context.Context, f []*proc.Process, times int, query string) []*reply {
	replies := make([]*reply, times*len(f))
	start := make(chan struct{})
	var asked sync.WaitGroup
	for i := range replies {
		asked.Go(func() {
			<-start
			replies[i] = c.ask(ctx, f[i%len(f)], query)
		})
	}
	close(start)
	asked.Wait()
	return replies
}
