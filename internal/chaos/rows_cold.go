package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"zoomql/internal/lab/table"
	"zoomql/internal/lab/upstream"
	"zoomql/internal/sandbox"
)

// meetingWorld is an account with a meeting of some twenty participants. A call takes a
// while, so that identical queries overlap.
var meetingWorld = upstream.World{Users: 200, Participants: 20, Registrants: 20, Plan: sandbox.PlanBusiness, Latency: 50 * time.Millisecond, Names: true}

// identical sends one query to all replicas at once. The calls of one query are counted
// on a single replica, in an equal world.
func (c *chaos) identical(ctx context.Context) error {
	set, err := c.runIdentical(ctx, 1, 1)
	if err != nil {
		return err
	}
	made, err := c.runIdentical(ctx, 4, c.size.queries)
	if err != nil {
		return err
	}
	d := compare(made.calls, set.calls)
	for _, one := range d.first[:min(len(d.first), 5)] {
		fmt.Fprintln(c.progress, "      ", one)
	}
	n := total(set.calls)
	ok := d.extra == 0 && d.missing == 0 && made.failed == 0 && made.answers == 1
	c.add(table.Row{
		Work: fmt.Sprintf("%d identical cold queries over 4 replicas", c.size.queries), Target: "exactly one set of calls", OK: &ok,
		Measured: fmt.Sprintf("%d calls for a set of %d: %d too many, %d missing; %d failed, %d different answers%s", total(made.calls), n, d.extra, d.missing, made.failed, made.answers, made.why),
		Values:   map[string]float64{"calls": float64(total(made.calls)), "set": float64(n), "extra": float64(d.extra), "missing": float64(d.missing), "failed": float64(made.failed)},
	})
	return ctx.Err()
}

// fixedQuery is a query whose calls are always the same: the gateway has no choice
// between a list and single objects.
func fixedQuery(m *upstream.Landmarks) string {
	var q strings.Builder
	fmt.Fprintf(&q, `{ meeting(by: {number: "%[1]d"}) { topic registrants(first: 20) { nodes { email } } } meetingInstance(by: {latestOf: "%[1]d"}) { participants(first: 20) { nodes { name } } }`, m.BigMeeting)
	for i, u := range m.Users[:8] {
		fmt.Fprintf(&q, ` u%d: user(by: {zoomId: %q}) { jobTitle meetings(first: 5, type: SCHEDULED) { nodes { topic } } }`, i, u)
	}
	q.WriteString(" }")
	return q.String()
}

func total(calls map[string]int) int {
	n := 0
	for _, m := range calls {
		n += m
	}
	return n
}

// outcome is the outcome of many identical queries.
type outcome struct {
	calls   map[string]int
	answers int // different ones
	failed  int
	why     string
}

// runIdentical sends identical queries to a new fleet.
func (c *chaos) runIdentical(ctx context.Context, replicas, times int) (*outcome, error) {
	f, err := c.setUp(ctx, meetingWorld, replicas)
	if err != nil {
		return nil, err
	}
	defer f.stop()
	query := fixedQuery(c.marks)
	var t tally
	var different [][]byte
	for _, r := range c.concurrently(ctx, f, times/replicas, query) {
		t.add(r)
		if r.code == "" && !slices.ContainsFunc(different, func(d []byte) bool { return bytes.Equal(d, r.data) }) {
			different = append(different, r.data)
		}
	}
	ledger, err := c.ledger(ctx)
	if err != nil {
		return nil, err
	}
	return &outcome{calls: byPath(ledger.Calls), answers: len(different), failed: t.failed + t.refused, why: t.why()}, nil
}

// lease is how long a replica may hold a lease without renewal: the others wait no
// longer for a dead one.
const lease = 5 * time.Second

// slow is how long a call takes in the row of the replica that dies: long enough
// to kill it in between.
const slow = time.Second

// death kills a replica while its calls are under way and others wait for the same.
func (c *chaos) death(ctx context.Context) error {
	var waits []float64
	var all tally
	twice, more := 0, 0
	for round := range c.size.rounds {
		took, calls, t, err := c.killReplica(ctx, round)
		if err != nil {
			return err
		}
		for _, d := range took {
			waits = append(waits, d.Seconds())
		}
		for _, n := range calls {
			if n == 2 {
				twice++
			} else if n > 2 {
				more++
			}
		}
		all.failed += t.failed + t.refused
		all.first = cmp.Or(all.first, t.first)
	}
	longest := table.Percentile(waits, 100)
	// What they waited for takes a call, too.
	ok := longest <= (lease+slow+slow/2).Seconds() && more == 0 && all.failed == 0
	c.add(table.Row{
		Work: "a replica is killed (-9) in the middle of calls that 3 others wait for", Target: fmt.Sprintf("the others go on within the lease (%s) and the call; no call twice more than once", lease), OK: &ok,
		Measured: fmt.Sprintf("the longest wait %.1f s; %d calls made twice, %d more often; %d failed%s", longest, twice, more, all.failed, all.why()),
		Values:   map[string]float64{"seconds": longest, "twice": float64(twice), "more": float64(more), "failed": float64(all.failed)},
	})
	return ctx.Err()
}

// killReplica kills a replica. It returns how long the others waited since then, and
// the calls.
func (c *chaos) killReplica(ctx context.Context, round int) ([]time.Duration, map[string]int, *tally, error) {
	w := upstream.World{Users: 200, Plan: sandbox.PlanBusiness, Latency: slow, Names: true}
	f, err := c.setUp(ctx, w, 4)
	if err != nil {
		return nil, nil, nil, err
	}
	defer f.stop()
	users := c.shuffled(fmt.Sprintf("death %d", round))[:15]
	var t tally
	var mu sync.Mutex
	var ends []time.Time
	var pending sync.WaitGroup
	for _, u := range users {
		pending.Go(func() { c.send(ctx, f[0], lightQuery(u)) }) // the answer is not read
	}
	if err := pause(ctx, slow/4); err != nil {
		return nil, nil, nil, err
	}
	for _, u := range users {
		for _, p := range f[1:] {
			pending.Go(func() {
				r := c.send(ctx, p, lightQuery(u))
				t.add(r)
				mu.Lock()
				ends = append(ends, r.end)
				mu.Unlock()
			})
		}
	}
	if err := pause(ctx, slow/4); err != nil {
		return nil, nil, nil, err
	}
	f[0].Signal(syscall.SIGKILL)
	died := time.Now()
	pending.Wait()
	ledger, err := c.ledger(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	var took []time.Duration
	for _, e := range ends {
		took = append(took, e.Sub(died))
	}
	return took, byPath(ledger.Calls), &t, nil
}
