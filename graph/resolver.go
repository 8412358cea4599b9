// Package graph serves the schema: the resolvers, and the code that they need beyond one call.
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
	"zoomql/graph/pricing"
	"zoomql/graph/render"
	"zoomql/graph/rosters"
	"zoomql/graph/session"
	"zoomql/internal/events"
	"zoomql/internal/links"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

//go:generate go run -C .. ./internal/codegen

// Resolver has the dependencies of all resolvers.
type Resolver struct {
	// Schema is the schema that documents are validated against.
	Schema *ast.Schema
	// Client calls Zoom, for each operation with the credential of its caller.
	Client *zoom.Client
	// Budget bounds one operation, and Admission all of them together.
	Budget    session.Budget
	Admission *admission.Control
	// Idempotency has the outcomes of creates with an idempotencyKey.
	Idempotency *idempotency.Memory
	// Links signs links to files; nil signs none.
	Links *links.Links
	// RawRequests lets callers send operations with parameters of their own.
	RawRequests bool
	// Events returns whether Zoom's events of the account arrive; nil if none are accepted.
	Events EventStatus
	// Bus has the events of the account; nil if none are accepted. Names reports that the
	// events have the names of people, too.
	Bus   *events.Bus
	Names bool

	prices  pricing.Pricer
	rosters rosters.Rosters
	runs    rosters.Runs
	evicted evictedOnce
	budgets budgetWatch
}

// EventStatus reports whether Zoom's events of an account arrive.
type EventStatus interface {
	// Status returns whether they arrive, when the last one arrived, which is the zero time
	// if none did, and their source.
	Status(now time.Time) (alive bool, last time.Time, source types.EventSource)
}

// begin begins an operation. A subscription is executed for each of its items, so that no item
// has data that were read for an earlier one.
func (r *Resolver) begin(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	op := &session.Operation{Client: r.prices.ClientOf(ctx, graphql.GetOperationContext(ctx)), Index: schemaIndex(), Usage: zoom.UsageOf(ctx), Budget: r.Budget, Admission: r.Admission}
	ctx = types.WithTenant(ctx, r.Client.Tenant())
	known := r.prices.Preflight(ctx, op.Client)
	r.prices.Price(ctx, graphql.GetOperationContext(ctx))
	if opCtx := graphql.GetOperationContext(ctx); opCtx.Operation.Operation == ast.Subscription {
		ctx, end := r.respond(ctx, op, known)
		answer := next(ctx)
		return func(ctx context.Context) *graphql.Response {
			defer end()
			return answer(withRoot(ctx, opCtx))
		}
	}
	answer := next(ctx)
	return func(ctx context.Context) *graphql.Response {
		ctx, end := r.respond(ctx, op, known)
		defer end()
		return answer(ctx)
	}
}

// withRoot adds the root field of a subscription to the paths of the fields below it, which the
// executor leaves out.
func withRoot(ctx context.Context, opCtx *graphql.OperationContext) context.Context {
	fields := graphql.CollectFields(opCtx, opCtx.Operation.SelectionSet, []string{"Subscription"})
	if len(fields) != 1 {
		return ctx
	}
	return graphql.WithFieldContext(ctx, &graphql.FieldContext{Object: "Subscription", Field: fields[0]})
}

// respond begins a response of an operation.
func (r *Resolver) respond(ctx context.Context, op *session.Operation, known *pricing.Preflight) (_ context.Context, end func()) {
	resp := &response{root: r, own: scope{client: op.Client}, preflight: known, plan: r.prices.Plan(ctx), plans: render.Plans{Follows: followsToUser}}
	resp.dry = pricing.IsDry(graphql.GetOperationContext(ctx)) && !zoom.Peeking(ctx)
	resp.own.rounds, resp.Rounds.Kinds, resp.Rounds.Skips = &resp.Rounds, kindsOf, resp.lost
	op.Usage.OnWrite(resp.forget)
	op.Usage.Levels(resp.Rounds.LevelOf)
	return op.Begin(ctx, resp)
}

// awaited is the first field middleware: it reports to the rounds which fields with edges are
// resolved. It resolves none in a query that only requests its price, and none that the
// preflight has found to lack a scope.
func awaited(ctx context.Context, next graphql.Resolver) (any, error) {
	r := from(ctx)
	switch {
	case r == nil:
		return next(ctx)
	case r.dry && graphql.GetFieldContext(ctx).Object == "Viewer":
		return nil, nil
	}
	if r.preflight != nil {
		return r.Rounds.Field(ctx, func(ctx context.Context) (any, error) { return r.preflight.Resolve(ctx, next) })
	}
	return r.Rounds.Field(ctx, next)
}

// lost reports whether the executor does not resolve a field, because its arguments have an
// invalid id: it adds an error and continues. Other invalid values have ended the operation
// before.
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

// holdsNoID reports whether an argument has, in the place of an id, a value that is no id of the
// account.
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
