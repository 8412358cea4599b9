// Package sdl reads what the directives of the schema say, for those who generate
// code from it and those who hold it against Zoom's documents.
package sdl

import (
	"slices"
	"strings"
	"unicode"

	"github.com/vektah/gqlparser/v2/ast"
)

// JSONName returns Zoom's name of a field: that of @zoomField, or the field's own in
// snake case.
func JSONName(fd *ast.FieldDefinition) string {
	if d := fd.Directives.ForName("zoomField"); d != nil {
		return Argument(d, "name")
	}
	var b strings.Builder
	for _, r := range fd.Name {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// Argument returns what a directive says in an argument that it must have.
func Argument(d *ast.Directive, name string) string {
	return d.Arguments.ForName(name).Value.Raw
}

// Names reports whether a directive, @zoom or @source, names an operation.
func Names(list ast.DirectiveList, directive, op string) bool {
	return slices.ContainsFunc(list.ForNames(directive), func(d *ast.Directive) bool {
		return Argument(d, "op") == op
	})
}

// IsEdge reports whether a field has a resolver: it takes arguments, or it
// costs calls of operations that do not answer with its type.
func IsEdge(def *ast.Definition, fd *ast.FieldDefinition) bool {
	if len(fd.Arguments) > 0 {
		return true
	}
	sources := map[string]bool{}
	for _, d := range def.Directives.ForNames("source") {
		sources[Argument(d, "op")] = true
	}
	for _, d := range fd.Directives.ForNames("zoom") {
		if !sources[Argument(d, "op")] {
			return true
		}
	}
	return false
}

// IsGlobalID reports whether a field is an object's global id, which is the
// gateway's and not Zoom's.
func IsGlobalID(def *ast.Definition, fd *ast.FieldDefinition) bool {
	return def.Kind == ast.Object && fd.Name == "id" && fd.Type.String() == "ID!"
}
