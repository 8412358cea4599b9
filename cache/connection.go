package cache

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	failuresToTrip = 3
	maxPending     = 4096 // evictions recorded while Redis is unreachable
)

// A connection is the state of the connection to Redis: a circuit breaker that also
// repairs. It goes down after some failures in a row and some time, or at once when an
// eviction fails, and comes up when a probe has done all evictions that Redis missed.
// While it is down no entry is read, and so none that should have been evicted.
type connection struct {
	evictNow func(ctx context.Context, names []tagName) error // in Redis
	timings  Timings
	log      *slog.Logger

	restored chan struct{} // receives when the connection has come up again

	isDown       atomic.Bool
	failures     atomic.Int32 // in a row
	firstFailure atomic.Int64 // of these, in Unix nanoseconds
	trippedAt    atomic.Int64 // when it went down last, in Unix nanoseconds

	ctx   context.Context // ends with close
	stop  context.CancelFunc
	tasks sync.WaitGroup

	mu      sync.Mutex
	closed  bool                 // down permanently
	pending map[tagName]struct{} // to be evicted before the connection is up again
	recent  []pastEviction       // oldest first
}

type pastEviction struct {
	at    time.Time
	names []tagName
}

func newConnection(evictNow func(context.Context, []tagName) error, timings Timings, log *slog.Logger) *connection {
	c := &connection{evictNow: evictNow, timings: timings, log: log, pending: make(map[tagName]struct{}), restored: make(chan struct{}, 1)}
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
}

func (c *connection) down() bool { return c.isDown.Load() }

// downFor returns how long the connection has been down, and 0 while it is up.
func (c *connection) downFor() time.Duration {
	if !c.down() {
		return 0
	}
	return time.Duration(time.Now().UnixNano() - c.trippedAt.Load())
}

// start runs a task that ends with the connection, and reports false if that has ended.
func (c *connection) start(task func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.tasks.Go(task)
	}
	return !c.closed
}

// observe records the outcome of a call and reports whether it went well.
func (c *connection) observe(err error) bool {
	if err == nil {
		if c.failures.Load() != 0 {
			c.failures.Store(0)
		}
		return true
	}
	now := time.Now().UnixNano()
	switch n := c.failures.Add(1); {
	case n == 1:
		c.firstFailure.Store(now)
	case n >= failuresToTrip && now-c.firstFailure.Load() >= int64(c.timings.TripAfter):
		c.trip(err)
	}
	return false
}

// evict evicts now and reports true, or evicts before the next entry is read.
func (c *connection) evict(ctx context.Context, names []tagName) (done bool) {
	if c.down() && c.postpone(names) {
		return false
	}
	err := c.evictNow(ctx, names)
	if err == nil {
		c.addRecent(names)
		return true
	}
	c.mu.Lock()
	c.addPending(names)
	c.mu.Unlock()
	c.trip(err)
	return false
}

// postpone records an eviction until the connection is up. It reports false when the
// connection has come up since: then no replay would carry it out.
func (c *connection) postpone(names []tagName) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isDown.Load() {
		return false
	}
	c.addPending(names)
	return true
}

// addPending adds to the pending evictions. Beyond a bound, everything is to be evicted.
func (c *connection) addPending(names []tagName) {
	for _, name := range names {
		c.pending[name] = struct{}{}
	}
	if len(c.pending) > maxPending {
		c.pending = map[tagName]struct{}{allName: {}}
	}
}

// addRecent records an eviction for the ReplayWindow. A Redis that crashes, or fails
// over to a replica, may lose the evictions of the last second or so, and would serve
// the entries again.
func (c *connection) addRecent(names []tagName) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	old := 0
	for old < len(c.recent) && (now.Sub(c.recent[old].at) > c.timings.ReplayWindow || len(c.recent)-old >= maxPending) {
		old++
	}
	c.recent = append(c.recent[old:], pastEviction{now, names})
}

// trip takes the connection down and begins to probe Redis.
func (c *connection) trip(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isDown.Load() {
		return
	}
	now := time.Now()
	c.trippedAt.Store(now.UnixNano())
	c.isDown.Store(true)
	for _, e := range c.recent {
		if now.Sub(e.at) <= c.timings.ReplayWindow {
			c.addPending(e.names)
		}
	}
	c.recent = nil
	c.log.Warn("cache: Redis is unreachable; continuing without it", "err", err)
	c.tasks.Go(c.probe)
}

// probe tries until Redis replies and is up to date.
func (c *connection) probe() {
	for wait := c.timings.ProbeMin; ; wait = min(2*wait, c.timings.ProbeMax) {
		if !waitFor(c.ctx, nil, wait) {
			return
		}
		for c.replay() {
			if c.restore() {
				return
			}
		}
	}
}

// replay carries out the pending evictions and reports whether Redis accepted them.
func (c *connection) replay() bool {
	c.mu.Lock()
	pending := c.pending
	c.pending = make(map[tagName]struct{})
	c.mu.Unlock()
	// An empty name, which evicts no entry, proves that Redis can write.
	names := make([]tagName, 1, 1+len(pending))
	for name := range pending {
		names = append(names, name)
	}
	if c.evictNow(c.ctx, names) == nil {
		return true
	}
	c.mu.Lock()
	c.addPending(names[1:])
	c.mu.Unlock()
	return false
}

// restore takes the connection up. The evictions that have become pending since are
// done while further ones wait: otherwise the connection would stay down for as long as
// they come faster than Redis executes them.
func (c *connection) restore() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending) > 0 {
		if c.evictNow(c.ctx, slices.Collect(maps.Keys(c.pending))) != nil {
			return false
		}
		clear(c.pending)
	}
	if !c.closed {
		c.failures.Store(0)
		c.isDown.Store(false)
		c.log.Info("cache: Redis is back")
		select {
		case c.restored <- struct{}{}:
		default: // a signal is pending already
		}
	}
	return true
}

// close takes the connection down permanently and waits for its tasks.
func (c *connection) close() {
	c.mu.Lock()
	c.closed = true
	c.isDown.Store(true)
	c.mu.Unlock()
	c.stop()
	c.tasks.Wait()
}

// waitFor waits until wake receives, or for d; a nil wake never does. It reports false
// when ctx ends first.
func waitFor(ctx context.Context, wake <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-wake:
	case <-timer.C:
	}
	return true
}
