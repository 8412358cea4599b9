package sandbox

import (
	"net/http"
	"sync"
	"time"

	"zoomql/internal/zoom"
)

// Call is one call that the sandbox received.
type Call struct {
	Pattern string // of the operation; "" if the path is no operation
	Method  string
	Path    string // as received, with the query
	Rate    zoom.Rate
	Status  int // 0 while it is in flight; 499 if the client closed the connection
	// Start and End are the times of its arrival and of its answer, on the sandbox's clock.
	// A call that started after another's end may depend on it: round trips are counted by
	// this.
	Start, End time.Time
	// Odd lists the changes that faults of a kind made to the answer: the kind and, if it
	// changes a part of the answer, the place: "field-null users[3].dept".
	Odd []string
}

// ledgerSize bounds the ledger: about six megabytes at most.
const ledgerSize = 1 << 16

// ledger keeps the latest calls in a ring buffer that grows up to ledgerSize.
type ledger struct {
	mu          sync.Mutex
	calls       []Call
	first       uint64 // number of the first call since ResetCalls
	next        uint64
	throttled   int
	inFlight    int
	maxInFlight int
}

// begin records an arrival. Requests for tokens are not recorded: they are not counted
// against rate limits (TokensIssued counts them).
func (l *ledger) begin(c *call, r *http.Request) uint64 {
	if c.route != nil && c.route.open {
		return 0
	}
	entry := Call{Pattern: c.pattern(), Method: r.Method, Path: r.URL.RequestURI(), Start: c.now}
	if spec := c.spec(); spec != nil {
		entry.Rate = spec.Rate
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight++
	l.maxInFlight = max(l.maxInFlight, l.inFlight)
	l.next++
	c.seq = l.next
	if slot := (l.next - 1) % ledgerSize; slot < uint64(len(l.calls)) {
		l.calls[slot] = entry
	} else {
		l.calls = append(l.calls, entry)
	}
	return l.next
}

// odd records the changes that faults of a kind made to an answer. It MUST be called before
// the answer is sent: the receiver may read the ledger at once.
func (l *ledger) odd(seq uint64, odd []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if entry := l.entry(seq); entry != nil {
		entry.Odd = odd
	}
}

// entry returns the entry of a call, or nil if it has none or newer ones have overwritten it.
// The caller holds the lock.
func (l *ledger) entry(seq uint64) *Call {
	if seq == 0 || l.next-seq >= ledgerSize {
		return nil
	}
	return &l.calls[(seq-1)%ledgerSize]
}

func (l *ledger) end(seq uint64, status int, now time.Time) {
	if seq == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
	if status == http.StatusTooManyRequests {
		l.throttled++
	}
	if entry := l.entry(seq); entry != nil {
		entry.Status, entry.End = status, now
	}
}

// Calls returns the calls since the last ResetCalls in the order in which they
// arrived, the latest 65,536 at most.
func (s *Sandbox) Calls() []Call {
	l := &s.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	from := l.first
	if l.next > ledgerSize {
		from = max(from, l.next-ledgerSize)
	}
	calls := make([]Call, 0, l.next-from)
	for seq := from; seq < l.next; seq++ {
		calls = append(calls, l.calls[seq%ledgerSize])
	}
	return calls
}

// ResetCalls empties the ledger and resets its counts. It drops calls in flight.
func (s *Sandbox) ResetCalls() {
	l := &s.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	l.first, l.throttled, l.maxInFlight = l.next, 0, l.inFlight
}

// Throttled returns the number of answers 429 since the last ResetCalls.
func (s *Sandbox) Throttled() int {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	return s.ledger.throttled
}

// MaxInFlight returns the largest number of calls that were in flight at once since the last
// ResetCalls.
func (s *Sandbox) MaxInFlight() int {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	return s.ledger.maxInFlight
}
