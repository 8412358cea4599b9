package graph

import (
	"context"
	"reflect"
	"slices"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/admission"
	"zoomql/graph/batch"
	"zoomql/internal/links"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// Resolver is what every resolver may use.
type Resolver struct {
	// Schema is what operations are read by.
	Schema *ast.Schema
	// Client asks Zoom in the name of whoever sent the operation.
	Client *zoom.Client
	// Budget bounds one operation, and Admission all of them together.
	Budget    Budget
	Admission *admission.Control
	// Idempotency remembers what creates with a key have made.
	Idempotency *idempotency
	// Links hands out links to files; nil hands out none.
	Links *links.Links
	// RawRequests lets callers send operations with parameters of their own.
	RawRequests bool
}

// request is what one GraphQL operation shares: its loaders, what it spent, and
// what its selections ask for.
type request struct {
	schema *ast.Schema
	own    scope
	usage  *zoom.Usage
	items  admission.Items
	spent  spending
	rounds batch.Rounds

	mu    sync.Mutex
	other map[string]*scope // of sub accounts, by Zoom's id
	needs sync.Map          // selectionKey → func() *selection.Needs
	plans plans

	rendered rendering
}

type requestKey struct{}

// from returns the operation's request. It is there below handler.New.
func from(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

// in returns what the operation asks of an account; "" is the own, by whatever
// name.
func (q *request) in(account string) *scope {
	if account == "" || account == me || account == q.own.client.AccountID() {
		return &q.own
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.other[account]
	if s == nil {
		if q.other == nil {
			q.other = map[string]*scope{}
		}
		s = &scope{client: q.own.client.In(account), rounds: &q.rounds}
		q.other[account] = s
	}
	return s
}

// forget drops what the operation has loaded: a write may have changed it. What the
// cache still holds costs no call.
func (q *request) forget() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.own.forget()
	for _, s := range q.other {
		s.forget()
	}
}

// of returns what the operation asks of the account that an object is in.
func of(ctx context.Context, obj interface{ GetOrigin() *types.Origin }) *scope {
	return from(ctx).in(obj.GetOrigin().Account)
}

// begin makes an operation's request: loaders are made anew for each, since a
// batch runs in the context of its first caller.
func (r *Resolver) begin(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	req := &request{schema: r.Schema, own: scope{client: r.Client}, usage: zoom.UsageOf(ctx), items: admission.Items{Pool: r.Admission.Items}}
	req.usage.OnWrite(req.forget)
	ctx, stop := context.WithCancelCause(ctx)
	req.spent.budget, req.spent.control, req.spent.stop, req.spent.done = r.Budget, r.Admission, stop, ctx.Done()
	req.spent.sent = admission.ResponseFrom(ctx)
	opCtx := graphql.GetOperationContext(ctx)
	req.spent.writes = opCtx.Operation.Operation == ast.Mutation
	req.own.rounds = &req.rounds
	req.rounds.Index, req.rounds.Kinds, req.rounds.Skips = schemaIndex(), kindsOf, req.lost
	req.rounds.Begin(opCtx)
	ctx = context.WithValue(ctx, requestKey{}, req)
	ctx = types.WithTenant(ctx, r.Client.Tenant())
	answer := next(ctx)
	return func(ctx context.Context) *graphql.Response {
		defer req.items.Release()
		defer req.spent.end()
		return answer(ctx)
	}
}

// awaited is a field middleware, the first of all: it tells the rounds which fields that
// lead on are resolved.
func awaited(ctx context.Context, next graphql.Resolver) (any, error) {
	if req := from(ctx); req != nil {
		return req.rounds.Field(ctx, next)
	}
	return next(ctx)
}

// admit makes room for a long list, unless the operation is the large one: then others
// may wait for it, and it for nobody.
func (q *request) admit(ctx context.Context, items int) error {
	if q.spent.large.Load() {
		return nil
	}
	waiting, enough := context.WithCancel(ctx)
	defer enough()
	q.spent.whenLarge(enough)
	err := q.items.Acquire(waiting, items)
	if q.spent.large.Load() {
		return nil
	}
	return err
}

// lost reports whether the executor resolves no such field, since its arguments hold
// an id that is none: it says so and goes on. Other values that are none have ended the
// operation before.
func (q *request) lost(opCtx *graphql.OperationContext, f graphql.CollectedField) bool {
	if len(f.Definition.Arguments) == 0 {
		return false
	}
	values := f.ArgumentMap(opCtx.Variables)
	return slices.ContainsFunc(f.Definition.Arguments, func(def *ast.ArgumentDefinition) bool {
		value := values[def.Name]
		return value != nil && q.holdsNoID(inputNode{t: def.Type, value: value})
	})
}

// holdsNoID reports whether what stands in the place of an id is none of the account's.
func (q *request) holdsNoID(n inputNode) bool {
	if n.t.Elem != nil {
		list := reflect.ValueOf(n.value)
		if list.Kind() != reflect.Slice {
			return q.holdsNoID(inputNode{t: n.t.Elem, value: n.value})
		}
		for i := range list.Len() {
			if q.holdsNoID(inputNode{t: n.t.Elem, value: list.Index(i).Interface()}) {
				return true
			}
		}
		return false
	}
	if n.t.NamedType != "ID" {
		return slices.ContainsFunc(n.members(), q.holdsNoID)
	}
	text, ok := n.value.(string)
	_, err := types.DecodeNodeID(q.own.client.Tenant(), text)
	return !ok || err != nil
}
