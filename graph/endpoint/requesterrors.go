package endpoint

import (
	"fmt"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// explained puts errors of a request that cannot be executed so that they say what to
// change: which operation to name, and which variable is wrong.
func explained(opCtx *graphql.OperationContext, errs gqlerror.List) gqlerror.List {
	if opCtx.Doc != nil && opCtx.Operation == nil {
		err := gqlerror.Errorf("%s", noOperation(opCtx))
		errcode.Set(err, errcode.ValidationFailed)
		return gqlerror.List{err}
	}
	for _, err := range errs {
		if len(err.Path) < 2 || err.Path[0] != ast.PathName("variable") {
			continue
		}
		if place := "$" + err.Path[1:].String(); !strings.Contains(err.Message, fmt.Sprintf("$%s", err.Path[1])) {
			err.Message = place + ": " + err.Message
		}
	}
	return errs
}

// maxNames is how many operations a message lists.
const maxNames = 10

// noOperation says why a document has no operation to execute.
//
// Spec: https://spec.graphql.org/draft/#GetOperation()
func noOperation(opCtx *graphql.OperationContext) string {
	var names []string
	for _, op := range opCtx.Doc.Operations {
		if op.Name != "" && len(op.Name) <= maxShownName {
			names = append(names, op.Name)
		}
	}
	list := strings.Join(names[:min(len(names), maxNames)], ", ")
	switch {
	case len(opCtx.Doc.Operations) == 0:
		return "The document has no operation."
	case opCtx.OperationName == "":
		return fmt.Sprintf("The document has %d operations: name the one to execute by operationName (%s).", len(opCtx.Doc.Operations), list)
	case len(names) == 0:
		return "The document has no operation that is called as operationName says: its operation has no name. Leave operationName away."
	}
	name := opCtx.OperationName
	if len(name) > maxShownName {
		name = strings.ToValidUTF8(name[:maxShownName], "") + "…"
	}
	return fmt.Sprintf("operationName: the document has no operation %q; there are %s.", name, list)
}

// maxShownName is how long a name may be that is quoted.
const maxShownName = 100
