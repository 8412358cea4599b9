package endpoint

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/internal/zoom/types"
)

// introspectionOff refuses operations that select __schema or __type. gqlgen's executor would return an
// internal error for such a field, and still execute the other fields.
type introspectionOff struct{}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = introspectionOff{}

// ExtensionName names the extension.
func (introspectionOff) ExtensionName() string { return "IntrospectionOff" }

// Validate has nothing to check.
func (introspectionOff) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext refuses an operation that selects __schema or __type.
func (introspectionOff) MutateOperationContext(_ context.Context, opCtx *graphql.OperationContext) *gqlerror.Error {
	field := schemaField(opCtx.Operation.SelectionSet, map[string]bool{})
	if field == nil {
		return nil
	}
	err := gqlerror.ErrorPosf(field.Position, "Introspection is off. The command \"zoomql schema\" prints the schema; PLAYGROUND=on turns introspection on.")
	err.Extensions = nil // ErrorPosf sets a file name, which a query does not have
	return WithCode(err, types.ErrorCodeIntrospectionDisabled)
}

// schemaField returns a root field for introspection; nil if there is none. seen has the fragments that
// have been searched.
func schemaField(set ast.SelectionSet, seen map[string]bool) *ast.Field {
	for _, selection := range set {
		var inner ast.SelectionSet
		switch s := selection.(type) {
		case *ast.Field:
			if s.Name == "__schema" || s.Name == "__type" {
				return s
			}
		case *ast.InlineFragment:
			inner = s.SelectionSet
		case *ast.FragmentSpread:
			if !seen[s.Name] && s.Definition != nil {
				seen[s.Name] = true
				inner = s.Definition.SelectionSet
			}
		}
		if field := schemaField(inner, seen); field != nil {
			return field
		}
	}
	return nil
}
