// Package cache stores answers until they expire or something that they depend on
// changes.
//
// # Tags and tickets
//
// An answer is stored under a key and carries tags: names of the things that it
// depends on. Evict(tag) makes every answer with that tag invisible. No store
// searches for these answers. Each tag has a version, an answer records the versions
// of its tags, and a read compares them: an eviction costs one step however many
// answers it hits, and answers that are no longer readable are removed when they expire
// or when room is needed.
//
// The versions that count are those from before the origin was called. So a read
// returns a [Ticket], which a later Set needs:
//
//	e, ticket := store.Get(ctx, key, tags...)
//	if e == nil {
//		e = callOrigin()
//		store.Set(ctx, key, ticket, e)
//	}
//
// When the tag is evicted between Get and Set, the origin may have answered with the
// old state; that answer is stored under the old version, where no reader finds it.
// Once Evict has returned, no Get that begins later returns an answer older than it.
//
// # A slow Redis
//
// A Redis that does not reply in time ([Timings]) counts as unreachable. The effects
// on callers are bounded:
//
//   - The origin may be called twice although one call would do: a caller proceeds
//     without a lease when Redis does not report whether another one holds it, and the
//     holder of a lease that was disconnected for longer than the lease lasts is
//     replaced. The log reports the number of these calls at most once a minute.
//   - An operation that must be done once is not done twice: a Claim is refused when
//     Redis does not reply.
//   - On the replica that evicted, no Get that begins after the end of Evict
//     returns anything older, with or without Redis.
//   - On another replica the same holds for a Get that begins over 3.1 s after the end
//     of Evict, by the default [Timings], while both reach Redis. Usually the message
//     takes milliseconds; the bound holds when it is lost or late, since each replica
//     compares the number of evictions received with the number done. Time during which
//     the process itself is suspended does not count.
//   - A replica that does not reach Redis reads entries from memory that others evict
//     until they expire, or until 3.1 s after it is connected again. Entries that such
//     a replica evicts itself are read by others until then, too.
//
// # Errors
//
// A cache is never a reason to fail. A miss is a nil entry, and so is every
// failure of Redis: no method of a [Store] returns an error. A [Ledger] does, since
// without Redis processes cannot agree.
package cache

import "context"

// A Store holds entries. Its methods are safe for concurrent use.
type Store interface {
	// Get returns the entry at key, or nil when there is none, when its lifetime has
	// ended, or when one of its tags was evicted after its ticket was made.
	//
	// The tags that count for an entry are those of the ticket that it was set
	// with. Those given here are for the ticket of a miss, and they save a
	// store a second round trip: give the same tags for a key each time, or none
	// if they are not known yet (see [Ticket.Join]).
	//
	// The ticket holds the current versions of the tags; that of a hit holds those
	// of the entry's tags.
	Get(ctx context.Context, key string, tags ...Tag) (*Entry, Ticket)

	// Set stores e under key until e can no longer be served, if the ticket is still
	// current. e MUST NOT be changed afterwards. The zero Ticket sets nothing. The
	// end of ctx does not stop it: the call to the origin is paid for.
	Set(ctx context.Context, key string, t Ticket, e *Entry)

	// Evict makes all entries with one of the tags invisible, in all processes
	// that share the store. The end of ctx does not stop it. It reports whether that is
	// done: false if Redis did not reply; this process then evicts when Redis is
	// back, unless it ends before.
	Evict(ctx context.Context, tags ...Tag) (done bool)

	// Watch calls f with each eviction by another process, after this store
	// has carried it out, until the store is closed. Calls are sequential, and f
	// MUST NOT block. A store that one process alone uses never calls f.
	Watch(f func(Eviction))
}

// A Local store is in this process: a Get makes no network call. [Memory] is one.
type Local interface {
	Store

	// Unchanged reports that nothing at all was evicted since t was made: the entry
	// that came with t is as valid as it was then, apart from its age.
	Unchanged(t Ticket) bool
}

// A Leaser makes one of several processes call the origin for all of them.
type Leaser interface {
	// GetOrLease is Get for a caller that is about to call the origin: it returns
	// an acceptable entry, or a lease on the key, which no other process holds at
	// the same time. While another process holds the lease it waits, for the entry,
	// for the lease, or for the end of ctx. It costs one round trip, as Get does.
	//
	// A lease without an entry MUST be released, unless it is nil: then either
	// Redis is unreachable, and the caller proceeds without a lease, or ctx has
	// ended. A Set with the ticket releases the lease too. When another process has
	// taken the lease since, because this one was disconnected or suspended, such a Set
	// stores nothing.
	GetOrLease(ctx context.Context, key string, want Want, tags ...Tag) (*Entry, Ticket, *Lease)
}

// A Lookup is a key, and the tags that a Get of it would pass.
type Lookup struct {
	Key  string
	Tags []Tag
}

// A Peeker looks up many keys at once and changes no state. It returns no tickets for a Set.
type Peeker interface {
	// Peek returns the entries of the shared tier, in the order of the keys: nil for a key for
	// which Get would return none. ok is false if Redis does not reply.
	Peek(ctx context.Context, keys []Lookup) (entries []*Entry, ok bool)
}

// A Shared store is one that processes share, each through an L1 of its own.
// [Tiered] is one.
type Shared interface {
	Store
	Leaser

	// L1 returns the part that is in this process.
	L1() Local
}

// An L2 is the store behind the L1 that each process has in a [Tiered] store.
// [Redis] is one.
type L2 interface {
	Store
	Leaser

	// SetLeased is Set with the ticket of a lease. It reports false, and stores
	// nothing, when another process has taken the lease since: e may be older
	// than the entry that is there.
	SetLeased(ctx context.Context, key string, t Ticket, e *Entry) bool

	// TagName returns the name of a tag in tickets and evictions of this store.
	TagName(tag Tag) string
}
