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

	"zoomql/internal/bench/table"
	"zoomql/internal/bench/upstream"
	"zoomql/internal/redisname"
	"zoomql/internal/sandbox"
)

// The load under which Redis is broken, of LIGHT calls. Every other second comes a
// burst that is larger than what Zoom takes in one: replicas that lose each other
// and go on as if they were alone send it all at once. On the average it leaves a
// quarter of the budget, so nothing of it need ever fail.
const (
	burstEvery = 2 * time.Second
	burstCalls = 100
	hotEvery   = 20 * time.Millisecond
	probeEvery = 200 * time.Millisecond

	// fast is how quickly what a replica has in memory is answered. It takes less
	// than a millisecond; the rest is for a machine that is busy.
	fast = 150 * time.Millisecond
	// calm is how long the load goes on before a fault, and watched after it. A
	// burst falls into the middle of each fault then.
	calm    = 3 * time.Second
	watched = 7 * time.Second
	// allowedBack is what is asked.
	allowedBack = 5 * time.Second
)

// A fault is something that is done to Redis, and what ends it. It is over when
// mend returns.
type fault struct {
	name   string
	breaks func(context.Context) error
	mend   func(context.Context) error // nil where it mends itself
	hold   time.Duration
	// forgets says that evictions may get lost in it, in a way of its own.
	forgets bool

	// These are nil where there is no need of them: ready waits until the fault can
	// happen, ended returns when it was over, if that was before mend returned, and
	// more what else was measured, and whether that is as asked in asks.
	ready func(context.Context) error
	ended func() time.Time
	more  func() (words string, ok bool)
	asks  string
}

// happen lets a fault come and go, with calm before it and time after it.
func (f fault) happen(ctx context.Context) (begin, over time.Time, err error) {
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { return pause(ctx, calm) },
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
		func(ctx context.Context) error { return pause(ctx, watched) },
	} {
		if err := step(ctx); err != nil {
			return begin, over, err
		}
	}
	return begin, over, nil
}

// trouble breaks a Redis, and then a cluster, in all the ways there are.
func (c *chaos) trouble(ctx context.Context) error {
	return errors.Join(c.troubleAlone(ctx), c.troubleCluster(ctx), c.missedEvictions(ctx))
}

// many is an account with enough users for the load.
func (c *chaos) many() upstream.World {
	return upstream.World{Users: 1000 + c.size.rounds*8000, Plan: sandbox.PlanBusiness, Names: true}
}

// wired starts a Redis and ways to it for n replicas.
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

func (c *chaos) troubleAlone(ctx context.Context) error {
	r, w, err := c.wired(ctx, 3)
	if err != nil {
		return err
	}
	defer func() { w.close(); r.Stop() }()
	return c.under(ctx, w.urls(), c.faults(r, w))
}

// faults are what can befall one Redis and the ways to it.
func (c *chaos) faults(r *server, w wires) []fault {
	hold := c.size.hold
	return []fault{
		{name: "kill -9 and restart", breaks: func(context.Context) error { r.Stop(); return nil }, mend: r.run, hold: hold, forgets: true},
		{name: fmt.Sprintf("%s stall", hold), breaks: func(context.Context) error { r.stall(); return nil }, mend: func(context.Context) error { r.resume(); return nil }, hold: hold},
		{name: "100 % packet loss", breaks: func(context.Context) error { return w.lose() }, mend: w.mend, hold: hold, forgets: true},
		{name: "connections reset", breaks: func(context.Context) error { return w.reset() }, mend: w.mend, hold: hold},
		{name: "one replica cut off", breaks: func(context.Context) error { return w[:1].lose() }, mend: w.mend, hold: hold, forgets: true},
	}
}

// limiterKey is a key in the slot where the gateway keeps the account's budget:
// the shard that hurts most.
var limiterKey = "{" + redisname.Hasher{}.Name(sandbox.AccountID) + "}"

func (c *chaos) troubleCluster(ctx context.Context) error {
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

// under puts a fleet under load and lets one fault after the other happen.
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
	c.unasked = &ids{left: c.shuffled("trouble")}
	for range c.size.rounds {
		for _, one := range faults {
			if err := c.happens(ctx, one, c.newLoad(f)); err != nil {
				return fmt.Errorf("%s: %w", one.name, err)
			}
		}
	}
	return nil
}

// happens lets a fault happen under load, and adds its row.
func (c *chaos) happens(ctx context.Context, one fault, l *load) error {
	if one.ready != nil {
		if err := one.ready(ctx); err != nil {
			return err
		}
	}
	if err := c.up.Reset(ctx); err != nil {
		return err
	}
	machine := watchHiccups(ctx)
	loaded, done := context.WithCancel(ctx)
	defer done()
	l.start(loaded)
	_, over, err := one.happen(ctx)
	done()
	l.asked.Wait()
	if err != nil {
		return err
	}
	ledger, err := c.ledger(ctx)
	if err != nil {
		return err
	}
	row := l.row(one.name, ledger, over)
	if one.more != nil {
		words, ok := one.more()
		row.Asked += one.asks
		row.Measured += "; " + words
		row.OK = new(*row.OK && ok)
	}
	row.Measured += "; " + machine.String()
	c.add(row)
	return nil
}

// load is what callers ask all the time.
type load struct {
	c     *chaos
	fleet fleet
	cold  *ids
	hot   []string
	asked sync.WaitGroup
	tally tally

	mu     sync.Mutex
	hits   []sign  // reads of what is in memory: well when fast
	probes []probe // of what replicas learn from one another
}

// A probe asks one replica for what nobody knows, and then another for the same.
type probe struct {
	sign
	user string
}

func (c *chaos) newLoad(f fleet) *load {
	l := &load{c: c, fleet: f, cold: c.unasked}
	for range 10 {
		l.hot = append(l.hot, l.cold.next())
	}
	return l
}

// start begins to ask, until ctx ends. Who has asked by then is answered.
func (l *load) start(ctx context.Context) {
	answered := context.WithoutCancel(ctx)
	for _, u := range l.hot { // into the memory of all
		for _, p := range l.fleet {
			l.tally.add(l.c.ask(answered, p, lightQuery(u)))
		}
	}
	l.every(ctx, burstEvery, func(int) {
		for i := range burstCalls {
			l.asked.Go(func() { l.tally.add(l.c.ask(answered, l.fleet.of(i), lightQuery(l.cold.next()))) })
		}
	})
	l.every(ctx, hotEvery, func(i int) { l.hit(answered, i) })
	l.every(ctx, probeEvery, func(i int) { l.probe(answered, i) })
}

// every calls f at intervals until ctx ends, each time beside the others.
func (l *load) every(ctx context.Context, interval time.Duration, f func(i int)) {
	l.asked.Go(func() {
		for i := 0; ; i++ {
			l.asked.Go(func() { f(i) })
			if pause(ctx, interval) != nil {
				return
			}
		}
	})
}

func (l *load) hit(ctx context.Context, i int) {
	r := l.c.ask(ctx, l.fleet.of(i), lightQuery(l.hot[i/len(l.fleet)%len(l.hot)]))
	l.tally.add(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hits = append(l.hits, sign{r.begin, r.end, r.code == "" && r.took() <= fast})
}

func (l *load) probe(ctx context.Context, i int) {
	user := l.cold.next()
	first := l.c.ask(ctx, l.fleet.of(i), lightQuery(user))
	second := l.c.ask(ctx, l.fleet.of(i+1), lightQuery(user))
	l.tally.add(first)
	l.tally.add(second)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.probes = append(l.probes, probe{sign{first.begin, second.end, first.code == "" && second.code == ""}, user})
}

// judge says of each probe whether the second replica knew what the first had
// learned: then Zoom was asked once.
func judge(probes []probe, calls []upstream.Call) []sign {
	asked := map[string]int{}
	for _, c := range calls {
		user, _, _ := strings.Cut(strings.TrimPrefix(c.Path, "/v2/users/"), "?")
		asked[user]++
	}
	var signs []sign
	for _, p := range probes {
		p.well = p.well && asked[p.user] == 1
		signs = append(signs, p.sign)
	}
	return signs
}

// row makes a row of what happened. Normal is when what is in memory is answered
// fast, and what one replica learns the next one knows.
func (l *load) row(name string, ledger *upstream.Ledger, over time.Time) table.Row {
	shared := judge(l.probes, ledger.Calls)
	back := max(recovered(shared, over), recovered(l.hits, over))
	failed := l.tally.failed + l.tally.refused
	l.tally.first = cmp.Or(l.tally.first, l.tally.firstRefused) // nothing need be refused here
	alone := len(slices.DeleteFunc(slices.Clone(shared), func(s sign) bool { return s.well }))
	ok := failed == 0 && ledger.Throttled == 0 && back <= allowedBack
	return table.Row{
		Work: name, Asked: "0 failed, 0 answers 429, back to normal ≤ 5 s", OK: &ok,
		Measured: fmt.Sprintf("%d failed of %d, %d answers 429, back to normal after %.1f s (memory %.1f s, sharing %.1f s; %d of %d probes not shared)%s",
			failed, failed+l.tally.well, ledger.Throttled, back.Seconds(), recovered(l.hits, over).Seconds(), recovered(shared, over).Seconds(), alone, len(shared), l.tally.why()),
		Values: map[string]float64{"failed": float64(failed), "throttled": float64(ledger.Throttled), "back_s": back.Seconds(), "queries": float64(failed + l.tally.well)},
	}
}
