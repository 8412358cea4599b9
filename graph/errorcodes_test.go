package graph

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql/errcode"

	"zoomql/graph/schema"
)

// coded matches codes that are written into errors without a constant.
var coded = regexp.MustCompile(`"code\\*":\s*\\*"([A-Z_]+)`)

// TestErrorCodes compares the codes that the program can answer with and those in the schema.
func TestErrorCodes(t *testing.T) {
	t.Parallel()
	made := map[string]bool{
		errcode.ValidationFailed: true, errcode.ParseFailed: true,
	}
	for _, dir := range []string{".", "endpoint", "errs", "list", "render", "session", "../internal/access", "../internal/links"} {
		for _, code := range codesIn(t, dir) {
			made[code] = true
		}
	}
	told := map[string]bool{}
	for _, value := range schema.Load().Types["ErrorCode"].EnumValues {
		told[value.Name] = true
		if value.Description == "" {
			t.Errorf("%s is not described", value.Name)
		}
		if !made[value.Name] {
			t.Errorf("the schema has %s, and no error has it", value.Name)
		}
	}
	for code := range made {
		if !told[code] {
			t.Errorf("the schema does not tell of %s", code)
		}
	}
	if len(made) < 30 {
		t.Errorf("only %d codes were found", len(made))
	}
}

// codesIn returns the codes in the files of a package: constants of the schema's enum, constants
// whose names begin with code, and literals in errors.
func codesIn(t *testing.T, dir string) []string {
	t.Helper()
	var codes []string
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, name := range n.Names {
					if strings.HasPrefix(name.Name, "code") && i < len(n.Values) {
						codes = append(codes, literal(n.Values[i])...)
					}
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); slices.Equal(literal(n.Key), []string{"code"}) || ok && key.Name == "code" {
					codes = append(codes, literal(n.Value)...)
				}
			case *ast.SelectorExpr:
				if name, ok := strings.CutPrefix(n.Sel.Name, "ErrorCode"); ok && name != "" {
					codes = append(codes, constantCase(name))
				}
			case *ast.BasicLit:
				if m := coded.FindStringSubmatch(n.Value); m != nil {
					codes = append(codes, m[1])
				}
			}
			return true
		})
	}
	return codes
}

// constantCase returns the name of an enum value from that of its constant in Go.
func constantCase(name string) string {
	return strings.ToUpper(wordStart.ReplaceAllString(name, "_$0"))
}

var wordStart = regexp.MustCompile(`\B[A-Z]`)

// literal returns the value of a string literal.
func literal(e ast.Expr) []string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return nil
	}
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		return nil
	}
	return []string{text}
}
