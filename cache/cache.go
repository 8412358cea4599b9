// Package cache remembers answers until they expire or something that they
// tell of changes.
//
// # Tags and tickets
//
// An answer is filed under a key and carries tags: names of the things that it
// tells of. Evict(tag) makes every answer with that tag invisible. No store
// looks for these answers. Each tag has a version, an answer remembers the
// versions of its tags, and a read compares them: evicting costs one step
// however many answers it hits, and answers nobody can see any more leave by
// expiry or for lack of room.
//
// The versions that count are those from before the origin was asked. So a
// read hands out a [Ticket], which a later Set needs:
//
//	e, ticket := store.Get(ctx, key, tags...)
//	if e == nil {
//		e = ask()
//		store.Set(ctx, key, ticket, e)
//	}
//
// When the tag is evicted between Get and Set, ask may have seen the old state
// of the world; its answer is filed under the old version, where no reader
// finds it. Once Evict has returned, no Get that begins later returns an answer
// older than it.
//
// # A slow Redis
//
// A Redis that does not answer in time ([Timings]) is one that is away. What that
// may do to callers, and what it may not:
//
//   - The origin may be asked twice although one call would do: a caller asks by
//     itself when Redis does not tell whether another one does, and the holder of
//     a lease that was cut off for longer than the lease lasts is replaced. The log
//     reports the number of these calls at most once a minute.
//   - What must be done once is not done twice: a Claim is refused when Redis does
//     not answer.
//   - On the replica that evicted, no Get that begins after the end of Evict
//     returns anything older, with or without Redis.
//   - On another replica no Get does that begins later than 3.1 s after the end of
//     Evict, by the default [Timings], while both reach Redis. Usually the message
//     takes milliseconds; the bound holds when it is lost, or late: two comparisons
//     of the numbers of evictions find that out. Time for which the process itself
//     stands still does not count.
//   - A replica that does not reach Redis ("going on without Redis" in its log)
//     reads from memory what others evict until it expires, or until the same time
//     after its link is back. What it evicts itself, others read until then, too.
//
// # Errors
//
// A cache is never a reason to fail. A miss is a nil entry, and so is every
// trouble with Redis: no method of a [Store] returns an error. A [Ledger] does,
// since nobody can tell without Redis what another process does.
package cache

import "context"

// A Store keeps entries. Its methods are safe for concurrent use.
type Store interface {
	// Get returns the entry at key, or nil when there is none, when it is past
	// its time, or when one of its tags was evicted after its ticket was made.
	//
	// The tags that count for an entry are those of the ticket it was set
	// with. Those given here are for the ticket of a miss, and they save a
	// store a second look: give the same tags for a key each time, or none
	// where they cannot be known yet (see [Ticket.Join]).
	//
	// The ticket says how the tags stand now; that of a hit says the same of
	// the entry's tags.
	Get(ctx context.Context, key string, tags ...Tag) (*Entry, Ticket)

	// Set keeps e under key for as long as it is worth reading, if the ticket
	// still stands. e MUST NOT be changed afterwards. The zero Ticket sets
	// nothing. The end of ctx does not stop it: the answer was paid for.
	Set(ctx context.Context, key string, t Ticket, e *Entry)

	// Evict makes all entries with one of the tags invisible, whoever set
	// them. The end of ctx does not stop it.
	Evict(ctx context.Context, tags ...Tag)

	// Watch has f called with each eviction by another process, after this store
	// has carried it out, until the store is closed. Calls come one after the
	// other, and f MUST NOT block. A store that is in one process alone never
	// calls it.
	Watch(f func(Eviction))
}

// A Local store is in this process: asking it costs next to nothing. [Memory] is one.
type Local interface {
	Store

	// Unchanged reports that nothing at all was evicted since t was made: what came
	// with t is as good as it was then, but for its time.
	Unchanged(t Ticket) bool
}

// A Leaser lets one of several processes ask the origin for all of them.
type Leaser interface {
	// GetOrLease is Get for one who asks the origin next: it returns an entry
	// that is good enough, or a lease on the key, without which nobody else
	// asks. While another process has the lease it waits, for the answer that is
	// filed, for the lease, or for the end of ctx. It costs a round trip, as Get
	// does.
	//
	// Without an entry the lease MUST be released, unless it is nil: then there
	// is no Redis to agree by, and everybody asks for himself, or ctx has ended.
	// A Set with the ticket releases it too. When the lease was lost meanwhile,
	// because this process was cut off or stood still, and another process has
	// it, such a Set keeps nothing.
	GetOrLease(ctx context.Context, key string, wish Wish, tags ...Tag) (*Entry, Ticket, *Lease)
}

// A Shared store is one that processes share, each through a part of its own.
// [Tiered] is one.
type Shared interface {
	Store
	Leaser

	// L1 returns the part that is in this process.
	L1() Local
}

// An L2 is the store behind the part that each process has of a [Tiered] one.
// [Redis] is one.
type L2 interface {
	Store
	Leaser

	// SetLeased is Set with the ticket of a lease. It reports false, and keeps
	// nothing, when another process has taken the lease meanwhile: e may be older
	// than what is there.
	SetLeased(ctx context.Context, key string, t Ticket, e *Entry) bool

	// TagName returns what tickets and evictions of this store call a tag.
	TagName(tag Tag) string
}

// A Ticket says how some tags stood at one moment, before the origin was asked.
// It belongs to the store it came from. The zero Ticket is one that stands for
// nothing: what is set with it is not kept.
type Ticket struct {
	names  []tagName // of its tags
	seq    uint64    // Memory: the number of the last eviction
	stamps []stamp   // Redis: the version of All, then of each of names
	next   *Ticket   // Tiered: the ticket of the second tier
	lease  *Lease    // Redis: under which the origin is asked; nil is none
}

// valid reports whether something can be set with t.
func (t *Ticket) valid() bool { return t.seq != 0 || len(t.stamps) != 0 }

// IsZero reports whether the ticket stands for nothing.
func (t Ticket) IsZero() bool { return !t.valid() }
