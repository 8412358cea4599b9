package cache

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Tiered is a Store over two: a near one in this process, and a far one that
// other processes share. What the far one has fills the near one.
type Tiered struct {
	first  *Memory
	second Store

	mu    sync.Mutex
	heard []func(evicted func(Tag) bool)
}

// NewTiered returns a Store of both. Where second can tell of the evictions of
// other processes ([Redis] can), they reach first too.
func NewTiered(first *Memory, second Store) *Tiered {
	t := &Tiered{first: first, second: second}
	if s, ok := second.(interface{ tagName(Tag) tagName }); ok {
		first.name = s.tagName // others tell of evictions by these names
	}
	if s, ok := second.(interface {
		Subscribe(evict func(names ...tagName))
	}); ok {
		s.Subscribe(t.hear)
	}
	return t
}

// OnHeard has f called when another process has evicted something, after the near
// store has, for whoever keeps something of his own. evicted reports whether a tag
// was among it. f MUST NOT block.
func (s *Tiered) OnHeard(f func(evicted func(Tag) bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, f)
}

// hear is told the names of tags that were evicted.
func (s *Tiered) hear(names ...tagName) {
	s.first.evict(names)
	all := slices.Contains(names, allName)
	evicted := func(tag Tag) bool {
		return all || slices.Contains(names, namesOf([]Tag{tag}, s.first.name)[0])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.heard {
		f(evicted)
	}
}

// Get implements [Store]. Where the near store has a stale entry, another process
// may have a fresh one.
func (s *Tiered) Get(ctx context.Context, key string, tags ...Tag) (*Entry, Ticket) {
	// The near ticket is made before the far store is read, so an eviction
	// that comes between them keeps the old entry out of the near store.
	near, t := s.first.Get(ctx, key, tags...)
	if near != nil && near.Fresh(time.Now()) {
		return near, t
	}
	e, far := s.second.Get(ctx, key, tags...)
	if near != nil && (e == nil || !e.Stored.After(near.Stored)) {
		return near, t
	}
	s.fill(ctx, key, &t, e, far)
	return e, t
}

// GetOrLease implements [Leaser].
func (s *Tiered) GetOrLease(ctx context.Context, key string, wish Wish, tags ...Tag) (*Entry, Ticket, *Lease) {
	e, t := s.first.Get(ctx, key, tags...)
	if e != nil && wish.Good(e) {
		return e, t, nil
	}
	t.names = namesOf(tags, s.first.name)
	leaser, ok := s.second.(Leaser)
	if !ok {
		e, far := s.second.Get(ctx, key, tags...)
		s.fill(ctx, key, &t, e, far)
		return e, t, nil
	}
	e, far, lease := leaser.GetOrLease(ctx, key, wish, tags...)
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
		s.first.Set(ctx, key, *t, e)
	}
}

// Near implements [Leaser].
func (s *Tiered) Near() Store { return s.first }

// Set implements [Store].
func (s *Tiered) Set(ctx context.Context, key string, t Ticket, e *Entry) {
	if t.next == nil {
		s.first.Set(ctx, key, t, e)
		return
	}
	// What is too late for the others is too late here.
	if far, ok := s.second.(interface {
		set(ctx context.Context, key string, t Ticket, e *Entry) bool
	}); ok && t.next.lease != nil {
		if !far.set(ctx, key, *t.next, e) {
			return
		}
		next := *t.next // the near store holds no lease
		next.lease, t.next = nil, &next
		s.first.Set(ctx, key, t, e)
		return
	}
	s.first.Set(ctx, key, t, e)
	s.second.Set(ctx, key, *t.next, e)
}

// Evict implements [Store].
func (s *Tiered) Evict(ctx context.Context, tags ...Tag) {
	// The far one first: the other way round, a read in between would fill
	// the near one again with what is still to be evicted from the far one.
	s.second.Evict(ctx, tags...)
	s.first.Evict(ctx, tags...)
}
