package endpoint

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// explained returns the errors of a request that cannot be executed, rewritten to name what to change: the
// operation name, or the variable.
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
		for i, step := range err.Path {
			if name, ok := step.(ast.PathName); ok && !isName(string(name)) {
				err.Path[i] = ast.PathName("…")
			}
		}
		if place := "$" + err.Path[1:].String(); !strings.Contains(err.Message, fmt.Sprintf("$%s", err.Path[1])) {
			err.Message = place + ": " + unquoted(err.Message)
		}
	}
	return errs
}

// orderUnknown has the error about an unknown field of an input object in a variable name the
// first one by the alphabet: gqlparser names any of them, since it reads them from a map, and the
// same request would have different answers.
func (r *reader) orderUnknown(opCtx *graphql.OperationContext, variables map[string]any, errs gqlerror.List) {
	if len(errs) != 1 || errs[0].Message != "unknown field" || len(errs[0].Path) < 3 || errs[0].Path[0] != ast.PathName("variable") {
		return
	}
	path := errs[0].Path[1:]
	name, _ := path[0].(ast.PathName)
	def := opCtx.Operation.VariableDefinitions.ForName(string(name))
	if def == nil {
		return
	}
	last := len(path) - 1
	t, value := r.inputAt(def.Type, variables[string(name)], path[1:last])
	if t == nil {
		return
	}
	fields, _ := value.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if t.Fields.ForName(name) == nil && name != "__typename" { // which gqlparser accepts
			path[last] = ast.PathName(name)
			return
		}
	}
}

// inputAt returns a part of a variable's value, and its type; nil where the path leads to none.
func (r *reader) inputAt(t *ast.Type, value any, path ast.Path) (*ast.Definition, any) {
	for _, step := range path {
		switch step := step.(type) {
		case ast.PathIndex:
			if items, ok := value.([]any); ok { // or it is a list of one by input coercion
				if int(step) >= len(items) {
					return nil, nil
				}
				value = items[step]
			}
			t = t.Elem
		case ast.PathName:
			fields, _ := value.(map[string]any)
			value = fields[string(step)]
			field := r.schema.Types[t.Name()].Fields.ForName(string(step))
			if field == nil {
				return nil, nil
			}
			t = field.Type
		}
		if t == nil {
			return nil, nil
		}
	}
	return r.schema.Types[t.Name()], value
}

// wrongType matches gqlparser's messages about a value of a wrong type. They name Go's types, quote
// values, which may be secrets of any length, and show a number with a fraction as 0.
var wrongType = regexp.MustCompile(`(?s)^(?:cannot use .* as|.* is not a valid|must be an?) (\w+)(?:, not an? \w+)?$`)

// unquoted returns a message about the value of a variable without the value.
func unquoted(message string) string {
	if m := wrongType.FindStringSubmatch(message); m != nil {
		return "it is not of type " + m[1]
	}
	return message
}

// isName reports whether a text is a GraphQL name that is short enough to be shown. A caller may send any
// text in place of a name.
func isName(text string) bool {
	return len(text) <= maxShownName && nameForm.MatchString(text)
}

var nameForm = regexp.MustCompile(`^[_A-Za-z][_0-9A-Za-z]*$`)

// maxNames bounds the operations that a message lists.
const maxNames = 10

// noOperation describes why a document has no operation to execute.
//
// Spec: https://spec.graphql.org/draft/#GetOperation()
func noOperation(opCtx *graphql.OperationContext) string {
	var names []string
	for _, op := range opCtx.Doc.Operations {
		if op.Name != "" {
			names = append(names, shortName(op.Name))
		}
	}
	list := strings.Join(names[:min(len(names), maxNames)], ", ")
	switch {
	case len(opCtx.Doc.Operations) == 0:
		return "The document has no operation."
	case opCtx.OperationName == "":
		return fmt.Sprintf("The document has %d operations: set operationName to the one to execute (%s).", len(opCtx.Doc.Operations), list)
	case len(names) == 0:
		return "The document has no operation with the name in operationName: its operation has no name. Omit operationName."
	}
	return fmt.Sprintf("operationName: the document has no operation %q; its operations: %s.", shortName(opCtx.OperationName), list)
}

// shortName returns a name, truncated to maxShownName.
func shortName(name string) string {
	if len(name) > maxShownName {
		return strings.ToValidUTF8(name[:maxShownName], "") + "…"
	}
	return name
}

// maxShownName bounds the names in messages, in bytes.
const maxShownName = 100
