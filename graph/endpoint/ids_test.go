package endpoint

import (
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/generated"
)

// A variable is checked once for each argument name, and a value of the scalar JSON is not walked.
func TestNameLimits_checksOnce(t *testing.T) {
	n := &nameLimits{generated.NewExecutableSchema(generated.Config{}).Schema()}
	c := argumentCheck{n, map[string]any{"v": []any{strings.Repeat("x", 300)}}, map[[2]string]bool{}}
	texts, v := ast.ListType(ast.NamedType("String", nil), nil), &ast.Value{Kind: ast.Variable, Raw: "v"}
	for _, name := range []string{"groupIds", "fileZoomIds"} {
		if c.literal(name, texts, v) == nil {
			t.Errorf("a long text is accepted in %s", name)
		}
		if c.literal(name, texts, v) != nil {
			t.Errorf("the variable is checked again for %s", name)
		}
	}
	free := any("x")
	for range 1000 {
		free = []any{free}
	}
	if n := testing.AllocsPerRun(1, func() { n.value("body", ast.NamedType("JSON", nil), free) }); n > 0 {
		t.Errorf("free JSON takes %.0f allocations", n)
	}
}
