package cache

import (
	"context"
	"time"
)

// Tiered is a [Shared] store of two tiers: L1 in this process, and L2, which other
// processes share. What L2 has fills L1.
type Tiered struct {
	l1       *Memory
	l2       L2
	watchers watchers
}

// NewTiered returns a store of both. Evictions by other processes reach l1 too. From
// then on l1 calls tags as l2 does, so it MUST be empty.
func NewTiered(l1 *Memory, l2 L2) *Tiered {
	l1.name = func(tag Tag) tagName { return tagName(l2.TagName(tag)) }
	s := &Tiered{l1: l1, l2: l2}
	l2.Watch(s.evicted)
	return s
}

// Watch implements [Store].
func (s *Tiered) Watch(f func(Eviction)) { s.watchers.add(f) }

// evicted carries out in L1 what another process has evicted.
func (s *Tiered) evicted(e Eviction) {
	s.l1.evict(e.names)
	s.watchers.call(e)
}

// Get implements [Store]. Where the near store has a stale entry, another process
// may have a fresh one.
func (s *Tiered) Get(ctx context.Context, key string, tags ...Tag) (*Entry, Ticket) {
	// The near ticket is made before the far store is read, so an eviction
	// that comes between them keeps the old entry out of the near store.
	near, t := s.l1.Get(ctx, key, tags...)
	if near != nil && near.Fresh(time.Now()) {
		return near, t
	}
	e, far := s.l2.Get(ctx, key, tags...)
	if near != nil && (e == nil || !e.Stored.After(near.Stored)) {
		return near, t
	}
	s.fill(ctx, key, &t, e, far)
	return e, t
}

// GetOrLease implements [Leaser].
func (s *Tiered) GetOrLease(ctx context.Context, key string, wish Wish, tags ...Tag) (*Entry, Ticket, *Lease) {
	e, t := s.l1.Get(ctx, key, tags...)
	if e != nil && wish.Good(e) {
		return e, t, nil
	}
	t.names = namesOf(tags, s.l1.name)
	e, far, lease := s.l2.GetOrLease(ctx, key, wish, tags...)
	s.fill(ctx, key, &t, e, far)
	return e, t, lease
}

// fill completes a near ticket by the far one, and keeps what the far store had.
func (s *Tiered) fill(ctx context.Context, key string, t *Ticket, e *Entry, far Ticket) {
	t.next = nil
	if far.valid() {
		t.next = &far
	}
	if e != nil {
		t.names = far.names
		s.l1.Set(ctx, key, *t, e)
	}
}

// L1 implements [Shared].
func (s *Tiered) L1() Local { return s.l1 }

// Set implements [Store].
func (s *Tiered) Set(ctx context.Context, key string, t Ticket, e *Entry) {
	if t.next == nil {
		s.l1.Set(ctx, key, t, e)
		return
	}
	if t.next.lease != nil {
		// What is too late for the others is too late here.
		if !s.l2.SetLeased(ctx, key, *t.next, e) {
			return
		}
		next := *t.next // the near store holds no lease
		next.lease, t.next = nil, &next
		s.l1.Set(ctx, key, t, e)
		return
	}
	s.l1.Set(ctx, key, t, e)
	s.l2.Set(ctx, key, *t.next, e)
}

// Evict implements [Store].
func (s *Tiered) Evict(ctx context.Context, tags ...Tag) {
	// The far one first: the other way round, a read in between would fill
	// the near one again with what is still to be evicted from the far one.
	s.l2.Evict(ctx, tags...)
	s.l1.Evict(ctx, tags...)
}
