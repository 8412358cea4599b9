package main

import (
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/plugin/modelgen"
	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/codegen/sdl"
	"zoomql/internal/selection"
)

const directives = `
directive @zoom(op: String!) repeatable on FIELD_DEFINITION
directive @source(op: String!) repeatable on OBJECT
directive @zoomField(name: String!) on FIELD_DEFINITION | INPUT_FIELD_DEFINITION
directive @zoomValue(name: String!) on ENUM_VALUE
directive @separated(by: String!) on FIELD_DEFINITION | INPUT_FIELD_DEFINITION
directive @text(of: String!) on FIELD_DEFINITION | INPUT_FIELD_DEFINITION
`

func schemaOf(t *testing.T, sdl string) *ast.Schema {
	t.Helper()
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "test.graphqls", Input: directives + sdl})
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// gatewaySchema returns the schema of the gateway.
func gatewaySchema(t *testing.T) *ast.Schema {
	t.Helper()
	files, err := filepath.Glob("../../graph/schema/*.graphqls")
	if err != nil || len(files) == 0 {
		t.Fatalf("no schema: %v", err)
	}
	sources := make([]*ast.Source, len(files))
	for i, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources[i] = &ast.Source{Name: file, Input: string(body)}
	}
	schema, err := gqlparser.LoadSchema(sources...)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// configured returns the types of gqlgen.yml.
func configured(t *testing.T) config.TypeMap {
	t.Helper()
	file, err := os.Open("../../gqlgen.yml")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	cfg, err := config.ReadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Models
}

func TestJSONNames(t *testing.T) {
	schema := schemaOf(t, `type Query {
		topic: String
		joinUrl: String
		hostZoomId: String @zoomField(name: "host_id")
		h323Password: String
		useEMail: String
		participantPinCode: String
	}`)
	want := map[string]string{
		"topic": "topic", "joinUrl": "join_url", "hostZoomId": "host_id", "h323Password": "h323_password",
		"useEMail": "use_e_mail", "participantPinCode": "participant_pin_code",
	}
	for _, fd := range schema.Query.Fields {
		if strings.HasPrefix(fd.Name, "__") {
			continue
		}
		if got := sdl.JSONName(fd); got != want[fd.Name] {
			t.Errorf("%s is %q at Zoom, want %q", fd.Name, got, want[fd.Name])
		}
	}
}

// A field that costs a call has a resolver, one of the object itself has none.
func TestEdges(t *testing.T) {
	schema := schemaOf(t, `
		type Query { user(id: ID): User @zoom(op: "GET /users/{userId}") }
		type User @source(op: "GET /users/{userId}") @source(op: "GET /users") {
			name: String
			company: String @zoom(op: "GET /users/{userId}")
			either: String @zoom(op: "GET /users/{userId}") @zoom(op: "GET /users")
			meetings: [String] @zoom(op: "GET /users/{userId}/meetings")
			both: String @zoom(op: "GET /users") @zoom(op: "GET /groups")
			format(as: String): String
		}
		input NewUser { name: String }
		enum Kind { A }`)
	want := map[string]bool{
		"name":     false, // no call
		"company":  false, // a call that answers with a User
		"either":   false,
		"meetings": true, // a call that answers with something else
		"both":     true, // one of them does
		"format":   true, // it takes arguments
	}
	user := schema.Types["User"]
	for _, fd := range user.Fields {
		if got := selection.IsEdge(user, fd); got != want[fd.Name] {
			t.Errorf("%s is an edge: %v, want %v", fd.Name, got, want[fd.Name])
		}
	}

	cfg := &config.Config{Schema: schema, Models: config.TypeMap{"User": {Fields: map[string]config.TypeMapField{"name": {FieldName: "Called"}}}}}
	if err := (edges{}).MutateConfig(cfg); err != nil {
		t.Fatal(err)
	}
	for name, edge := range want {
		if got := cfg.Models["User"].Fields[name].Resolver; got != edge {
			t.Errorf("gqlgen is configured with %s as an edge: %v, want %v", name, got, edge)
		}
	}
	if cfg.Models["User"].Fields["name"].FieldName != "Called" {
		t.Error("the configuration of a field is lost")
	}
	if !cfg.Models["Query"].Fields["user"].Resolver {
		t.Error("a root is no edge")
	}
	for name := range cfg.Models {
		if name != "Query" && name != "User" {
			t.Errorf("gqlgen is configured with %s, which has no edges", name)
		}
	}
	if (edges{}).Name() == "" {
		t.Error("the plugin has no name")
	}
}

// Every field that costs a call of another operation than its object's has a resolver.
func TestEdges_schema(t *testing.T) {
	schema := gatewaySchema(t)
	edges := 0
	for _, def := range schema.Types {
		for _, fd := range def.Fields {
			if def.Kind == ast.Object && selection.IsEdge(def, fd) {
				edges++
			}
		}
	}
	if edges < 30 {
		t.Errorf("only %d fields are edges", edges)
	}
	for _, want := range []string{"User.meetings", "Meeting.host", "MeetingInstance.participants", "Participant.user", "Query.node"} {
		typ, field, _ := strings.Cut(want, ".")
		if def := schema.Types[typ]; !selection.IsEdge(def, def.Fields.ForName(field)) {
			t.Errorf("%s is no edge", want)
		}
	}
}

func TestStructFields(t *testing.T) {
	schema := schemaOf(t, `
		type Query { a: Thing }
		scalar Secret
		scalar DateTime
		enum Kind { A }
		type Other { a: String }
		type Thing {
			id: ID!
			text: String
			number: Int
			truth: Boolean!
			texts: [String!]
			kind: Kind
			kinds: [Kind!]
			at: DateTime
			other: Other
			others: [Other!]
			regions: [String!] @separated(by: ",")
			hosts: [String!] @separated(by: ";") @zoomField(name: "alternative_hosts")
		}
		input NewThing { text: String regions: [String!] @separated(by: ",") id: ID! on: Boolean! }`)
	pkg := types.NewPackage("zoomql/internal/zoom/types", "types")
	named := func(name string, under types.Type) types.Type {
		return types.NewNamed(types.NewTypeName(0, pkg, name, nil), under, nil)
	}
	pointer := func(name string, under types.Type) types.Type { return types.NewPointer(named(name, under)) }
	object := types.NewStruct(nil, nil)
	for _, c := range []struct {
		of, field string
		gqlgen    types.Type // gqlgen's default
		want      string     // the type and the tag; "" for no field
	}{
		{"Thing", "id", types.Typ[types.String], ""},
		{"Thing", "text", types.NewPointer(types.Typ[types.String]), `Text json:"text,omitzero"`},
		{"Thing", "number", types.NewPointer(types.Typ[types.Int]), `Int json:"number,omitzero"`},
		{"Thing", "truth", types.Typ[types.Bool], `bool json:"truth,omitzero"`},
		{"Thing", "texts", types.NewSlice(types.Typ[types.String]), `[]Text json:"texts,omitzero"`},
		{"Thing", "kind", pointer("Kind", types.Typ[types.String]), `Kind json:"kind,omitzero"`},
		{"Thing", "kinds", types.NewSlice(named("Kind", types.Typ[types.String])), `[]Kind json:"kinds,omitzero"`},
		{"Thing", "at", pointer("Time", object), `Time json:"at,omitzero"`},
		{"Thing", "other", pointer("Other", object), `*Other json:"other,omitzero"`},
		{"Thing", "others", types.NewSlice(pointer("Other", object)), `[]*Other json:"others,omitzero"`},
		{"Thing", "regions", types.NewSlice(types.Typ[types.String]), `[]CommaItem json:"regions,omitzero"`},
		{"Thing", "hosts", types.NewSlice(types.Typ[types.String]), `[]SemicolonItem json:"alternative_hosts,omitzero"`},
		{"NewThing", "text", types.NewPointer(types.Typ[types.String]), `*string json:"text,omitzero"`},
		{"NewThing", "regions", types.NewSlice(types.Typ[types.String]), `[]CommaItem json:"regions,omitzero"`},
		{"NewThing", "id", types.Typ[types.String], `string json:"id"`},
		{"NewThing", "on", types.Typ[types.Bool], `bool json:"on"`},
	} {
		def := schema.Types[c.of]
		f, err := fieldHook(def, def.Fields.ForName(c.field), &modelgen.Field{Type: c.gqlgen})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if f != nil {
			got = types.TypeString(f.Type, func(*types.Package) string { return "" }) + " " + f.Tag
		}
		if got != c.want {
			t.Errorf("%s.%s is %q, want %q", c.of, c.field, got, c.want)
		}
	}
	for name, want := range map[string]bool{"Other": true, "NodeID": true, "Time": false, "Date": false} {
		if got := isStructOfOurs(named(name, object).(*types.Named)); got != want {
			t.Errorf("null of a %s takes a pointer: %v, want %v", name, got, want)
		}
	}
	if isStructOfOurs(named("Kind", types.Typ[types.String]).(*types.Named)) {
		t.Error("null of an enum takes no pointer")
	}
}

func TestEnums(t *testing.T) {
	schema := schemaOf(t, `
		type Query { a: Kind b: Word c: Mixed d: ZoomUnitedPlan }
		"What kind." enum Kind { "First." FIRST_ONE @zoomValue(name: "1") "Other." OTHER @zoomValue(name: "-2") }
		enum Word { ACTIVE IN_MEETING @zoomValue(name: "in-meeting") }
		enum Mixed { ONE @zoomValue(name: "1") TWO }
		enum ZoomUnitedPlan { A @zoomValue(name: "1") }`)
	want := map[string]enum{
		"Kind":  {"Kind", "kindCodes", "// Kind: What kind.", true, []enumValue{{"KindFirstOne", "FIRST_ONE", "1", "// First."}, {"KindOther", "OTHER", "-2", "// Other."}}},
		"Word":  {"Word", "wordCodes", "// Word:", false, []enumValue{{"WordActive", "ACTIVE", "active", "//"}, {"WordInMeeting", "IN_MEETING", "in-meeting", "//"}}},
		"Mixed": {"Mixed", "mixedCodes", "// Mixed:", false, []enumValue{{"MixedOne", "ONE", "1", "//"}, {"MixedTwo", "TWO", "two", "//"}}},
		// Its digits are text at Zoom.
		"ZoomUnitedPlan": {"ZoomUnitedPlan", "zoomUnitedPlanCodes", "// ZoomUnitedPlan:", false, []enumValue{{"ZoomUnitedPlanA", "A", "1", "//"}}},
	}
	for name, e := range want {
		got := newEnum(schema.Types[name])
		for i := range got.Values {
			got.Values[i].Doc = strings.TrimSpace(got.Values[i].Doc)
		}
		got.Doc = strings.TrimSpace(got.Doc)
		if diff := cmp.Diff(e, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
	for name := range textCodes {
		if gatewaySchema(t).Types[name] == nil {
			t.Errorf("the exception for %s is not needed", name)
		}
	}
}

// Each field of an extensible enum, and each list of enum values, has a text field with
// the same name at Zoom and the same operations.
func TestTexts_schema(t *testing.T) {
	schema := gatewaySchema(t)
	for _, def := range schema.Types {
		for _, fd := range def.Fields {
			enum := schema.Types[fd.Type.Name()]
			if enum == nil || enum.Kind != ast.Enum || strings.HasPrefix(def.Name, "__") {
				continue
			}
			separated := fd.Directives.ForName("separated") != nil
			extensible := enum.Directives.ForName("extensible") != nil || def.Kind == ast.Object && fd.Type.Elem != nil && !separated && !ownEnums[enum.Name]
			text := def.Fields.ForName(fd.Name + "Text")
			switch {
			case def.Kind == ast.Object && extensible && text == nil:
				t.Errorf("%s.%s has no text field", def.Name, fd.Name)
			case text == nil:
			case sdl.TextOf(def, text) != fd || sdl.JSONName(text) != sdl.JSONName(fd) || (text.Type.Elem != nil) != (fd.Type.Elem != nil):
				t.Errorf("%s.%s is not the text of %s", def.Name, text.Name, fd.Name)
			case cmp.Diff(operationsOf(fd), operationsOf(text)) != "":
				t.Errorf("%s.%s comes from %v, its text from %v", def.Name, fd.Name, operationsOf(fd), operationsOf(text))
			}
		}
	}
}

// ownEnums are enums whose values the gateway computes.
var ownEnums = map[string]bool{"AttendeeEvidence": true, "AttendanceGap": true}

// operationsOf returns the operations that carry a field.
func operationsOf(fd *ast.FieldDefinition) []string {
	var ops []string
	for _, d := range fd.Directives.ForNames("zoom") {
		ops = append(ops, d.Arguments.ForName("op").Value.String())
	}
	return ops
}

func TestTexts(t *testing.T) {
	schema := schemaOf(t, `
		type Query { it: It }
		enum Kind { ONE TWO }
		type It { kind: Kind kindText: String @text(of: "kind") kinds: [Kind!] kindsText: [String!] @text(of: "kinds") }
		input ItInput { kinds: [Kind!] kindsText: [String!] @text(of: "kinds") @zoomField(name: "kinds") }`)
	file := filepath.Join(t.TempDir(), "texts.go")
	if err := writeTexts(schema, file); err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"func (x *It) KindText() Text { return Text(x.Kind.Code()) }",
		"func (x *It) Kinds() []Kind { return knownOf(x.KindsRead) }",
		"func (x *It) KindsText() []Text { return textsOf(x.KindsRead) }",
	} {
		if !strings.Contains(string(source), want) {
			t.Errorf("the methods lack %s:\n%s", want, source)
		}
	}
	for _, c := range []struct{ of, field, goName, tag string }{
		{"It", "kind", "Kind", `json:"kind,omitzero"`},
		{"It", "kindText", "", ""},
		{"It", "kinds", "KindsRead", `json:"kinds,omitzero"`},
		{"ItInput", "kinds", "Kinds", `json:"kinds,omitzero"`},
		{"ItInput", "kindsText", "KindsText", `json:"-" codes:"Kinds"`},
	} {
		def := schema.Types[c.of]
		fd := def.Fields.ForName(c.field)
		f, err := fieldHook(def, fd, &modelgen.Field{GoName: strings.ToUpper(c.field[:1]) + c.field[1:], Type: types.NewSlice(types.Typ[types.String])})
		switch {
		case err != nil:
			t.Error(err)
		case f == nil && c.goName != "":
			t.Errorf("%s.%s has no Go field", c.of, c.field)
		case f != nil && (f.GoName != c.goName || f.Tag != c.tag):
			t.Errorf("%s.%s is %s with the tag %s", c.of, c.field, f.GoName, f.Tag)
		}
	}
}

func TestFields(t *testing.T) {
	schema := schemaOf(t, `
		type Query { it: It }
		scalar Secret
		scalar DateTime
		scalar ByteCount
		enum Kind { ONE TWO }
		interface Named { name: String }
		type ItConnection { nodes: [It!] }
		type Other { a: String }
		type Empty { edge(of: Int): String }
		type It {
			id: ID!
			text: String
			needed: String!
			size: ByteCount
			number: Int
			numbers: [Int!]
			yes: Boolean!
			texts: [String!]
			gaps: [String]
			kind: Kind
			kindText: String @text(of: "kind")
			kinds: [Kind!]
			kindsText: [String!] @text(of: "kinds")
			at: DateTime
			other: Other
			others: [Other!]
			named: Named
			all: ItConnection
			edge: String @zoom(op: "GET /edge")
			configured: String
		}`)
	file := filepath.Join(t.TempDir(), "fields.go")
	models := config.TypeMap{"It": {Fields: map[string]config.TypeMapField{"configured": {Resolver: true}}}}
	if err := writeFields(schema, models, file); err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const want = `// plainFields are the plain fields of each type, in the order of their numbers.
var plainFields = map[string]string{
	"Empty": "",
	"It":    "id text size number yes texts kind kindText kinds kindsText at other others",
	"Other": "a",
}

// AppendField implements [Object].
func (x *Empty) AppendField(w *Writer, f *SelectedField) bool {
	return false
}

// AppendField implements [Object].
func (x *It) AppendField(w *Writer, f *SelectedField) bool {
	switch f.Number {
	case 1:
		w.Buf = x.ID().AppendGQL(w.Buf, w.Tenant)
	case 2:
		w.Buf = x.Text.AppendGQL(w.Buf)
	case 3:
		return appendNullable(w, x.Size)
	case 4:
		return w.int32(x.Number)
	case 5:
		w.Buf = strconv.AppendBool(w.Buf, x.Yes)
	case 6:
		return appendValues(w, x.Texts)
	case 7:
		w.Buf = x.Kind.AppendGQL(w.Buf)
	case 8:
		w.Buf = x.KindText().AppendGQL(w.Buf)
	case 9:
		return appendValues(w, x.Kinds())
	case 10:
		return appendValues(w, x.KindsText())
	case 11:
		w.Buf = x.At.AppendGQL(w.Buf)
	case 12:
		return appendObject(w, x.Other, f)
	case 13:
		return appendObjects(w, x.Others, f)
	default:
		return false
	}
	return true
}

// AppendField implements [Object].
func (x *Other) AppendField(w *Writer, f *SelectedField) bool {
	switch f.Number {
	case 1:
		w.Buf = x.A.AppendGQL(w.Buf)
	default:
		return false
	}
	return true
}
`
	if _, got, _ := strings.Cut(string(source), "import \"strconv\"\n\n"); got != want {
		t.Errorf("-want +got\n%s", cmp.Diff(want, got))
	}
}

func TestComments(t *testing.T) {
	for text, want := range map[string]string{"": "// ", "One.": "// One.", "\tOne\ntwo.\n": "// One\n// two."} {
		if got := comment(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// The generated files are up to date, and generation is deterministic.
func TestGeneratedFiles(t *testing.T) {
	const committed = "../zoom/types/"
	models := configured(t)
	fields := func(schema *ast.Schema, file string) error { return writeFields(schema, models, file) }
	for name, write := range map[string]func(*ast.Schema, string) error{
		"enums_gen.go": writeEnums, "connections_gen.go": writeConnections, "texts_gen.go": writeTexts, "fields_gen.go": fields,
	} {
		want, err := os.ReadFile(committed + name)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			file := filepath.Join(t.TempDir(), name)
			if err := write(gatewaySchema(t), file); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Fatalf("%s: go generate ./... -committed +generated\n%s", name, diff)
			}
		}
	}
}

func TestWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.go")
	const source = "package x\n"
	if err := write(file, "package   x"); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); string(got) != source || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	old := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
	if err := write(file, source); err != nil {
		t.Error(err)
	}
	if after, err := os.Stat(file); err != nil || !after.ModTime().Equal(old) {
		t.Errorf("an unchanged file was written, and builds depend on the time of a file: %v", err)
	}
	if err := write(file, "package y"); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(file); string(got) != "package y\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if err := write(file, "no Go"); err == nil || !strings.Contains(err.Error(), "x.go") {
		t.Errorf("invalid Go is written: %v", err)
	}
}

// A resolver for a plain read is generated; an existing one is unchanged.
func TestPlainRead(t *testing.T) {
	schema := schemaOf(t, `
		type Query { meeting: Meeting user: User }
		type Meeting {
			survey: MeetingSurvey @zoom(op: "GET /meetings/{meetingId}/survey")
			poll: MeetingSurvey @zoom(op: "GET /meetings/{meetingId}/polls/{pollId}")
			surveys: [MeetingSurvey] @zoom(op: "GET /meetings/{meetingId}/survey")
			latest(first: Int): MeetingSurvey @zoom(op: "GET /meetings/{meetingId}/survey")
			either: MeetingSurvey @zoom(op: "GET /meetings/{meetingId}/survey") @zoom(op: "GET /surveys")
			host: User @zoom(op: "GET /users/{userId}")
			invitation: MeetingInvitation @zoom(op: "GET /meetings/{meetingId}/invitation")
			other: User @zoom(op: "GET /meetings/{meetingId}/survey")
		}
		scalar Secret
		type MeetingInvitation @source(op: "GET /meetings/{meetingId}/invitation") { sipLinks: [Secret!] }
		type User @source(op: "GET /users/{userId}") { presence: Presence @zoom(op: "GET /users/{userId}/presence_status") }
		type Presence @source(op: "GET /users/{userId}/presence_status") { status: String survey: MeetingSurvey @zoom(op: "GET /meetings/{meetingId}/survey") }
		type MeetingSurvey @source(op: "GET /meetings/{meetingId}/survey") @source(op: "GET /meetings/{meetingId}/polls/{pollId}") { title: String }`)
	const survey = "return orNil(zoom.GetMeetingSurvey.Do(ctx, of(ctx, obj).client, zoom.MeetingKey{MeetingID: obj.Number}))"
	for coordinate, want := range map[string]string{
		"Meeting.survey":     survey,
		"User.presence":      "return orNil(zoom.GetPresence.Do(ctx, of(ctx, obj).client, zoom.UserKey{UserID: obj.ID().Key}))",
		"Meeting.invitation": strings.Replace(strings.Replace(survey, "MeetingSurvey", "MeetingInvitation", 1), "obj.Number}", `obj.Number}, zoom.Secrets(needsOf(ctx, "MeetingInvitation").Secrets)`, 1),
		"Meeting.poll":       "", // it needs a poll id
		"Meeting.surveys":    "", // a list
		"Meeting.latest":     "", // it takes arguments
		"Meeting.either":     "", // two operations
		"Meeting.host":       "", // of another object
		"Meeting.other":      "", // the operation answers with another type
		"Presence.survey":    "", // a type without a key for paths
	} {
		typ, name, _ := strings.Cut(coordinate, ".")
		fd := schema.Types[typ].Fields.ForName(name)
		if got := plainRead(schema.Types[typ], fd, schema.Types[fd.Type.Name()]); got != want {
			t.Errorf("%s is resolved by %q, want %q", coordinate, got, want)
		}
	}

	meeting := schema.Types["Meeting"]
	field := func(name string) *codegen.Field {
		fd := meeting.Fields.ForName(name)
		return &codegen.Field{
			FieldDefinition: fd, Object: &codegen.Object{Definition: meeting},
			TypeReference: &config.TypeReference{Definition: schema.Types[fd.Type.Name()]},
		}
	}
	if got := (edges{}).Implement("return nil, nil", field("survey")); got != "return nil, nil" {
		t.Errorf("an existing body became %q", got)
	}
	if got := (edges{}).Implement("", field("poll")); got != `panic("not implemented: Meeting.poll")` {
		t.Errorf("a resolver to be written by hand has the body %q", got)
	}
}
