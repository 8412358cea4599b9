package graph

import (
	"slices"
	"testing"

	"zoomql/graph/generated"
)

// TestNodeTypes expects a row for each type of the schema that implements Node, and no other rows.
func TestNodeTypes(t *testing.T) {
	schema := generated.NewExecutableSchema(generated.Config{}).Schema()
	for _, def := range schema.GetPossibleTypes(schema.Types["Node"]) {
		if nodeTypes[def.Name] == nil {
			t.Errorf("%s implements Node, and no function loads one by its key", def.Name)
		}
	}
	for name := range nodeTypes {
		if def := schema.Types[name]; def == nil || !slices.Contains(def.Interfaces, "Node") {
			t.Errorf("%s does not implement Node", name)
		}
	}
}
