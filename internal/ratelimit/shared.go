package ratelimit

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	beatEvery  = time.Second
	beatFirst  = 100 * time.Millisecond // after a failure
	beatSilent = 10 * time.Second       // a replica silent for so long is gone

	// settling is how long after Redis is back the last replica knows of it.
	settling = beatEvery + 2*opTimeout
)

// Shared is a Store in Redis that never fails: without Redis, each replica goes
// on by itself with its share of every limit, by the last known number of
// replicas. It is what a Limiter should run on.
//
// At the seams it is careful, not perfect. A replica that loses Redis first lets
// a window pass in which others may have spent all; what it then spends alone it
// tells Redis on return. But replicas return up to a second apart, and one that
// has never reached Redis believes it is alone: then some calls too many may go
// out, and the origin's refusals (Block) are what holds them.
type Shared struct {
	far    *Redis
	log    *slog.Logger
	isDown atomic.Bool
	stop   context.CancelFunc
	tasks  sync.WaitGroup

	mu       sync.Mutex
	near     *Memory
	seen     map[string]*sight    // by key of the limit
	blocks   map[string]time.Time // by key of the limit
	epochs   map[string]int64     // of Redis, by account
	lastOK   time.Time            // when Redis last answered
	settled  time.Time            // when all replicas are back
	present  int                  // replicas in the registry now
	backAt   time.Time            // when it was last back
	replicas int
}

// NewShared returns a Store in the Redis that client is connected to, which
// stays the caller's to close, after this. It says to others that this replica
// is there until it is closed. A nil log is slog.Default.
func NewShared(client redis.UniversalClient, log *slog.Logger) *Shared {
	if log == nil {
		log = slog.Default()
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Shared{
		far: NewRedis(client), log: log, stop: stop,
		near: &Memory{}, seen: make(map[string]*sight), blocks: make(map[string]time.Time), epochs: make(map[string]int64),
		replicas: 1,
	}
	s.tasks.Go(func() { s.beat(ctx) })
	return s
}

// State is how a [Shared] fares, for metrics.
type State struct {
	Alone    bool // without Redis, on its share of the budget
	Replicas int  // how many it knows of, itself included
}

// State tells how it fares now.
func (s *Shared) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return State{Alone: s.isDown.Load(), Replicas: s.replicas}
}

// Close ends what runs in the background and leaves the registry of replicas.
func (s *Shared) Close() {
	s.stop()
	s.tasks.Wait()
	if !s.isDown.Load() {
		s.far.retire(context.Background())
	}
}

// Take implements [Store].
func (s *Shared) Take(ctx context.Context, now time.Time, maxWait time.Duration, limits []Limit) (Decision, error) {
	if !s.isDown.Load() {
		// Not the caller's context: its end would look like Redis's.
		far := context.WithoutCancel(ctx)
		d, told, err := s.far.take(far, maxWait, s.settle(now, limits))
		if err == nil {
			if lost := s.saw(d, limits, told); len(lost) > 0 {
				err = s.restore(far, lost)
			}
		}
		if err == nil {
			return d, nil
		}
		s.trip(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.near.Take(ctx, now, maxWait, s.shares(now, limits))
	d.local = true
	return d, err
}

// Cancel implements [Store].
func (s *Shared) Cancel(ctx context.Context, d Decision, limits []Limit) error {
	if d.local {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.near.Cancel(ctx, d, limits)
	}
	if !s.isDown.Load() {
		if err := s.far.Cancel(context.WithoutCancel(ctx), d, limits); err != nil {
			s.trip(err)
		}
	}
	return nil
}

// Late implements [Store].
func (s *Shared) Late(ctx context.Context, now time.Time, d Decision, windows []Limit) error {
	if d.local {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.near.Late(ctx, now, d, windows)
	}
	if !s.isDown.Load() {
		if err := s.far.Late(context.WithoutCancel(ctx), now, d, windows); err != nil {
			s.trip(err)
		}
	}
	return nil
}

// Block implements [Store].
func (s *Shared) Block(ctx context.Context, key string, until time.Time) error {
	s.mu.Lock()
	for k, t := range s.blocks {
		if !t.After(time.Now()) {
			delete(s.blocks, k)
		}
	}
	if until.After(s.blocks[key]) {
		s.blocks[key] = until
	}
	_ = s.near.Block(ctx, key, until)
	s.mu.Unlock()
	if !s.isDown.Load() {
		if err := s.far.Block(context.WithoutCancel(ctx), key, until); err != nil {
			s.trip(err)
		}
	}
	return nil
}

// Refuse implements [Store].
func (s *Shared) Refuse(ctx context.Context, now time.Time, l Limit) error {
	if !s.isDown.Load() {
		err := s.far.Refuse(context.WithoutCancel(ctx), now, l)
		if err == nil {
			return nil
		}
		s.trip(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.near.Refuse(ctx, now, s.shares(now, []Limit{l})[0])
}

// Observe implements [Store].
func (s *Shared) Observe(ctx context.Context, now time.Time, l Limit, left int) error {
	if !s.isDown.Load() {
		err := s.far.Observe(context.WithoutCancel(ctx), now, l, left)
		if err == nil {
			return nil
		}
		s.trip(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.near.Observe(ctx, now, s.shares(now, []Limit{l})[0], left/s.replicas)
}

// Remaining implements [Store]. Without Redis, it tells of this replica's share.
func (s *Shared) Remaining(ctx context.Context, now time.Time, limits []Limit) ([]Status, error) {
	if !s.isDown.Load() {
		all, err := s.far.Remaining(context.WithoutCancel(ctx), now, limits)
		if err == nil {
			return all, nil
		}
		s.trip(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.near.Remaining(ctx, now, s.shares(now, limits))
}

// trip goes on without Redis.
func (s *Shared) trip(err error) {
	if s.isDown.CompareAndSwap(false, true) {
		s.mu.Lock()
		replicas := s.replicas
		s.mu.Unlock()
		s.log.Warn("ratelimit: going on without Redis", "share", replicas, "err", err)
	}
}

// beat keeps this replica in the registry, and so finds out when Redis is gone
// and when it is back.
func (s *Shared) beat(ctx context.Context) {
	wait := time.Duration(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		n, err := s.far.beat(ctx, beatSilent)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.trip(err)
			wait = min(max(2*wait, beatFirst), beatEvery)
			continue
		case s.isDown.Load() && !s.back(ctx, n):
			wait = beatFirst
			continue
		}
		s.mu.Lock()
		s.present = n
		// A Redis that lost its memory counts only who has come back yet.
		if n > s.replicas || time.Since(s.backAt) > beatSilent {
			s.replicas = n
		}
		wait = beatEvery
		if s.present < s.replicas && time.Now().Before(s.settled) {
			wait = beatFirst
		}
		s.mu.Unlock()
	}
}
