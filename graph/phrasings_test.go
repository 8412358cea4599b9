package graph

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/endpoint"
	"zoomql/graph/generated"
	"zoomql/internal/sandbox"
	"zoomql/internal/selection"
)

var (
	pairs    = flag.Int("pairs", 100, "how many questions TestPhrasings asks in two phrasings each")
	pairSeed = flag.Uint64("pairs.seed", 7726595130957722437, "the seed of TestPhrasings; 0 takes a new one")
)

// pairsAtOnce is how many pairs TestPhrasings compares sequentially, in parallel with others.
const pairsAtOnce = 25

// TestPhrasings sends queries in two phrasings each: the answer is the same, and so is its
// requested cost, with and without a cache. Every resolver starts after a random delay, as on a
// busy machine.
func TestPhrasings(t *testing.T) {
	t.Parallel()
	seed := cmp.Or(*pairSeed, rand.Uint64())
	t.Logf("-pairs.seed=%d", seed)
	schema := generated.NewExecutableSchema(generated.Config{}).Schema()
	var asked, more atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d pairs were compared, %d of them needed Zoom", asked.Load(), more.Load())
		if f := flag.Lookup("test.run"); strings.Contains(f.Value.String(), "/") {
			return // some of them only
		}
		if int(asked.Load()) < *pairs*3/4 {
			t.Errorf("only %d of %d pairs could be compared", asked.Load(), *pairs)
		}
	})
	inParts(t, *pairs, pairsAtOnce, func(t *testing.T, from, to int) {
		for n := from; n < to; n++ {
			compared, needed := samePhrased(t, schema, seed, n)
			if compared {
				asked.Add(1)
			}
			if needed {
				more.Add(1)
			}
		}
	})
}

// inParts runs a test of n cases in parallel subtests of the given size.
func inParts(t *testing.T, n, size int, test func(t *testing.T, from, to int)) {
	for from := 0; from < n; from += size {
		t.Run(strconv.Itoa(from), func(t *testing.T) {
			t.Parallel()
			test(t, from, min(from+size, n))
		})
	}
}

// samePhrased sends a query in two phrasings, and fails the test if the answers differ. It reports
// whether they could be compared, and whether calls to Zoom were needed.
func samePhrased(t *testing.T, schema *ast.Schema, seed uint64, n int) (compared, needed bool) {
	wide := endpoint.DefaultLimits
	wide.Aliases, wide.Directives, wide.Depth = 1000, 1000, 100
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	q := &asker{Rand: rng, schema: schema}
	root := q.root()
	plain, other := word(q, root, nil), word(q, root, rng)
	var first, second []*phrased
	rigged := setup{Options: sandbox.Options{Plan: sandbox.PlanBusiness}, limits: wide}
	rigged.breaker.Calls = math.MaxInt32 // which calls precede its opening is random
	rigged.fields = jittered(rng.Uint64())
	inRig(t, rigged, func(r *rig) {
		first = append(first, plain.ask(r, "cold"), plain.ask(r, "warm"), other.ask(r, "after the other"))
	})
	rigged.fields = jittered(rng.Uint64())
	inRig(t, rigged, func(r *rig) {
		second = append(second, other.ask(r, "cold"), other.ask(r, "warm"))
	})
	if slices.ContainsFunc(slices.Concat(first, second), func(p *phrased) bool { return p.refused }) {
		return false, false
	}
	for _, pair := range [][2]*phrased{{first[0], second[0]}, {first[1], second[1]}, {first[1], first[2]}} {
		if reflect.DeepEqual(pair[0], pair[1]) {
			continue // many times faster than a Diff of a large answer
		}
		if diff := gocmp.Diff(pair[0], pair[1], gocmp.AllowUnexported(phrased{})); diff != "" {
			t.Errorf("pair %d of -pairs.seed=%d:\n%s\n%s\n-one +other: %s", n, seed, plain.text, other.text, diff)
			break
		}
	}
	return true, len(first[0].requested) > 0
}

// jittered delays resolvers randomly.
func jittered(seed uint64) graphql.FieldMiddleware {
	return func(ctx context.Context, next graphql.Resolver) (any, error) {
		if fc := graphql.GetFieldContext(ctx); fc.IsResolver {
			chance := rand.New(rand.NewPCG(seed, uint64(len(fc.Path().String()))+uint64(fc.Field.Position.Start)))
			if i := fc.Parent.Index; i != nil {
				chance = rand.New(rand.NewPCG(seed, uint64(*i)))
			}
			time.Sleep(time.Duration(chance.IntN(8)) * time.Millisecond / 2)
		}
		return next(ctx)
	}
}

// part is a field of a query, with its selection; for a connection, that of its items.
type part struct {
	def   *ast.FieldDefinition
	args  []givenArgument
	of    []*part
	on    string // the type of the objects
	conns bool   // it is a connection
}

type givenArgument struct {
	name, literal string
	kind          *ast.Type
	value         any
}

// asker generates queries from the schema.
type asker struct {
	*rand.Rand
	schema *ast.Schema
	left   int // fields
}

// root returns a query for a few objects of the sandbox.
func (q *asker) root() []*part {
	q.left = 40
	query := q.schema.Types["Query"]
	var parts []*part
	for range 1 + q.IntN(2) {
		from := startingPoints[q.IntN(len(startingPoints))]
		p := &part{def: query.Fields.ForName(from.field)}
		for _, arg := range p.def.Arguments {
			p.args = append(p.args, givenArgument{arg.Name, from.literal, arg.Type, from.value})
		}
		p.on = p.def.Type.Name()
		if p.of = q.set(p.on, 1, 0); len(p.of) > 0 && !slices.ContainsFunc(parts, func(o *part) bool { return o.def == p.def }) {
			parts = append(parts, p)
		}
	}
	return parts
}

var startingPoints = []struct {
	field, literal string
	value          any
}{
	{"account", "", nil},
	{"user", `{zoomId: "${HostID}"}`, map[string]any{"zoomId": "${HostID}"}},
	{"meeting", `{number: "${MeetingNumber}"}`, map[string]any{"number": "${MeetingNumber}"}},
	{"meeting", `{number: "${BigMeeting}"}`, map[string]any{"number": "${BigMeeting}"}},
	{"meetingInstance", `{latestOf: "${BigMeeting}"}`, map[string]any{"latestOf": "${BigMeeting}"}},
	{"meetingInstance", `{uuid: "${UUIDWithSlash}"}`, map[string]any{"uuid": "${UUIDWithSlash}"}},
	{"webinar", `{number: "${WebinarNumber}"}`, map[string]any{"number": "${WebinarNumber}"}},
}

// set selects fields of a type, whose objects are the items of nested lists, or one object.
func (q *asker) set(typeName string, depth, lists int) []*part {
	def := q.schema.Types[typeName]
	var leaves, edges []*part
	for _, f := range def.Fields {
		p, ok := q.part(f, lists)
		switch {
		case !ok:
		case p.on == "":
			leaves = append(leaves, p)
		case depth < 7:
			edges = append(edges, p)
		}
	}
	q.Shuffle(len(leaves), func(i, j int) { leaves[i], leaves[j] = leaves[j], leaves[i] })
	q.Shuffle(len(edges), func(i, j int) { edges[i], edges[j] = edges[j], edges[i] })
	parts := leaves[:min(len(leaves), 1+q.IntN(3))]
	for _, p := range edges[:min(len(edges), 1+q.IntN(3))] {
		if q.left--; q.left < 0 {
			break
		}
		below := lists
		if p.conns || isList(p.def.Type) {
			below++
		}
		if p.of = q.set(p.on, depth+1, below); len(p.of) > 0 {
			parts = append(parts, p)
		}
	}
	return parts
}

func isList(t *ast.Type) bool { return t.Elem != nil }

// part returns a field as a part without a selection. Within lists it selects short lists, and
// within these none.
func (q *asker) part(f *ast.FieldDefinition, lists int) (*part, bool) {
	if strings.HasPrefix(f.Name, "__") || slices.Contains(unpredictable, f.Name) || selection.IsSecret(f.Type) {
		return nil, false
	}
	p := &part{def: f}
	for _, arg := range f.Arguments {
		switch {
		case arg.Name == "first":
			n := []int{5, 20, 60}[q.IntN(3)]
			if lists > 0 {
				n = 3
			}
			p.args = append(p.args, givenArgument{"first", strconv.Itoa(n), arg.Type, n})
		case arg.Type.NonNull && arg.DefaultValue == nil:
			return nil, false
		}
	}
	def := q.schema.Types[f.Type.Name()]
	if def.IsLeafType() {
		return p, true
	}
	p.on = def.Name
	if node := def.Fields.ForName("nodes"); node != nil {
		p.conns, p.on = true, node.Type.Name()
	}
	return p, q.schema.Types[p.on].Kind == ast.Object && (lists < 3 || !p.conns && !isList(f.Type))
}

// unpredictable are fields whose values depend on more than the query.
var unpredictable = []string{"raw", "rateLimit", "download", "asOf"}

// phrasing is a query's text.
type phrasing struct {
	rng       *rand.Rand // nil means the plainest phrasing
	q         *asker
	roots     []*part
	names     map[*part]string // response names
	fragments []string
	declared  []string
	values    map[string]any
	aliases   int
	text      string
}

func word(q *asker, roots []*part, rng *rand.Rand) *phrasing {
	w := &phrasing{rng: rng, q: q, roots: roots, names: map[*part]string{}, values: map[string]any{}}
	body := w.set(roots, "Query")
	head := "query"
	if len(w.declared) > 0 {
		head += " (" + strings.Join(w.declared, ", ") + ")"
	}
	w.text = head + " " + body + strings.Join(w.fragments, "")
	return w
}

// chance is true once in n times, and never in the plainest phrasing.
func (w *phrasing) chance(n int) bool { return w.rng != nil && w.rng.IntN(n) == 0 }

func (w *phrasing) set(parts []*part, on string) string {
	parts = slices.Clone(parts)
	if w.rng != nil {
		w.rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	}
	var b strings.Builder
	b.WriteString("{ ")
	for _, p := range parts {
		b.WriteString(w.wrapped(w.field(p), p, on))
	}
	b.WriteString("}")
	return b.String()
}

// wrapped may put a field into a fragment.
func (w *phrasing) wrapped(field string, p *part, on string) string {
	def := w.q.schema.Types[on]
	switch {
	case p.def.Name == "id" && slices.Contains(def.Interfaces, "Node") && w.chance(2):
		return "... on Node { " + field + "} "
	case w.chance(6):
		return "... { " + field + "} "
	case w.chance(5):
		return "... on " + on + " @include(if: true) { " + field + "} "
	case w.chance(4):
		name := "F" + strconv.Itoa(len(w.fragments))
		w.fragments = append(w.fragments, " fragment "+name+" on "+on+" { "+field+"}")
		return "..." + name + " "
	}
	return field
}

// field writes a part. Its selection may be split over two fields with one response name.
func (w *phrasing) field(p *part) string {
	name := p.def.Name
	w.names[p] = name
	head := name
	if w.aliases < 25 && w.chance(3) {
		w.aliases++
		w.names[p] = "a" + strconv.Itoa(len(w.names)) + strings.ToUpper(name[:1])
		head = w.names[p] + ": " + name
	}
	head += w.arguments(p)
	switch {
	case p.on == "":
		return head + " "
	case p.conns:
		return w.connection(p, head)
	case len(p.of) > 1 && w.chance(3):
		at := 1 + w.rng.IntN(len(p.of)-1)
		return head + " " + w.set(p.of[:at], p.on) + " " + head + " " + w.set(p.of[at:], p.on) + " "
	}
	return head + " " + w.set(p.of, p.on) + " "
}

// connection selects items as nodes, as edges, or partly as each.
func (w *phrasing) connection(p *part, head string) string {
	nodes, edges := p.of, []*part(nil)
	switch {
	case w.chance(2):
		nodes, edges = nil, p.of
	case len(p.of) > 1 && w.chance(2):
		at := 1 + w.rng.IntN(len(p.of)-1)
		nodes, edges = p.of[:at], p.of[at:]
	}
	var ways []string
	if nodes != nil {
		ways = append(ways, "nodes "+w.set(nodes, p.on)+" ")
	}
	if edges != nil {
		ways = append(ways, "edges { node "+w.set(edges, p.on)+" } ")
	}
	if w.chance(2) {
		slices.Reverse(ways)
	}
	if len(ways) == 2 && w.chance(2) {
		return head + " { " + ways[0] + "} " + head + " { " + ways[1] + "} "
	}
	return head + " { " + strings.Join(ways, "") + "} "
}

func (w *phrasing) arguments(p *part) string {
	var list []string
	for _, a := range p.args {
		if a.value == nil {
			continue
		}
		if !w.chance(2) {
			list = append(list, a.name+": "+a.literal)
			continue
		}
		name := "v" + strconv.Itoa(len(w.declared))
		w.declared = append(w.declared, "$"+name+": "+a.kind.String())
		w.values[name] = a.value
		list = append(list, a.name+": $"+name)
	}
	if list == nil {
		return ""
	}
	return "(" + strings.Join(list, ", ") + ")"
}

// phrased is an answer with the phrasing's names removed.
type phrased struct {
	data      any
	codes     []string // of the errors
	requested map[string]any
	refused   bool // for lack of time or budget
}

func (w *phrasing) ask(r *rig, when string) *phrased {
	r.t.Helper()
	values := map[string]any{"when": when} // so that no whole answer is cached
	raw, _ := json.Marshal(w.values)
	if err := json.Unmarshal([]byte(r.fill(string(raw))), &values); err != nil {
		r.t.Fatal(err)
	}
	a := r.ask(w.text, values)
	var data any
	if err := json.Unmarshal(a.Data, &data); err != nil {
		r.t.Fatalf("%v: %s\n%s", err, w.text, a.body)
	}
	got := &phrased{data: w.objects(w.roots, data)}
	for _, e := range a.Errors {
		got.codes = append(got.codes, e.code())
		got.refused = got.refused || slices.Contains([]string{"RATE_LIMITED", "DAILY_LIMIT", "TIMEOUT"}, e.code())
	}
	slices.Sort(got.codes)
	spent, _ := a.Extensions["cost"].(map[string]any)
	got.requested, _ = spent["requested"].(map[string]any)
	return got
}

// objects replaces the names of a phrasing by the plain ones.
func (w *phrasing) objects(parts []*part, data any) any {
	switch data := data.(type) {
	case []any:
		list := make([]any, len(data))
		for i := range data {
			list[i] = w.objects(parts, data[i])
		}
		return list
	case map[string]any:
		object := map[string]any{}
		for i, p := range parts {
			value, there := data[w.names[p]]
			if !there {
				continue // a field below the other way to the item
			}
			if p.conns {
				value = w.items(p, value)
			} else if p.on != "" {
				value = w.objects(p.of, value)
			}
			object[fmt.Sprint(i, " ", p.def.Name)] = value
		}
		return object
	}
	return data
}

// items returns the items of a connection, from both nodes and edges.
func (w *phrasing) items(p *part, data any) any {
	connection, ok := data.(map[string]any)
	if !ok {
		return data
	}
	nodes, _ := w.objects(p.of, connection["nodes"]).([]any)
	if nodes == nil {
		nodes = []any{}
	}
	edges, _ := connection["edges"].([]any)
	for i, edge := range edges {
		edge, _ := edge.(map[string]any)
		item := w.objects(p.of, edge["node"])
		if len(nodes) <= i {
			nodes = append(nodes, item)
			continue
		}
		into, _ := nodes[i].(map[string]any)
		more, _ := item.(map[string]any)
		maps.Copy(into, more)
	}
	return nodes
}
