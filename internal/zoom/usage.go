package zoom

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"zoomql/cache"
	"zoomql/internal/drift"
)

// Usage counts the calls of one GraphQL operation, and records the cache entries that its
// answer is made of. It is safe for concurrent use; a nil Usage counts nothing.
type Usage struct {
	mu     sync.Mutex
	reads  [ResourceIntensive + 1]int
	needed map[string]bool           // the identities of the reads
	level  func(context.Context) int // nil counts all as one
	sent   map[string]int            // the earliest levels of reads that were not in the cache
	denied map[string]*Error         // Zoom's refusals, by the identities of the reads
	calls  [ResourceIntensive + 1]int
	hits   int
	waited time.Duration
	age    time.Duration // of the oldest stale part; 0 if none was stale

	tickets     []cache.Ticket // of the parts
	validity    Validity       // of all parts together
	uncacheable bool           // the answer has a part that must not be stored
	deadline    time.Time      // until when the parts that depend on the clock hold

	onWrite func()
	observe func(context.Context, *Spec, Outcome) // may be nil; set before the first request
	guesses func(context.Context, *Spec, float64) // likewise
	drift   *drift.Report                         // nil without KeepDrift
}

// OnWrite registers f to be called after each write.
func (u *Usage) OnWrite(f func()) {
	if u == nil {
		return
	}
	u.mu.Lock()
	u.onWrite = f
	u.mu.Unlock()
}

// Levels sets the level in its query of the field that a context is of. Known answers are those
// that were in the cache before the operation, or that fields of the same level or of an earlier
// one have read: which fields of later levels have read by then depends on timing, so these
// are not known. It is called before the first request.
func (u *Usage) Levels(of func(context.Context) int) {
	if u != nil {
		u.level = of
	}
}

// sends records that the answer to a read of ctx's field is not in the cache.
func (u *Usage) sends(ctx context.Context, req *Request) {
	if u == nil || u.level == nil {
		return
	}
	id, level := req.identity(), u.level(ctx)
	u.mu.Lock()
	defer u.mu.Unlock()
	if at, ok := u.sent[id]; ok && at <= level {
		return
	}
	if u.sent == nil {
		u.sent = map[string]int{}
	}
	u.sent[id] = level
}

// lookedUp records that ctx's field reads an answer, which fields of a later level may have
// requested.
func (u *Usage) lookedUp(ctx context.Context, req *Request) {
	if u.isLater(ctx, req) {
		u.sends(ctx, req)
	}
}

// isLater reports whether the answer to a request is known by a field of a later level than
// that of ctx's field alone.
func (u *Usage) isLater(ctx context.Context, req *Request) bool {
	if u == nil || u.level == nil {
		return false
	}
	u.mu.Lock()
	at, sent := 0, false
	if len(u.sent) > 0 { // most reads find all in the cache
		at, sent = u.sent[req.identity()]
	}
	u.mu.Unlock()
	return sent && at > u.level(ctx)
}

// noteRefusal records that Zoom refused a read for a reason that does not change by itself: such
// refusals are not cached, but an operation that needs the answer in several places requests it once.
func (u *Usage) noteRefusal(req *Request, err error) {
	e, ok := errors.AsType[*Error](err)
	if u == nil || !ok || !req.Spec.Reads() || e.By != ByZoom || !slices.ContainsFunc(lasting, func(kind error) bool { return errors.Is(e.Kind, kind) }) {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.denied == nil {
		u.denied = map[string]*Error{}
	}
	u.denied[req.identity()] = e
}

// lasting are the kinds of refusals that do not change by themselves.
var lasting = []error{ErrPlanRequired, ErrNotEnabled, ErrForbidden, ErrNotHost, ErrExpired}

// refused returns Zoom's refusal of a read that the operation has requested before, since its last
// write; nil if there is none.
func (u *Usage) refused(req *Request) error {
	if u == nil {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.denied) == 0 {
		return nil
	}
	if err := u.denied[req.identity()]; err != nil {
		return err
	}
	return nil
}

// wrote records a write.
func (u *Usage) wrote() {
	if u == nil {
		return
	}
	u.mu.Lock()
	u.denied = nil
	f := u.onWrite
	u.mu.Unlock()
	if f != nil {
		f()
	}
}

// part is one answer of Zoom's within a larger one: the ticket of its cache entry and its
// validity.
type part struct {
	ticket cache.Ticket
	Validity
}

type usageKey struct{}

// WithUsage returns a context whose calls are counted in u.
func WithUsage(ctx context.Context, u *Usage) context.Context {
	return context.WithValue(ctx, usageKey{}, u)
}

// UsageOf returns the Usage of ctx, or nil.
func UsageOf(ctx context.Context) *Usage { return usageFrom(ctx) }

func usageFrom(ctx context.Context) *Usage {
	u, _ := ctx.Value(usageKey{}).(*Usage)
	return u
}

// ValidUntil records that the answer of ctx's operation, which depends on the clock, is valid
// until t at most. The zero time makes it uncacheable.
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

// asked counts a request of the operation, cached or not, and reports whether the operation
// needs its answer for the first time. A read counts once, however many parts of the operation
// need it: how often they look it up depends on timing.
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

// hit counts an answer from the cache.
func (u *Usage) hit() {
	if u == nil {
		return
	}
	u.mu.Lock()
	u.hits++
	u.mu.Unlock()
}

// answered records an answer that the operation uses; nil for an error. first is the result
// of asked. It reports whether it was the first use, served from the cache.
func (u *Usage) answered(first bool, resp *Response) (hit bool) {
	if resp == nil {
		u.made(part{})
		return false
	}
	if resp.Cached {
		if hit = first; hit {
			u.hit()
		}
		u.stale(resp.staleAge())
	}
	u.made(resp.part)
	return hit
}

// made records a part of the answer. Without a ticket its eviction cannot be detected, which
// makes the answer uncacheable.
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

// stale records the age of a stale part of the answer; 0 for a fresh one.
func (u *Usage) stale(age time.Duration) {
	if u == nil || age <= 0 {
		return
	}
	u.mu.Lock()
	u.age = max(u.age, age)
	u.mu.Unlock()
}

// Stale returns the age of the oldest stale part of the answer, which was served
// because the call failed or while it was under way (RFC 5861); 0 if all is fresh.
func (u *Usage) Stale() time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.age
}

// Requested returns how many calls of a label the operation needed, whether they
// were sent, shared with another operation, or answered from the cache. A read that
// several parts of the operation need counts once.
func (u *Usage) Requested(r Rate) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.reads[r]
}

// Calls returns how many calls of a label were sent, retries included.
func (u *Usage) Calls(r Rate) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.calls[r]
}

// Hits returns how many answers came from the cache.
func (u *Usage) Hits() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.hits
}

// Waited returns the longest time that a call waited in the limiter's queue.
func (u *Usage) Waited() time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.waited
}

// Made returns the joined ticket and validity of all parts of the answer. ok is false if the
// answer must not be stored: a part is a secret, an error or uncacheable, or no part is
// Zoom's.
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
