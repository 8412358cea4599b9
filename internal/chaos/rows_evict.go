package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"zoomql/internal/lab/table"
	"zoomql/internal/lab/upstream"
	"zoomql/internal/sandbox"
)

// settled is when all replicas must serve a write. The target is 50 ms for 99 of 100; a
// message that takes ten times as long is lost.
const settled = 500 * time.Millisecond

// evicted changes meetings on some replicas while it reads them on all, and checks
// every read. This world has no limits, which other rows test and which would only slow
// this one.
func (c *chaos) evicted(ctx context.Context) error {
	f, err := c.setUp(ctx, upstream.World{Users: 40, Plan: sandbox.PlanNone}, 4)
	if err != nil {
		return err
	}
	defer f.stop()
	m, err := c.newMix(ctx, f)
	if err != nil {
		return err
	}
	m.run(ctx, c.size.steps)
	m.agree(ctx, c.size.settled)
	v := m.history.check(len(f), c.size.settled)
	p99 := table.Percentile(v.delays, 99)
	ok := p99 <= 50 && len(v.stale) == 0 && m.failed.Load() == 0
	c.add(table.Row{
		Work: "evict on one replica, read on 4", Target: "others see it ≤ 50 ms p99; 0 stale reads", OK: &ok,
		Measured: fmt.Sprintf("%s ms p99, %s at most; %s", table.Short(p99), table.Short(table.Percentile(v.delays, 100)), m.describe(v)),
		Values:   map[string]float64{"p99_ms": p99, "most_ms": table.Percentile(v.delays, 100), "stale": float64(len(v.stale)), "reads": float64(v.reads), "writes": float64(v.writes), "failed": float64(m.failed.Load())},
	})
	return ctx.Err()
}

// describe formats a verdict.
func (m *mix) describe(v verdict) string {
	text := fmt.Sprintf("%d stale of %d reads around %d writes; %d failed", len(v.stale), v.reads, v.writes, m.failed.Load())
	if len(v.stale) > 0 {
		text += "; the first: " + v.stale[0]
	}
	if why := m.why.Load(); why != nil {
		text += "; the first failure: " + *why
	}
	return text
}

// missedEvictions changes and reads meetings during faults of Redis. Replicas do not
// receive each other's evictions then, but must serve all writes once Redis is back.
func (c *chaos) missedEvictions(ctx context.Context) error {
	var err error
	if c.marks, err = c.up.Enter(ctx, upstream.World{Users: 40, Plan: sandbox.PlanNone}); err != nil {
		return err
	}
	r, w, err := c.wired(ctx, 4)
	if err != nil {
		return err
	}
	defer func() { w.close(); r.Stop() }()
	f, err := c.startFleet(ctx, w.urls(), "ZOOM_PLAN="+sandbox.PlanNone)
	if err != nil {
		return err
	}
	defer f.stop()
	for round := range c.size.rounds {
		for _, one := range c.faults(r, w) {
			if !one.losesEvictions {
				continue
			}
			m, err := c.newMix(ctx, f)
			if err == nil {
				err = m.duringFault(ctx, one, fmt.Sprintf("%s %d ", one.name, round))
			}
			if err != nil {
				return fmt.Errorf("%s: %w", one.name, err)
			}
			v := m.history.check(len(f), c.size.settled)
			ok := len(v.stale) == 0 && m.failed.Load() == 0
			c.add(table.Row{
				Work: "evictions, " + one.name, Target: "0 failed, 0 stale reads from 5 s after it, nor ever of one's own writes", OK: &ok, Measured: m.describe(v),
				Values: map[string]float64{"stale": float64(len(v.stale)), "reads": float64(v.reads), "writes": float64(v.writes), "failed": float64(m.failed.Load())},
			})
		}
	}
	return ctx.Err()
}

// duringFault runs trickle during a fault.
func (m *mix) duringFault(ctx context.Context, one fault, part string) error {
	trickling, stop := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { m.trickle(trickling, part) })
	begin, over, err := one.inject(ctx)
	stop()
	done.Wait()
	m.history.outages = append(m.history.outages, outage{begin, over.Add(maxRecovery)})
	return err
}

// mix reads and writes the topics of some meetings.
type mix struct {
	c        *chaos
	fleet    fleet
	meetings []*topic
	byNumber map[string]int
	stem     string // of the topics that it writes: all others are initial ones
	history  history
	latest   atomic.Int64 // the meeting that was written last
	failed   atomic.Int64
	why      atomic.Pointer[string]
}

// topic is one meeting, whose topic is written by one at a time.
type topic struct {
	number, host string
	writing      sync.Mutex
	version      int
}

// newMix picks the meetings of some hosts.
func (c *chaos) newMix(ctx context.Context, f fleet) (*mix, error) {
	r := c.send(ctx, f[0], `{ account { users(first: 4) { nodes { zoomId meetings(first: 4, type: SCHEDULED) { nodes { number } } } } } }`)
	if r.code != "" {
		return nil, failed("the meetings", r)
	}
	var data struct {
		Account struct {
			Users struct {
				Nodes []struct {
					ZoomID   string
					Meetings struct{ Nodes []struct{ Number string } }
				}
			}
		}
	}
	if err := json.Unmarshal(r.data, &data); err != nil {
		return nil, err
	}
	c.mixes++
	m := &mix{c: c, fleet: f, byNumber: map[string]int{}, stem: fmt.Sprintf("mix %d version ", c.mixes)}
	for _, u := range data.Account.Users.Nodes {
		for _, n := range u.Meetings.Nodes {
			m.byNumber[n.Number] = len(m.meetings)
			m.meetings = append(m.meetings, &topic{number: n.Number, host: u.ZoomID})
		}
	}
	if len(m.meetings) < 4 {
		return nil, fmt.Errorf("%d meetings are too few", len(m.meetings))
	}
	return m, nil
}

// run makes so many steps over some connections.
func (m *mix) run(ctx context.Context, steps int) {
	var taken atomic.Int64
	var all sync.WaitGroup
	for i := range 16 {
		rng := m.c.random("mix " + strconv.Itoa(i))
		all.Go(func() {
			for taken.Add(1) <= int64(steps) && ctx.Err() == nil {
				m.step(ctx, rng)
			}
		})
	}
	all.Wait()
}

// agree reads each meeting on each replica until it returns the last write, and once
// more when that is due: so a missed eviction is found, however soon after the last
// write the steps ended.
func (m *mix) agree(ctx context.Context, settled time.Duration) {
	due := time.Now().Add(settled)
	for object, t := range m.meetings {
		for replica := range m.fleet {
			for ctx.Err() == nil {
				over := time.Now().After(due)
				if version := m.read(ctx, object, replica); version == t.version || over {
					break
				}
			}
		}
	}
}

// trickle makes steps at a low rate until ctx ends: enough to find stale reads, and few
// enough to leave the CPU to other processes.
func (m *mix) trickle(ctx context.Context, part string) {
	var all sync.WaitGroup
	for i := range 8 {
		rng := m.c.random(part + strconv.Itoa(i))
		all.Go(func() {
			for pause(ctx, time.Duration(rng.IntN(10))*time.Millisecond) == nil {
				m.step(context.WithoutCancel(ctx), rng)
			}
		})
	}
	all.Wait()
}

// step reads or writes. Half of the reads are of the meeting that was written last,
// where stale reads are likely.
func (m *mix) step(ctx context.Context, rng *rand.Rand) {
	object, replica := rng.IntN(len(m.meetings)), rng.IntN(len(m.fleet))
	choice := rng.IntN(100)
	switch {
	case choice < 4:
		m.write(ctx, object, replica)
		return
	case choice < 52:
		object = int(m.latest.Load())
	}
	if rng.IntN(10) == 0 {
		m.list(ctx, object, replica)
		return
	}
	m.read(ctx, object, replica)
}

func (m *mix) write(ctx context.Context, object, replica int) {
	t := m.meetings[object]
	t.writing.Lock()
	defer t.writing.Unlock()
	t.version++
	r := m.c.send(ctx, m.fleet[replica], fmt.Sprintf(`mutation { updateMeeting(input: {meeting: {number: %q}, patch: {topic: %q}}) { userErrors { message } } }`, t.number, m.topicOf(t.version)))
	ok := r.code == "" && strings.Contains(string(r.data), `"userErrors":[]`)
	if !ok {
		m.blame("write", r)
	}
	m.history.wrote(write{object: object, replica: replica, version: t.version, begin: r.begin, end: r.end, done: ok})
	m.latest.Store(int64(object))
}

func (m *mix) blame(what string, r *reply) {
	m.failed.Add(1)
	m.why.CompareAndSwap(nil, new(fmt.Sprintf("%s: %s: %.100s %.200s", what, r.code, r.message, r.data)))
}

// read queries one meeting and returns its version, or -1.
func (m *mix) read(ctx context.Context, object, replica int) int {
	r := m.c.send(ctx, m.fleet[replica], fmt.Sprintf(`{ meeting(by: {number: %q}) { topic } }`, m.meetings[object].number))
	var data struct{ Meeting struct{ Topic string } }
	if r.code != "" || json.Unmarshal(r.data, &data) != nil || data.Meeting.Topic == "" {
		m.blame("read", r)
		return -1
	}
	version := m.versionOf(data.Meeting.Topic)
	m.history.saw(read{object: object, replica: replica, way: "number", version: version, begin: r.begin, end: r.end})
	return version
}

// list queries all meetings of a host, one of which is the object.
func (m *mix) list(ctx context.Context, object, replica int) {
	r := m.c.send(ctx, m.fleet[replica], fmt.Sprintf(`{ user(by: {zoomId: %q}) { meetings(first: 30, type: SCHEDULED) { nodes { number topic } } } }`, m.meetings[object].host))
	var data struct {
		User struct {
			Meetings struct {
				Nodes []struct{ Number, Topic string }
			}
		}
	}
	if r.code != "" || json.Unmarshal(r.data, &data) != nil || len(data.User.Meetings.Nodes) == 0 {
		m.blame("list", r)
		return
	}
	var seen []read
	for _, n := range data.User.Meetings.Nodes {
		if at, ours := m.byNumber[n.Number]; ours {
			seen = append(seen, read{object: at, replica: replica, way: "host", version: m.versionOf(n.Topic), begin: r.begin, end: r.end})
		}
	}
	m.history.saw(seen...)
}

func (m *mix) topicOf(version int) string { return m.stem + strconv.Itoa(version) }

// versionOf reads a topic; one that this mix has not written is 0.
func (m *mix) versionOf(topic string) int {
	rest, ours := strings.CutPrefix(topic, m.stem)
	if !ours {
		return 0
	}
	n, _ := strconv.Atoi(rest) // 0 if the topic is of another writer
	return n
}
