package main

import (
	"cmp"
	"context"
	"sync"
	"time"

	"zoomql/internal/lab/proc"
)

// offer calls f n times, evenly over some time, whether earlier calls have returned or
// not, and waits for all: the load is open-loop, as callers do not slow down because
// the account is short of budget.
func offer(ctx context.Context, n int, over time.Duration, f func(i int)) {
	var pending sync.WaitGroup
	defer pending.Wait()
	began := time.Now()
	for i := range n {
		due := began.Add(time.Duration(i) * over / time.Duration(n))
		if d := time.Until(due); d > 0 && pause(ctx, d) != nil || ctx.Err() != nil {
			return
		}
		pending.Go(func() { f(i) })
	}
}

// tally counts replies by outcome.
type tally struct {
	mu      sync.Mutex
	ok      int
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
		t.ok++
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

// ids issues users that no query has been about.
type ids struct {
	mu   sync.Mutex
	left []string
}

// next returns a user, or "" when there are none left.
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

// concurrently sends one query to some replicas, as often to each, all at the same time.
func (c *chaos) concurrently(ctx context.Context, f []*proc.Process, times int, query string) []*reply {
	replies := make([]*reply, times*len(f))
	start := make(chan struct{})
	var pending sync.WaitGroup
	for i := range replies {
		pending.Go(func() {
			<-start
			replies[i] = c.send(ctx, f[i%len(f)], query)
		})
	}
	close(start)
	pending.Wait()
	return replies
}
