package graph

import (
	"context"
	"sync"
	"unsafe"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/generated"
	"zoomql/internal/selection"
)

// schemaIndex returns the schema by what its fields cost. Instances and rooms on the
// dashboard have names of their own beside those of the inputs.
var schemaIndex = sync.OnceValue(func() *selection.Index {
	return selection.NewIndex(generated.NewExecutableSchema(generated.Config{}).Schema(), map[string][]string{
		"DashboardMeeting": {"uuid"}, "DashboardWebinar": {"uuid"}, "DashboardZoomRoom": {"zoomId"},
	})
})

// selectionKey identifies a merged selection set within one operation.
type selectionKey struct {
	first    *ast.Selection
	length   int
	typeName string
}

// needsOf works out what the field of ctx needs of objects of a type. ways are
// those from the field to them, such as "edges.node"; none means that the field
// is of the type.
func needsOf(ctx context.Context, typeName string, ways ...string) *selection.Needs {
	field := graphql.GetFieldContext(ctx).Field
	req := from(ctx)
	key := selectionKey{unsafe.SliceData(field.Selections), len(field.Selections), typeName}
	known, ok := req.needs.Load(key)
	if !ok {
		// The items of a list come here at once: one of them works it out.
		known, _ = req.needs.LoadOrStore(key, sync.OnceValue(func() *selection.Needs {
			return schemaIndex().Needs(graphql.GetOperationContext(ctx), field.Selections, typeName, ways...)
		}))
	}
	return known.(func() *selection.Needs)()
}

// needsOfNodes is needsOf for the nodes of a connection.
func needsOfNodes(ctx context.Context, typeName string) *selection.Needs {
	return needsOf(ctx, typeName, "nodes", "edges.node")
}

// merged returns an object with what two answers tell of it, see [selection.Merged].
func merged[T any, P sourced[T]](row, whole *T) *T {
	return selection.Merged(schemaIndex(), row, whole, P(whole).GetOrigin().Op)
}
