// Package session has the state of one GraphQL operation, and that of each of its responses.
//
// A query or a mutation is executed once, a subscription once for each item. The objects that
// a response has read and the budget that it has spent end with it: the next one reads again.
// State that depends on the document and its variables alone belongs to the operation.
package session

import (
	"context"
	"sync"
	"unsafe"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/admission"
	"zoomql/graph/batch"
	"zoomql/internal/gate"
	"zoomql/internal/ratelimit"
	"zoomql/internal/selection"
	"zoomql/internal/zoom"
)

// Operation is one GraphQL operation: its client, and its bounds.
type Operation struct {
	// Client calls Zoom with the caller's credential.
	Client *zoom.Client
	// Index is the schema.
	Index *selection.Index
	// Usage counts the calls to Zoom of all responses of the operation; nil if calls are
	// not counted.
	Usage *zoom.Usage
	// Budget bounds one response, and Admission all operations together.
	Budget    Budget
	Admission *admission.Control

	needs sync.Map // selectionKey → func() *selection.Needs
}

// Response is one response of an operation: its loaders' rounds, and what it has spent.
type Response struct {
	*Operation
	// Rounds run the batches of the loaders. Their kinds MUST be set before the response
	// begins.
	Rounds batch.Rounds
	// Spent counts the budget that the response has spent.
	Spent Spent

	items admission.Items
}

// Holder is a type that embeds Response, with the state of other packages for it.
type Holder interface{ response() *Response }

func (r *Response) response() *Response { return r }

// Key is the key of a context's Holder.
type Key struct{}

// From returns the response that ctx belongs to, or nil.
func From(ctx context.Context) *Response {
	if h, ok := ctx.Value(Key{}).(Holder); ok {
		return h.response()
	}
	return nil
}

// Begin begins a response of the operation of ctx, and returns the context of its fields,
// with h in it. end releases the resources of the response.
func (op *Operation) Begin(ctx context.Context, h Holder) (_ context.Context, end func()) {
	r, opCtx := h.response(), graphql.GetOperationContext(ctx)
	ctx, stop := context.WithCancelCause(ctx)
	r.Operation, r.items.Pool = op, op.Admission.Items
	r.Spent.budget, r.Spent.control, r.Spent.stop, r.Spent.done = op.Budget, op.Admission, stop, ctx.Done()
	r.Spent.sent = admission.ResponseFrom(ctx)
	r.Spent.writes = opCtx.Operation.Operation == ast.Mutation
	r.Rounds.Index = op.Index
	r.Rounds.Begin(opCtx)
	r.Spent.caller, r.Spent.gate = ratelimit.CallerFrom(ctx), gate.New(0)
	return gate.With(context.WithValue(ctx, Key{}, h), r.Spent.gate), r.end
}

func (r *Response) end() {
	r.Spent.end()
	r.items.Release()
}

// Admit waits for room for a long list. The large operation does not wait, since others
// may wait for it.
func (r *Response) Admit(ctx context.Context, items int) error {
	if r.Spent.large.Load() {
		return nil
	}
	defer gate.Wait(ctx)()
	waiting, enough := context.WithCancel(ctx)
	defer enough()
	r.Spent.whenLarge(enough)
	err := r.items.Acquire(waiting, items)
	if r.Spent.large.Load() {
		return nil
	}
	return err
}

// selectionKey identifies a merged selection set within one operation.
type selectionKey struct {
	first    *ast.Selection
	length   int
	typeName string
}

// Needs returns the needs of the field of ctx on objects of a type. ways are the paths from
// the field to them, such as "edges.node"; none means that the field is of the type.
func (op *Operation) Needs(ctx context.Context, typeName string, ways ...string) *selection.Needs {
	field := graphql.GetFieldContext(ctx).Field
	key := selectionKey{unsafe.SliceData(field.Selections), len(field.Selections), typeName}
	known, ok := op.needs.Load(key)
	if !ok {
		// The items of a list arrive here concurrently: one of them computes it.
		known, _ = op.needs.LoadOrStore(key, sync.OnceValue(func() *selection.Needs {
			return op.Index.Needs(graphql.GetOperationContext(ctx), field.Selections, typeName, ways...)
		}))
	}
	return known.(func() *selection.Needs)()
}
