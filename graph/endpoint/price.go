package endpoint

import (
	"context"
	"net/http"
	"strings"

	"github.com/99designs/gqlgen/graphql"
)

// dryRunHeader requests the cost of any operation in extensions.plan, without executing it.
const dryRunHeader = "X-Dry-Run"

// planHeader requests the plan of an operation in addition to its data, like "extensions":
// {"plan": true} in the request.
const planHeader = "X-Plan"

// isTrue reports whether a header is set: to true or 1, in small or capital letters.
func isTrue(r *http.Request, name string) bool {
	value := first(r.Header[name])
	return value == "1" || strings.EqualFold(value, "true")
}

// unclearDryRun tells what to send where the header that has an operation not carried out says
// neither yes nor no: a caller who meant yes must not have it carried out. It is "" where the
// header is clear.
func unclearDryRun(r *http.Request) string {
	value := first(r.Header[dryRunHeader])
	if value == "" || value == "0" || strings.EqualFold(value, "false") || isTrue(r, dryRunHeader) {
		return ""
	}
	return dryRunHeader + " is to be true or false"
}

// WantsPlan reports whether the answer to an operation is to contain its plan.
func WantsPlan(opCtx *graphql.OperationContext) bool {
	wanted, _ := opCtx.Extensions["plan"].(bool)
	return wanted
}

// price answers with the cost of an operation instead of its data.
func (e *Endpoint) price(ctx context.Context, w http.ResponseWriter, r *http.Request, q *request, opCtx *graphql.OperationContext) {
	(&outcome{text: encode(e.priced(ctx, opCtx))}).send(w, r, q)
}

// priced returns the cost of an operation instead of its data.
func (e *Endpoint) priced(ctx context.Context, opCtx *graphql.OperationContext) *graphql.Response {
	resp := &graphql.Response{Data: []byte("null"), Extensions: map[string]any{}}
	if e.plan != nil {
		resp.Extensions["plan"] = e.plan(ctx, opCtx)
	}
	return resp
}
