package session

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"zoomql/graph/admission"
	"zoomql/graph/errs"
	"zoomql/internal/gate"
)

// Objects that the executor resolves and long answers take memory, which all operations
// share. Operations that hold some of it and wait for more could deadlock. So each takes a
// small part of the shared room; an operation that needs more is large, and large operations
// run one at a time.
const (
	// openHeld is the maximum of objects that an operation has room for before it is
	// large, and openBlock the number that it acquires at once.
	openHeld, openBlock = 1000, 250
	// openFreely is the number of an operation's objects that need no room, so that small
	// operations never wait for large ones. One with more is long, and leaves a processor
	// to the short ones of others.
	openFreely = 100
)

// Spent counts the budget that one response has spent. [Operation.Begin] sets it up.
type Spent struct {
	budget Budget
	// writes says that it is a mutation. Its answer has to report the changes, so it is not
	// cancelled: no more edges are followed, and no more of its fields are executed.
	writes bool
	stop   context.CancelCauseFunc
	done   <-chan struct{} // closed when the context ends

	objects, bytes, errors atomic.Int64

	control *admission.Control
	caller  string
	gate    *gate.Gate
	long    sync.Once
	opened  atomic.Int64
	large   atomic.Bool // it is the large operation
	mu      sync.Mutex
	wanted  int64 // objects that need room
	held    int64
	give    []func()            // releases the acquired room
	sent    *admission.Response // holds the place for the answer until it is sent
	turn    chan struct{}       // made when the operation waits for its turn
	turnErr error
	waiting []func() // called when it is large, to end other waits
}

// ErrStopped is the cancel cause of a response whose budget is spent.
var ErrStopped = errors.New("graph: the answer is too large")

// ended returns the reason why an operation has to end; nil if there is none.
func (s *Spent) ended(ctx context.Context) error {
	select {
	case <-s.done:
		return context.Cause(ctx)
	default:
	}
	if s.writes && s.over() != nil {
		return ErrStopped
	}
	return nil
}

// over returns the error of the bound that is exceeded, or nil.
func (s *Spent) over() *errs.InputError {
	switch {
	case s.objects.Load() > int64(s.budget.Objects):
		return s.budget.objectsOver()
	case s.bytes.Load() > int64(s.budget.Bytes):
		return s.budget.bytesOver()
	}
	return nil
}

// Write counts bytes of the answer, and reports whether the operation goes on.
func (s *Spent) Write(n int) bool {
	return s.bytes.Add(int64(n)) <= int64(s.budget.Bytes) || s.exceed()
}

// Count counts objects that are written at once, and reports whether the operation goes on.
func (s *Spent) Count(n int) bool {
	return s.objects.Add(int64(n)) <= int64(s.budget.Objects) || s.exceed()
}

// exceed stops an operation that is over its budget, and reports whether it goes on.
func (s *Spent) exceed() bool {
	if !s.writes {
		s.stop(ErrStopped)
	}
	return s.writes
}

// Work counts objects that the executor resolves, and waits until there is room for
// them, or until it is the operation's turn to be large.
func (s *Spent) Work(ctx context.Context, n int) error {
	if !s.Count(n * openWeight) {
		return ErrStopped
	}
	if s.opened.Add(int64(n)) <= openFreely {
		return nil
	}
	s.long.Do(s.beLong)
	if s.large.Load() || s.hold(ctx, int64(n)) {
		return nil
	}
	return s.beLarge(ctx)
}

// beLong makes the operation leave a processor to the short operations of others.
func (s *Spent) beLong() {
	s.later(s.control.Long())
	s.gate.Within(func() *gate.Gate { return s.control.LongBeside(s.caller) })
}

// Lengthen waits, before n bytes are written, until there is room for them.
func (s *Spent) Lengthen(ctx context.Context, n int) error {
	if s.bytes.Load()+int64(n) <= admission.LongAnswer || s.large.Load() {
		return nil
	}
	return s.beLarge(ctx)
}

// beLarge waits until the operation may be large.
func (s *Spent) beLarge(ctx context.Context) error {
	defer gate.Wait(ctx)()
	s.mu.Lock()
	first := s.turn == nil
	if first {
		s.turn = make(chan struct{})
	}
	turn := s.turn
	s.mu.Unlock()
	if first {
		s.turnErr = s.takeTurn(ctx)
		close(turn)
	}
	<-turn
	return s.turnErr
}

// takeTurn waits for a place for the answer, and then for the operation's turn: in this
// order, the large operation never waits for the client that reads another answer.
func (s *Spent) takeTurn(ctx context.Context) error {
	place, err := s.control.Answers.Acquire(ctx, 1)
	if err != nil {
		return err
	}
	if s.sent != nil {
		s.sent.Hold(place)
	} else {
		s.later(place)
	}
	turn, err := s.control.Large.Acquire(ctx, 1)
	if err != nil {
		return err
	}
	s.later(turn)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.large.Store(true)
	for _, end := range s.waiting {
		end()
	}
	return nil
}

// later registers a function to call when the operation ends.
func (s *Spent) later(give func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.give = append(s.give, give)
}

// hold acquires room for more objects, and reports false if there is none for the
// operation.
func (s *Spent) hold(ctx context.Context, n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wanted += n; s.wanted > openHeld {
		return false
	}
	for s.held < s.wanted {
		give, ok := s.control.Objects.TryAcquire(ctx, openBlock)
		if !ok {
			return false
		}
		s.held += openBlock
		s.give = append(s.give, give)
	}
	return true
}

// whenLarge calls a function once the operation is large.
func (s *Spent) whenLarge(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.large.Load() {
		f()
		return
	}
	s.waiting = append(s.waiting, f)
}

// end releases the room.
func (s *Spent) end() {
	s.stop(nil)
	if s.opened.Load() <= openFreely {
		s.control.Short(s.caller)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, give := range s.give {
		give()
	}
	s.give = nil
	s.large.Store(false)
}

// Fails counts an error, and reports whether the answer may include it. [Capped] reports
// the number of the others.
func (s *Spent) Fails() bool { return s.errors.Add(1) <= MaxErrors }
