package sandbox

import (
	"net/http"
	"sync"
	"time"

	"zoomql/internal/zoom"
)

// Call is one call as the sandbox saw it.
type Call struct {
	Pattern string // of the operation; "" when the path is none
	Method  string
	Path    string // as received, with the query
	Rate    zoom.Rate
	Status  int // 0 while it is under way; 499 when the caller left
	// Start and End are when it arrived and when it was answered, by the
	// sandbox's clock. A call that started after another's end may depend on
	// it: that is how round trips are counted.
	Start, End time.Time
	// Odd tells what faults of a kind did to the answer, each as the kind and, where
	// it is a part of the answer, the place: "field-null users[3].dept".
	Odd []string
}

// ledgerSize bounds the ledger: about six megabytes at most.
const ledgerSize = 1 << 16

// ledger keeps the latest calls in a ring that grows up to its size.
type ledger struct {
	mu          sync.Mutex
	calls       []Call
	first       uint64 // number of the oldest call that ResetCalls left
	next        uint64
	throttled   int
	inFlight    int
	maxInFlight int
}

// begin notes an arrival. Calls for tokens are not in the ledger: they cost no
// budget (TokensIssued counts them).
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

// odd notes what faults of a kind did to an answer. It MUST be called before the answer
// is sent: who has the answer may look.
func (l *ledger) odd(seq uint64, odd []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if entry := l.entry(seq); entry != nil {
		entry.Odd = odd
	}
}

// entry returns the entry of a call, or nil where it has none or newer ones have taken
// its place. The caller holds the lock.
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

// ResetCalls empties the ledger and its counts. Calls under way are forgotten.
func (s *Sandbox) ResetCalls() {
	l := &s.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	l.first, l.throttled, l.maxInFlight = l.next, 0, l.inFlight
}

// Throttled counts the answers 429 since the last ResetCalls.
func (s *Sandbox) Throttled() int {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	return s.ledger.throttled
}

// MaxInFlight is the largest number of calls that were under way at once since
// the last ResetCalls.
func (s *Sandbox) MaxInFlight() int {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	return s.ledger.maxInFlight
}
