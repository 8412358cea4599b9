package cache

import (
	"context"
	"time"
)

// Tiered is a [Shared] store of two tiers: L1 in this process, and L2, which other
// processes share. A hit in L2 fills L1.
type Tiered struct {
	l1       *Memory
	l2       L2
	watchers watchers
}

// NewTiered returns a store of both. Evictions by other processes reach l1 too. l1
// takes over the names of tags from l2, so it MUST be empty.
func NewTiered(l1 *Memory, l2 L2) *Tiered {
	l1.name = func(tag Tag) tagName { return tagName(l2.TagName(tag)) }
	s := &Tiered{l1: l1, l2: l2}
	l2.Watch(s.evicted)
	return s
}

// Watch implements [Store].
func (s *Tiered) Watch(f func(Eviction)) { s.watchers.add(f) }

// evicted carries out in L1 an eviction by another process.
func (s *Tiered) evicted(e Eviction) {
	s.l1.evict(e.names)
	s.watchers.call(e)
}

// L1 implements [Shared].
func (s *Tiered) L1() Local { return s.l1 }

// Get implements [Store]. If L1 has a stale entry, another process may have stored a
// fresh one in L2.
func (s *Tiered) Get(ctx context.Context, key string, tags ...Tag) (*Entry, Ticket) {
	// The ticket of L1 is made before L2 is read, so an eviction between them keeps
	// the old entry out of L1.
	e1, t := s.l1.Get(ctx, key, tags...)
	if e1 != nil && e1.Fresh(time.Now()) {
		return e1, t
	}
	e2, t2 := s.l2.Get(ctx, key, tags...)
	if e1 != nil && (e2 == nil || !e2.Stored.After(e1.Stored)) {
		return e1, t
	}
	s.fillL1(ctx, key, &t, e2, t2)
	return e2, t
}

// GetOrLease implements [Leaser].
func (s *Tiered) GetOrLease(ctx context.Context, key string, want Want, tags ...Tag) (*Entry, Ticket, *Lease) {
	e, t := s.l1.Get(ctx, key, tags...)
	if e != nil && want.Acceptable(e) {
		return e, t, nil
	}
	t.names = namesOf(tags, s.l1.name)
	e, t2, lease := s.l2.GetOrLease(ctx, key, want, tags...)
	s.fillL1(ctx, key, &t, e, t2)
	return e, t, lease
}

// fillL1 adds the ticket of L2 to that of L1, and stores the entry of L2 in L1.
func (s *Tiered) fillL1(ctx context.Context, key string, t *Ticket, e *Entry, t2 Ticket) {
	t.next = nil
	if t2.valid() {
		t.next = &t2
	}
	if e != nil {
		t.names = t2.names
		s.l1.Set(ctx, key, *t, e)
	}
}

// Set implements [Store].
func (s *Tiered) Set(ctx context.Context, key string, t Ticket, e *Entry) {
	if t.next == nil {
		s.l1.Set(ctx, key, t, e)
		return
	}
	if t.next.lease != nil {
		// An entry too late for L2 is too late for L1.
		if !s.l2.SetLeased(ctx, key, *t.next, e) {
			return
		}
		next := *t.next // L1 holds no lease
		next.lease, t.next = nil, &next
		s.l1.Set(ctx, key, t, e)
		return
	}
	s.l1.Set(ctx, key, t, e)
	s.l2.Set(ctx, key, *t.next, e)
}

// Evict implements [Store].
func (s *Tiered) Evict(ctx context.Context, tags ...Tag) bool {
	// L2 first: in the other order, a read in between would fill L1 again with entries
	// that are still to be evicted from L2.
	done := s.l2.Evict(ctx, tags...)
	s.l1.Evict(ctx, tags...)
	return done
}
