package sandbox

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Fault is a planned failure. A call uses up the first one that fits it, so faults occur in
// the order in which they were planned. Faults of a Kind are separate: all that fit a call
// apply to it.
type Fault struct {
	// Kind is the name of one of FaultKinds, which defines the change. Of the fields below,
	// Rate, Seed, Pattern, Match and Times apply to it as well.
	Kind string
	// Rate is the share of the fitting calls that a Kind applies to, selected by Seed; 0
	// means all.
	Rate float64
	// Seed selects the calls and the places of a Kind; 0 means the sandbox's seed.
	Seed uint64

	// Pattern is the operation that it applies to; "" means any, and any path that is no
	// operation. The token endpoint is "POST /oauth/token".
	Pattern string
	// Match must be a substring of the path and query as received.
	Match string
	// Times is how many calls it applies to; 0 means one, -1 all.
	Times int

	// Status, Code and Message are an answer that replaces the operation's: the call is
	// neither counted nor executed. If Status is 0, the call is executed, and the fields
	// below change its answer.
	Status  int
	Code    int
	Message string
	// Header is added to the answer, also to that of the operation.
	Header http.Header
	// Delay is added to the latency.
	Delay time.Duration
	// Hang sends no answer: the call ends when the caller cancels it.
	Hang bool
	// BrokenJSON cuts the body in half.
	BrokenJSON bool
	// CloseConnection executes the call and closes the connection without an answer: the
	// caller cannot know whether the call was executed.
	CloseConnection bool
}

type faults struct {
	planned atomic.Int32
	mu      sync.Mutex
	list    []Fault
	repeats map[string]int // the number of calls by address
}

// Fault plans failures. One with an unknown Kind has no effect.
func (s *Sandbox) Fault(planned ...Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	for _, f := range planned {
		f.Times = orElse(f.Times, 1)
		s.faults.list = append(s.faults.list, f)
	}
	s.faults.planned.Store(int32(len(s.faults.list)))
}

// ClearFaults removes the faults that have not occurred.
func (s *Sandbox) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = nil
	s.faults.planned.Store(0)
}

// take uses up the first fault that fits.
func (f *faults) take(pattern string, u *url.URL) (Fault, bool) {
	if f.planned.Load() == 0 {
		return Fault{}, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	path := u.RequestURI()
	for i := range f.list {
		p := &f.list[i]
		if p.Kind != "" || !p.fits(pattern, path) {
			continue
		}
		taken := *p
		f.spend(i)
		return taken, true
	}
	return Fault{}, false
}

// takeKinds uses up all faults of a kind that fit.
func (f *faults) takeKinds(pattern string, u *url.URL, seed uint64) []Fault {
	if f.planned.Load() == 0 {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	path := u.RequestURI()
	var taken []Fault
	for i := 0; i < len(f.list); i++ {
		p := f.list[i]
		if p.Kind == "" || !p.fits(pattern, path) {
			continue
		}
		p.Seed = orElse(p.Seed, seed)
		if p.Rate > 0 && p.Rate < 1 && randOf(p.Seed, p.Kind, pattern, path, strconv.Itoa(f.repeat(path))).Float64() >= p.Rate {
			continue
		}
		taken = append(taken, p)
		if f.spend(i) {
			i--
		}
	}
	return taken
}

// maxRepeats bounds the addresses in repeats.
const maxRepeats = 1 << 16

// repeat counts the calls to an address, so that Rate selects again for each repeated call.
func (f *faults) repeat(path string) int {
	if f.repeats == nil || len(f.repeats) >= maxRepeats {
		f.repeats = map[string]int{}
	}
	f.repeats[path]++
	return f.repeats[path]
}

func (f *Fault) fits(pattern, path string) bool {
	return (f.Pattern == "" || f.Pattern == pattern) && strings.Contains(path, f.Match)
}

// spend counts one use of a fault, and reports whether it was the last.
func (f *faults) spend(i int) bool {
	p := &f.list[i]
	if p.Times > 0 {
		p.Times--
	}
	if p.Times != 0 {
		return false
	}
	f.list = append(f.list[:i], f.list[i+1:]...)
	f.planned.Store(int32(len(f.list)))
	return true
}

func (f *Fault) answer() *answer {
	if f.Status == http.StatusNoContent {
		return &answer{status: f.Status}
	}
	return &answer{status: f.Status, body: &zoomError{Code: f.Code, Message: f.Message}}
}
