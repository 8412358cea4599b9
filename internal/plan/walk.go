package plan

import (
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/selection"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// walk goes through an operation, as the executor does, and notes what each field costs.
type walk struct {
	Options
	index *selection.Index
	opCtx *graphql.OperationContext
	plan  *Plan

	pools []*pool
	// changed is how many registrants the last change names.
	changed int
}

// place is a place of the answer, and the objects that stand there.
type place struct {
	def  *ast.Definition // their type
	path string
	// most is how many objects there are at most, and likely how many are expected.
	most, likely int
	// of is how many objects of the type above the list there are.
	of int
	// read is the operation that they were read by; "" where they are known by key alone.
	read    string
	account string
	under   *Step // whose answer they are in; nil where no call is needed for them
	trips   int   // until they are read
	open    bool
	// row is the list that each object is a row of; "" where it is none.
	row string
	// asked are operations that were asked for each of the objects already.
	asked []string
}

// edge is a field with a resolver, of the objects of a place.
type edge struct {
	*place
	field graphql.CollectedField
	info  *selection.Field
	path  string
	args  map[string]any
}

// below returns the place of the objects of a type that the edge leads to, one for each of
// its own.
func (w *walk) below(e *edge, typeName string) place {
	at := *e.place
	at.def, at.path, at.of, at.row, at.asked = w.index.Type(typeName), e.path, e.most, "", nil
	return at
}

// target is the type that the edge leads to.
func (e *edge) target() string { return e.field.Definition.Type.Name() }

// step notes calls of an operation for the objects of a place.
func (w *walk) step(at *place, op *zoom.Spec, path string, most, likely int, why string) *Step {
	s := &Step{Op: op, Account: at.account, Path: path, AtMost: most, Expected: min(likely, most), Open: at.open, Why: why}
	if at.under != nil {
		s.Depth = at.under.Depth + 1
		at.under.Steps = append(at.under.Steps, s)
	} else {
		w.plan.Steps = append(w.plan.Steps, s)
	}
	if s.Expected > 0 {
		w.arrive(at.trips + 1)
	}
	return s
}

// arrive notes a chain of calls.
func (w *walk) arrive(trips int) { w.plan.Trips = max(w.plan.Trips, trips) }

// times multiplies counts of objects or calls, within the bound of the answer.
func (w *walk) times(a, b int) int { return times(a, b, w.Objects) }

// roots goes through the root fields.
func (w *walk) roots() {
	def := w.index.Query()
	if w.opCtx.Operation.Operation == ast.Mutation {
		def = w.index.Mutation()
	}
	if def == nil || w.opCtx.Operation.Operation == ast.Subscription {
		return
	}
	for _, f := range graphql.CollectFields(w.opCtx, w.opCtx.Operation.SelectionSet, w.index.Conditions(def.Name)) {
		at := &place{def: def, most: 1, likely: 1, of: 1}
		if def == w.index.Mutation() {
			at.trips = w.plan.Trips // one field after the other
		}
		w.field(at, f)
	}
}

// objects goes through a selection on the objects of a place.
func (w *walk) objects(at *place, set ast.SelectionSet) {
	if at.most == 0 || len(set) == 0 {
		return
	}
	w.plan.Objects = min(w.plan.Objects+at.most, w.Objects)
	for _, f := range graphql.CollectFields(w.opCtx, set, w.index.Conditions(at.def.Name)) {
		w.field(at, f)
	}
}

// field goes through a field of the objects of a place.
func (w *walk) field(at *place, f graphql.CollectedField) {
	if f.Definition == nil || f.ObjectDefinition == nil || strings.HasPrefix(f.Name, "__") {
		return
	}
	fd := f.Definition
	if at.def != f.ObjectDefinition {
		if fd = at.def.Fields.ForName(f.Name); fd == nil {
			return
		}
	}
	info := w.index.Field(at.def, fd)
	if !info.Edge {
		if len(f.Selections) > 0 {
			w.within(at, f)
		}
		return
	}
	e := &edge{place: at, field: f, info: info, path: join(at.path, f.Alias)}
	if len(fd.Arguments) > 0 {
		e.args = f.ArgumentMap(w.opCtx.Variables)
	}
	way := ways[at.def.Name+"."+f.Name]
	switch {
	case way != nil:
		way(w, e)
	case at.def == w.index.Mutation():
		w.mutation(e)
	case strings.HasSuffix(e.target(), connection):
		w.list(e, w.listOf(e))
	case isList(fd.Type):
		w.items(e, w.firstOf(e))
	default:
		w.one(e)
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func isList(t *ast.Type) bool { return t.Elem != nil }

// connection ends the names of types of lists with pages.
const connection = "Connection"

// within goes on with objects that stand in the objects of a place.
func (w *walk) within(at *place, f graphql.CollectedField) {
	below := *at
	below.def, below.path, below.row, below.asked = w.index.Type(f.Definition.Type.Name()), join(at.path, f.Alias), "", nil
	if isList(f.Definition.Type) {
		below = w.many(below)
	}
	w.objects(&below, f.Selections)
}

// many makes each object of a place a list that nothing bounds.
func (w *walk) many(at place) place {
	at.of = at.most
	at.most, at.likely, at.open = w.Objects, w.times(at.likely, Listed), true
	return at
}

// listOf returns the operation that reads the list of a connection; nil where there is
// none.
func (w *walk) listOf(e *edge) *zoom.Spec {
	for _, name := range e.info.All() {
		if op := zoom.Lookup(name); op.MaxPage > 0 {
			return op
		}
	}
	return w.firstOf(e)
}

func (w *walk) firstOf(e *edge) *zoom.Spec {
	if all := e.info.All(); len(all) > 0 {
		return zoom.Lookup(all[0])
	}
	return nil
}

// list notes a list with pages, and goes on with its items.
func (w *walk) list(e *edge, op *zoom.Spec) *Step {
	first := intOf(e.args["first"])
	if op == nil || first < 1 || first > MaxFirst {
		return nil // refused
	}
	l, refused := w.listing(e, op, first)
	if refused {
		return nil
	}
	why := pagesWhy(l)
	s := w.step(e.place, op, e.path, w.times(e.most, l.most()), w.times(e.likely, l.likely()), why)
	at := place{
		path: e.path, most: w.times(e.most, first), likely: w.times(e.likely, first), of: e.most,
		read: op.Pattern, row: op.Pattern, account: e.account, under: s, trips: e.trips + l.likely(), open: e.open,
	}
	w.arrive(at.trips)
	w.connection(e, op, &at)
	return s
}

// listing returns how a list is read, or that it is refused.
func (w *walk) listing(e *edge, op *zoom.Spec, first int) (l listing, refused bool) {
	largest := op.MaxPage
	if largest == 0 {
		largest = unpaged
	}
	l = listing{first: first, size: PageSize(first, largest), windows: w.windows(e, op), counted: op.Numbered}
	after, given := e.args["after"].(string)
	if given && w.Cursor != nil {
		size, behind, ok := w.Cursor(after)
		if !ok || size > largest {
			return l, true
		}
		l.size, l.after, l.behind = size, true, behind
	}
	return l, l.windows == 0
}

func pagesWhy(l listing) string {
	switch {
	case l.windows > 1:
		return "a month at a time, in pages of " + number(l.size)
	case l.likely() > 1:
		return "in pages of " + number(l.size)
	}
	return "one page of " + number(l.size)
}

// connection goes through the selection on a list with pages: its items, and what stands
// beside them.
func (w *walk) connection(e *edge, op *zoom.Spec, items *place) {
	def := w.index.Type(e.target())
	nodes := def.Fields.ForName("nodes")
	if nodes == nil {
		return
	}
	items.def = w.index.Type(nodes.Type.Name())
	want := w.index.Needs(w.opCtx, e.field.Selections, items.def.Name, "nodes", "edges.node")
	w.complete(items, op, want, items.path, e.args["status"] == "PENDING")
	for _, f := range graphql.CollectFields(w.opCtx, e.field.Selections, w.index.Conditions(def.Name)) {
		switch {
		case f.Definition == nil || len(f.Selections) == 0:
		case f.Name == "nodes":
			w.nodes(items, f)
		case f.Name == "edges":
			w.plan.Objects = min(w.plan.Objects+items.most, w.Objects)
			for _, node := range graphql.CollectFields(w.opCtx, f.Selections, nil) {
				if node.Name == "node" {
					below := *items
					below.path = join(items.path, f.Alias)
					w.nodes(&below, node)
				}
			}
		default:
			beside := *e.place
			beside.def, beside.path, beside.read, beside.under, beside.trips = def, e.path, op.Pattern, items.under, items.trips
			w.field(&beside, f)
		}
	}
}

// nodes goes on with the items of a list.
func (w *walk) nodes(items *place, f graphql.CollectedField) {
	at := *items
	at.path, at.asked = join(items.path, f.Alias), nil
	w.objects(&at, f.Selections)
}

// complete notes the calls for items of a list that lack what is asked for. Users who are
// invited have no id yet, so that they are looked for in lists.
func (w *walk) complete(items *place, list *zoom.Spec, want *selection.Needs, path string, invited bool) {
	whole := wholes[list.Pattern]
	if whole == "" || !want.Lacks(list.Pattern) {
		return
	}
	op := w.in(items.account, whole)
	likely := items.likely
	if !want.NeverIn(list.Pattern) {
		likely /= 2 // some items have it
	}
	s := w.step(items, op, path, items.most, likely, each(items.most, "the list does not tell "+lacking(want, list.Pattern)))
	if list != zoom.ListUsers.Spec || invited {
		w.pooled(op, s, want)
	}
	if want.NeverIn(list.Pattern) {
		items.read = op.Pattern
	}
	if likely > 0 {
		items.trips++
	}
	items.under = s
	w.arrive(items.trips)
}

// items notes a list without pages, and goes on with its items.
func (w *walk) items(e *edge, op *zoom.Spec) {
	at := w.below(e, e.target())
	if op != nil {
		n := w.windows(e, op)
		if n == 0 {
			return
		}
		at.under = w.step(e.place, op, e.path, w.times(e.most, n), w.times(e.likely, n), each(e.most, "the list has no pages"))
		at.read, at.row, at.trips = op.Pattern, op.Pattern, e.trips+1
	}
	at = w.many(at)
	if op != nil && len(e.field.Selections) > 0 {
		w.complete(&at, op, w.index.Needs(w.opCtx, e.field.Selections, at.def.Name), e.path, false)
	}
	w.objects(&at, e.field.Selections)
}

// one notes what an object costs that an edge leads to, and goes on with it.
func (w *walk) one(e *edge) {
	at := w.below(e, e.target())
	if len(e.field.Selections) == 0 {
		w.ask(e, &at, nil)
		return
	}
	want := w.index.Needs(w.opCtx, e.field.Selections, at.def.Name)
	w.ask(e, &at, want)
	w.objects(&at, e.field.Selections)
}

// ask notes the calls that an edge names: that for its object, and those for what names
// it.
func (w *walk) ask(e *edge, at *place, want *selection.Needs) {
	t, own := targets[at.def.Name], e.info.All()
	for _, name := range own {
		op := w.in(at.account, name)
		switch {
		case op.Method() != "GET" || op.Pattern == t.one || isListOf(own, name):
		case t.one == zoom.GetPastMeeting.Pattern && op == zoom.GetMeetingReport.Spec: // of sub accounts
		case op.Pattern == w.pattern(e.account, targets[e.def.Name].one):
			w.lean(e, at, op, isKeyed(e))
		case t.one == "":
			s := w.step(e.place, op, e.path, e.most, e.likely, each(e.most, "nothing else tells it"))
			at.under, at.read, at.trips = s, op.Pattern, e.trips+1
			w.pooled(op, s, want)
		default:
			w.lean(e, at, op, false)
		}
	}
	w.lent(e, at)
	if t.one == "" || !slices.Contains(own, t.one) {
		return
	}
	w.object(e, at, want, t)
}

// object notes the call for an object that an edge leads to.
func (w *walk) object(e *edge, at *place, want *selection.Needs, t target) {
	op, most, likely := w.in(at.account, t.one), at.most, at.likely
	if t.keyed && want.KeyOnly() {
		likely = 0
		if !latest[e.def.Name+"."+e.field.Name] || !want.Key {
			at.read = ""
			return // its edges are asked by its key
		}
	}
	why := each(most, "nothing else tells what is selected")
	s := w.step(at, op, e.path, most, likely, why)
	w.pooled(op, s, want)
	at.under, at.read = s, op.Pattern
	if likely > 0 {
		at.trips++
	}
	w.arrive(at.trips)
}

// lean notes a call for what an edge hangs on: the objects of its place themselves, once
// for all edges. It is expected where they are known by key alone.
func (w *walk) lean(e *edge, at *place, op *zoom.Spec, expected bool) {
	if e.read == op.Pattern || slices.Contains(e.asked, op.Pattern) || e.tells() {
		return
	}
	e.asked = append(e.asked, op.Pattern)
	likely := 0
	if expected && e.read == "" {
		likely = e.likely
		at.trips = e.trips + 1
	}
	n := e.most
	if ofRun[e.def.Name+"."+e.field.Name] {
		n = e.of
	}
	s := w.step(e.place, op, e.path, n, likely, "where what is known of the object does not tell it")
	if likely > 0 {
		at.under = s
	}
}

// lent notes the calls for what an edge hangs on that it does not name.
func (w *walk) lent(e *edge, at *place) {
	for _, name := range leans[e.def.Name+"."+e.field.Name] {
		w.lean(e, at, w.in(e.account, name), isKeyed(e))
	}
}

// in returns an operation as it is asked of an account: of sub accounts Zoom has the
// report on an instance only.
func (w *walk) in(account, name string) *zoom.Spec { return zoom.Lookup(w.pattern(account, name)) }

func (w *walk) pattern(account, name string) string {
	if account != "" && name == zoom.GetPastMeeting.Pattern {
		return zoom.GetMeetingReport.Pattern
	}
	return name
}

// isSub reports whether the objects of a place are of another account.
func (p *place) isSub() bool { return p.account != "" }

// node returns what a global id names.
func (w *walk) node(id any) (types.NodeID, bool) {
	text, ok := id.(string)
	if !ok {
		return types.NodeID{}, false
	}
	node, err := types.DecodeNodeID(w.Tenant, text)
	return node, err == nil
}
