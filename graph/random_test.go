package graph

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/generated"
)

var (
	randomOps  = flag.Int("random", 3000, "how many operations TestRandomOperations sends")
	randomSeed = flag.Uint64("random.seed", 1, "the seed of TestRandomOperations; 0 takes a new one")
)

// perRig is how many random operations one gateway and one sandbox serve: later ones see the
// changes of earlier ones.
const perRig = 50

// TestRandomOperations sends random operations from the schema: queries and mutations with
// arguments of all kinds, half of them made invalid in one or two places. Each answer is one that
// the schema allows, in time, or an error with a reason.
func TestRandomOperations(t *testing.T) {
	t.Parallel()
	seed := cmp.Or(*randomSeed, rand.Uint64())
	t.Logf("-random.seed=%d", seed)
	schema := generated.NewExecutableSchema(generated.Config{}).Schema()
	var outcomes outcomes
	t.Cleanup(func() {
		whole, part, none := outcomes.whole.Load(), outcomes.part.Load(), outcomes.none.Load()
		t.Logf("%d answers were whole, %d had errors beside data, %d were refusals", whole, part, none)
		if n := int64(*randomOps); whole < n/5 || part < n/100 || none < n/10 {
			t.Error("one of these is too rare for the test to say much")
		}
	})
	inParts(t, *randomOps, perRig, func(t *testing.T, from, to int) {
		inRig(t, setup{timeout: 30 * time.Second}, func(r *rig) {
			for n := from; n < to; n++ {
				g := &randomizer{Rand: rand.New(rand.NewPCG(seed, uint64(n))), schema: schema, fill: r.fill}
				if body := g.request(); !r.survives(schema, body, &outcomes) {
					r.t.Fatalf("operation %d of -random.seed=%d (run %s whole: what was changed before counts):\n%s", n, seed, t.Name(), body)
				}
			}
		})
	})
}

// outcomes counts answers by their contents.
type outcomes struct{ whole, part, none atomic.Int64 }

func (o *outcomes) add(a *answer) {
	switch {
	case len(a.Errors) == 0:
		o.whole.Add(1)
	case len(a.Data) > 0 && string(a.Data) != "null":
		o.part.Add(1)
	default:
		o.none.Add(1)
	}
}

// survives sends a body, and reports whether the answer is valid.
func (r *rig) survives(schema *ast.Schema, body string, seen *outcomes) bool {
	r.t.Helper()
	began := time.Now()
	a := r.post("application/json", body)
	seen.add(a)
	if took := time.Since(began); took > 31*time.Second {
		r.t.Errorf("it took %s", took)
	}
	if a.status != http.StatusOK && (a.status < 400 || a.status > 499) {
		r.t.Errorf("the status is %d: %s", a.status, a.body)
	}
	codes := schema.Types["ErrorCode"].EnumValues
	for _, e := range a.Errors {
		if codes.ForName(e.code()) == nil || e.code() == "INTERNAL" {
			r.t.Errorf("an error has the code %q: %s", e.code(), e.Message)
		}
	}
	if len(a.Data) == 0 || string(a.Data) == "null" {
		if len(a.Errors) == 0 {
			r.t.Errorf("there is neither data nor an error: %s", a.body)
		}
	} else if err := answered(schema, body, a.Data); err != nil {
		r.t.Errorf("the answer is none: %v\n%s", err, a.body)
	}
	if log := r.log.String(); strings.Contains(log, "panic") || strings.Contains(log, "INTERNAL") {
		r.t.Errorf("the log: %s", log)
	}
	r.log.reset()
	return !r.t.Failed()
}

// randomizer generates random requests.
type randomizer struct {
	*rand.Rand
	schema   *ast.Schema
	fill     func(string) string // replaces placeholders by values of the sandbox
	left     int                 // fields
	declared []string
	values   map[string]any
}

func (g *randomizer) chance(n int) bool { return g.IntN(n) == 0 }

func oneOf[T any](g *randomizer, list ...T) T { return list[g.IntN(len(list))] }

// request returns the body of a request, half of the time an invalid one.
func (g *randomizer) request() string {
	body := g.whole()
	if g.chance(2) {
		for range 1 + g.IntN(2) {
			g.spoil(body)
		}
	}
	text, _ := json.Marshal(body)
	return string(text)
}

// whole returns the members of a request that is valid for the schema.
func (g *randomizer) whole() map[string]any {
	g.left, g.values = 8+g.IntN(40), map[string]any{}
	kind, root := "query", g.schema.Query
	if g.chance(4) {
		kind, root = "mutation", g.schema.Mutation
	}
	set := g.set(root, 0)
	head := kind
	if len(g.declared) > 0 {
		head += " Q(" + strings.Join(g.declared, ", ") + ")"
	}
	return map[string]any{"query": head + " " + set, "variables": g.values}
}

// set returns a selection on the objects of a type.
func (g *randomizer) set(on *ast.Definition, depth int) string {
	var b strings.Builder
	b.WriteString("{ ")
	if on.IsAbstractType() {
		b.WriteString("__typename ")
		for _, t := range g.schema.GetPossibleTypes(on) {
			if g.chance(4) && g.left > 0 {
				b.WriteString("... on " + t.Name + " " + g.set(t, depth) + " ")
			}
		}
	}
	fields := slices.Clone(on.Fields)
	g.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	want := 1 + g.IntN(5)
	if depth == 0 {
		want = 1 + g.IntN(2)
	}
	for _, f := range fields {
		if want == 0 {
			break
		}
		def := g.schema.Types[f.Type.Name()]
		if strings.HasPrefix(f.Name, "__") || !def.IsLeafType() && (g.left <= 0 || depth > 8) {
			continue
		}
		want--
		g.left--
		b.WriteString(g.field(f, def, depth) + " ")
	}
	if want > 0 && !on.IsAbstractType() {
		b.WriteString("__typename ")
	}
	return b.String() + "}"
}

func (g *randomizer) field(f *ast.FieldDefinition, def *ast.Definition, depth int) string {
	text := f.Name
	if g.chance(6) {
		text = "a" + strconv.Itoa(g.left+1000) + ": " + text
	}
	var args []string
	for _, arg := range f.Arguments {
		if arg.Type.NonNull && arg.DefaultValue == nil || g.chance(3) {
			args = append(args, arg.Name+": "+g.argument(arg.Type))
		}
	}
	if args != nil {
		text += "(" + strings.Join(args, ", ") + ")"
	}
	switch g.IntN(24) {
	case 0:
		text += " @include(if: " + g.argument(ast.NonNullNamedType("Boolean", nil)) + ")"
	case 1:
		text += " @skip(if: " + g.argument(ast.NonNullNamedType("Boolean", nil)) + ")"
	}
	if !def.IsLeafType() {
		text += " " + g.set(def, depth+1)
	}
	if g.chance(20) {
		return oneOf(g, "... { ", "... @defer { ", "... @include(if: true) { ") + text + " }"
	}
	return text
}

// argument returns a literal, or a variable with a value.
func (g *randomizer) argument(t *ast.Type) string {
	value := g.valueOf(t, 0)
	if g.chance(2) {
		return written(value)
	}
	name := "v" + strconv.Itoa(len(g.declared))
	declared := "$" + name + ": " + t.String()
	if !t.NonNull && g.chance(8) {
		declared += " = " + written(g.valueOf(t, 0))
	}
	g.declared = append(g.declared, declared)
	if t.NonNull || !g.chance(8) {
		g.values[name] = value
	}
	return "$" + name
}

// bare is a value that is written without quotes, such as an enum value.
type bare string

func written(value any) string {
	switch v := value.(type) {
	case bare:
		return string(v)
	case []any:
		items := make([]string, len(v))
		for i := range v {
			items[i] = written(v[i])
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]any:
		var members []string
		for name, member := range v {
			members = append(members, name+": "+written(member))
		}
		slices.Sort(members)
		return "{" + strings.Join(members, ", ") + "}"
	}
	text, _ := json.Marshal(value)
	return string(text)
}

func (g *randomizer) valueOf(t *ast.Type, depth int) any {
	if !t.NonNull && g.chance(10) {
		return nil
	}
	if t.Elem != nil {
		list := make([]any, g.IntN(4))
		for i := range list {
			list[i] = g.valueOf(t.Elem, depth+1)
		}
		return list
	}
	def := g.schema.Types[t.NamedType]
	switch def.Kind {
	case ast.Enum:
		return bare(oneOf(g, def.EnumValues...).Name)
	case ast.InputObject:
		return g.object(def, depth)
	}
	value := g.scalar(def.Name)
	if text, ok := value.(string); ok {
		return g.fill(text)
	}
	return value
}

func (g *randomizer) object(def *ast.Definition, depth int) any {
	object := map[string]any{}
	if def.Directives.ForName("oneOf") != nil {
		f := oneOf(g, def.Fields...)
		t := *f.Type
		t.NonNull = true
		object[f.Name] = g.valueOf(&t, depth+1)
		return object
	}
	for _, f := range def.Fields {
		if f.Type.NonNull && f.DefaultValue == nil || depth < 4 && g.chance(2+depth) {
			object[f.Name] = g.valueOf(f.Type, depth+1)
		}
	}
	return object
}

// globalIDs are the ids of objects of the sandbox.
var globalIDs = []string{
	"${User HostID}", "${User OwnerID}", "${User DeletedUserID}", "${User@SubAccountID SubHostID}", "${Account AccountID}", "${Account SubAccountID}",
	"${Meeting MeetingNumber}", "${Meeting BigMeeting}", "${Meeting LiveMeeting}", "${MeetingInstance BigInstance}", "${MeetingInstance UUIDWithSlash}",
	"${Webinar WebinarNumber}", "${WebinarReport WebinarInstance}", "${Role RoleID}", "${Group GroupID}", "${ChatChannel ChannelID}", "${Participant BigMeeting}", "", "garbage",
}

func (g *randomizer) scalar(name string) any {
	switch name {
	case "ID":
		return oneOf(g, globalIDs...)
	case "Int":
		return oneOf(g, 0, 1, 2, 5, 30, 60, 300, 1000, -1, 2147483647, -2147483648)
	case "Float":
		return oneOf(g, 0.0, 1.5, -2.0, 1e300)
	case "Boolean":
		return g.chance(2)
	case "DateTime":
		return oneOf(g, "2026-03-16T09:00:00Z", "2026-03-01T00:00:00+02:00", "2025-12-24T23:59:59.999Z", "2019-01-01T00:00:00Z", "2027-05-01T10:00:00Z", "0001-01-01T00:00:00Z")
	case "Date":
		return oneOf(g, "2026-03-16", "2026-03-01", "2026-02-14", "2025-12-31", "2024-02-29", "2019-01-01", "2027-01-01", "9999-12-31", "0001-01-01")
	case "MeetingNumber":
		return oneOf[any](g, "${MeetingNumber}", "${BigMeeting}", "${LiveMeeting}", "${ManualMeeting}", "${WebinarNumber}", "${PersonalMeeting}", "123 4567 8901", "1", 5)
	case "MeetingUUID":
		return oneOf(g, "${BigInstance}", "${UUIDWithSlash}", "${WebinarInstance}", "abc==", "/x//y", ".")
	case "URL":
		return oneOf(g, "https://example.com/x?y=1", "http://[::1]:99999/", "ftp://x", "x")
	case "JSON":
		return oneOf[any](g, map[string]any{"a": []any{1, "b", nil}}, []any{}, "text", 1e20, map[string]any{})
	case "ByteCount":
		return oneOf(g, 0, 1<<40)
	}
	return oneOf(g,
		"${HostID}", "${HostEmail}", "${OwnerEmail}", "${PendingUserEmail}", "${DeletedUserID}", "${RegistrantID}", "${PollID}", "${ChannelID}", "${RoleID}", "${BigInstance}",
		"me", "", " ", "a,b", "nobody@guests.example.org", "Ünï ☃ 🙂", "\x00\x01", "..", "../users?x=1#y%2e", strings.Repeat("long ", 60), "2026-03-01", "0", "-1", "null", `"}{`, "day", "en-US", "Europe/Vienna",
	)
}

// spoil makes a request invalid, in one of the ways that occur in mistakes or attacks.
func (g *randomizer) spoil(body map[string]any) {
	text, _ := body["query"].(string)
	words := strings.Fields(text)
	if len(words) == 0 {
		return
	}
	at := g.IntN(len(words))
	join := func() { body["query"] = strings.Join(words, " ") }
	switch g.IntN(16) {
	case 0:
		words = slices.Delete(words, at, at+1)
		join()
	case 1:
		words = slices.Insert(words, at, oneOf(g, "{", "}", "(", ")", "$x", "...", "on", "null", "@include(if: null)", "@skip(if: $none)", "@nothing", "@defer(if: false)", "\"", "#", "\uFEFF", "\x00", "1e400", "-", "__typename", "__schema { types { name } }", "fragment"))
		join()
	case 2:
		words[at] = strings.Repeat(words[at], 1+g.IntN(300))
		join()
	case 3:
		other := g.IntN(len(words))
		words[at], words[other] = words[other], words[at]
		join()
	case 4:
		words = append(words, words...)
		join()
	case 5:
		body["query"] = text[:g.IntN(len(text))]
	case 6:
		body["query"] = oneOf[any](g, nil, 5, "", []any{text}, map[string]any{}, "query", "{}", "subscription { x }")
	case 7:
		body["variables"] = oneOf[any](g, nil, 5, "x", []any{}, map[string]any{"v0": map[string]any{}})
	case 8:
		body["operationName"] = oneOf[any](g, "Q", "none", 5, "", []any{})
	case 9:
		body["extensions"] = oneOf[any](g, "x", []any{}, map[string]any{"persistedQuery": oneOf[any](g, 1, map[string]any{"version": 1, "sha256Hash": "abc"}, nil)})
	case 10:
		body["query"] = strings.Replace(text, "}", oneOf(g, "} ...F fragment F on User { ...F }", "...G } fragment G on Query { ...H } fragment H on Query { ...G }", "}}"), 1)
	default:
		g.spoilValues(body)
	}
}

// spoilValues replaces a value in the variables, at any depth, by one of another type.
func (g *randomizer) spoilValues(body map[string]any) {
	values, _ := body["variables"].(map[string]any)
	if len(values) == 0 {
		return
	}
	odd := func() any {
		return oneOf[any](g, nil, "", "x", 0, -1, 1.5, 1e20, 9007199254740993, true, []any{}, []any{nil}, []any{[]any{}}, map[string]any{}, map[string]any{"": nil}, map[string]any{"id": nil, "zoomId": nil}, strings.Repeat("y", 2000))
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	name := oneOf(g, names...)
	switch g.IntN(8) {
	case 0:
		delete(values, name)
	case 1:
		values["none"] = odd()
	default:
		values[name] = g.spoilt(values[name], odd)
	}
}

func (g *randomizer) spoilt(value any, odd func() any) any {
	switch v := value.(type) {
	case map[string]any:
		if len(v) == 0 || g.chance(4) {
			break
		}
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		name := oneOf(g, names...)
		if g.chance(6) {
			v["more"] = odd()
		}
		if g.chance(6) {
			delete(v, name)
			return v
		}
		v[name] = g.spoilt(v[name], odd)
		return v
	case []any:
		if len(v) == 0 || g.chance(4) {
			break
		}
		i := g.IntN(len(v))
		v[i] = g.spoilt(v[i], odd)
		return v
	}
	return odd()
}

// answered returns an error unless data is valid for a request's document: it has the selected
// fields, with the types in the schema.
func answered(schema *ast.Schema, body string, data json.RawMessage) error {
	var request struct {
		Query         string
		OperationName string
		Variables     map[string]any
	}
	if err := json.Unmarshal([]byte(body), &request); err != nil {
		return fmt.Errorf("there are data to what is no request: %w", err)
	}
	doc, errs := gqlparser.LoadQueryWithRules(schema, strings.TrimPrefix(request.Query, "\uFEFF"), nil)
	if errs != nil {
		return fmt.Errorf("there are data to a document that is not valid: %w", errs)
	}
	var object map[string]any
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.UseNumber()
	if err := dec.Decode(&object); err != nil {
		return err
	}
	op := doc.Operations.ForName(request.OperationName)
	c := &checker{schema: schema, variables: map[string]any{}}
	for _, v := range op.VariableDefinitions {
		if value, ok := request.Variables[v.Variable]; ok {
			c.variables[v.Variable] = value
		} else if v.DefaultValue != nil {
			c.variables[v.Variable], _ = v.DefaultValue.Value(nil)
		}
	}
	on := schema.Query
	if op.Operation == ast.Mutation {
		on = schema.Mutation
	}
	return c.object(on, []ast.SelectionSet{op.SelectionSet}, object, string(op.Operation))
}

// checker compares data with the selection.
type checker struct {
	schema    *ast.Schema
	variables map[string]any
}

// selected are the fields with one response name.
type selected struct {
	def  *ast.FieldDefinition
	name string
	sets []ast.SelectionSet
}

func (c *checker) object(on *ast.Definition, sets []ast.SelectionSet, object map[string]any, path string) error {
	fields := map[string]*selected{}
	for _, set := range sets {
		c.collect(on, set, fields)
	}
	for name := range object {
		if fields[name] == nil {
			return fmt.Errorf("%s.%s was not asked for", path, name)
		}
	}
	for name, f := range fields {
		value, ok := object[name]
		switch {
		case !ok:
			return fmt.Errorf("%s.%s is missing", path, name)
		case f.name == "__typename":
			if value != on.Name {
				return fmt.Errorf("%s is a %v, not a %s", path, value, on.Name)
			}
		case strings.HasPrefix(f.name, "__"):
		default:
			if err := c.value(f.def.Type, f.sets, value, path+"."+name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *checker) collect(on *ast.Definition, set ast.SelectionSet, into map[string]*selected) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			if !c.included(sel.Directives) {
				continue
			}
			f := into[sel.Alias]
			if f == nil {
				f = &selected{def: on.Fields.ForName(sel.Name), name: sel.Name}
				into[sel.Alias] = f
			}
			f.sets = append(f.sets, sel.SelectionSet)
		case *ast.InlineFragment:
			if c.included(sel.Directives) && c.applies(sel.TypeCondition, on) {
				c.collect(on, sel.SelectionSet, into)
			}
		case *ast.FragmentSpread:
			if c.included(sel.Directives) && c.applies(sel.Definition.TypeCondition, on) {
				c.collect(on, sel.Definition.SelectionSet, into)
			}
		}
	}
}

func (c *checker) applies(condition string, on *ast.Definition) bool {
	return condition == "" || condition == on.Name || slices.Contains(c.schema.GetPossibleTypes(c.schema.Types[condition]), on)
}

func (c *checker) included(directives ast.DirectiveList) bool {
	is := func(name string) bool {
		d := directives.ForName(name)
		if d == nil {
			return name == "include"
		}
		value, _ := d.Arguments.ForName("if").Value.Value(c.variables)
		return value == true
	}
	return is("include") && !is("skip")
}

func (c *checker) value(t *ast.Type, sets []ast.SelectionSet, value any, path string) error {
	if value == nil {
		if t.NonNull {
			return fmt.Errorf("%s is null", path)
		}
		return nil
	}
	if t.Elem != nil {
		list, ok := value.([]any)
		if !ok {
			return fmt.Errorf("%s is no list", path)
		}
		for i, item := range list {
			if err := c.value(t.Elem, sets, item, path+"."+strconv.Itoa(i)); err != nil {
				return err
			}
		}
		return nil
	}
	def := c.schema.Types[t.NamedType]
	if def.IsLeafType() {
		if !leafOf(def, value) {
			return fmt.Errorf("%s is no %s", path, def.Name)
		}
		return nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("%s is no object", path)
	}
	if def.IsAbstractType() {
		name, asked := object["__typename"].(string)
		if !asked {
			return nil // an invalid request may select nothing
		}
		if def = c.schema.Types[name]; def == nil || !c.applies(t.NamedType, def) {
			return fmt.Errorf("%s is no %s", path, t.NamedType)
		}
	}
	return c.object(def, sets, object, path)
}

// leafOf reports whether a value is valid for a scalar or an enum.
func leafOf(def *ast.Definition, value any) bool {
	text, isText := value.(string)
	number, isNumber := value.(json.Number)
	switch def.Name {
	case "JSON":
		return true
	case "Boolean":
		_, ok := value.(bool)
		return ok
	case "Int":
		_, err := strconv.ParseInt(number.String(), 10, 32)
		return isNumber && err == nil
	case "ByteCount":
		_, err := strconv.ParseInt(number.String(), 10, 64)
		return isNumber && err == nil
	case "Float":
		return isNumber
	case "DateTime":
		_, err := time.Parse(time.RFC3339Nano, text)
		return err == nil
	case "Date":
		_, err := time.Parse(time.DateOnly, text)
		return err == nil
	}
	if def.Kind == ast.Enum {
		return def.EnumValues.ForName(text) != nil
	}
	return isText
}
