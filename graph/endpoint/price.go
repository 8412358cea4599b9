package endpoint

import (
	"context"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/graph/admission"
	"zoomql/internal/negotiation"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// dryRunHeader requests the plan of an operation, in extensions.plan, instead of its execution.
const dryRunHeader = "X-Dry-Run"

// planHeader requests the plan of an operation in addition to its data, like "extensions": {"plan": true}
// in the request.
const planHeader = "X-Plan"

// isTrue reports whether a header is true, in any case, or 1. name is canonical.
func isTrue(r *http.Request, name string) bool {
	on, _ := negotiation.Flag(r.Header[name])
	return on
}

// headerProblem returns the message for an X-Dry-Run or X-Plan that is neither true nor false, or that
// is sent twice; "" for others. Such a request is refused, since its sender may not have meant the operation
// to be executed, or would look for the plan in vain.
func headerProblem(r *http.Request) string {
	for _, name := range [...]string{dryRunHeader, planHeader} {
		if _, ok := negotiation.Flag(r.Header[name]); !ok {
			return "the header " + name + " must be one of true, 1, false and 0, and be sent once"
		}
	}
	return ""
}

// WantsPlan reports whether a request asks for the plan in addition to the data.
func WantsPlan(opCtx *graphql.OperationContext) bool {
	wanted, _ := opCtx.Extensions["plan"].(bool)
	return wanted
}

// price answers with the plan of an operation instead of its data.
func (e *Endpoint) price(ctx context.Context, w http.ResponseWriter, r *http.Request, q *request, opCtx *graphql.OperationContext) {
	(&outcome{text: encode(e.priced(ctx, opCtx))}).send(w, r, q)
}

// priced returns the plan of an operation instead of its data. The errors beside it are those for
// which the operation would be refused, or would return nothing.
func (e *Endpoint) priced(ctx context.Context, opCtx *graphql.OperationContext) *graphql.Response {
	resp := &graphql.Response{Data: []byte("null"), Extensions: map[string]any{}}
	if e.check != nil {
		if err := e.check(ctx, opCtx); err != nil {
			resp.Errors = gqlerror.List{err}
		}
	}
	if e.plan == nil {
		return resp
	}
	resp.Extensions["plan"] = e.plan(ctx, opCtx)
	if opCtx.Operation.Operation == ast.Query && resp.Errors == nil {
		resp.Errors = e.mistakes(ctx, opCtx)
	}
	return resp
}

// mistakes returns the errors about the arguments of a query: a list with an argument that it refuses
// makes no call, and the price alone would not show why. The query is executed to find them, with the
// cache alone.
func (e *Endpoint) mistakes(ctx context.Context, opCtx *graphql.OperationContext) (found gqlerror.List) {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	held := &admission.Response{}
	defer held.Release()
	ctx = admission.WithResponse(zoom.WithUsage(zoom.WithPeek(ctx, &zoom.Peek{}), &zoom.Usage{}), held)
	responses, inner := e.exec.DispatchOperation(ctx, opCtx)
	resp := responses(inner)
	if resp == nil {
		return nil // the time is up, or the client has gone
	}
	for _, err := range resp.Errors {
		if err.Extensions["code"] == string(types.ErrorCodeBadUserInput) {
			found = append(found, err)
		}
	}
	return found
}
