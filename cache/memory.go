package cache

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
)

// Memory is a [Local] store, bounded by bytes. It prefers frequent keys (W-TinyLFU), so
// one scan over rare ones does not displace the common ones. It needs no closing.
type Memory struct {
	items *otter.Cache[string, *item]
	tags  *evictions
	name  func(Tag) tagName // the name of a tag in tickets; nil leaves it as it is
}

// item is an entry as Memory holds it.
type item struct {
	entry     *Entry
	ticket    Ticket
	checkedAt atomic.Uint64 // the number of an eviction up to which it is known to be current
	weight    uint32
	life      time.Duration
}

// NewMemory returns an empty Memory for about maxBytes of entries, by their
// Size and length. An entry larger than that is not stored.
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
			// Maintenance runs in the goroutine of the caller: it is little, and
			// waking another thread would slow down a reader of a hot entry.
			Executor: func(maintain func()) { maintain() },
		}),
	}
}

// clock is the monotonic time since processStart, which is cheaper to read than the
// time of day. It never ticks, so that otter starts no goroutine: an expired entry is
// invisible at once and is removed by later writes.
type clock struct{}

var processStart = time.Now()

func (clock) NowNano() int64                      { return int64(time.Since(processStart)) }
func (clock) Tick(time.Duration) <-chan time.Time { return nil }

// Get implements [Store].
func (m *Memory) Get(_ context.Context, key string, tags ...Tag) (*Entry, Ticket) {
	now := m.tags.last.Load() // before anything is read: later evictions are not in the ticket
	it, ok := m.items.GetIfPresent(key)
	if !ok {
		return nil, Ticket{names: namesOf(tags, m.name), seq: now}
	}
	// Nothing was evicted since this entry was checked last: the usual case.
	if it.checkedAt.Load() != now {
		if m.tags.outdated(it.ticket.seq, it.ticket.names) {
			return nil, Ticket{names: namesOf(tags, m.name), seq: now}
		}
		it.checkedAt.Store(now)
	}
	t := it.ticket
	t.seq = now
	return it.entry, t
}

// Unchanged implements [Local].
func (m *Memory) Unchanged(t Ticket) bool { return t.seq == m.tags.last.Load() }

// Set implements [Store].
func (m *Memory) Set(_ context.Context, key string, t Ticket, e *Entry) {
	life := time.Until(e.usableUntil())
	// An outdated ticket must not replace a current entry.
	if t.seq == 0 || life <= 0 || m.tags.outdated(t.seq, t.names) {
		return
	}
	m.items.Set(key, &item{entry: e, ticket: t, weight: weight(key, t, e), life: life})
}

// Evict implements [Store].
func (m *Memory) Evict(_ context.Context, tags ...Tag) bool {
	m.evict(namesOf(tags, m.name))
	return true
}

// Watch implements [Store]: no other process evicts here.
func (m *Memory) Watch(func(Eviction)) {}

func (m *Memory) evict(names []tagName) {
	if len(names) > 0 {
		m.tags.evict(names)
	}
}

// overhead is the memory in bytes that otter and the structs around an entry take,
// measured in TestMemory_heapStaysWithinBound.
const overhead = 400

// l2Overhead is the memory in bytes that the ticket of L2 takes.
const l2Overhead = 100

func weight(key string, t Ticket, e *Entry) uint32 {
	n := overhead + len(key) + e.Size
	if f := e.form.Load(); f.value == nil {
		n += len(f.body)
	}
	if t.next != nil {
		n += l2Overhead + 8*len(t.next.versions)
	}
	for _, name := range t.names {
		n += 16 + len(name)
	}
	return uint32(min(n, math.MaxUint32))
}
