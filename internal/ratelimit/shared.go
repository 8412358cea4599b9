package ratelimit

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// maxBlocks bounds the blocks that are retained for a Redis that loses them.
const maxBlocks = 10_000

// Shared is a Store in Redis that never fails: while Redis is unavailable, each
// replica counts by itself, within its share of every limit by the last known
// number of replicas. A Limiter should run on it.
//
// A replica is present while it counts in Redis, and missing while it does not.
// Each replica sends Redis several heartbeats a second. When they stop, the present
// replicas do not spend the share of the missing one, and the missing one waits until
// then, and a window longer, before it spends that share. On its return it records its
// calls in Redis, before it counts as present again.
//
// A replica that is killed is missing and its session has ended, and the others spend
// its share a window later.
//
// Three cases remain: a replica that has never reached Redis counts itself as the only
// one; one that is cut off for longer than forgetAfter still spends its share; and so does
// one whose connections end although it still runs, as with a proxy that dies, and that
// cannot reach Redis any more, although others can. Then some calls too many may start, and
// the origin's refusals (Refuse, Block) stop them.
type Shared struct {
	redis *Redis
	log   *slog.Logger
	down  atomic.Bool // Redis is unavailable, and local is used
	stop  context.CancelFunc
	tasks sync.WaitGroup

	mu            sync.Mutex
	local         *Memory
	seen          map[string]*lastSeen // by key of the limit
	blocks        map[string]time.Time // by key of the limit
	epochs        map[string]int64     // of Redis, by account; 0 if it is not known
	repliedAt     time.Time            // when Redis last replied to a Take
	lastHeartbeat time.Time            // when the last one as a present replica was sent
	redisClock    int64                // that of Redis at the last heartbeat reply, 0 if unknown
	redisClockAt  time.Time            // when that was
	unreachable   bool                 // the host of Redis refuses connections: no replica reaches it
	present       int                  // replicas that are not missing
	downAt        time.Time            // when Redis became unavailable
	backAt        time.Time            // when Redis last became available, or had lost its data
	replicas      int
}

// NewShared returns a Store in the Redis that client is connected to. The caller
// closes the Store, and then the client. Until then it sends heartbeats, and holds a
// session. A nil log is slog.Default.
func NewShared(client redis.UniversalClient, log *slog.Logger, options ...Option) *Shared {
	if log == nil {
		log = slog.Default()
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Shared{
		redis: NewRedis(client, options...), log: log, stop: stop,
		local: &Memory{}, seen: make(map[string]*lastSeen), blocks: make(map[string]time.Time), epochs: make(map[string]int64),
		replicas: 1, present: 1,
	}
	s.tasks.Go(func() { s.sendHeartbeats(ctx) })
	s.tasks.Go(func() { s.holdSession(ctx) })
	return s
}

// Close stops the heartbeats and removes this replica from the registry.
func (s *Shared) Close() {
	s.stop()
	s.tasks.Wait()
	if !s.down.Load() {
		s.redis.retire(context.Background())
	}
}

// Take implements [Store].
func (s *Shared) Take(ctx context.Context, now time.Time, maxWait time.Duration, limits []Limit) (Decision, error) {
	if !s.down.Load() {
		// Not the caller's context: its end would look like an outage.
		detached := context.WithoutCancel(ctx)
		d, reply, err := s.redis.take(detached, maxWait, s.presentPart(limits))
		if err != nil && s.isTransient(err) {
			d, reply, err = s.redis.take(detached, maxWait, s.presentPart(limits))
		}
		if err == nil {
			if lost := s.recordTake(d, limits, reply); len(lost) > 0 {
				err = s.restore(detached, lost)
			}
		}
		if err == nil {
			return d, nil
		}
		s.recordNoReply(accountOf(limits[0].Key))
		s.fallBack(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.local.Take(ctx, now, maxWait, s.shares(now, limits))
	d.local = true
	return d, err
}

// Cancel implements [Store].
func (s *Shared) Cancel(ctx context.Context, d Decision, limits []Limit) error {
	if d.local {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.local.Cancel(ctx, d, limits)
	}
	if !s.down.Load() {
		if err := s.redis.Cancel(context.WithoutCancel(ctx), d, limits); err != nil {
			s.fallBack(err)
		}
	}
	return nil
}

// Late implements [Store].
func (s *Shared) Late(ctx context.Context, now time.Time, d Decision, windows []Limit) error {
	if d.local {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.local.Late(ctx, now, d, windows)
	}
	if !s.down.Load() {
		if err := s.redis.Late(context.WithoutCancel(ctx), now, d, windows); err != nil {
			s.fallBack(err)
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
	_ = s.local.Block(ctx, key, until)
	s.mu.Unlock()
	if !s.down.Load() {
		if err := s.redis.Block(context.WithoutCancel(ctx), key, until); err != nil {
			s.fallBack(err)
		}
	}
	return nil
}

// Refuse implements [Store].
func (s *Shared) Refuse(ctx context.Context, now time.Time, l Limit) error {
	if !s.down.Load() {
		err := s.redis.Refuse(context.WithoutCancel(ctx), now, l)
		if err == nil {
			return nil
		}
		s.fallBack(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.local.Refuse(ctx, now, s.shares(now, []Limit{l})[0])
}

// Observe implements [Store].
func (s *Shared) Observe(ctx context.Context, now time.Time, l Limit, left int) error {
	if !s.down.Load() {
		err := s.redis.Observe(context.WithoutCancel(ctx), now, l, left)
		if err == nil {
			return nil
		}
		s.fallBack(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.local.Observe(ctx, now, s.shares(now, []Limit{l})[0], left/s.replicas)
}

// Remaining implements [Store]. While Redis is unavailable, it returns this
// replica's share.
func (s *Shared) Remaining(ctx context.Context, now time.Time, limits []Limit) ([]Status, error) {
	if !s.down.Load() {
		all, err := s.redis.Remaining(context.WithoutCancel(ctx), now, limits)
		if err == nil {
			return all, nil
		}
		s.fallBack(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.local.Remaining(ctx, now, s.shares(now, limits))
}

// presentPart returns the part of the limits that is not left to missing replicas:
// Redis counts the calls of the present ones.
func (s *Shared) presentPart(limits []Limit) []Limit {
	s.mu.Lock()
	defer s.mu.Unlock()
	present := max(s.present, 1)
	if time.Since(s.redisClockAt) > s.redis.timings.replyLifetime {
		present = 1
	}
	if present >= s.replicas {
		return limits
	}
	part := slices.Clone(limits)
	for i := range part {
		part[i] = part[i].Portion(present, s.replicas)
	}
	return part
}

// fallBack makes this replica count by itself until Redis is available again.
func (s *Shared) fallBack(err error) {
	if s.down.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down.Load() {
		return
	}
	// A refused connection means that no process listens, so no replica reaches
	// Redis. A timeout may mean that this one alone is cut off.
	s.unreachable = errors.Is(err, syscall.ECONNREFUSED)
	s.downAt = time.Now()
	s.down.Store(true)
	s.log.Warn("ratelimit: Redis is unavailable; continuing without it", "replicas", s.replicas, "err", err)
}

// isTransient reports whether a timeout follows so soon after a reply of Redis that it
// may be transient: a busy machine stalls for a moment, and a retry costs less than
// falling back and returning.
func (s *Shared) isTransient(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Is(err, context.DeadlineExceeded) &&
		time.Since(later(s.repliedAt, s.redisClockAt)) < s.redis.timings.operation+s.redis.timings.heartbeat
}

// recordNoReply records an account for which Redis did not reply: in a cluster, it
// may be available again for another account and not for this one.
func (s *Shared) recordNoReply(account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.epochs[account]; !known {
		s.epochs[account] = 0
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
