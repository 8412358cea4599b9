// Package session has what one GraphQL operation shares, and apart from it what one of its
// responses does.
//
// A query and a mutation are executed once, a subscription once for each item. What was read
// for a response, and what was spent on it, goes with it: the next one reads anew. What hangs
// on the document and its variables alone stays with the operation.
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

// Operation is one GraphQL operation: who asks, and its bounds.
type Operation struct {
	// Client asks Zoom in the name of the caller.
	Client *zoom.Client
	// Index is the schema.
	Index *selection.Index
	// Usage is what all responses of the operation have cost at Zoom; nil where calls
	// are not counted.
	Usage *zoom.Usage
	// Budget bounds one response, and Admission all operations together.
	Budget    Budget
	Admission *admission.Control

	needs sync.Map // selectionKey → func() *selection.Needs
}

// Response is one response of an operation: its loaders' rounds, and what it has spent.
type Response struct {
	*Operation
	// Rounds run the batches of the loaders. Their kinds are to be set before the
	// response begins.
	Rounds batch.Rounds
	// Spent is what the response has spent of its budget.
	Spent Spent

	items admission.Items
}

// Holder is a response with what others keep for it: a type that embeds Response.
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
// with h in it. end gives back what the response holds.
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

// Admit makes room for a long list, unless the operation is the large one: then others
// may wait for it, and it for nobody.
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

// Needs works out what the field of ctx needs of objects of a type. ways are those from
// the field to them, such as "edges.node"; none means that the field is of the type.
func (op *Operation) Needs(ctx context.Context, typeName string, ways ...string) *selection.Needs {
	field := graphql.GetFieldContext(ctx).Field
	key := selectionKey{unsafe.SliceData(field.Selections), len(field.Selections), typeName}
	known, ok := op.needs.Load(key)
	if !ok {
		// The items of a list come here at once: one of them works it out.
		known, _ = op.needs.LoadOrStore(key, sync.OnceValue(func() *selection.Needs {
			return op.Index.Needs(graphql.GetOperationContext(ctx), field.Selections, typeName, ways...)
		}))
	}
	return known.(func() *selection.Needs)()
}
