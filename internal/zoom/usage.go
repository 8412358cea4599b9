package zoom

import (
	"context"
	"sync"
	"time"

	"zoomql/cache"
	"zoomql/internal/drift"
)

// Usage counts what one question spent at Zoom, and notes what its answer is
// made of. It is safe for concurrent use; a nil Usage counts nothing.
type Usage struct {
	mu     sync.Mutex
	reads  [ResourceIntensive + 1]int
	needed map[string]bool // the identities of what was read
	calls  [ResourceIntensive + 1]int
	hits   int
	waited time.Duration
	age    time.Duration // of the oldest part that was stale; 0 where none was

	tickets     []cache.Ticket // of the parts
	validity    Validity       // of all parts together
	uncacheable bool           // something is in the answer that no store may keep
	deadline    time.Time      // when what the clock has decided is decided otherwise

	onWrite func()
	drift   *drift.Report // nil where it is not kept
}

// OnWrite has f called after each write.
func (u *Usage) OnWrite(f func()) {
	if u == nil {
		return
	}
	u.mu.Lock()
	u.onWrite = f
	u.mu.Unlock()
}

// wrote notes a write.
func (u *Usage) wrote() {
	if u == nil {
		return
	}
	u.mu.Lock()
	f := u.onWrite
	u.mu.Unlock()
	if f != nil {
		f()
	}
}

// part is one answer of Zoom's within a larger one: as whose ticket says, and
// for how long.
type part struct {
	ticket cache.Ticket
	Validity
}

type usageKey struct{}

// WithUsage returns a context below which calls are counted in u.
func WithUsage(ctx context.Context, u *Usage) context.Context {
	return context.WithValue(ctx, usageKey{}, u)
}

// UsageOf returns what counts below ctx, or nil.
func UsageOf(ctx context.Context) *Usage { return usageFrom(ctx) }

func usageFrom(ctx context.Context) *Usage {
	u, _ := ctx.Value(usageKey{}).(*Usage)
	return u
}

// ValidUntil says that what is being answered holds until t at most, since the
// clock is part of it. The zero time says that it holds for this once.
func ValidUntil(ctx context.Context, t time.Time) {
	u := usageFrom(ctx)
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.uncacheable = u.uncacheable || t.IsZero(); u.deadline.IsZero() || t.Before(u.deadline) {
		u.deadline = t
	}
}

// asked notes that a question needed an answer of Zoom's, also one from the cache, and
// reports whether it is the first time. A read counts once, however many parts of the
// question need it: how often they look it up hangs on which of them met by chance.
func (u *Usage) asked(req *Request) bool {
	if u == nil {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if req.Spec.Reads() {
		id := req.identity()
		if u.needed[id] {
			return false
		}
		if u.needed == nil {
			u.needed = map[string]bool{}
		}
		u.needed[id] = true
	}
	u.reads[req.Spec.Rate]++
	return true
}

func (u *Usage) called(r Rate) {
	if u == nil {
		return
	}
	u.mu.Lock()
	u.calls[r]++
	u.mu.Unlock()
}

// hit notes an answer of the cache's.
func (u *Usage) hit() {
	if u == nil {
		return
	}
	u.mu.Lock()
	u.hits++
	u.mu.Unlock()
}

// answered notes an answer that the question is made of, or the lack of one. first tells
// that the question needs it for the first time.
func (u *Usage) answered(first bool, resp *Response) {
	if resp == nil {
		u.made(part{})
		return
	}
	if resp.Cached {
		if first {
			u.hit()
		}
		u.stale(resp.staleAge())
	}
	u.made(resp.part)
}

// made notes what the answer is made of. Without a ticket it cannot be told when
// it has become stale, so it is cached nowhere.
func (u *Usage) made(of part) {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if of.ticket.IsZero() {
		u.uncacheable, u.tickets = true, nil
		return
	}
	if u.uncacheable {
		return
	}
	u.tickets = append(u.tickets, of.ticket)
	u.validity = u.validity.join(of.Validity)
}

func (u *Usage) wait(d time.Duration) {
	if u == nil {
		return
	}
	u.mu.Lock()
	u.waited = max(u.waited, d)
	u.mu.Unlock()
}

// stale notes that a part of the answer is past its time, and how old it is; 0 is
// for one that is not.
func (u *Usage) stale(age time.Duration) {
	if u == nil || age <= 0 {
		return
	}
	u.mu.Lock()
	u.age = max(u.age, age)
	u.mu.Unlock()
}

// Stale returns how old the oldest part of the answer is that is past its time,
// because Zoom could not be asked, or is being asked; 0 where all is fresh.
func (u *Usage) Stale() time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.age
}

// Requested returns how many calls of a label the question needed, whether they
// were sent, shared with another question, or answered by the cache. A read that
// several parts of the question need counts once.
func (u *Usage) Requested(r Rate) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.reads[r]
}

// Calls returns how many calls of a label were sent, those that were sent again
// among them.
func (u *Usage) Calls(r Rate) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.calls[r]
}

// Hits returns how many answers the cache gave.
func (u *Usage) Hits() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.hits
}

// Waited returns the longest time that a call stood in the limiter's queue.
func (u *Usage) Waited() time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.waited
}

// Made returns the ticket of all that the answer is made of, and how long the whole is
// fresh. ok is false where it must not be kept: a secret is in it, a failure, something
// that the cache could not keep, or nothing of Zoom's at all.
func (u *Usage) Made() (t cache.Ticket, v Validity, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.uncacheable || len(u.tickets) == 0 {
		return cache.Ticket{}, Validity{}, false
	}
	if v = u.validity; !u.deadline.IsZero() {
		v = v.within(u.deadline)
	}
	t = u.tickets[0].Join(u.tickets[1:]...)
	return t, v, !t.IsZero()
}
