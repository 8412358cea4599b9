package zoom

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// files parses the Go files of a directory, without tests.
func files(t *testing.T, dir string) map[string]*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	parsed := map[string]*ast.File{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		if parsed[name], err = parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments); err != nil {
			t.Fatal(err)
		}
	}
	return parsed
}

// The package comment and the README list the layers in the order of a call, and each has a
// file of its name.
func TestLayers_packageComment(t *testing.T) {
	chainIn := func(text string) []string {
		for line := range strings.Lines(text) {
			if _, chain, ok := strings.Cut(line, "Do → "); ok {
				return append([]string{"Do"}, strings.Split(strings.TrimSpace(chain), " → ")...)
			}
		}
		return nil
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Do"}
	for _, layer := range newTestClient(nil).layers() {
		want = append(want, layer.name)
	}
	want = append(want, "transport", "Zoom")
	for where, text := range map[string]string{"the package comment": files(t, ".")["client.go"].Doc.Text(), "README.md": string(readme)} {
		if diff := cmp.Diff(want, chainIn(text)); diff != "" {
			t.Errorf("%s: -chain +text\n%s", where, diff)
		}
	}
	for _, name := range want[1 : len(want)-1] {
		if _, err := os.Stat(name + ".go"); err != nil {
			t.Error(err)
		}
	}
}

// The comment of each layer names what it reads, writes and refuses. The layer alone writes
// the notes named there, into a copy of the request.
func TestLayers_contract(t *testing.T) {
	all := files(t, ".")
	writers := map[string][]string{} // by note
	for note := range reflect.TypeFor[notes]().Fields() {
		writers[note.Name] = nil
	}
	for name, file := range all {
		ast.Inspect(file, func(n ast.Node) bool {
			assign, ok := n.(*ast.AssignStmt)
			if !ok {
				return true
			}
			for _, to := range assign.Lhs {
				field, ok := to.(*ast.SelectorExpr)
				if !ok {
					continue
				}
				if before, note := writers[field.Sel.Name]; note && isRequest(field.X) {
					writers[field.Sel.Name] = append(before, name)
					if on := field.X.(*ast.Ident).Name; on == "req" || on == "r" {
						t.Errorf("%s writes %s into the request that it was given", name, field.Sel.Name)
					}
				}
			}
			return true
		})
	}
	for _, layer := range append(newTestClient(nil).layers(), layer{name: "transport"}) {
		file := layer.name + ".go"
		reads, writes, refuses := contractOf(all[file])
		if reads == "" || writes == "" || refuses == "" {
			t.Errorf("%s does not say what the layer reads (%q), writes (%q) and refuses (%q)", file, reads, writes, refuses)
		}
		for note, by := range writers {
			if does, says := slices.Contains(by, file), strings.Contains(writes, note); does != says {
				t.Errorf("%s says that it writes %q; it writes %s: %v", file, writes, note, does)
			}
		}
	}
	for note, by := range writers {
		if slices.Sort(by); len(slices.Compact(by)) != 1 {
			t.Errorf("%s is written by %v", note, by)
		}
	}
}

// isRequest reports whether an expression is a variable with one of the names of requests.
func isRequest(x ast.Expr) bool {
	name, ok := x.(*ast.Ident)
	return ok && slices.Contains([]string{"req", "r", "missed", "again", "allowed"}, name.Name)
}

// contractOf parses the comment of a layer.
func contractOf(file *ast.File) (reads, writes, refuses string) {
	for _, group := range file.Comments {
		for line := range strings.Lines(group.Text()) {
			what, says, _ := strings.Cut(strings.TrimSpace(line), ":")
			switch says = strings.TrimSpace(says); what {
			case "reads":
				reads = says
			case "writes":
				writes = says
			case "refuses":
				refuses = says
			}
		}
	}
	return reads, writes, refuses
}

// Only look reads the cache, and held, which compares entries.
func TestAnswerStore_onlyLookReadsCache(t *testing.T) {
	for name, file := range files(t, ".") {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				method, ok := call.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				on, isField := method.X.(*ast.SelectorExpr)
				reads := isField && slices.Contains([]string{"store", "l1", "shared"}, on.Sel.Name) && slices.Contains([]string{"Get", "GetOrLease"}, method.Sel.Name)
				if reads && f.Name.Name != "look" && f.Name.Name != "held" {
					t.Errorf("%s: %s reads the cache", name, f.Name.Name)
				}
				return true
			})
		}
	}
}

// Every composite literal of Error sets By.
func TestError_hasRefuser(t *testing.T) {
	for _, dir := range []string{".", "../auth"} {
		for name, file := range files(t, dir) {
			ast.Inspect(file, func(n ast.Node) bool {
				lit, ok := n.(*ast.CompositeLit)
				if !ok || !isError(lit.Type) {
					return true
				}
				for _, field := range lit.Elts {
					if pair, ok := field.(*ast.KeyValueExpr); ok && pair.Key.(*ast.Ident).Name == "By" {
						return true
					}
				}
				t.Errorf("%s: an Error without By", name)
				return true
			})
		}
	}
}

// isError reports whether a type is Error or zoom.Error.
func isError(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name == "Error"
	case *ast.SelectorExpr:
		on, ok := x.X.(*ast.Ident)
		return ok && on.Name == "zoom" && x.Sel.Name == "Error"
	}
	return false
}
