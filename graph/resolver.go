// Package graph serves the schema: resolvers, and what they need beyond one call.
package graph

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/admission"
	"zoomql/graph/argument"
	"zoomql/graph/idempotency"
	"zoomql/graph/session"
	"zoomql/internal/identity"
	"zoomql/internal/links"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

//go:generate go run -C .. ./internal/codegen

// Resolver is what every resolver may use.
type Resolver struct {
	// Schema is what operations are read by.
	Schema *ast.Schema
	// Client asks Zoom, for each operation in the name of whoever sent it.
	Client *zoom.Client
	// Budget bounds one operation, and Admission all of them together.
	Budget    session.Budget
	Admission *admission.Control
	// Idempotency remembers what creates with a key have made.
	Idempotency *idempotency.Memory
	// Links hands out links to files; nil hands out none.
	Links *links.Links
	// MaxPrice is what one operation may cost.
	MaxPrice MaxPrice
	// RawRequests lets callers send operations with parameters of their own.
	RawRequests bool
	// Events tells whether Zoom's events of the account come; nil where none are taken.
	Events EventStatus
}

// EventStatus tells whether Zoom's events of an account come.
type EventStatus interface {
	// Status returns whether they come, and when the last one came; the zero time where
	// none did.
	Status(now time.Time) (alive bool, last time.Time)
}

// begin begins an operation. Each of its responses has loaders of its own, so that what was
// read for one event of a subscription is not taken for what is there at the next. What a
// subscription asks before its first event is a response that is never written.
func (r *Resolver) begin(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	op := &session.Operation{Client: r.Client.As(identity.From(ctx)), Index: schemaIndex(), Usage: zoom.UsageOf(ctx), Budget: r.Budget, Admission: r.Admission}
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
	resp.dry = isDry(graphql.GetOperationContext(ctx))
	resp.own.rounds, resp.Rounds.Kinds, resp.Rounds.Skips = &resp.Rounds, kindsOf, resp.lost
	op.Usage.OnWrite(resp.forget)
	return op.Begin(ctx, resp)
}

// awaited is a field middleware, the first of all: it tells the rounds which fields that
// lead on are resolved. Of a query that asks for its price, none is.
func awaited(ctx context.Context, next graphql.Resolver) (any, error) {
	r := from(ctx)
	switch {
	case r == nil:
		return next(ctx)
	case r.dry && graphql.GetFieldContext(ctx).Object == "Viewer":
		return nil, nil
	}
	return r.Rounds.Field(ctx, next)
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
		return value != nil && r.holdsNoID(argument.Node{Type: def.Type, Value: value})
	})
}

// holdsNoID reports whether what stands in the place of an id is none of the account's.
func (r *response) holdsNoID(n argument.Node) bool {
	if n.Type.Elem != nil {
		list := reflect.ValueOf(n.Value)
		if list.Kind() != reflect.Slice {
			return r.holdsNoID(argument.Node{Type: n.Type.Elem, Value: n.Value})
		}
		for i := range list.Len() {
			if r.holdsNoID(argument.Node{Type: n.Type.Elem, Value: list.Index(i).Interface()}) {
				return true
			}
		}
		return false
	}
	if n.Type.NamedType != "ID" {
		return slices.ContainsFunc(n.Members(), r.holdsNoID)
	}
	text, ok := n.Value.(string)
	_, err := types.DecodeNodeID(r.own.client.Tenant(), text)
	return !ok || err != nil
}
