package main

import (
	"fmt"
	"strings"

	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/codegen/templates"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/codegen/sdl"
	"zoomql/internal/selection"
)

// writeFields writes the methods by which objects write their plain fields, and the
// table of these fields. models are those of gqlgen's configuration, where some fields
// have resolvers although they cost no call.
func writeFields(schema *ast.Schema, models config.TypeMap, file string) error {
	var table, methods strings.Builder
	for _, def := range sorted(schema) {
		if !isPlain(schema, def) {
			continue
		}
		var names []string
		var cases strings.Builder
		for _, fd := range def.Fields {
			if selection.IsEdge(def, fd) || models[def.Name].Fields[fd.Name].Resolver {
				continue
			}
			if statement := appendStatement(schema, def, fd); statement != "" {
				names = append(names, fd.Name)
				fmt.Fprintf(&cases, "\tcase %d:\n\t\t%s\n", len(names), statement)
			}
		}
		fmt.Fprintf(&table, "\t%q: %q,\n", def.Name, strings.Join(names, " "))
		body := "\treturn false\n"
		switch {
		case strings.Contains(cases.String(), "w.Buf ="):
			body = "\tswitch f.Number {\n" + cases.String() + "\tdefault:\n\t\treturn false\n\t}\n\treturn true\n"
		case len(names) > 0:
			body = "\tswitch f.Number {\n" + cases.String() + "\t}\n" + body
		}
		fmt.Fprintf(&methods, "\n// AppendField implements [Object].\nfunc (x *%s) AppendField(w *Writer, f *SelectedField) bool {\n%s}\n", templates.ToGo(def.Name), body)
	}
	return write(file, header+"import \"strconv\"\n\n"+
		"// plainFields are the plain fields of each type, in the order of their numbers.\nvar plainFields = map[string]string{\n"+
		table.String()+"}\n"+methods.String())
}

// isPlain reports whether a type is of objects that Zoom returns. Connections and their
// edges are generic types, written by hand.
func isPlain(schema *ast.Schema, def *ast.Definition) bool {
	return def.Kind == ast.Object && !strings.HasPrefix(def.Name, "__") && def != schema.Query && def != schema.Mutation && def != schema.Subscription &&
		!strings.HasSuffix(def.Name, "Connection") && !strings.HasSuffix(def.Name, "Edge")
}

// appendStatement returns the statement that appends a field's value; "" for a field
// that is left to the executor.
func appendStatement(schema *ast.Schema, def *ast.Definition, fd *ast.FieldDefinition) string {
	value := "x." + templates.ToGo(fd.Name)
	if sdl.TextOf(def, fd) != nil || fd.Type.Elem != nil && sdl.HasText(def, fd) {
		value += "()" // see writeTexts
	}
	of, list := schema.Types[fd.Type.Name()], fd.Type.Elem != nil
	name, nullItems := of.Name, list && !fd.Type.Elem.NonNull
	switch {
	case sdl.IsGlobalID(def, fd):
		return "w.Buf = x.ID().AppendGQL(w.Buf, w.Tenant)"
	case name == "ID", nullItems, list && fd.Type.Elem.Elem != nil:
		return ""
	case of.Kind == ast.Object && !isPlain(schema, of):
		return ""
	case of.Kind == ast.Object && list:
		return "return appendObjects(w, " + value + ", f)"
	case of.Kind == ast.Object:
		return "return appendObject(w, " + value + ", f)"
	case of.Kind != ast.Scalar && of.Kind != ast.Enum:
		return ""
	case name == "Int" && list:
		return ""
	case list:
		return "return appendValues(w, " + value + ")"
	case name == "Boolean" && fd.Type.NonNull:
		return "w.Buf = strconv.AppendBool(w.Buf, " + value + ")"
	case fd.Type.NonNull && (name == "String" || name == "Int" || name == "Float"):
		return "" // a type of Go's, which gqlgen writes
	case name == "ByteCount": // a pointer, since it is bound to a struct
		return "return appendNullable(w, " + value + ")"
	case name == "Int":
		return "return w.int32(" + value + ")"
	default:
		return "w.Buf = " + value + ".AppendGQL(w.Buf)"
	}
}
