package sandbox

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Fault is a planned failure. The first one that fits a call is spent on it, so
// faults happen in the order in which they were planned.
type Fault struct {
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
}

// Fault plans failures.
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
		if p.Pattern != "" && p.Pattern != pattern || !strings.Contains(path, p.Match) {
			continue
		}
		taken := *p
		if p.Times > 0 {
			p.Times--
		}
		if p.Times == 0 {
			f.list = append(f.list[:i], f.list[i+1:]...)
			f.planned.Store(int32(len(f.list)))
		}
		return taken, true
	}
	return Fault{}, false
}

func (f *Fault) answer() *answer {
	if f.Status == http.StatusNoContent {
		return &answer{status: f.Status}
	}
	return &answer{status: f.Status, body: &zoomError{Code: f.Code, Message: f.Message}}
}
