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
	maxPending     = 4096 // evictions remembered while Redis is away
)

// A link is what we think of the connection to Redis. It goes down after some
// failures in a row and some time, or at once when an eviction fails, and comes up when a
// probe has done all evictions that Redis missed. While it is down nobody reads,
// so nobody reads what should have been evicted.
type link struct {
	do      func(ctx context.Context, tags []tagName) error // evicts in Redis
	timings Timings
	log     *slog.Logger

	back chan struct{} // told when the link has come up again

	isDown   atomic.Bool
	failures atomic.Int32 // in a row
	failing  atomic.Int64 // when the first of them was, in nanoseconds
	tripped  atomic.Int64 // when it went down last, in nanoseconds

	ctx   context.Context // ends with close
	stop  context.CancelFunc
	tasks sync.WaitGroup

	mu      sync.Mutex
	closed  bool                 // down for good
	pending map[tagName]struct{} // to be evicted before the link is up again
	recent  []eviction           // done, oldest first
}

type eviction struct {
	at   time.Time
	tags []tagName
}

func newLink(do func(context.Context, []tagName) error, timings Timings, log *slog.Logger) *link {
	l := &link{do: do, timings: timings, log: log, pending: make(map[tagName]struct{}), back: make(chan struct{}, 1)}
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l
}

func (l *link) down() bool { return l.isDown.Load() }

// downFor returns how long the link has been down, and 0 while it is up.
func (l *link) downFor() time.Duration {
	if !l.down() {
		return 0
	}
	return time.Duration(time.Now().UnixNano() - l.tripped.Load())
}

// start runs a task that ends with the link, and reports false where that has ended.
func (l *link) start(task func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.tasks.Go(task)
	}
	return !l.closed
}

// saw takes note of the outcome of a call and reports whether it went well.
func (l *link) saw(err error) bool {
	if err == nil {
		if l.failures.Load() != 0 {
			l.failures.Store(0)
		}
		return true
	}
	now := time.Now().UnixNano()
	switch n := l.failures.Add(1); {
	case n == 1:
		l.failing.Store(now)
	case n >= failuresToTrip && now-l.failing.Load() >= int64(l.timings.TripAfter):
		l.trip(err)
	}
	return false
}

// evict evicts now, or before anything is read again.
func (l *link) evict(ctx context.Context, tags []tagName) {
	if l.down() && l.postpone(tags) {
		return
	}
	err := l.do(ctx, tags)
	if err == nil {
		l.done(tags)
		return
	}
	l.mu.Lock()
	l.remember(tags)
	l.mu.Unlock()
	l.trip(err)
}

// postpone remembers an eviction until the link is up. It reports false when the
// link has come up meanwhile: then nothing would do it.
func (l *link) postpone(tags []tagName) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.isDown.Load() {
		return false
	}
	l.remember(tags)
	return true
}

// remember adds to what is pending. Beyond a bound, everything is.
func (l *link) remember(tags []tagName) {
	for _, tag := range tags {
		l.pending[tag] = struct{}{}
	}
	if len(l.pending) > maxPending {
		l.pending = map[tagName]struct{}{allName: {}}
	}
}

// done keeps an eviction for a while. A Redis that crashes, or fails over to a
// replica, may forget the last second or so, and would serve again what was
// evicted in it.
func (l *link) done(tags []tagName) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	old := 0
	for old < len(l.recent) && (now.Sub(l.recent[old].at) > l.timings.Recent || len(l.recent)-old >= maxPending) {
		old++
	}
	l.recent = append(l.recent[old:], eviction{now, tags})
}

// trip takes the link down and begins to look for Redis.
func (l *link) trip(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isDown.Load() {
		return
	}
	now := time.Now()
	l.tripped.Store(now.UnixNano())
	l.isDown.Store(true)
	for _, e := range l.recent {
		if now.Sub(e.at) <= l.timings.Recent {
			l.remember(e.tags)
		}
	}
	l.recent = nil
	l.log.Warn("cache: going on without Redis", "err", err)
	l.tasks.Go(l.probe)
}

// probe looks for Redis until it is there and up to date.
func (l *link) probe() {
	for wait := l.timings.ProbeFirst; ; wait = min(2*wait, l.timings.ProbeEvery) {
		if !sleep(l.ctx, wait) {
			return
		}
		for l.replay() {
			if l.up() {
				return
			}
		}
	}
}

// replay does what is pending and reports whether Redis took it.
func (l *link) replay() bool {
	l.mu.Lock()
	now := l.pending
	l.pending = make(map[tagName]struct{})
	l.mu.Unlock()
	// An empty tag, which evicts nothing, proves that Redis can write.
	tags := make([]tagName, 1, 1+len(now))
	for tag := range now {
		tags = append(tags, tag)
	}
	if l.do(l.ctx, tags) == nil {
		return true
	}
	l.mu.Lock()
	l.remember(tags[1:])
	l.mu.Unlock()
	return false
}

// up takes the link up. What became pending meanwhile is done while further evictions
// wait: otherwise the link would stay down for as long as they come faster than Redis
// takes them.
func (l *link) up() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending) > 0 {
		if l.do(l.ctx, slices.Collect(maps.Keys(l.pending))) != nil {
			return false
		}
		clear(l.pending)
	}
	if !l.closed {
		l.failures.Store(0)
		l.isDown.Store(false)
		l.log.Info("cache: Redis is back")
		select {
		case l.back <- struct{}{}:
		default: // it has been told
		}
	}
	return true
}

// close takes the link down for good and waits for its tasks.
func (l *link) close() {
	l.mu.Lock()
	l.closed = true
	l.isDown.Store(true)
	l.mu.Unlock()
	l.stop()
	l.tasks.Wait()
}

// sleep reports false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
