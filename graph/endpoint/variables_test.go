package endpoint

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/generated"
	"zoomql/internal/zoom/types"
)

// coordinate is a place of a @oneOf input in the schema, with its type and a way to build
// a variable for it.
type coordinate struct {
	name  string // of the field's argument
	path  string // within the argument
	t     *ast.Type
	def   *ast.Definition
	build func(part any) any // returns the argument with the part
}

// coordinates returns the places of @oneOf inputs in the arguments of all fields.
func coordinates(schema *ast.Schema) []coordinate {
	var found []coordinate
	for _, name := range slices.Sorted(maps.Keys(schema.Types)) {
		def := schema.Types[name]
		if def.Kind != ast.Object || strings.HasPrefix(name, "__") {
			continue
		}
		for _, fd := range def.Fields {
			for _, arg := range fd.Arguments {
				begin := coordinate{name: name + "." + fd.Name + "(" + arg.Name + ")", t: arg.Type}
				found = append(found, begin.within(schema, arg.Type, "", func(part any) any { return part }, nil)...)
			}
		}
	}
	return found
}

// within returns the places of @oneOf inputs within a type. above are the enclosing types.
func (c coordinate) within(schema *ast.Schema, t *ast.Type, path string, build func(any) any, above []string) []coordinate {
	if t.Elem != nil {
		list := func(part any) any { return build([]any{sample(schema, t.Elem), part}) }
		return c.within(schema, t.Elem, path+"[1]", list, above)
	}
	def := schema.Types[t.NamedType]
	if def.Kind != ast.InputObject || slices.Contains(above, def.Name) {
		return nil
	}
	var found []coordinate
	if def.Directives.ForName("oneOf") != nil {
		here := c
		here.path, here.def, here.build = path, def, build
		found = append(found, here)
	}
	for _, fd := range def.Fields {
		object := func(part any) any {
			fields := sampleObject(schema, def)
			if def.Directives.ForName("oneOf") != nil {
				clear(fields)
			}
			fields[fd.Name] = part
			return build(fields)
		}
		found = append(found, c.within(schema, fd.Type, path+"."+fd.Name, object, append(slices.Clone(above), def.Name))...)
	}
	return found
}

// sample returns a value of a type with the required fields only.
func sample(schema *ast.Schema, t *ast.Type) any {
	if t.Elem != nil {
		return []any{sample(schema, t.Elem)}
	}
	switch def := schema.Types[t.NamedType]; {
	case def.Kind == ast.InputObject:
		return sampleObject(schema, def)
	case def.Kind == ast.Enum:
		return def.EnumValues[0].Name
	case def.Name == "Boolean":
		return true
	case def.Name == "Int", def.Name == "Float", def.Name == "MeetingNumber":
		return json.Number("1")
	case def.Name == "Date":
		return "2026-01-31"
	case def.Name == "DateTime":
		return "2026-01-31T09:30:00Z"
	case def.Name == "Upload":
		return types.Upload{}
	}
	return "x"
}

func sampleObject(schema *ast.Schema, def *ast.Definition) map[string]any {
	fields := map[string]any{}
	for i, fd := range def.Fields {
		if fd.Type.NonNull || i == 0 && def.Directives.ForName("oneOf") != nil {
			fields[fd.Name] = sample(schema, fd.Type)
		}
	}
	return fields
}

// Every @oneOf input of the schema rejects no field, nulls only, and two fields.
func TestInputCheck_oneOf(t *testing.T) {
	schema := generated.NewExecutableSchema(generated.Config{}).Schema()
	check := &inputCheck{types: schema.Types}
	all := coordinates(schema)
	if len(all) < 35 {
		t.Errorf("there are %d coordinates, want 35 at least", len(all))
	}
	for _, c := range all {
		first, second := c.def.Fields[0], c.def.Fields[1]
		one := map[string]any{first.Name: sample(schema, first.Type)}
		beside := map[string]any{first.Name: sample(schema, first.Type), second.Name: nil}
		two := map[string]any{first.Name: sample(schema, first.Type), second.Name: sample(schema, second.Type)}
		for _, wrong := range []map[string]any{{}, {first.Name: nil, second.Name: nil}, two} {
			m := check.value(c.t, c.build(wrong))
			if m == nil {
				t.Errorf("%s%s takes %v", c.name, c.path, wrong)
				continue
			}
			err := m.in(&ast.VariableDefinition{Variable: "v"})
			if want := "variable.v" + c.path; err.Path.String() != want {
				t.Errorf("%s%s: the mistake is at %s, want %s", c.name, c.path, err.Path, want)
			}
		}
		for _, right := range []map[string]any{one, beside} {
			if m := check.value(c.t, c.build(right)); m != nil {
				t.Errorf("%s%s refuses %v: %s at %s", c.name, c.path, right, m.message, m.path)
			}
		}
	}
}

// The values of all scalars of the schema are checked before execution.
func TestInputCheck_everyScalar(t *testing.T) {
	for name, def := range generated.NewExecutableSchema(generated.Config{}).Schema().Types {
		if def.Kind == ast.Scalar && !def.BuiltIn && name != "JSON" && scalarParsers[name] == nil {
			t.Errorf("values of %s are not checked before execution", name)
		}
	}
}

// Of several unknown fields of an input object the error names the first by the alphabet, whatever
// the order of a map is.
func TestOpen_unknownField(t *testing.T) {
	schema := generated.NewExecutableSchema(generated.Config{})
	e := &Endpoint{exec: executor.New(schema), reader: &reader{schema: schema.Schema(), limits: DefaultLimits, cached: NewDocuments()}}
	e.exec.SetQueryCache(opened{})
	const unknown = `{"z": 1, "d": 1, "c": 1, "__typename": "X", "b": 1, "zoomId": "x", "topic": "x"}`
	for _, c := range []struct{ why, document, value, want string }{
		{"of a variable", `query ($v: UserBy!) { user(by: $v) { email } }`, unknown, "$v.b"},
		{"of an object in it", `mutation ($v: UpdateMeetingInput!) { updateMeeting(input: $v) { userErrors { code } } }`, `{"meeting": {"number": "1"}, "patch": ` + unknown + `}`, "$v.patch.b"},
		{"of an item", `mutation ($v: [UserBy!]!) { assignRole(input: {role: {zoomId: "1"}, users: $v}) { userErrors { code } } }`, `[{"me": true}, ` + unknown + `]`, "$v[1].b"},
		{"of a list of one", `mutation ($v: [UserBy!]!) { assignRole(input: {role: {zoomId: "1"}, users: $v}) { userErrors { code } } }`, unknown, "$v[0].b"},
		{"of a list of one in an object", `mutation ($v: AssignRoleInput!) { assignRole(input: $v) { userErrors { code } } }`, `{"role": {"zoomId": "1"}, "users": ` + unknown + `}`, "$v.users[0].b"},
		{"that is no name", `query ($v: UserBy!) { user(by: $v) { email } }`, `{"-": 1, "b": 1}`, "$v.…"},
	} {
		for range 20 {
			params := &graphql.RawParams{Query: c.document}
			if err := decode([]byte(`{"v": `+c.value+`}`), &params.Variables); err != nil {
				t.Fatal(err)
			}
			opCtx, errs := e.open(graphql.StartOperationTrace(t.Context()), params, false)
			if errs = explained(opCtx, errs); len(errs) != 1 || errs[0].Message != c.want+": unknown field" || "$"+errs[0].Path[1:].String() != c.want {
				t.Errorf("%s: %v, want %s", c.why, errs, c.want)
				break
			}
		}
	}
}
