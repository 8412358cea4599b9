package ratelimit

import (
	"context"
	"maps"
	"time"
)

// maxLastSeen bounds the limits whose last seen state is retained.
const maxLastSeen = 1 << 16

// lastSeen is the state of a limit as Redis last reported it. While Redis is
// unavailable, the local store adopts it.
type lastSeen struct {
	limit     Limit
	start     time.Time // the latest start reserved by this replica
	day       int64
	used      int // calls of that day, by all replicas
	competing int // the estimate of competing usage of a window

	adopted bool      // the local store counts from here on
	from    time.Time // when the local store may begin to spend its share of a window
	base    int       // calls of the day that the local store began with
}

// recordTake records a reply of Redis. It returns the state that Redis has lost, if it
// was restarted so fast that no request failed.
func (s *Shared) recordTake(d Decision, limits []Limit, reply takeReply) (lost []lostState) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repliedAt = now
	if account := accountOf(limits[0].Key); s.epochs[account] != reply.epoch {
		if s.epochs[account] != 0 {
			lost = s.lostOf(account, limits, now, now)
		}
		s.epochs[account] = reply.epoch
	}
	for i, l := range limits {
		v := s.seen[l.Key]
		if v == nil {
			if len(s.seen) >= maxLastSeen {
				s.seen = make(map[string]*lastSeen) // at worst, too many calls start in an outage
			}
			v = &lastSeen{}
			s.seen[l.Key] = v
		}
		if v.adopted {
			continue // a late reply: the local store counts already
		}
		v.limit = l
		if l.Daily {
			v.day, v.used = l.DayOf(now.UnixNano()), int(reply.usage[i])
		} else {
			v.competing = int(reply.usage[i])
		}
		if d.OK && d.Start.After(v.start) {
			v.start = d.Start
		}
	}
	return lost
}

// lostState is the state of a limit that Redis has lost and this replica has not.
type lostState struct {
	lastSeen
	used       int       // calls of the day, by all replicas
	lostBefore time.Time // Redis had lost it then
}

// lostOf returns the state that this replica has of an account's limits. It adds
// the call under limits, which was counted after the loss. The caller holds the lock.
func (s *Shared) lostOf(account string, limits []Limit, now, lostBefore time.Time) (all []lostState) {
	for key, v := range s.seen {
		l := &v.limit
		if accountOf(key) != account || l.Daily && v.day != l.DayOf(now.UnixNano()) {
			continue
		}
		used := v.used
		if under(limits, key) {
			used++
		}
		all = append(all, lostState{*v, used, lostBefore})
	}
	return all
}

// lostWhileDown returns the state that Redis has lost while it was unavailable, by the
// epochs that it has now. The caller holds the lock.
func (s *Shared) lostWhileDown(epochs map[string]int64, now time.Time) (all []lostState) {
	for account, epoch := range epochs {
		if known := s.epochs[account]; known != 0 && epoch != known {
			all = append(all, s.lostOf(account, nil, now, s.downAt)...)
		}
	}
	return all
}

// restore restores in Redis the state that it has lost.
func (s *Shared) restore(ctx context.Context, all []lostState) error {
	if err := s.redis.restoreAll(ctx, all); err != nil {
		return err
	}
	s.mu.Lock()
	blocks := maps.Clone(s.blocks)
	s.mu.Unlock()
	for key, until := range blocks {
		if err := s.redis.Block(ctx, key, until); err != nil {
			return err
		}
	}
	return nil
}

// shares returns this replica's part of the limits. The local store adopts their last
// seen state first. The caller holds the lock.
func (s *Shared) shares(now time.Time, limits []Limit) []Limit {
	part := make([]Limit, len(limits))
	for i, l := range limits {
		v := s.seen[l.Key]
		if v == nil {
			v = &lastSeen{limit: l}
			if len(s.seen) < maxLastSeen { // at worst, its calls are not recorded in Redis
				s.seen[l.Key] = v
			}
		}
		l.Calls = max(l.Calls-v.competing, 1)
		part[i] = l.Share(s.replicas)
		if l.Daily {
			s.adoptDay(v, now, &part[i])
		} else {
			s.adoptWindow(v, &l)
		}
	}
	return part
}

// adoptWindow blocks the local store until the end of a window in which the other
// replicas may have spent all, because they did not count this one as missing yet, and
// in which reserved starts are still to come. The caller holds the lock.
func (s *Shared) adoptWindow(v *lastSeen, l *Limit) {
	v.adopted = true
	last := s.repliedAt
	if !s.lastHeartbeat.IsZero() && s.replicas > 1 && !s.unreachable {
		last = later(last, s.lastHeartbeat.Add(s.redis.timings.detection()))
	}
	last = later(last, v.start)
	if last.IsZero() {
		return
	}
	if from := last.Add(l.Span()); from.After(v.from) {
		v.from = from
		_ = s.local.Block(context.Background(), l.Key, from)
	}
}

// adoptDay gives the local store this replica's part of the calls left of a day. The
// caller holds the lock.
func (s *Shared) adoptDay(v *lastSeen, now time.Time, part *Limit) {
	if v.adopted {
		return
	}
	v.adopted = true
	if v.day == part.DayOf(now.UnixNano()) {
		left := max(v.limit.Calls-v.used, 0) / s.replicas
		v.base = max(part.Calls-left, 0)
		_ = s.local.Observe(context.Background(), now, *part, left)
	}
}
