package ratelimit

import (
	"context"
	"maps"
	"slices"
	"time"
)

// manySights is when sights are dropped that hardly matter.
const manySights = 1 << 16

// A sight is what was last seen of a limit in Redis.
type sight struct {
	limit Limit
	start time.Time // the latest start reserved by this replica
	day   int64
	used  int // calls of that day, by all
	other int // calls of a window that others spend

	told bool      // the near store knows
	from time.Time // when it may begin to spend its share of a window
	base int       // what it was told of the day
}

// saw takes note of an answer of Redis. It returns what Redis has lost, if it
// was restarted so fast that nobody missed it.
func (s *Shared) saw(d Decision, limits []Limit, told news) (lost []lostSight) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastOK = now
	if account := accountOf(limits[0].Key); s.epochs[account] != told.epoch {
		if s.epochs[account] != 0 {
			lost = s.lost(account, limits, now, now)
		}
		s.epochs[account] = told.epoch
	}
	for i, l := range limits {
		v := s.seen[l.Key]
		if v == nil {
			if len(s.seen) >= manySights {
				s.seen = make(map[string]*sight) // at worst, calls too many in an outage
			}
			v = &sight{}
			s.seen[l.Key] = v
		}
		if v.told {
			continue // a late answer: Redis is given up, and the near store in charge
		}
		v.limit = l
		if l.Daily {
			v.day, v.used = l.DayOf(now.UnixNano()), int(told.of[i])
		} else {
			v.other = int(told.of[i])
		}
		if d.OK && d.Start.After(v.start) {
			v.start = d.Start
		}
	}
	return lost
}

// A lostSight is what Redis does not remember and this replica does.
type lostSight struct {
	sight
	used int
	at   time.Time // before which Redis has lost it
}

// lost returns what is remembered of an account, with the call under limits,
// which was counted after the loss; at is when it had happened. The caller holds the
// lock.
func (s *Shared) lost(account string, limits []Limit, now, at time.Time) (all []lostSight) {
	for key, v := range s.seen {
		l := &v.limit
		if accountOf(key) != account || l.Daily && v.day != l.DayOf(now.UnixNano()) {
			continue
		}
		used := v.used
		if under(limits, key) {
			used++
		}
		all = append(all, lostSight{*v, used, at})
	}
	return all
}

// restore tells Redis what it has lost.
func (s *Shared) restore(ctx context.Context, all []lostSight) error {
	if err := s.far.restoreAll(ctx, all); err != nil {
		return err
	}
	s.mu.Lock()
	blocks := maps.Clone(s.blocks)
	s.mu.Unlock()
	for key, until := range blocks {
		if err := s.far.Block(ctx, key, until); err != nil {
			return err
		}
	}
	return nil
}

// shares returns this replica's part of the limits, having told the near store
// what was last seen of them. The caller holds the lock.
func (s *Shared) shares(now time.Time, limits []Limit) []Limit {
	part := make([]Limit, len(limits))
	for i, l := range limits {
		v := s.seen[l.Key]
		if v == nil {
			v = &sight{limit: l}
			if len(s.seen) < manySights { // at worst, Redis is not told what was spent of it
				s.seen[l.Key] = v
			}
		}
		l.Calls = max(l.Calls-v.other, 1)
		part[i] = l.Share(s.replicas)
		if l.Daily {
			s.tellDay(v, now, &part[i])
		} else {
			s.tellWindow(v, &l)
		}
	}
	return part
}

// tellWindow has the near store wait for a window in which others may have spent
// all, because they had not heard that this replica is alone, and in which starts
// that were reserved are still to come. The caller holds the lock.
func (s *Shared) tellWindow(v *sight, l *Limit) {
	v.told = true
	last := s.lastOK
	if !s.lastBeat.IsZero() && s.replicas > 1 && !s.dead {
		last = later(last, s.lastBeat.Add(s.far.timings.detection()))
	}
	last = later(last, v.start)
	if last.IsZero() {
		return
	}
	if from := last.Add(l.Span()); from.After(v.from) {
		v.from = from
		_ = s.near.Block(context.Background(), l.Key, from)
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// tellDay gives the near store this replica's part of what is left of a day. The
// caller holds the lock.
func (s *Shared) tellDay(v *sight, now time.Time, part *Limit) {
	if v.told {
		return
	}
	v.told = true
	if v.day == part.DayOf(now.UnixNano()) {
		left := max(v.limit.Calls-v.used, 0) / s.replicas
		v.base = max(part.Calls-left, 0)
		_ = s.near.Observe(context.Background(), now, *part, left)
	}
}

// back tells Redis what was spent without it and returns to it. Those who want
// a call meanwhile wait, at most as long as Redis may take. Until the next beat
// it holds itself for the only one that is back.
func (s *Shared) back(ctx context.Context) bool {
	epochs, ok := s.epochsNow(ctx)
	if !ok {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.far.restoreAll(ctx, s.forgotten(epochs, now)) != nil || !s.tellSpent(ctx, now) {
		return false
	}
	near := &Memory{}
	for key, until := range s.blocks {
		if s.far.Block(ctx, key, until) != nil {
			return false
		}
		_ = near.Block(ctx, key, until)
	}
	s.near = near
	for account := range s.epochs {
		s.epochs[account] = 0 // to be learned anew
	}
	s.present = 1
	s.seen = make(map[string]*sight)
	s.backAt, s.lastOK = now, now
	s.isDown.Store(false)
	s.log.Info("ratelimit: Redis is back")
	return true
}

// tellSpent tells Redis what was spent without it. The caller holds the lock.
func (s *Shared) tellSpent(ctx context.Context, now time.Time) bool {
	for _, v := range s.seen {
		if !v.told {
			continue
		}
		starts, calls := s.near.spent(&v.limit, now)
		if len(starts) == 0 && calls <= v.base {
			continue
		}
		if s.far.record(ctx, &v.limit, starts, calls-v.base) != nil {
			return false
		}
		v.base = calls // not to be told twice
	}
	return true
}

// epochsNow asks for the epochs of all accounts. It reports false when one of them
// cannot be told: in a cluster, the shard of one may be down while others are well.
func (s *Shared) epochsNow(ctx context.Context) (map[string]int64, bool) {
	s.mu.Lock()
	epochs := maps.Clone(s.epochs)
	s.mu.Unlock()
	for account := range epochs {
		epoch, err := s.far.epoch(ctx, account)
		if err != nil {
			return nil, false
		}
		epochs[account] = epoch
	}
	return epochs, true
}

// forgotten returns what Redis has lost while it was away. The caller holds the
// lock.
func (s *Shared) forgotten(epochs map[string]int64, now time.Time) (all []lostSight) {
	for account, epoch := range epochs {
		if known := s.epochs[account]; known != 0 && epoch != known {
			all = append(all, s.lost(account, nil, now, s.downAt)...)
		}
	}
	return all
}

// common returns the part of the limits that is not left to replicas that are
// alone: what Redis counts is what the others spend.
func (s *Shared) common(limits []Limit) []Limit {
	s.mu.Lock()
	defer s.mu.Unlock()
	present := max(s.present, 1)
	if time.Since(s.clockAt) > s.far.timings.Known {
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
