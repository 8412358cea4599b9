package endpoint

import (
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/generated"
)

// TestNamesAreLookedAtOnce looks at a variable that stands for one argument in many
// places, and at values without a form: neither takes more than its length.
func TestNamesAreLookedAtOnce(t *testing.T) {
	n := &nameLimits{generated.NewExecutableSchema(generated.Config{}).Schema()}
	c := argumentCheck{n, map[string]any{"v": []any{strings.Repeat("x", 300)}}, map[[2]string]bool{}}
	texts, v := ast.ListType(ast.NamedType("String", nil), nil), &ast.Value{Kind: ast.Variable, Raw: "v"}
	for _, name := range []string{"groupIds", "fileZoomIds"} {
		if c.literal(name, texts, v) == nil {
			t.Errorf("a long text passes for one of %s", name)
		}
		if c.literal(name, texts, v) != nil {
			t.Errorf("the variable is looked at once more for %s", name)
		}
	}
	free := any("x")
	for range 1000 {
		free = []any{free}
	}
	if n := testing.AllocsPerRun(1, func() { n.value("body", ast.NamedType("JSON", nil), free) }); n > 0 {
		t.Errorf("a value without a form takes %.0f allocations", n)
	}
}
