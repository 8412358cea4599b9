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
// refreshed or stored. What the cache does not hold fails with [ErrNotAsked] and is told as
// [Missed]. What it holds past its time is given, and told as [Stale], since a call would be
// spent on it. What is too old for that is told as missed, and given all the same: what it leads
// to is most likely what a new answer leads to (see [Usage.ObserveGuesses]). It is for one
// question, and safe for concurrent use.
type Peek struct {
	mu      sync.Mutex
	seen    map[string]bool // what was asked, by identity
	waiting []*peeked       // for the next round trip
	unknown bool
}

// ErrNotAsked is the error of what the cache does not hold, below the context of a [Peek].
var ErrNotAsked = errors.New("zoom: the cache does not hold it")

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

// Known reports whether all that replicas share was looked at: it is false where the Redis that
// they share did not answer.
func (p *Peek) Known() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.unknown
}

// first notes a request, and reports whether it is the first of its kind.
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

// Outcome is what became of a request.
type Outcome uint8

const (
	// Hit is a read that the cache answered.
	Hit Outcome = iota + 1
	// Missed is a read that a call would be spent on, below the context of a [Peek].
	Missed
	// Stale is a read that the cache answers, and that a call would be spent on to refresh it.
	Stale
	// Called is a call that was sent.
	Called
)

// Observe has f called with what becomes of each request below the context of u: from several
// goroutines, and with the context of whichever field asked first. A read that the cache
// answers is told once.
func (u *Usage) Observe(f func(context.Context, *Spec, Outcome)) { u.observe = f }

func (u *Usage) observed(ctx context.Context, s *Spec, o Outcome) {
	if u != nil && u.observe != nil {
		u.observe(ctx, s, o)
	}
}

// ObserveGuesses has f called where, below the context of a [Peek], what is missing is replaced by
// what was known before: share is how much of it that is, 1 at most.
func (u *Usage) ObserveGuesses(f func(ctx context.Context, s *Spec, share float64)) { u.guesses = f }

// Guessed tells that what is missing is replaced by what was known before. See
// [Usage.ObserveGuesses].
func Guessed(ctx context.Context, s *Spec, share float64) {
	if u := usageFrom(ctx); u != nil && u.guesses != nil {
		u.guesses(ctx, s, share)
	}
}

type guessKey struct{}

// guessing returns a context below which whatever is known is given, and nothing is told.
func guessing(ctx context.Context) context.Context {
	return context.WithValue(ctx, guessKey{}, true)
}

// Guess returns a page that was read once, however long ago, below the context of a [Peek]; nil
// where there is none.
func (o ListOp[In, T]) Guess(ctx context.Context, c *Client, in In, p Paging) *Page[T] {
	if o.within != nil || !Peeking(ctx) {
		return nil
	}
	page, ok, err := o.Known(guessing(ctx), c, o.input(in, p))
	if !ok || err != nil {
		return nil
	}
	return page
}

// HostOf returns the host of a meeting, as far as answers have told the credential.
func (c *Client) HostOf(meeting types.MeetingNumber) (string, bool) {
	return c.hosts.host(c.credential, meeting.String())
}

// peek answers a request from the cache alone; certain tells that a call would be made for
// what it does not hold.
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
		return nil, ErrNotAsked
	}
	first := p.first(req)
	if first {
		usage.observed(ctx, req.Spec, Missed)
	}
	if found.resp == nil || found.refused != nil {
		return nil, ErrNotAsked
	}
	if first {
		Guessed(ctx, req.Spec, 1)
	}
	return found.resp, nil
}

// lookAt looks for an answer in this process, and then in what replicas share.
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

// gather is how long a lookup waits for others, to share a round trip with them.
const gather = time.Millisecond

// get returns an entry that replicas share. Lookups that are made at once share a round trip.
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
	<-own.done // the one that leads does not wait for any other
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
