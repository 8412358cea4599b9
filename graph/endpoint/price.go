package endpoint

import (
	"context"
	"net/http"
	"strings"

	"github.com/99designs/gqlgen/graphql"
)

// dryRunHeader requests the plan of an operation, in extensions.plan, instead of its execution.
const dryRunHeader = "X-Dry-Run"

// planHeader requests the plan of an operation in addition to its data, like "extensions": {"plan": true}
// in the request.
const planHeader = "X-Plan"

// isTrue reports whether a header is true, in any case, or 1. name is canonical.
func isTrue(r *http.Request, name string) bool {
	value := first(r.Header[name])
	return value == "1" || strings.EqualFold(value, "true")
}

// dryRunProblem returns the message for a value of X-Dry-Run that is neither true nor false; "" for others.
// Such a request is refused, since its sender may not have meant the operation to be executed.
func dryRunProblem(r *http.Request) string {
	value := first(r.Header[dryRunHeader])
	if value == "" || value == "0" || strings.EqualFold(value, "false") || isTrue(r, dryRunHeader) {
		return ""
	}
	return dryRunHeader + " must be true or false"
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

// priced returns the plan of an operation instead of its data.
func (e *Endpoint) priced(ctx context.Context, opCtx *graphql.OperationContext) *graphql.Response {
	resp := &graphql.Response{Data: []byte("null"), Extensions: map[string]any{}}
	if e.plan != nil {
		resp.Extensions["plan"] = e.plan(ctx, opCtx)
	}
	return resp
}
