package cache

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// Identifiers that external tests read and change.

const (
	EntryPrefix     = entryPrefix
	LeasePrefix     = leasePrefix
	WaiterPrefix    = waiterPrefix
	NotePrefix      = notePrefix
	EvictionCounter = evictionCounter
	EvictedChannel  = evictedChannel

	FailuresToTrip      = failuresToTrip
	MaxPending          = maxPending
	MaxUnrecorded       = maxUnrecorded
	MaxLeaseTime        = maxLeaseTime
	UnleasedLogInterval = unleasedLogInterval
	OpTimeout           = opTimeout
	HeaderSize          = headerSize
)

var (
	RedisKey           = redisKey
	WithChecksum       = withChecksum
	NewMemoryWithLimit = newMemory
	Page               = page

	PublishScript = publishScript
	AcquireScript = acquireScript
	RenewScript   = renewScript
	ReleaseScript = releaseScript
)

// VersionKey returns the key in Redis of the version of a tag.
func (r *Redis) VersionKey(tag Tag) string { return versionKey(r.tagName(tag)) }

// WithDefaults returns t with a default for each field that is zero.
func (t Timings) WithDefaults() Timings { return t.withDefaults() }

// Down reports whether Redis counts as unreachable.
func (r *Redis) Down() bool { return r.conn.down() }

// AddHook adds a hook to the client of the store, which may be a copy of the caller's.
func (r *Redis) AddHook(h redis.Hook) { r.client.AddHook(h) }

// Observe records the outcome of a call.
func (r *Redis) Observe(err error) { r.conn.observe(err) }

// Closing is closed when Close has begun.
func (r *Redis) Closing() <-chan struct{} { return r.conn.ctx.Done() }

// Timings returns the timings in use.
func (r *Redis) Timings() Timings { return r.timings }

// Subscribed reports whether there was a subscription.
func (r *Redis) Subscribed() bool {
	r.invalidations.mu.Lock()
	defer r.invalidations.mu.Unlock()
	return r.invalidations.known
}

// UnleasedCalls returns the number of calls to the origin that no lease covers.
func (r *Redis) UnleasedCalls() uint64 {
	r.unleased.mu.Lock()
	defer r.unleased.mu.Unlock()
	return r.unleased.count
}

// Unrecorded returns the number of ends of claims that are not in Redis, and whether
// they are being recorded.
func (r *Redis) Unrecorded() (n int, running bool) {
	r.unrecorded.mu.Lock()
	defer r.unrecorded.mu.Unlock()
	return len(r.unrecorded.ends), r.unrecorded.running
}

// L2 returns the second tier.
func (s *Tiered) L2() L2 { return s.l2 }

// UnsubscribedTiered returns a store whose L1 gets no evictions.
func UnsubscribedTiered(l1 *Memory, l2 L2) *Tiered { return &Tiered{l1: l1, l2: l2} }

// EvictionOf returns an eviction as another process would publish it, where names are not
// hashed.
func EvictionOf(tags ...Tag) Eviction { return Eviction{names: namesOf(tags, nil)} }

// Names returns the names of the tags.
func (e Eviction) Names() (names []string) {
	for _, name := range e.names {
		names = append(names, string(name))
	}
	return names
}

// Evicted carries out an eviction by another process.
func (s *Tiered) Evicted(e Eviction) { s.evicted(e) }

// VersionedTicket returns a ticket with a version of All.
func VersionedTicket() Ticket { return Ticket{versions: []version{1}} }

// CleanUp finishes pending removals.
func (m *Memory) CleanUp() { m.items.CleanUp() }

// Weight returns the bytes in use by weight, and the number of entries.
func (m *Memory) Weight() (bytes uint64, entries int) {
	return m.items.WeightedSize(), m.items.EstimatedSize()
}

// EvictedTags returns the number of evicted tags that are recorded.
func (m *Memory) EvictedTags() (n int) {
	t := m.tags.tables.Load()
	for _, table := range []interface{ Range(func(k, v any) bool) }{t.young, t.old} {
		table.Range(func(_, _ any) bool { n++; return true })
	}
	return n
}

// CountEviction counts an eviction of no tag.
func (m *Memory) CountEviction() { m.tags.last.Add(1) }

// Renew renews the lease now.
func (l *Lease) Renew() { l.renew() }

// StopRenewing stops the renewal, and reports whether one was scheduled.
func (l *Lease) StopRenewing() bool { return l.renewTimer.Stop() }

// Renew renews the claim now.
func (c *Claim) Renew() { c.renew() }

// StopRenewing stops the renewal.
func (c *Claim) StopRenewing() { c.renewTimer.Stop() }

// Recorded reports whether the end is recorded in Redis.
func (c *Claim) Recorded() bool { return c.isRecorded() }

// Fence returns the fencing token.
func (c *Claim) Fence() string { return c.fence }

// NoteKeys returns the keys in Redis: the note, its holder, and others.
func (c *Claim) NoteKeys() []string { return noteKeys(c.key, c.fence) }

// NewClaim returns a claim that was sent so many times, and not granted yet. Its key is
// not hashed.
func NewClaim(r *Redis, key, fence string, attempts int) *Claim {
	return &Claim{redis: r, key: key, fence: fence, life: time.Hour, attempts: attempts}
}

// Request sends the claim and returns the state in the reply.
func (c *Claim) Request(ctx context.Context) (state string, ok bool) {
	reply, ok := c.request(ctx)
	return reply.state, ok
}
