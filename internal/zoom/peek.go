package zoom

import (
	"context"
	"errors"
	"sync"
	"time"

	"zoomql/cache"
	"zoomql/internal/zoom/types"
)

// A Peek answers from the cache alone: below its context no call is made, and nothing is
// refreshed or stored. A request that is not in the cache fails with [ErrNotCached] and is
// observed as [Missed]. A stale answer is returned and observed as [Stale], since a call would
// refresh it. An answer that is too old to be served stale is observed as missed, but returned
// too: a new answer most likely leads to the same objects (see [Usage.ObserveGuesses]). A Peek
// is for one GraphQL operation, and safe for concurrent use.
type Peek struct {
	mu      sync.Mutex
	seen    map[string]bool // the requests, by identity
	waiting []*peeked       // for the next round trip
	unknown bool
}

// ErrNotCached is the error of a request that is not in the cache, below the context of a [Peek].
var ErrNotCached = errors.New("zoom: the cache does not hold it")

type peekKey struct{}

// WithPeek returns a context below which the cache alone answers.
func WithPeek(ctx context.Context, p *Peek) context.Context {
	return context.WithValue(ctx, peekKey{}, p)
}

func peekFrom(ctx context.Context) *Peek {
	p, _ := ctx.Value(peekKey{}).(*Peek)
	return p
}

// Peeking reports whether the cache alone answers below a context.
func Peeking(ctx context.Context) bool { return peekFrom(ctx) != nil }

// Known reports whether all lookups in the shared cache succeeded: it is false if Redis did not
// reply to one.
func (p *Peek) Known() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.unknown
}

// first records a request, and reports whether it is the first with its identity.
func (p *Peek) first(req *Request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := req.identity()
	if p.seen[id] {
		return false
	}
	if p.seen == nil {
		p.seen = map[string]bool{}
	}
	p.seen[id] = true
	return true
}

// Outcome is the outcome of a request.
type Outcome uint8

const (
	// Hit is a read that the cache answered.
	Hit Outcome = iota + 1
	// Missed is a read that would need a call, below the context of a [Peek].
	Missed
	// Stale is a read that the cache answers and that a call would refresh.
	Stale
	// Called is a call that was sent.
	Called
)

// Observe registers f to be called with the outcome of each request below the context of u: from
// several goroutines, and with the context of the field that made the request first. A read that
// the cache answers is observed once.
func (u *Usage) Observe(f func(context.Context, *Spec, Outcome)) { u.observe = f }

func (u *Usage) observed(ctx context.Context, s *Spec, o Outcome) {
	if u != nil && u.observe != nil {
		u.observe(ctx, s, o)
	}
}

// ObserveGuesses registers f to be called if, below the context of a [Peek], a missing answer is
// replaced by an old one: share is the part of it that is replaced, at most 1.
func (u *Usage) ObserveGuesses(f func(ctx context.Context, s *Spec, share float64)) { u.guesses = f }

// Guessed reports that a missing answer is replaced by an old one. See [Usage.ObserveGuesses].
func Guessed(ctx context.Context, s *Spec, share float64) {
	if u := usageFrom(ctx); u != nil && u.guesses != nil {
		u.guesses(ctx, s, share)
	}
}

type guessKey struct{}

// guessing returns a context below which answers of any age are returned, and none is observed.
func guessing(ctx context.Context) context.Context {
	return context.WithValue(ctx, guessKey{}, true)
}

// Guess returns the cached page of any age, below the context of a [Peek]; nil if there is none.
func (o ListOp[In, T]) Guess(ctx context.Context, c *Client, in In, p Paging) *Page[T] {
	if !Peeking(ctx) {
		return nil
	}
	return o.KnownPage(guessing(ctx), c, in, p)
}

// HostOf returns the host of a meeting, if the credential has read an answer with it.
func (c *Client) HostOf(meeting types.MeetingNumber) (string, bool) {
	return c.hosts.host(c.credential, meeting.String())
}

// peek answers a request from the cache alone; certain means that a miss would cost a call.
func (c *cached) peek(ctx context.Context, p *Peek, req *Request, certain bool) (*Response, error) {
	var found lookup
	if c.keeps(req) {
		found = c.lookAt(ctx, p, req)
	}
	usage := usageFrom(ctx)
	guess := ctx.Value(guessKey{}) != nil
	switch {
	case found.resp != nil && (guess || c.isAcceptable(req, found.resp.entry)):
		if !guess && p.first(req) {
			outcome := Hit
			if found.resp.Stale {
				outcome = Stale
			}
			usage.observed(ctx, req.Spec, outcome)
		}
		return found.resp, found.refused
	case guess || !certain:
		return nil, ErrNotCached
	}
	first := p.first(req)
	if first {
		usage.observed(ctx, req.Spec, Missed)
	}
	if found.resp == nil || found.refused != nil {
		return nil, ErrNotCached
	}
	if first {
		Guessed(ctx, req.Spec, 1)
	}
	return found.resp, nil
}

// lookAt looks for an answer in L1, and then in the shared cache.
func (c *cached) lookAt(ctx context.Context, p *Peek, req *Request) lookup {
	found := c.look(ctx, req, inProcess)
	if shared, ok := c.shared.(cache.Peeker); ok && (found.resp == nil || found.resp.Stale) {
		if entry := p.get(ctx, shared, cache.Lookup{Key: c.key(req), Tags: c.tags(req)}); entry != nil {
			found.resp, found.refused = c.read(req, entry, cache.Ticket{})
		}
	}
	return found
}

// peeked is a lookup that waits for its round trip.
type peeked struct {
	cache.Lookup
	entry *cache.Entry
	done  chan struct{}
}

// gather is how long a lookup waits for others to share its round trip.
const gather = time.Millisecond

// get returns an entry of the shared cache. Concurrent lookups share a round trip.
func (p *Peek) get(ctx context.Context, from cache.Peeker, at cache.Lookup) *cache.Entry {
	own := &peeked{Lookup: at, done: make(chan struct{})}
	p.mu.Lock()
	p.waiting = append(p.waiting, own)
	leads := len(p.waiting) == 1
	p.mu.Unlock()
	if leads {
		time.Sleep(gather)
		p.mu.Lock()
		all := p.waiting
		p.waiting = nil
		p.mu.Unlock()
		p.getAll(ctx, from, all)
	}
	<-own.done // already closed for the lookup that made the round trip
	return own.entry
}

func (p *Peek) getAll(ctx context.Context, from cache.Peeker, all []*peeked) {
	lookups := make([]cache.Lookup, len(all))
	for i, own := range all {
		lookups[i] = own.Lookup
	}
	entries, ok := from.Peek(ctx, lookups)
	if !ok {
		p.mu.Lock()
		p.unknown = true
		p.mu.Unlock()
	}
	for i, own := range all {
		if ok {
			own.entry = entries[i]
		}
		close(own.done)
	}
}
