package endpoint

import (
	"context"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
)

// dryRunHeader asks what an operation costs, whichever it is: it is not carried out, and
// extensions.plan tells.
const dryRunHeader = "X-Dry-Run"

// isDryRun reports whether a request asks for the price of its operation.
func isDryRun(r *http.Request) bool {
	switch first(r.Header[dryRunHeader]) {
	case "true", "1":
		return true
	}
	return false
}

// wantsPlan reports whether an operation is to be answered with its plan beside the data.
func wantsPlan(opCtx *graphql.OperationContext) bool {
	wanted, _ := opCtx.Extensions["plan"].(bool)
	return wanted
}

// price answers with what an operation costs, in the place of its data.
func (e *Endpoint) price(ctx context.Context, w http.ResponseWriter, r *http.Request, q *request, opCtx *graphql.OperationContext) {
	resp := &graphql.Response{Data: []byte("null"), Extensions: map[string]any{}}
	if e.plan != nil {
		resp.Extensions["plan"] = e.plan(ctx, opCtx)
	}
	(&outcome{text: encode(resp)}).send(w, r, q)
}
