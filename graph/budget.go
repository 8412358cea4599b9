package graph

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/graph/admission"
	"zoomql/graph/endpoint"
	"zoomql/graph/list"
	"zoomql/internal/zoom/types"
)

// Budget bounds what one operation may answer with. A document of a few hundred
// bytes can ask for lists within lists within lists: what is at hand in the cache
// costs no call, and so nothing else would end it.
type Budget struct {
	// Objects is how many objects an answer may have. One that has edges or
	// arguments below it counts as [openWeight] of them.
	Objects int
	// Bytes is how long it may be.
	Bytes int
}

// DefaultBudget leaves room for the largest exports, some thousand users with their
// meetings, and holds an operation to some hundred megabytes.
var DefaultBudget = Budget{Objects: 200_000, Bytes: 16 << 20}

const (
	// openWeight is what an object counts that the executor works on, with a
	// goroutine, contexts and a set of fields, beside one that is written at once.
	openWeight = 4
	// foreseen is how many times the budget the arguments "first" may allow for. They
	// are upper bounds of lists that are mostly shorter, so only what cannot be meant
	// is refused by them.
	foreseen = 1000
	// maxErrors is how many errors an answer has.
	maxErrors = 1000
)

// overBudget is the refusal of an answer.
func overBudget(most int, what, setting string) *inputError {
	return &inputError{Code: types.ErrorCodeLimitExceeded, Message: fmt.Sprintf("The answer is too large: more than %d %s. Ask for less at once; the operator may raise %s.", most, what, setting)}
}

func (b Budget) objectsOver() *inputError {
	return overBudget(b.Objects, fmt.Sprintf("objects (one with edges below it counts as %d)", openWeight), "MAX_OBJECTS")
}

func (b Budget) bytesOver() *inputError {
	return overBudget(b.Bytes, "bytes", "MAX_ANSWER_BYTES")
}

// foresee refuses an operation by its arguments "first" alone.
func (b Budget) foresee(opCtx *graphql.OperationContext) *gqlerror.Error {
	if f := (forecast{opCtx}); f.objects(opCtx.Operation.SelectionSet) > float64(b.Objects)*foreseen {
		err := b.objectsOver()
		return endpoint.WithCode(gqlerror.Errorf("%s", err.Message), err.Code)
	}
	return nil
}

// forecast works out how many objects there may be.
type forecast struct{ opCtx *graphql.OperationContext }

// objects returns how many there may be below one object. The document's limits
// bound how many fields there are to look at.
func (f forecast) objects(set ast.SelectionSet) float64 {
	sum := 0.0
	for _, field := range graphql.CollectFields(f.opCtx, set, nil) {
		if len(field.Selections) == 0 {
			continue
		}
		below := f.objects(field.Selections)
		if n := f.first(field); n > 0 {
			below = n * (1 + below)
		}
		sum += below
	}
	return sum
}

// first returns the argument of a list, 0 where there is none.
func (f forecast) first(field graphql.CollectedField) float64 {
	if field.Definition == nil || field.Definition.Arguments.ForName("first") == nil {
		return 0
	}
	switch n := field.ArgumentMap(f.opCtx.Variables)["first"].(type) {
	case int64:
		return math.Min(float64(n), list.MaxFirst)
	case interface{ Int64() (int64, error) }: // json.Number
		i, _ := n.Int64()
		return math.Min(float64(i), list.MaxFirst)
	default:
		return list.MaxFirst
	}
}

// Objects that the executor works on and long answers take memory, which all operations
// share. An operation that waited for more of what it holds already could wait for ever,
// as others do for it. So each takes a small part of the shared room; an operation that
// needs more is large, and large operations run one at a time.
const (
	// openHeld is how many objects an operation has room for until it is large, and
	// openBlock how many it takes at once.
	openHeld, openBlock = 1000, 250
	// openFreely is how many of an operation's objects need no room, so that small
	// operations never wait for large ones.
	openFreely = 100
)

// spending is what one operation has spent of its budget.
type spending struct {
	budget Budget
	// writes tells that it is a mutation. What it made must be told, so it is not
	// stopped: no more edges are followed, and no more fields of it are run.
	writes bool
	stop   context.CancelCauseFunc
	done   <-chan struct{} // closed when there is nothing more to do

	objects, bytes, errors atomic.Int64

	control *admission.Control
	opened  atomic.Int64
	large   atomic.Bool // it is the one that is
	mu      sync.Mutex
	wanted  int64 // objects that need room
	held    int64
	give    []func()            // gives back what is held
	sent    *admission.Response // holds the place for the answer until it is sent
	turn    chan struct{}       // made when the operation waits for its turn
	turnErr error
	waiting []func() // ends waits that are of no use then
}

// errStopped is the cause of what ended because the budget was spent.
var errStopped = errors.New("graph: the answer is too large")

// ended reports why an operation is to end, nil while it is not.
func (s *spending) ended(ctx context.Context) error {
	select {
	case <-s.done:
		return context.Cause(ctx)
	default:
	}
	if s.writes && s.over() != nil {
		return errStopped
	}
	return nil
}

// over returns the bound that was passed, or nil.
func (s *spending) over() *inputError {
	switch {
	case s.objects.Load() > int64(s.budget.Objects):
		return s.budget.objectsOver()
	case s.bytes.Load() > int64(s.budget.Bytes):
		return s.budget.bytesOver()
	}
	return nil
}

// write counts bytes of the answer, and reports whether there may be so many.
func (s *spending) write(n int) bool {
	return s.bytes.Add(int64(n)) <= int64(s.budget.Bytes) || s.exceed()
}

// count counts objects that are written at once.
func (s *spending) count(n int) bool {
	return s.objects.Add(int64(n)) <= int64(s.budget.Objects) || s.exceed()
}

// exceed stops an operation that is over its budget, and reports whether it goes on.
func (s *spending) exceed() bool {
	if !s.writes {
		s.stop(errStopped)
	}
	return s.writes
}

// work counts objects that the executor works on, and waits until there is room for
// them, or until it is the operation's turn to be large.
func (s *spending) work(ctx context.Context, n int) error {
	if !s.count(n * openWeight) {
		return errStopped
	}
	if s.opened.Add(int64(n)) <= openFreely || s.large.Load() || s.hold(ctx, int64(n)) {
		return nil
	}
	return s.beLarge(ctx)
}

// lengthen waits, before bytes are written, until there is room for so many.
func (s *spending) lengthen(ctx context.Context, n int) error {
	if s.bytes.Load()+int64(n) <= admission.LongAnswer || s.large.Load() {
		return nil
	}
	return s.beLarge(ctx)
}

// beLarge waits until the operation may be large.
func (s *spending) beLarge(ctx context.Context) error {
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

// takeTurn waits for a place for the answer, and then for the operation's turn: an
// operation whose turn it is never waits until the reader of another answer is done.
func (s *spending) takeTurn(ctx context.Context) error {
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

// later has something given back when the operation ends.
func (s *spending) later(give func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.give = append(s.give, give)
}

// hold takes room for more objects, and reports false where there is none for the
// operation.
func (s *spending) hold(ctx context.Context, n int64) bool {
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
func (s *spending) whenLarge(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.large.Load() {
		f()
		return
	}
	s.waiting = append(s.waiting, f)
}

// end gives the room back.
func (s *spending) end() {
	s.stop(nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, give := range s.give {
		give()
	}
	s.give = nil
	s.large.Store(false)
}

// sizeOf is about how long a scalar, or a list of them, is in an answer.
func sizeOf(value any) int {
	const short = 8
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.String:
		return v.Len()
	case reflect.Slice:
		switch v.Type().Elem().Kind() {
		case reflect.Uint8:
			return v.Len()
		case reflect.String:
			n := 0
			for i := range v.Len() {
				n += v.Index(i).Len() + 3
			}
			return n
		default:
			return short * v.Len()
		}
	default:
		return short
	}
}

// bounded is a field middleware: it counts, and ends what is to end. Objects are
// counted where it is known how they are written.
func bounded(ctx context.Context, next graphql.Resolver) (any, error) {
	req := from(ctx)
	if req == nil {
		return next(ctx)
	}
	fc := graphql.GetFieldContext(ctx)
	if cause := req.spent.ended(ctx); cause != nil {
		switch stopped := errors.Is(cause, errStopped); {
		case !errors.Is(cause, context.DeadlineExceeded) && (!stopped || !req.spent.writes):
			return graphql.Null, nil // there is no answer, or one error is all of it
		case !fc.IsResolver:
			// what is at hand is told still
		case stopped:
			return nil, req.spent.over()
		default:
			return nil, cause
		}
	}
	res, err := next(ctx)
	if err != nil || len(fc.Field.Selections) > 0 {
		return res, err
	}
	size := len(fc.Field.Alias) + 4 + sizeOf(res)
	if err := req.spent.lengthen(ctx, size); err != nil {
		return nil, err
	}
	if !req.spent.write(size) {
		return graphql.Null, nil
	}
	return res, nil
}

// punctual is a root field middleware: a change whose turn comes when there is no time
// left is not begun, and its arguments, which may be long, are not read.
func punctual(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	req := from(ctx)
	if req == nil || !req.spent.writes {
		return next(ctx)
	}
	cause := req.spent.ended(ctx)
	switch {
	case cause == nil:
		return next(ctx)
	case errors.Is(cause, errStopped):
		cause = req.spent.over()
	case !errors.Is(cause, context.DeadlineExceeded):
		return graphql.Null // nobody waits for the answer
	}
	at := graphql.NewPathWithField(graphql.GetRootFieldContext(ctx).Field.Alias)
	graphql.AddError(graphql.WithPathContext(ctx, at), cause)
	return graphql.Null
}

// capped is a response middleware: an answer over the budget is one error, and one of
// too many errors has some of them.
func capped(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	resp := next(ctx)
	req := from(ctx)
	if resp == nil || req == nil {
		return resp
	}
	if len(resp.Data) > req.spent.budget.Bytes {
		req.spent.write(len(resp.Data))
	}
	over := req.spent.over()
	if over == nil {
		if more := req.spent.errors.Load() - maxErrors; more > 0 {
			resp.Errors = append(resp.Errors, endpoint.WithCode(gqlerror.Errorf("More than %d fields failed. The errors of %d more are left out.", maxErrors, more), types.ErrorCodeLimitExceeded))
		}
		return resp
	}
	shown := endpoint.WithCode(gqlerror.Errorf("%s", over.Message), over.Code)
	if req.spent.writes {
		if !slices.ContainsFunc(resp.Errors, func(e *gqlerror.Error) bool { return e.Extensions["code"] == string(over.Code) }) {
			resp.Errors = append(resp.Errors, shown)
		}
		return resp
	}
	resp.Data, resp.Errors = []byte("null"), gqlerror.List{shown}
	return resp
}
