package graph

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/generated"
)

// coordinate is a place in the schema where an input of one part stands: how a
// variable leads there, and the type.
type coordinate struct {
	name  string // of the field's argument
	path  string // within the argument
	t     *ast.Type
	def   *ast.Definition
	build func(part any) any // the value of the argument with the part in it
}

// coordinates walks the inputs of all fields.
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

// within looks for inputs of one part within a type. above are the types around it.
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

// sample returns a value of a type, with no more in it than must be.
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
	case def.Name == "Int", def.Name == "Float":
		return json.Number("1")
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

// TestOneOfEverywhere puts no part, nulls and two parts into every input of one
// part, wherever the schema has one.
func TestOneOfEverywhere(t *testing.T) {
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

// refused fails the test unless a request was refused before anything ran: by the
// rules of documents, or in words of ours that hold some.
func (r *rig) refused(a *answer, words ...string) {
	r.t.Helper()
	if a.status != 400 || a.Data != nil || len(a.Errors) == 0 || words != nil && a.Errors[0].code() != codeInvalid {
		r.t.Errorf("it was not refused: %d %s", a.status, a.body)
		return
	}
	for _, text := range words {
		if !strings.Contains(a.Errors[0].Message, text) {
			r.t.Errorf("the message does not say %q: %s", text, a.Errors[0].Message)
		}
	}
	r.spends(0)
	if strings.Contains(r.log.String(), "ERROR") {
		r.t.Errorf("the caller's mistake is an error in the log: %s", r.log)
	}
}

// TestInputsThatAreNone sends what the specification refuses and no rule of the
// document sees. Nothing runs, and Zoom is not asked.
func TestInputsThatAreNone(t *testing.T) {
	inRig(t, setup{}, func(r *rig) {
		role := map[string]any{"id": r.id("Role", r.RoleID), "zoomId": "1"}
		for _, c := range []struct {
			query     string
			variables map[string]any
			words     []string
		}{
			{`query ($v: AccountBy) { account(by: $v) { zoomId } }`, map[string]any{"v": map[string]any{}}, []string{"$v", "exactly one of id, zoomId", "none"}},
			{`query ($v: AccountBy) { account(by: $v) { zoomId } }`, map[string]any{"v": map[string]any{"id": nil, "zoomId": nil}}, []string{"none"}},
			{`query ($v: WebinarBy!) { webinar(by: $v) { topic } }`, map[string]any{"v": map[string]any{}}, []string{"$v"}},
			{`query ($v: RoleBy!) { account { role(by: $v) { name } } }`, map[string]any{"v": map[string]any{}}, []string{"$v"}},
			{`mutation ($v: RoleBy!) { updateRole(input: {role: $v, patch: {description: "x"}}) { role { name } } }`, map[string]any{"v": role}, []string{"2 are"}},
			{`mutation ($v: AssignRoleInput!) { assignRole(input: $v) { userErrors { code } } }`, map[string]any{"v": map[string]any{
				"role": map[string]any{"zoomId": "1"}, "users": []any{map[string]any{"email": "a@example.com"}, map[string]any{}},
			}}, []string{"$v.users[1]"}},
			{`mutation ($v: [UserBy!]!) { assignRole(input: {role: {zoomId: "1"}, users: $v}) { userErrors { code } } }`, map[string]any{"v": map[string]any{}}, []string{"$v"}},
			{`query ($v: AccountBy = {}) { account(by: $v) { zoomId } }`, nil, nil},
			{`query ($v: String = "x") { account(by: {zoomId: $v}) { zoomId } }`, map[string]any{"v": nil}, nil},
			{`{ account(by: {}) { zoomId } }`, nil, nil},
			{`{ account(by: {zoomId: null}) { zoomId } }`, nil, nil},
			{`{ account(by: {zoomId: "x", id: null}) { zoomId } }`, nil, nil},
			{`mutation { assignRole(input: {role: {zoomId: "1"}, users: [{email: "a@example.com", me: true}]}) { userErrors { code } } }`, nil, nil},

			{`query ($v: Boolean = true) { viewer @include(if: $v) { __typename } }`, map[string]any{"v": nil}, []string{"$v is null"}},
			{`query ($v: Boolean = true) { account { ... @skip(if: $v) { zoomId } } }`, map[string]any{"v": nil}, []string{"$v is null"}},
			{`query ($v: Boolean = true) { account { ...F } } fragment F on Account { zoomId @skip(if: $v) }`, map[string]any{"v": nil}, []string{"$v is null"}},
			{`mutation ($v: Boolean = true) { deleteMeeting(input: {meeting: {number: "${MeetingNumber}"}}) { deletedMeetingId @include(if: $v) } }`, map[string]any{"v": nil}, []string{"$v is null"}},
			{`query ($v: Int) { account { users(first: $v) { totalCount } } }`, map[string]any{"v": nil}, []string{"$v is null", "default"}},
			{`query ($v: UserStatus) { account { users(status: $v) { totalCount } } }`, map[string]any{"v": nil}, []string{"$v is null"}},
			{`query ($v: String = "x") { account { channelSurveyInstances(channelZoomId: $v) { totalCount } } }`, map[string]any{"v": nil}, []string{"$v is null"}},
			{`query ($v: ID = "x") { nodes(ids: [$v]) { id } }`, map[string]any{"v": nil}, []string{"$v is null"}},
			{`mutation ($v: String = "x") { createMeeting(input: {host: {zoomId: "x"}, meeting: {trackingFields: [{field: $v}]}}) { userErrors { code } } }`, map[string]any{"v": nil}, []string{"$v is null"}},

			{`query ($v: Int!) { account { users(first: $v) { totalCount } } }`, map[string]any{"v": json.Number("2147483648")}, []string{"32 bits"}},
			{`query ($v: Int!) { account { users(first: $v) { totalCount } } }`, map[string]any{"v": "5"}, []string{"$v", "no Int"}},
			{`query ($v: String!) { account { channelSurveyInstances(channelZoomId: $v) { totalCount } } }`, map[string]any{"v": 5}, []string{"no String"}},
			{`mutation ($v: NewMeeting!) { createMeeting(input: {host: {zoomId: "x"}, meeting: $v}) { userErrors { code } } }`, map[string]any{"v": map[string]any{"topic": 5}}, []string{"$v.topic"}},
			{`mutation { zoomRequest(input: {operation: "GET /users", query: {page_size: 99999999999999999999}}) { status } }`, nil, nil},
			{`{ meeting(by: {number: 99999999999999999999}) { topic } }`, nil, nil},
			{`{ account { users(first: 2147483648) { totalCount } } }`, nil, []string{"too large"}},
		} {
			t.Log(c.query)
			r.refused(r.ask(c.query, c.variables), c.words...)
		}
	})
}

// TestInputsThatAreSome sends what looks like the former and is right.
func TestInputsThatAreSome(t *testing.T) {
	inRig(t, setup{}, func(r *rig) {
		for _, c := range []struct {
			query     string
			variables map[string]any
		}{
			{`query ($v: AccountBy) { account(by: $v) { zoomId } }`, nil},
			{`query ($v: AccountBy) { account(by: $v) { zoomId } }`, map[string]any{"v": nil}},
			{`query ($v: UserBy!) { user(by: $v) { email } }`, map[string]any{"v": map[string]any{"zoomId": r.HostID, "id": nil, "email": nil, "me": nil}}},
			{`query ($v: String!) { user(by: {zoomId: $v}) { email } }`, map[string]any{"v": r.HostID}},
			{`query ($v: Boolean = true) { viewer @include(if: $v) { __typename } }`, nil},
			{`query ($v: Boolean!, $n: Int) { account { zoomId users(first: $n) @skip(if: $v) { totalCount } } }`, map[string]any{"v": true, "n": nil}},
			{`query ($v: Int) { account { users(first: $v) { totalCount } } }`, nil},
			{`query ($v: String) { account { users(after: $v) { totalCount } } }`, map[string]any{"v": nil}},
			{`query ($v: MeetingNumber!) { meeting(by: {number: $v}) { topic } }`, map[string]any{"v": r.MeetingNumber}},
		} {
			if a := r.ask(c.query, c.variables); a.status != 200 || len(a.Errors) > 0 {
				t.Errorf("%s: %s", c.query, a.body)
			}
		}
	})
}

// TestCheckIsLinear checks a document whose fragments double with each level: each
// is looked at once.
func TestCheckIsLinear(t *testing.T) {
	var text strings.Builder
	text.WriteString("query ($v: Boolean = true) { viewer { ...f0 } }")
	for i := range 60 {
		fmt.Fprintf(&text, " fragment f%d on Viewer { ...f%d ...f%d }", i, i+1, i+1)
	}
	text.WriteString(" fragment f60 on Viewer { scopes @include(if: $v) }")
	wide := DefaultLimits
	wide.Nesting, wide.Depth = 100, 100
	wide.Directives, wide.Nodes, wide.Merged, wide.Comparisons = math.MaxInt, math.MaxInt, math.MaxInt, math.MaxInt
	inRig(t, setup{limits: wide}, func(r *rig) {
		r.refused(r.ask(text.String(), map[string]any{"v": nil}), "$v is null")
	})
}
