// Package sdl reads the directives of the schema, for code generation and for
// comparisons with Zoom's documents.
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

// TextOf returns the field of an enum, or of a list of its values, whose texts a field
// of the same type gives; nil for all other fields.
func TextOf(def *ast.Definition, fd *ast.FieldDefinition) *ast.FieldDefinition {
	d := fd.Directives.ForName("text")
	if d == nil {
		return nil
	}
	return def.Fields.ForName(Argument(d, "of"))
}

// HasText reports whether another field of the type gives the texts of a field.
func HasText(def *ast.Definition, fd *ast.FieldDefinition) bool {
	return slices.ContainsFunc(def.Fields, func(other *ast.FieldDefinition) bool { return TextOf(def, other) == fd })
}

// Argument returns the value of a required argument of a directive.
func Argument(d *ast.Directive, name string) string {
	return d.Arguments.ForName(name).Value.Raw
}

// Names reports whether a directive, @zoom or @source, names an operation.
func Names(list ast.DirectiveList, directive, op string) bool {
	return slices.ContainsFunc(list.ForNames(directive), func(d *ast.Directive) bool {
		return Argument(d, "op") == op
	})
}

// IsGlobalID reports whether a field is an object's global id, which is the
// gateway's and not Zoom's.
func IsGlobalID(def *ast.Definition, fd *ast.FieldDefinition) bool {
	return def.Kind == ast.Object && fd.Name == "id" && fd.Type.String() == "ID!"
}

// IsPayload reports whether a type is the payload of a mutation.
func IsPayload(def *ast.Definition) bool {
	return def.Kind == ast.Object && strings.HasSuffix(def.Name, "Payload") && def.Fields.ForName("userErrors") != nil
}

// IsDeletedID reports whether a field is the global id of an object that a mutation
// deleted.
func IsDeletedID(def *ast.Definition, fd *ast.FieldDefinition) bool {
	return IsPayload(def) && fd.Type.String() == "ID"
}
