package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"zoomql/internal/lab/table"
	"zoomql/internal/lab/upstream"
	"zoomql/internal/redisname"
	"zoomql/internal/sandbox"
)

// The load under which Redis is broken, of LIGHT calls. Every other second has a burst
// that is larger than Zoom's limit for one second: replicas that do not count each
// other would send it all at once. On average it leaves a quarter of the budget, so no
// call of it has to fail.
const (
	burstEvery = 2 * time.Second
	burstCalls = 100
	hotEvery   = 20 * time.Millisecond
	probeEvery = 200 * time.Millisecond

	// fast is the limit for an answer from a replica's memory. It takes less than a
	// millisecond; the rest is for a busy machine.
	fast = 150 * time.Millisecond
	// timeBefore is how long the load runs before a fault, and timeAfter how long after
	// it. So each fault has a burst in its middle.
	timeBefore = 3 * time.Second
	timeAfter  = 7 * time.Second
	// maxRecovery is the target for the recovery time.
	maxRecovery = 5 * time.Second
)

// A fault breaks Redis, and mend repairs it. It is over when mend returns.
type fault struct {
	name   string
	breaks func(context.Context) error
	mend   func(context.Context) error // nil where nothing is to be repaired
	hold   time.Duration
	// losesEvictions reports whether evictions may be lost, in a way of its own.
	losesEvictions bool

	// These may be nil: ready waits until the fault can be injected, ended returns when it
	// was over, if that was before mend returned, and more returns further
	// measurements, and whether they meet target.
	ready  func(context.Context) error
	ended  func() time.Time
	more   func() (message string, ok bool)
	target string
}

// inject injects the fault and repairs it, with time before and after it.
func (f fault) inject(ctx context.Context) (begin, over time.Time, err error) {
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { return pause(ctx, timeBefore) },
		func(ctx context.Context) error { begin = time.Now(); return f.breaks(ctx) },
		func(ctx context.Context) error { return pause(ctx, f.hold) },
		func(ctx context.Context) (err error) {
			if f.mend != nil {
				err = f.mend(ctx)
			}
			if over = time.Now(); f.ended != nil {
				over = f.ended()
			}
			return err
		},
		func(ctx context.Context) error { return pause(ctx, timeAfter) },
	} {
		if err := step(ctx); err != nil {
			return begin, over, err
		}
	}
	return begin, over, nil
}

// redisFaults runs all faults of a Redis, and then of a cluster.
func (c *chaos) redisFaults(ctx context.Context) error {
	return errors.Join(c.faultsSingle(ctx), c.faultsCluster(ctx), c.missedEvictions(ctx))
}

// many is an account with enough users for the load.
func (c *chaos) many() upstream.World {
	return upstream.World{Users: 1000 + c.size.rounds*8000, Plan: sandbox.PlanBusiness, Names: true}
}

// wired starts a Redis and proxies to it for n replicas.
func (c *chaos) wired(ctx context.Context, n int) (*server, wires, error) {
	r, err := c.startRedis(ctx)
	if err != nil {
		return nil, nil, err
	}
	w, err := newWires(r.addr, n)
	if err != nil {
		r.Stop()
		return nil, nil, err
	}
	return r, w, nil
}

func (c *chaos) faultsSingle(ctx context.Context) error {
	r, w, err := c.wired(ctx, 3)
	if err != nil {
		return err
	}
	defer func() { w.close(); r.Stop() }()
	return c.under(ctx, w.urls(), c.faults(r, w))
}

// faults are those of one Redis and its proxies.
func (c *chaos) faults(r *server, w wires) []fault {
	hold := c.size.hold
	return []fault{
		{name: "kill -9 and restart", breaks: func(context.Context) error { r.Stop(); return nil }, mend: r.run, hold: hold, losesEvictions: true},
		{name: fmt.Sprintf("%s stall", hold), breaks: func(context.Context) error { r.stall(); return nil }, mend: func(context.Context) error { r.resume(); return nil }, hold: hold},
		{name: "100 % packet loss", breaks: func(context.Context) error { return w.lose() }, mend: w.mend, hold: hold, losesEvictions: true},
		{name: "connections reset", breaks: func(context.Context) error { return w.reset() }, mend: w.mend, hold: hold},
		{name: "one replica cut off", breaks: func(context.Context) error { return w[:1].lose() }, mend: w.mend, hold: hold, losesEvictions: true},
	}
}

// limiterKey is a key in the slot of the account's budget, whose shard has the most
// effect.
var limiterKey = "{" + redisname.Hasher{}.Name(sandbox.AccountID) + "}"

func (c *chaos) faultsCluster(ctx context.Context) error {
	k, err := c.startCluster(ctx)
	if err != nil {
		return err
	}
	defer k.stop()
	var dead *server
	return c.under(ctx, same(k.url(), 3), []fault{
		{name: "cluster: planned failover", breaks: func(ctx context.Context) error {
			_, replica, err := k.holder(ctx, limiterKey)
			if err != nil {
				return err
			}
			return replica.command(ctx, "CLUSTER", "FAILOVER")
		}},
		{name: "cluster: kill -9 of a master", breaks: func(ctx context.Context) (err error) {
			if dead, _, err = k.holder(ctx, limiterKey); err == nil {
				dead.Stop()
			}
			return err
		}},
		{name: "cluster: it comes back", breaks: func(ctx context.Context) error { return dead.run(ctx) }},
	})
}

// under runs one fault after the other on a fleet under load.
func (c *chaos) under(ctx context.Context, urls []string, faults []fault) error {
	var err error
	if c.marks, err = c.up.Enter(ctx, c.many()); err != nil {
		return err
	}
	f, err := c.startFleet(ctx, urls, "ZOOM_PLAN="+sandbox.PlanBusiness)
	if err != nil {
		return err
	}
	defer f.stop()
	c.unused = &ids{left: c.shuffled("faults")}
	for range c.size.rounds {
		for _, one := range faults {
			if err := c.runFault(ctx, one, c.newLoad(f)); err != nil {
				return fmt.Errorf("%s: %w", one.name, err)
			}
		}
	}
	return nil
}

// runFault runs a fault under load, and adds its row.
func (c *chaos) runFault(ctx context.Context, one fault, l *load) error {
	if one.ready != nil {
		if err := one.ready(ctx); err != nil {
			return err
		}
	}
	if err := c.up.Reset(ctx); err != nil {
		return err
	}
	machine := watchScheduling(ctx)
	loaded, done := context.WithCancel(ctx)
	defer done()
	l.start(loaded)
	_, over, err := one.inject(ctx)
	done()
	l.pending.Wait()
	if err != nil {
		return err
	}
	ledger, err := c.ledger(ctx)
	if err != nil {
		return err
	}
	row := l.row(one.name, ledger, over)
	if one.more != nil {
		message, ok := one.more()
		row.Target += one.target
		row.Measured += "; " + message
		row.OK = new(*row.OK && ok)
	}
	row.Measured += "; " + machine.String()
	c.add(row)
	return nil
}

// load is the load of all callers.
type load struct {
	c       *chaos
	fleet   fleet
	cold    *ids
	hot     []string
	pending sync.WaitGroup
	tally   tally

	mu     sync.Mutex
	hits   []observation // reads from memory: ok when fast
	probes []probe       // of sharing between replicas
}

// A probe queries one replica for an object that none has cached, and then another for
// the same.
type probe struct {
	observation
	user string
}

func (c *chaos) newLoad(f fleet) *load {
	l := &load{c: c, fleet: f, cold: c.unused}
	for range 10 {
		l.hot = append(l.hot, l.cold.next())
	}
	return l
}

// start begins to send, until ctx ends. Queries sent by then are completed.
func (l *load) start(ctx context.Context) {
	answered := context.WithoutCancel(ctx)
	for _, u := range l.hot { // into the memory of all
		for _, p := range l.fleet {
			l.tally.add(l.c.send(answered, p, lightQuery(u)))
		}
	}
	l.every(ctx, burstEvery, func(int) {
		for i := range burstCalls {
			l.pending.Go(func() { l.tally.add(l.c.send(answered, l.fleet.of(i), lightQuery(l.cold.next()))) })
		}
	})
	l.every(ctx, hotEvery, func(i int) { l.hit(answered, i) })
	l.every(ctx, probeEvery, func(i int) { l.probe(answered, i) })
}

// every calls f at intervals until ctx ends, each time in a goroutine of its own.
func (l *load) every(ctx context.Context, interval time.Duration, f func(i int)) {
	l.pending.Go(func() {
		for i := 0; ; i++ {
			l.pending.Go(func() { f(i) })
			if pause(ctx, interval) != nil {
				return
			}
		}
	})
}

func (l *load) hit(ctx context.Context, i int) {
	r := l.c.send(ctx, l.fleet.of(i), lightQuery(l.hot[i/len(l.fleet)%len(l.hot)]))
	l.tally.add(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hits = append(l.hits, observation{r.begin, r.end, r.code == "" && r.took() <= fast})
}

func (l *load) probe(ctx context.Context, i int) {
	user := l.cold.next()
	first := l.c.send(ctx, l.fleet.of(i), lightQuery(user))
	second := l.c.send(ctx, l.fleet.of(i+1), lightQuery(user))
	l.tally.add(first)
	l.tally.add(second)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.probes = append(l.probes, probe{observation{first.begin, second.end, first.code == "" && second.code == ""}, user})
}

// checkProbes reports of each probe whether the second replica served the answer of the
// first: then Zoom was called once.
func checkProbes(probes []probe, calls []upstream.Call) []observation {
	calledFor := map[string]int{}
	for _, c := range calls {
		user, _, _ := strings.Cut(strings.TrimPrefix(c.Path, "/v2/users/"), "?")
		calledFor[user]++
	}
	var observations []observation
	for _, p := range probes {
		p.ok = p.ok && calledFor[p.user] == 1
		observations = append(observations, p.observation)
	}
	return observations
}

// row returns the row of a fault. Normal means that answers from memory are fast, and
// that replicas share answers.
func (l *load) row(name string, ledger *upstream.Ledger, over time.Time) table.Row {
	shared := checkProbes(l.probes, ledger.Calls)
	back := max(recoveryTime(shared, over), recoveryTime(l.hits, over))
	failed := l.tally.failed + l.tally.refused
	l.tally.first = cmp.Or(l.tally.first, l.tally.firstRefused) // no query has to be refused here
	alone := len(slices.DeleteFunc(slices.Clone(shared), func(s observation) bool { return s.ok }))
	ok := failed == 0 && ledger.Throttled == 0 && back <= maxRecovery
	return table.Row{
		Work: name, Target: "0 failed, 0 answers 429, back to normal ≤ 5 s", OK: &ok,
		Measured: fmt.Sprintf("%d failed of %d, %d answers 429, back to normal after %.1f s (memory %.1f s, sharing %.1f s; %d of %d probes not shared)%s",
			failed, failed+l.tally.ok, ledger.Throttled, back.Seconds(), recoveryTime(l.hits, over).Seconds(), recoveryTime(shared, over).Seconds(), alone, len(shared), l.tally.why()),
		Values: map[string]float64{"failed": float64(failed), "throttled": float64(ledger.Throttled), "back_s": back.Seconds(), "queries": float64(failed + l.tally.ok)},
	}
}
