package cache

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
)

// Memory is a Store in this process, bounded by bytes. It keeps what is asked
// for often (W-TinyLFU), so one great sweep over rare things does not wash the
// common ones out. It needs no closing.
type Memory struct {
	items *otter.Cache[string, *item]
	tags  *evictions
	name  func(Tag) tagName // what tickets call a tag; nil leaves it as it is
}

// item is an entry as Memory holds it.
type item struct {
	entry   *Entry
	ticket  Ticket
	checked atomic.Uint64 // the number of an eviction up to which it is known to stand
	weight  uint32
	life    time.Duration
}

// NewMemory returns an empty Memory for about maxBytes of entries, by their
// Size and length. An entry larger than that is not kept.
func NewMemory(maxBytes int64) *Memory { return newMemory(maxBytes, tagsPerTable) }

func newMemory(maxBytes int64, tagLimit int) *Memory {
	return &Memory{
		tags: newEvictions(tagLimit),
		items: otter.Must(&otter.Options[string, *item]{
			MaximumWeight: uint64(max(maxBytes, 1)),
			Weigher:       func(_ string, it *item) uint32 { return it.weight },
			ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, *item]) time.Duration {
				return e.Value.life
			}),
			Clock: clock{},
			// What there is to tidy up is done by who comes by: little, and without
			// the waking of another thread, which a reader of what is kept would feel.
			Executor: func(tidy func()) { tidy() },
		}),
	}
}

// clock tells otter the time since began, which is cheaper to tell than the time of
// day. It never ticks, so that otter starts no goroutine: what has expired is
// invisible at once and goes with later writes.
type clock struct{}

var began = time.Now()

func (clock) NowNano() int64                      { return int64(time.Since(began)) }
func (clock) Tick(time.Duration) <-chan time.Time { return nil }

// Get implements [Store].
func (m *Memory) Get(_ context.Context, key string, tags ...Tag) (*Entry, Ticket) {
	now := m.tags.last.Load() // before anything is looked at: what comes later is not in the ticket
	it, ok := m.items.GetIfPresent(key)
	if !ok {
		return nil, Ticket{names: namesOf(tags, m.name), seq: now}
	}
	// Nothing was evicted since this entry was last looked at: the usual case.
	if it.checked.Load() != now {
		if m.tags.stale(it.ticket.seq, it.ticket.names) {
			return nil, Ticket{names: namesOf(tags, m.name), seq: now}
		}
		it.checked.Store(now)
	}
	t := it.ticket
	t.seq = now
	return it.entry, t
}

// Unchanged implements [Local].
func (m *Memory) Unchanged(t Ticket) bool { return t.seq == m.tags.last.Load() }

// Set implements [Store].
func (m *Memory) Set(_ context.Context, key string, t Ticket, e *Entry) {
	life := time.Until(e.until())
	// A ticket that no longer stands must not push out an entry that does.
	if t.seq == 0 || life <= 0 || m.tags.stale(t.seq, t.names) {
		return
	}
	m.items.Set(key, &item{entry: e, ticket: t, weight: weight(key, t, e), life: life})
}

// Evict implements [Store].
func (m *Memory) Evict(_ context.Context, tags ...Tag) { m.evict(namesOf(tags, m.name)) }

// Watch implements [Store]: no other process evicts here.
func (m *Memory) Watch(func(Eviction)) {}

func (m *Memory) evict(names []tagName) {
	if len(names) > 0 {
		m.tags.evict(names)
	}
}

// overhead is what otter and the structs around an entry take, measured in
// TestMemoryBound.
const overhead = 400

// overheadTwo is what the ticket of a second tier takes.
const overheadTwo = 100

func weight(key string, t Ticket, e *Entry) uint32 {
	n := overhead + len(key) + e.Size
	if f := e.form.Load(); f.value == nil {
		n += len(f.body)
	}
	if t.next != nil {
		n += overheadTwo + 8*len(t.next.stamps)
	}
	for _, tag := range t.names {
		n += 16 + len(tag)
	}
	return uint32(min(n, math.MaxUint32))
}
