package ratelimit

import (
	"context"
	"maps"
	"time"
)

// sendHeartbeats renews this replica in the registry until ctx ends, and so detects
// when Redis becomes unavailable and when it is available again.
func (s *Shared) sendHeartbeats(ctx context.Context) {
	wait := time.Duration(0)
	backOff := func() { wait = min(max(2*wait, s.redis.timings.probeFirst), s.redis.timings.probeMax) }
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		alone := s.down.Load()
		reply, err := s.redis.sendHeartbeat(ctx, alone, s.recordHeartbeat(alone))
		switch {
		case err != nil && !alone && s.isTransient(err):
			wait = 0
		case ctx.Err() != nil:
			return
		case err != nil:
			s.fallBack(err)
			backOff()
		case !alone:
			s.recordReply(reply, alone)
			wait = s.redis.timings.heartbeat
		case s.rejoin(ctx):
			s.recordReply(reply, alone)
			wait = 0
		default:
			backOff()
		}
	}
}

// recordHeartbeat records that a heartbeat is sent, and returns the time by the clock of
// Redis, 0 if it is not known.
func (s *Shared) recordHeartbeat(alone bool) (sent int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if !alone {
		s.lastHeartbeat = now
	}
	if s.redisClock == 0 {
		return 0
	}
	return s.redisClock + now.Sub(s.redisClockAt).Microseconds()
}

// recordReply records a heartbeat reply. alone means that Redis was not in use when the
// heartbeat was sent.
func (s *Shared) recordReply(r heartbeatReply, alone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if r.unregistered && s.redisClock != 0 {
		s.backAt = now // Redis has lost its data
	}
	s.redisClock, s.redisClockAt = r.now, now
	if alone {
		return // the other replicas do not count it as present yet
	}
	s.present = r.present
	// A Redis that lost its data counts only the replicas that have returned so far.
	if r.replicas > s.replicas || now.Sub(s.backAt) > s.redis.timings.forgetAfter {
		s.replicas = r.replicas
	}
}

// rejoin records in Redis the calls that were counted without it, and returns to it.
// Calls requested in between wait, at most as long as Redis may take. Until the next
// heartbeat reply this replica counts itself as the only one present.
func (s *Shared) rejoin(ctx context.Context) bool {
	epochs, ok := s.currentEpochs(ctx)
	if !ok {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.redis.restoreAll(ctx, s.lostWhileDown(epochs, now)) != nil || !s.recordSpent(ctx, now) {
		return false
	}
	local := &Memory{}
	for key, until := range s.blocks {
		if s.redis.Block(ctx, key, until) != nil {
			return false
		}
		_ = local.Block(ctx, key, until)
	}
	s.local = local
	for account := range s.epochs {
		s.epochs[account] = 0 // until the next reply
	}
	s.present = 1
	s.seen = make(map[string]*lastSeen)
	s.backAt, s.repliedAt = now, now
	s.down.Store(false)
	s.log.Info("ratelimit: Redis is back")
	return true
}

// currentEpochs reads the epochs of all accounts from Redis. It reports false when one
// cannot be read: in a cluster, the shard of one may be down while others are up.
func (s *Shared) currentEpochs(ctx context.Context) (map[string]int64, bool) {
	s.mu.Lock()
	epochs := maps.Clone(s.epochs)
	s.mu.Unlock()
	for account := range epochs {
		epoch, err := s.redis.epoch(ctx, account)
		if err != nil {
			return nil, false
		}
		epochs[account] = epoch
	}
	return epochs, true
}

// recordSpent records in Redis the calls that were counted without it. The caller holds
// the lock.
func (s *Shared) recordSpent(ctx context.Context, now time.Time) bool {
	for _, v := range s.seen {
		if !v.adopted {
			continue
		}
		starts, calls := s.local.spent(&v.limit, now)
		if len(starts) == 0 && calls <= v.base {
			continue
		}
		if s.redis.record(ctx, &v.limit, starts, calls-v.base) != nil {
			return false
		}
		v.base = calls // not to be recorded twice
	}
	return true
}
