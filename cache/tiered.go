package cache

import "context"

// Tiered is a Store over two: a near one in this process, and a far one that
// other processes share. What the far one has fills the near one.
type Tiered struct {
	first  *Memory
	second Store
}

// NewTiered returns a Store of both. Where second can tell of the evictions of
// other processes ([Redis] can), they reach first too.
func NewTiered(first *Memory, second Store) *Tiered {
	t := &Tiered{first: first, second: second}
	if s, ok := second.(interface {
		Subscribe(evict func(tags ...string))
	}); ok {
		s.Subscribe(func(tags ...string) { first.Evict(context.Background(), tags...) })
	}
	return t
}

// Get implements [Store].
func (s *Tiered) Get(ctx context.Context, key string, tags ...string) (*Entry, Ticket) {
	// The near ticket is made before the far store is read, so an eviction
	// that comes between them keeps the old entry out of the near store.
	e, t := s.first.Get(ctx, key, tags...)
	if e != nil {
		return e, t
	}
	e, far := s.second.Get(ctx, key, tags...)
	if far.valid() {
		t.next = &far
	}
	if e != nil {
		t.tags = far.tags
		s.first.Set(ctx, key, t, e)
	}
	return e, t
}

// Set implements [Store].
func (s *Tiered) Set(ctx context.Context, key string, t Ticket, e *Entry) {
	s.first.Set(ctx, key, t, e)
	if t.next != nil {
		s.second.Set(ctx, key, *t.next, e)
	}
}

// Evict implements [Store].
func (s *Tiered) Evict(ctx context.Context, tags ...string) {
	// The far one first: the other way round, a read in between would fill
	// the near one again with what is still to be evicted from the far one.
	s.second.Evict(ctx, tags...)
	s.first.Evict(ctx, tags...)
}
