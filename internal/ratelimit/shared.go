package ratelimit

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// maxBlocks bounds the blocks that are remembered to be told to a Redis that has lost
// them.
const maxBlocks = 10_000

// Shared is a Store in Redis that never fails: without Redis, each replica goes
// on by itself with its share of every limit, by the last known number of
// replicas. It is what a Limiter should run on.
//
// At the seams it is careful. Each replica tells Redis several times a second that
// it is not alone. When it has not, the others leave its share alone, and it waits
// until they do, and a window longer, before it spends that. What it spends it
// tells Redis on return, before it says that it is back.
//
// It is not perfect: one that has never reached Redis believes it is the only one,
// and one that is cut off for longer than others remember it goes on with its
// share. Then some calls too many may go out, and the origin's refusals (Block)
// are what holds them.
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
	epochs   map[string]int64     // of Redis, by account; 0 if it is not known
	lastOK   time.Time            // when Redis last answered
	lastBeat time.Time            // when it was last told that this replica is not alone
	clock    int64                // that of Redis at the last answer to a beat, 0 if unknown
	clockAt  time.Time            // when that was
	dead     bool                 // while without Redis: nobody else has it either
	present  int                  // replicas that are not alone
	downAt   time.Time            // when it went on without Redis
	backAt   time.Time            // when Redis was last back, or new
	replicas int
}

// NewShared returns a Store in the Redis that client is connected to, which
// stays the caller's to close, after this. It says to others that this replica
// is there until it is closed. A nil log is slog.Default.
func NewShared(client redis.UniversalClient, log *slog.Logger, options ...Option) *Shared {
	if log == nil {
		log = slog.Default()
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Shared{
		far: NewRedis(client, options...), log: log, stop: stop,
		near: &Memory{}, seen: make(map[string]*sight), blocks: make(map[string]time.Time), epochs: make(map[string]int64),
		replicas: 1, present: 1,
	}
	s.tasks.Go(func() { s.beat(ctx) })
	return s
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
		d, told, err := s.far.take(far, maxWait, s.common(limits))
		if err != nil && s.hiccup(err) {
			d, told, err = s.far.take(far, maxWait, s.common(limits))
		}
		if err == nil {
			if lost := s.saw(d, limits, told); len(lost) > 0 {
				err = s.restore(far, lost)
			}
		}
		if err == nil {
			return d, nil
		}
		s.lostSightOf(accountOf(limits[0].Key))
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
	if before, known := s.blocks[key]; until.After(before) && (known || len(s.blocks) < maxBlocks) {
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
	if s.isDown.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isDown.Load() {
		return
	}
	// Who is cut off hears nothing; where a connection is refused, nobody listens.
	s.dead = errors.Is(err, syscall.ECONNREFUSED)
	s.downAt = time.Now()
	s.isDown.Store(true)
	s.log.Warn("ratelimit: going on without Redis", "share", s.replicas, "err", err)
}

// hiccup reports whether Redis was well so shortly before it was slow that it may be
// again: a machine that is busy stalls for a moment, and to go on alone, and come
// back, costs more.
func (s *Shared) hiccup(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Is(err, context.DeadlineExceeded) && time.Since(later(s.lastOK, s.clockAt)) < s.far.timings.Operation+s.far.timings.Heartbeat
}

// lostSightOf notes an account that Redis did not answer for: in a cluster, it may
// be back for another and not for this one.
func (s *Shared) lostSightOf(account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.epochs[account]; !known {
		s.epochs[account] = 0
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
		alone := s.isDown.Load()
		m, err := s.far.beat(ctx, alone, s.beats(alone))
		switch {
		case err != nil && !alone && s.hiccup(err):
			wait = 0
		case ctx.Err() != nil:
			return
		case err != nil:
			s.trip(err)
			wait = min(max(2*wait, s.far.timings.ProbeFirst), s.far.timings.ProbeEvery)
		case !alone:
			s.heard(m, alone)
			wait = s.far.timings.Heartbeat
		case s.back(ctx):
			s.heard(m, alone)
			wait = 0
		default:
			wait = min(max(2*wait, s.far.timings.ProbeFirst), s.far.timings.ProbeEvery)
		}
	}
}

// beats notes that a beat is sent, and returns the time by the clock of Redis.
func (s *Shared) beats(alone bool) (sent int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if !alone {
		s.lastBeat = now
	}
	if s.clock == 0 {
		return 0
	}
	return s.clock + now.Sub(s.clockAt).Microseconds()
}

// heard takes note of what a beat has found.
func (s *Shared) heard(m muster, alone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if m.new && s.clock != 0 {
		s.backAt = now // Redis has lost its memory
	}
	s.clock, s.clockAt = m.now, now
	if alone {
		return // before the others hear that it is back
	}
	s.present = m.present
	// A Redis that lost its memory counts only who has come back yet.
	if m.replicas > s.replicas || now.Sub(s.backAt) > s.far.timings.Gone {
		s.replicas = m.replicas
	}
}
