package main

import (
	"go/types"
	"strings"
	"unicode"

	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/plugin"
	"github.com/99designs/gqlgen/plugin/modelgen"
	"github.com/vektah/gqlparser/v2/ast"
)

// edges is the plugin that tells gqlgen which fields have resolvers.
type edges struct{}

var _ plugin.ConfigMutator = edges{}

// Name names the plugin.
func (edges) Name() string { return "edges" }

// MutateConfig marks the edges of every object.
func (edges) MutateConfig(cfg *config.Config) error {
	for name, def := range cfg.Schema.Types {
		if def.Kind != ast.Object || def.BuiltIn || strings.HasPrefix(name, "__") {
			continue
		}
		model := cfg.Models[name]
		if model.Fields == nil {
			model.Fields = map[string]config.TypeMapField{}
		}
		originates := len(def.Directives.ForNames("source")) > 0
		for _, fd := range def.Fields {
			if isEdge(def, fd) {
				field := model.Fields[fd.Name]
				field.Resolver = true
				model.Fields[fd.Name] = field
				originates = true
			}
		}
		if originates && def != cfg.Schema.Query && def != cfg.Schema.Mutation {
			model.EmbedExtraFields = append(model.EmbedExtraFields, origin)
		}
		cfg.Models[name] = model
	}
	return nil
}

// origin is what every object with edges, and every answer, knows of itself.
var origin = config.ModelExtraField{
	Type:        "zoomql/internal/zoom/types.Origin",
	Description: "Origin says where it was read.",
}

// isEdge reports whether a field has a resolver: it takes arguments, or it
// costs calls of operations that do not answer with its type.
func isEdge(def *ast.Definition, fd *ast.FieldDefinition) bool {
	if len(fd.Arguments) > 0 {
		return true
	}
	sources := map[string]bool{}
	for _, d := range def.Directives.ForNames("source") {
		sources[argument(d, "op")] = true
	}
	for _, d := range fd.Directives.ForNames("zoom") {
		if !sources[argument(d, "op")] {
			return true
		}
	}
	return false
}

// fieldHook gives a struct field Zoom's JSON name and, in an answer, a Go type
// that knows Zoom's ways of saying "no value".
func fieldHook(td *ast.Definition, fd *ast.FieldDefinition, f *modelgen.Field) (*modelgen.Field, error) {
	if td.Kind == ast.Object && fd.Name == "id" && fd.Type.String() == "ID!" {
		return nil, nil // a method, written by hand
	}
	f.Tag = `json:"` + jsonName(fd) + `,omitzero"`
	separated := fd.Directives.ForName("separated")
	switch {
	case separated != nil && fd.Type.Name() == "String":
		f.Type = types.NewSlice(local(map[string]string{",": "CommaItem", ";": "SemicolonItem"}[argument(separated, "by")]))
	case td.Kind == ast.Object:
		f.Type = answerType(fd.Type, f.Type)
	}
	return f, nil
}

// answerType replaces the pointers by which gqlgen would say null with types
// whose zero value says it.
func answerType(t *ast.Type, fallback types.Type) types.Type {
	if t.Elem != nil {
		if elem := answerType(t.Elem, nil); elem != nil {
			return types.NewSlice(elem)
		}
		return fallback
	}
	switch t.Name() {
	case "String", "Int", "Float", "Boolean":
		if t.NonNull && fallback != nil {
			return fallback
		}
		return local(map[string]string{"String": "Text", "Int": "Int", "Float": "Float", "Boolean": "Bool"}[t.Name()])
	}
	if ptr, ok := fallback.(*types.Pointer); ok {
		if named, ok := ptr.Elem().(*types.Named); ok && !isStructOfOurs(named) {
			return named
		}
	}
	return fallback
}

// isStructOfOurs reports whether null can only be said with a pointer: true of
// objects and ids, false of enums and the tolerant scalars.
func isStructOfOurs(t *types.Named) bool {
	if t.Obj().Name() == "NodeID" {
		return true
	}
	_, isStruct := t.Underlying().(*types.Struct)
	return isStruct && t.Obj().Name() != "Time" && t.Obj().Name() != "Date"
}

func local(name string) types.Type {
	pkg := types.NewPackage("zoomql/internal/zoom/types", "types")
	return types.NewNamed(types.NewTypeName(0, pkg, name, nil), types.Typ[types.String], nil)
}

// jsonName returns Zoom's name of a field: that of @zoomField, or the field's
// own in snake case.
func jsonName(fd *ast.FieldDefinition) string {
	if d := fd.Directives.ForName("zoomField"); d != nil {
		return argument(d, "name")
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

func argument(d *ast.Directive, name string) string {
	return d.Arguments.ForName(name).Value.Raw
}
