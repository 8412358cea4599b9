package graph

import (
	"context"
	"reflect"
	"slices"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/admission"
	"zoomql/graph/render"
	"zoomql/graph/session"
	"zoomql/internal/links"
	"zoomql/internal/selection"
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

// response is one response of an operation, with what was read for it of each account
// and what is to be written.
type response struct {
	session.Response
	own scope

	mu      sync.Mutex
	other   map[string]*scope // of sub accounts, by Zoom's id
	plans   render.Plans
	buffers render.Buffers
}

// from returns the response that ctx belongs to. It is there below the handler of New.
func from(ctx context.Context) *response {
	r, _ := ctx.Value(session.Key{}).(*response)
	return r
}

// needsOf works out what the field of ctx needs of objects of a type, see
// [session.Operation.Needs].
func needsOf(ctx context.Context, typeName string, ways ...string) *selection.Needs {
	return from(ctx).Needs(ctx, typeName, ways...)
}

// needsOfNodes is needsOf for the nodes of a connection.
func needsOfNodes(ctx context.Context, typeName string) *selection.Needs {
	return needsOf(ctx, typeName, "nodes", "edges.node")
}

// in returns what the operation asks of an account; "" is the own, by whatever
// name.
func (r *response) in(account string) *scope {
	if account == "" || account == me || account == r.own.client.AccountID() {
		return &r.own
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.other[account]
	if s == nil {
		if r.other == nil {
			r.other = map[string]*scope{}
		}
		s = &scope{client: r.own.client.In(account), rounds: &r.Rounds}
		r.other[account] = s
	}
	return s
}

// forget drops what the operation has loaded: a write may have changed it. What the
// cache still holds costs no call.
func (r *response) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.own.forget()
	for _, s := range r.other {
		s.forget()
	}
}

// of returns what the operation asks of the account that an object is in.
func of(ctx context.Context, obj interface{ GetOrigin() *types.Origin }) *scope {
	return from(ctx).in(obj.GetOrigin().Account)
}

// begin begins an operation. Each of its responses has loaders of its own, so that what was
// read for one event of a subscription is not taken for what is there at the next. What a
// subscription asks before its first event is a response that is never written.
func (r *Resolver) begin(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	op := &session.Operation{Client: r.Client, Index: schemaIndex(), Usage: zoom.UsageOf(ctx), Budget: r.Budget, Admission: r.Admission}
	ctx = types.WithTenant(ctx, r.Client.Tenant())
	if graphql.GetOperationContext(ctx).Operation.Operation == ast.Subscription {
		opening, end := respond(ctx, op)
		context.AfterFunc(ctx, end)
		ctx = opening
	}
	answer := next(ctx)
	return func(ctx context.Context) *graphql.Response {
		ctx, end := respond(ctx, op)
		defer end()
		return answer(ctx)
	}
}

// respond begins a response of an operation.
func respond(ctx context.Context, op *session.Operation) (_ context.Context, end func()) {
	resp := &response{own: scope{client: op.Client}}
	resp.own.rounds, resp.Rounds.Kinds, resp.Rounds.Skips = &resp.Rounds, kindsOf, resp.lost
	op.Usage.OnWrite(resp.forget)
	return op.Begin(ctx, resp)
}

// awaited is a field middleware, the first of all: it tells the rounds which fields that
// lead on are resolved.
func awaited(ctx context.Context, next graphql.Resolver) (any, error) {
	if r := from(ctx); r != nil {
		return r.Rounds.Field(ctx, next)
	}
	return next(ctx)
}

// lost reports whether the executor resolves no such field, since its arguments hold
// an id that is none: it says so and goes on. Other values that are none have ended the
// operation before.
func (r *response) lost(opCtx *graphql.OperationContext, f graphql.CollectedField) bool {
	if len(f.Definition.Arguments) == 0 {
		return false
	}
	values := f.ArgumentMap(opCtx.Variables)
	return slices.ContainsFunc(f.Definition.Arguments, func(def *ast.ArgumentDefinition) bool {
		value := values[def.Name]
		return value != nil && r.holdsNoID(inputNode{t: def.Type, value: value})
	})
}

// holdsNoID reports whether what stands in the place of an id is none of the account's.
func (r *response) holdsNoID(n inputNode) bool {
	if n.t.Elem != nil {
		list := reflect.ValueOf(n.value)
		if list.Kind() != reflect.Slice {
			return r.holdsNoID(inputNode{t: n.t.Elem, value: n.value})
		}
		for i := range list.Len() {
			if r.holdsNoID(inputNode{t: n.t.Elem, value: list.Index(i).Interface()}) {
				return true
			}
		}
		return false
	}
	if n.t.NamedType != "ID" {
		return slices.ContainsFunc(n.members(), r.holdsNoID)
	}
	text, ok := n.value.(string)
	_, err := types.DecodeNodeID(r.own.client.Tenant(), text)
	return !ok || err != nil
}
