package graph

import (
	"context"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// Resolver is what every resolver may use.
type Resolver struct {
	// Client asks Zoom in the name of whoever sent the operation.
	Client *zoom.Client
	// Admission bounds what is open at once.
	Admission *admission
	// Idempotency remembers what creates with a key have made.
	Idempotency *idempotency
}

// request is what one GraphQL operation shares: its loaders, what it spent, and
// what its selections ask for.
type request struct {
	loaders
	usage zoom.Usage
	stay  stay
	asked sync.Map // selection → *asked
	runs  sync.Map // UUID → types.MeetingNumber, as far as known
}

type requestKey struct{}

// from returns the operation's request. It is there below handler.New.
func from(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

// begin makes an operation's request: loaders are made anew for each, since a
// batch runs in the context of its first caller.
func (r *Resolver) begin(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	req := &request{loaders: loaders{client: r.Client}, stay: stay{of: r.Admission}}
	ctx = context.WithValue(ctx, requestKey{}, req)
	ctx = types.WithTenant(ctx, req.client.Tenant())
	answer := next(zoom.WithUsage(ctx, &req.usage))
	return func(ctx context.Context) *graphql.Response {
		defer req.stay.end()
		return answer(ctx)
	}
}
