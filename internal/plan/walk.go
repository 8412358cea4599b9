package plan

import (
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
	// listed tells that they stand in a list, so that their paths have indices.
	listed bool
	// key is the id of the one user who stands here, as far as it is known, and owners are the
	// users whose lists have the objects as their rows.
	key    string
	owners owners
	// asked are operations that were asked for each of the objects already.
	asked []string
}

// owners are users whose lists are read: how many are expected, the operation that they were read
// by ("" where they are known by key alone), and the id of the one of them, where it is known.
type owners struct {
	likely    int
	read, key string
}

// edge is a field with a resolver, of the objects of a place.
type edge struct {
	*place
	field graphql.CollectedField
	info  *selection.Field
	path  string
	args  map[string]any
	into  string // the account that it leads into; "" where it stays in its own
}

// below returns the place of the objects of a type that the edge leads to, one for each of
// its own.
func (w *walk) below(e *edge, typeName string) place {
	at := *e.place
	at.def, at.path, at.of, at.row, at.asked = w.index.Type(typeName), e.path, e.most, "", nil
	at.key, at.owners = "", owners{}
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
	if w.opCtx.Operation.Operation == ast.Subscription {
		w.subscription()
		return
	}
	if def == nil {
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

// subscription goes through what it costs to begin a subscription, and what its first item costs.
func (w *walk) subscription() {
	def := w.index.Subscription()
	for _, f := range graphql.CollectFields(w.opCtx, w.opCtx.Operation.SelectionSet, w.index.Conditions(def.Name)) {
		if f.Definition == nil || strings.HasPrefix(f.Name, "__") {
			continue
		}
		at := &place{def: def, most: 1, likely: 1, of: 1}
		args := w.argumentsOf(f, f.Alias)
		w.opens(at, f, args)
		if way := ways[def.Name+"."+f.Name]; way != nil {
			way(w, &edge{place: at, field: f, info: w.index.Field(def, f.Definition), path: f.Alias, args: args})
			continue
		}
		w.within(at, f)
	}
}

// opens notes what is read before a subscription begins: whether the caller may see what it is
// about, and who is in a meeting, where events do not tell it.
func (w *walk) opens(at *place, f graphql.CollectedField, args map[string]any) {
	for _, by := range []any{args["meeting"], args["instance"]} {
		if by == nil {
			continue
		}
		at.under = w.step(at, zoom.GetMeeting.Spec, f.Alias, 1, 1, "once: whether the meeting may be seen")
		at.under.Fields = []string{f.Alias}
		if number := w.meetingIn(by); number != 0 {
			at.under.Lookup = &Lookup{Meeting: number}
		}
		at.trips++
	}
	if args["webinar"] != nil {
		at.under = w.step(at, zoom.GetWebinar.Spec, f.Alias, 1, 1, "once: whether the webinar may be seen")
		at.under.Fields = []string{f.Alias}
		at.trips++
	}
	if by := args["user"]; by != nil {
		s := w.step(at, zoom.GetUser.Spec, f.Alias, 1, 1, "once: whether the user may be seen")
		if emails := emailsIn(by); emails != nil {
			s.Lookup = &Lookup{Users: emails}
		}
		at.under, at.trips = s, at.trips+1
	}
	if f.Name == "participants" || f.Name == "attendance" {
		op := zoom.RunsOf(args["webinar"] != nil).Participants.Spec
		at.under = w.step(at, op, f.Alias, ceil(MaxStays, op.MaxPage)+1, 1, "once: who is there, where events of the last hour do not tell of the start")
		at.trips++
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
		e.args = w.argumentsOf(f, e.path)
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
	at.most, at.likely, at.open, at.listed = w.Objects, w.times(at.likely, Listed), true, true
	return at
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
