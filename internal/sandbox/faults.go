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

// Fault is a planned failure. The first one that fits a call is spent on it, so
// faults happen in the order in which they were planned. Those of a Kind are apart:
// all of them that fit a call are spent on it.
type Fault struct {
	// Kind names one of FaultKinds, which says what is odd in the answer: in that of an
	// operation, or of Pattern. Of what is below, Times and Rate count beside it.
	Kind string
	// Rate is the share of the calls that fit which a Kind is spent on, picked by
	// Seed; 0 means all.
	Rate float64
	// Seed picks the calls and the places of a Kind; 0 means the sandbox's.
	Seed uint64

	// Pattern is the operation it waits for; "" fits any, also the paths that
	// are none. Tokens are asked for at "POST /oauth/token".
	Pattern string
	// Match must be part of the path and query as received.
	Match string
	// Times is how many calls it hits; 0 means once, -1 all.
	Times int

	// Status, Code and Message are the answer instead of the right one; the
	// call is then neither counted nor carried out. Status 0 lets the right
	// answer through, with what is below done to it.
	Status  int
	Code    int
	Message string
	// Header is set on the answer, also on a right one.
	Header http.Header
	// Delay comes before the answer, on top of the latency.
	Delay time.Duration
	// Hang never answers: the call ends when its caller gives up.
	Hang bool
	// BrokenJSON cuts the body in half.
	BrokenJSON bool
	// CloseConnection carries the call out and closes the connection without
	// an answer: the caller cannot know whether it was done.
	CloseConnection bool
}

type faults struct {
	planned atomic.Int32
	mu      sync.Mutex
	list    []Fault
	repeats map[string]int // how often each address was asked for
}

// Fault plans failures. A Kind that is none does nothing.
func (s *Sandbox) Fault(planned ...Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	for _, f := range planned {
		f.Times = orElse(f.Times, 1)
		s.faults.list = append(s.faults.list, f)
	}
	s.faults.planned.Store(int32(len(s.faults.list)))
}

// ClearFaults forgets the faults that have not happened.
func (s *Sandbox) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = nil
	s.faults.planned.Store(0)
}

// take spends the first fault that fits.
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

// takeKinds spends all faults of a kind that fit.
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
		if p.Rate > 0 && p.Rate < 1 && diceOf(p.Seed, p.Kind, pattern, path, strconv.Itoa(f.repeat(path))).Float64() >= p.Rate {
			continue
		}
		taken = append(taken, p)
		if f.spend(i) {
			i--
		}
	}
	return taken
}

// maxRepeats bounds the addresses whose calls are counted.
const maxRepeats = 1 << 16

// repeat counts the calls to an address, so that a repeat fares otherwise than the
// call before it.
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

// spend counts a fault as spent once, and reports whether it was the last time.
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
