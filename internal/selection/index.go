// Package selection computes what the fields of the schema cost, and which operations a
// selection on an object needs.
//
// A field that has a resolver of its own is an edge. All others come with their object,
// from the operations that @source names at its type; where such a field has @zoom,
// only the operations named there carry it. [Index] holds the directives by field;
// [Needs] are those of one selection.
package selection

import (
	"slices"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/codegen/sdl"
)

// Sources are the operations that carry a field. Both lists are nil where every source of
// its type does.
type Sources struct {
	// Ops carry it always.
	Ops []string
	// Sometimes are those whose answers may leave it out.
	Sometimes []string
}

// Never reports whether answers of an operation do not carry the field.
func (s Sources) Never(op string) bool {
	return !slices.Contains(s.Ops, op) && !slices.Contains(s.Sometimes, op)
}

// All returns the operations that carry the field, always or sometimes.
func (s Sources) All() []string { return slices.Concat(s.Ops, s.Sometimes) }

// Field holds the directives of a field.
type Field struct {
	// Edge reports whether it has a resolver of its own, see [IsEdge].
	Edge bool
	// Secret reports whether it is a credential, see [IsSecret].
	Secret bool
	// Sources are the operations that carry it, if not all sources of its type do, or of
	// an edge the operations that it costs.
	Sources
	// Proofs are the operations that a write may ask as proof that it was carried out. They
	// are in the price, and the write needs none of their scopes.
	Proofs []string
	// Holder is the name of the field that holds its value: the text of an enum's value
	// is held by the enum.
	Holder string
}

// FieldOf reads the directives of a field of a type.
func FieldOf(def *ast.Definition, fd *ast.FieldDefinition) *Field {
	f := &Field{Edge: IsEdge(def, fd), Secret: IsSecret(fd.Type), Holder: fd.Name}
	for _, d := range fd.Directives.ForNames("zoom") {
		op := sdl.Argument(d, "op")
		switch {
		case isSet(d, "proof"):
			f.Proofs = append(f.Proofs, op)
		case isSet(d, "sometimes"):
			f.Sometimes = append(f.Sometimes, op)
		default:
			f.Ops = append(f.Ops, op)
		}
	}
	if d := fd.Directives.ForName("text"); d != nil {
		f.Holder = sdl.Argument(d, "of")
	}
	return f
}

func isSet(d *ast.Directive, name string) bool {
	arg := d.Arguments.ForName(name)
	return arg != nil && arg.Value.Raw == "true"
}

// IsEdge reports whether a field has a resolver: it takes arguments, or it costs calls of
// operations that do not answer with its type.
func IsEdge(def *ast.Definition, fd *ast.FieldDefinition) bool {
	return len(fd.Arguments) > 0 || slices.ContainsFunc(fd.Directives.ForNames("zoom"), func(d *ast.Directive) bool {
		return !sdl.Names(def.Directives, "source", sdl.Argument(d, "op"))
	})
}

// IsSecret reports whether a field of a type is a credential, or made of one: the link
// to a file holds its address at Zoom.
func IsSecret(t *ast.Type) bool { return t.Name() == "Secret" || t.Name() == "SignedDownload" }

// Index is a schema, indexed by the costs of its fields. It is safe for concurrent use.
type Index struct {
	schema     *ast.Schema
	fields     map[*ast.FieldDefinition]*Field
	keys       map[string][]string
	conditions map[string][]string
	held       sync.Map // reflect.Type → []heldField, see structFields
}

// NewIndex returns the index of a schema. keys are the key fields of each type, in
// addition to those of inputs such as MeetingBy.
func NewIndex(schema *ast.Schema, keys map[string][]string) *Index {
	x := &Index{schema: schema, fields: map[*ast.FieldDefinition]*Field{}, keys: map[string][]string{}, conditions: map[string][]string{}}
	for name, def := range schema.Types {
		for _, fd := range def.Fields {
			x.fields[fd] = FieldOf(def, fd)
		}
		if def.Kind == ast.Object {
			x.conditions[name] = slices.Concat([]string{name}, def.Interfaces)
			x.keys[name] = slices.Concat(keys[name], keysBy(schema, def))
		}
	}
	return x
}

// keysBy returns the fields of a type that are known with its key, by the input that
// names such objects: the global id, and the first other field.
func keysBy(schema *ast.Schema, def *ast.Definition) (keys []string) {
	by := schema.Types[def.Name+"By"]
	if by == nil || by.Kind != ast.InputObject {
		return nil
	}
	for _, field := range by.Fields {
		own := def.Fields.ForName(field.Name)
		if own != nil && (len(keys) == 0 || field.Name != "id" && len(keys) == 1) {
			keys = append(keys, field.Name)
		}
	}
	return keys
}

// Field returns the directives of a field of a type.
func (x *Index) Field(def *ast.Definition, fd *ast.FieldDefinition) *Field {
	if f := x.fields[fd]; f != nil {
		return f
	}
	return FieldOf(def, fd) // of a schema that was parsed again
}

// Keys returns the fields that an object of a type has before it is read, since they
// are known with its key.
func (x *Index) Keys(typeName string) []string { return x.keys[typeName] }

// Conditions returns the types of fragments that hold for objects of a type: those by
// which the executor collects fields.
func (x *Index) Conditions(typeName string) []string { return x.conditions[typeName] }

// Type returns a type of the schema, or nil.
func (x *Index) Type(name string) *ast.Definition { return x.schema.Types[name] }

// Objects returns the types that objects of a type may have: itself, or those that
// implement the interface.
func (x *Index) Objects(typeName string) []*ast.Definition {
	if def := x.schema.Types[typeName]; !def.IsAbstractType() {
		return []*ast.Definition{def}
	}
	return x.schema.PossibleTypes[typeName]
}

// Query returns the type of the root fields of queries.
func (x *Index) Query() *ast.Definition { return x.schema.Query }

// Mutation returns the type of the root fields of mutations; nil where there are none.
func (x *Index) Mutation() *ast.Definition { return x.schema.Mutation }

// Subscription returns the root type of subscriptions.
func (x *Index) Subscription() *ast.Definition { return x.schema.Subscription }

// Schema returns the schema itself.
func (x *Index) Schema() *ast.Schema { return x.schema }
