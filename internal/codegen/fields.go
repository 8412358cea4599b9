package main

import (
	"go/types"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/codegen/templates"
	"github.com/99designs/gqlgen/plugin"
	"github.com/99designs/gqlgen/plugin/modelgen"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/codegen/sdl"
	"zoomql/internal/selection"
)

// edges is the gqlgen plugin that configures which fields have resolvers.
type edges struct{}

var (
	_ plugin.ConfigMutator = edges{}
	_ plugin.CodeGenerator = edges{}
)

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
			field := model.Fields[fd.Name]
			switch {
			case selection.IsEdge(def, fd):
				field.Resolver = true
				originates = true
			case fd.Name == "nodes" && strings.HasSuffix(name, "Connection"):
				field.FieldName = "ConcurrentNodes"
			case fd.Name == "edges" && strings.HasSuffix(name, "Connection"):
				field.FieldName = "ConcurrentEdges"
			case sdl.IsDeletedID(def, fd):
				field.FieldName = "DeletedID"
			default:
				continue
			}
			model.Fields[fd.Name] = field
		}
		switch {
		case sdl.IsPayload(def):
			model.EmbedExtraFields = append(model.EmbedExtraFields, payload)
		case originates && def != cfg.Schema.Query && def != cfg.Schema.Mutation && def != cfg.Schema.Subscription:
			model.EmbedExtraFields = append(model.EmbedExtraFields, origin)
		}
		cfg.Models[name] = model
	}
	return nil
}

// GenerateCode makes the executor resolve containers concurrently: plain fields whose
// objects have edges below them. Otherwise it would resolve all fields below one before
// the next one, and call Zoom for siblings one after the other instead of in one batch.
// The executor itself is generated later.
func (edges) GenerateCode(data *codegen.Data) error {
	for _, object := range data.Objects {
		for _, f := range object.Fields {
			if f.IsVariable() && !f.IsResolver && leadsToEdges(data.Schema, f.TypeReference.Definition, map[string]bool{}) {
				f.MethodHasContext = true // which makes a field concurrent
			}
		}
	}
	return nil
}

// leadsToEdges reports whether objects of a type have edges, or contain such that do.
func leadsToEdges(schema *ast.Schema, def *ast.Definition, seen map[string]bool) bool {
	if def.Kind != ast.Object || seen[def.Name] || strings.HasPrefix(def.Name, "__") {
		return false
	}
	seen[def.Name] = true
	return slices.ContainsFunc(def.Fields, func(fd *ast.FieldDefinition) bool {
		return selection.IsEdge(def, fd) || leadsToEdges(schema, schema.Types[fd.Type.Name()], seen)
	})
}

// origin is embedded in every object with edges, and in every answer.
var origin = config.ModelExtraField{
	Type:        "zoomql/internal/zoom/types.Origin",
	Description: "Origin says where it was read.",
}

// payload is embedded in every payload of a mutation, with userErrors.
var payload = config.ModelExtraField{
	Type:        "zoomql/internal/zoom/types.Payload",
	Description: "Payload has the object that was written to, and the errors that the caller can correct.",
}

// fieldHook gives a struct field Zoom's JSON name and, in an answer, a Go type that
// decodes Zoom's forms of "no value". In an input, all values that are set are sent.
func fieldHook(td *ast.Definition, fd *ast.FieldDefinition, f *modelgen.Field) (*modelgen.Field, error) {
	if sdl.IsGlobalID(td, fd) {
		return nil, nil // a method, written by hand
	}
	if sdl.IsDeletedID(td, fd) || sdl.IsPayload(td) && fd.Name == "userErrors" {
		return nil, nil // the embedded Payload has it
	}
	text := sdl.TextOf(td, fd)
	if text != nil && td.Kind == ast.Object {
		return nil, nil // a method, see writeTexts
	}
	f.Tag = `json:"` + sdl.JSONName(fd) + `,omitzero"`
	if text != nil {
		f.Tag = `json:"-" codes:"` + templates.ToGo(text.Name) + `"` // MarshalInput sends them as the other field
	}
	if td.Kind == ast.InputObject && fd.Type.NonNull {
		f.Tag = `json:"` + sdl.JSONName(fd) + `"` // a required value is sent, zero or not
	}
	separated := fd.Directives.ForName("separated")
	switch {
	case separated != nil && fd.Type.Name() == "String":
		f.Type = types.NewSlice(local(map[string]string{",": "CommaItem", ";": "SemicolonItem"}[sdl.Argument(separated, "by")]))
	case td.Kind == ast.Object:
		f.Type = answerType(fd.Type, f.Type)
		if fd.Type.Elem != nil && sdl.HasText(td, fd) {
			f.GoName += readSuffix
		}
	}
	return f, nil
}

// answerType replaces the pointers by which gqlgen represents null with types whose
// zero value is null.
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

// isStructOfOurs reports whether null needs a pointer: true of objects and ids, false
// of enums and the tolerant scalars.
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
