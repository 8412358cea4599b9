package plan

import (
	"reflect"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/selection"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// walk computes the plan of an operation: it goes through the fields as the executor does, and adds
// a step for the calls of each.
type walk struct {
	Options
	index *selection.Index
	opCtx *graphql.OperationContext
	plan  *Plan

	pools []*pool
	// edges are the paths of the edges.
	edges map[string]bool
	// registrants is the number of registrants that the input of the last mutation names.
	registrants int
}

// place is a path of the answer, and the objects there.
type place struct {
	def  *ast.Definition // their type
	path string
	// most is the maximum number of objects, and likely the expected one.
	most, likely int
	// parents is the maximum number of objects that these belong to: of the lists that have them, if
	// they are items of lists.
	parents int
	// read is the operation that returned them; "" if only their keys are known.
	read    string
	account string
	// accounts are the sub accounts of the list that account "*" stands for; nil for one account.
	accounts *place
	step     *Step // whose answer has them; nil if they need no call
	trips    int   // round trips until they are read
	open     bool  // nothing bounds their number: see [Step.Open]
	// row is the operation whose list has each object as a row; "" if they are no rows.
	row string
	// listed reports that they are in a list, so that their paths have indices.
	listed bool
	// key is the id of the one user here, "" if it is unknown. owners are the users whose lists have
	// the objects as rows.
	key    string
	owners owners
	// noted are operations whose calls for these objects are in the plan already.
	noted []string
}

// owners are users whose lists are read: their expected number, the operation that returned them
// ("" if only their ids are known), and the id if it is one user whose id is known.
type owners struct {
	likely    int
	read, key string
}

// edge is a field with a resolver (see package selection), of the objects of a place.
type edge struct {
	*place
	field graphql.CollectedField
	info  *selection.Field
	path  string
	args  map[string]any
	into  string // the account of its objects; "" if it is that of the place
}

// below returns the place of the objects that the edge leads to, one for each object of its own
// place.
func (w *walk) below(e *edge, typeName string) place {
	at := *e.place
	at.def, at.path, at.parents, at.row, at.noted = w.index.Type(typeName), e.path, e.most, "", nil
	at.key, at.owners = "", owners{}
	return at
}

// name returns the field's name with its type: Type.field.
func (e *edge) name() string { return e.def.Name + "." + e.field.Name }

// target returns the name of the type that the edge leads to.
func (e *edge) target() string { return e.field.Definition.Type.Name() }

// step adds calls of an operation for the objects of a place, at most most of them.
func (w *walk) step(at *place, op *zoom.Spec, path string, most, likely int, why string) *Step {
	s := &Step{Op: op, Account: at.account, Path: path, AtMost: most, Expected: min(likely, most), Open: at.open, Why: why, accounts: at.accounts}
	if at.step != nil {
		s.Depth = at.step.Depth + 1
		at.step.Steps = append(at.step.Steps, s)
	} else {
		w.plan.Steps = append(w.plan.Steps, s)
	}
	if s.Expected > 0 {
		w.noteTrips(at.trips + 1)
	}
	return s
}

// noteTrips notes a chain of so many round trips.
func (w *walk) noteTrips(trips int) { w.plan.Trips = max(w.plan.Trips, trips) }

// levelOf returns the level of a path: the number of edges on it.
func (w *walk) levelOf(path string) (level int) {
	for i, b := range []byte(path) {
		if b == '.' && w.edges[path[:i]] {
			level++
		}
	}
	if w.edges[path] {
		level++
	}
	return level
}

// times multiplies numbers of objects or calls, bounded by [Options.Objects].
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
		at := &place{def: def, most: 1, likely: 1, parents: 1}
		if def == w.index.Mutation() {
			at.trips = w.plan.Trips // mutations are executed serially
		}
		w.field(at, f)
	}
}

// subscription adds the steps that begin a subscription, and those of its first item.
func (w *walk) subscription() {
	def := w.index.Subscription()
	for _, f := range graphql.CollectFields(w.opCtx, w.opCtx.Operation.SelectionSet, w.index.Conditions(def.Name)) {
		if f.Definition == nil || strings.HasPrefix(f.Name, "__") {
			continue
		}
		w.edges[f.Alias] = true
		args := w.argumentsOf(f, f.Alias)
		at := &place{def: def, most: 1, likely: 1, parents: 1, account: w.accountIn(f, args)}
		w.beforeSubscription(at, f, args)
		if override := overrides[def.Name+"."+f.Name]; override != nil {
			override(w, &edge{place: at, field: f, info: w.index.Field(def, f.Definition), path: f.Alias, args: args})
			continue
		}
		w.nested(at, f)
	}
}

// beforeSubscription adds what is read before a subscription begins: the object that it is about,
// which the caller must have access to, and the people in a meeting, if events do not have them.
func (w *walk) beforeSubscription(at *place, f graphql.CollectedField, args map[string]any) {
	for _, by := range []any{args["meeting"], args["instance"]} {
		if by == nil {
			continue
		}
		at.step = w.step(at, zoom.GetMeeting.Spec, f.Alias, 1, 1, "once: whether the meeting may be seen")
		at.step.Fields = []string{f.Alias}
		if number := w.meetingIn(by); number != 0 {
			at.step.Lookup = &Lookup{Meeting: number}
		}
		at.trips++
	}
	if args["webinar"] != nil {
		at.step = w.step(at, zoom.GetWebinar.Spec, f.Alias, 1, 1, "once: whether the webinar may be seen")
		at.step.Fields = []string{f.Alias}
		at.trips++
	}
	if by := args["user"]; by != nil {
		s := w.step(at, zoom.GetUser.Spec, f.Alias, 1, 1, "once: whether the user may be seen")
		if emails := emailsIn(by); emails != nil {
			s.Lookup = &Lookup{Users: emails}
		}
		at.step, at.trips = s, at.trips+1
	}
	if f.Name == "participants" || f.Name == "attendance" {
		op := zoom.RunsOf(args["webinar"] != nil).Participants.Spec
		at.step = w.step(at, op, f.Alias, ceil(MaxStays, op.MaxPage)+1, 1, "once: who is there, unless events of the last hour include the start")
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
			w.nested(at, f)
		}
		return
	}
	e := &edge{place: at, field: f, info: info, path: join(at.path, f.Alias)}
	w.edges[e.path] = true
	if len(fd.Arguments) > 0 {
		e.args = w.argumentsOf(f, e.path)
		w.enter(e)
	}
	override := overrides[at.def.Name+"."+f.Name]
	switch {
	case override != nil:
		override(w, e)
	case at.def == w.index.Mutation():
		w.mutation(e)
	case strings.HasSuffix(e.target(), connection):
		w.list(e, w.listOf(e))
	case isList(fd.Type):
		w.items(e, w.firstOp(e))
	default:
		w.one(e)
	}
}

// enter puts a root field into the account that its arguments name. The place of other fields is in an
// account already.
func (w *walk) enter(e *edge) {
	if e.def == w.index.Query() || e.def == w.index.Mutation() {
		own := *e.place
		own.account = w.accountIn(e.field, e.args)
		e.place = &own
	}
}

// accountIn returns the account that the arguments of a root field name, by the input's account or by
// the global id of an object; "" for the own one.
func (w *walk) accountIn(f graphql.CollectedField, args map[string]any) string {
	if input, ok := args["input"].(map[string]any); ok {
		if args = input; w.isBy(f, "account", "AccountBy") && input["account"] != nil {
			account, _ := w.accountBy(input["account"])
			return account
		}
	}
	for _, by := range args {
		if id := memberOf(by, "id"); id != nil {
			if node, ok := w.node(id); ok && node.Account != "" {
				return node.Account
			}
		}
	}
	return ""
}

// listOf returns the items of an argument. GraphQL coerces a single value to a list of one, which the
// coerced variables have as a slice of its type; none stands for an empty list.
func listOf(value any) (items []any) {
	switch of := reflect.ValueOf(value); of.Kind() {
	case reflect.Invalid:
		return nil
	case reflect.Slice:
		for i := range of.Len() {
			items = append(items, of.Index(i).Interface())
		}
		return items
	}
	return []any{value}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func isList(t *ast.Type) bool { return t.Elem != nil }

// connection is the suffix of the type names of connections.
const connection = "Connection"

// nested goes through objects that are fields of the objects of a place, without a resolver.
func (w *walk) nested(at *place, f graphql.CollectedField) {
	below := *at
	below.def, below.path, below.row, below.noted = w.index.Type(f.Definition.Type.Name()), join(at.path, f.Alias), "", nil
	if isList(f.Definition.Type) {
		below = w.asLists(below)
	}
	w.objects(&below, f.Selections)
}

// asLists returns a place with an unbounded list in place of each object.
func (w *walk) asLists(at place) place {
	at.parents = at.most
	at.most, at.likely, at.open, at.listed = w.Objects, w.times(at.likely, Listed), true, true
	return at
}

// opIn returns an operation as it is called for an account. Of instances of sub accounts, Zoom has
// only the report.
func (w *walk) opIn(account, name string) *zoom.Spec { return zoom.Lookup(w.patternIn(account, name)) }

func (w *walk) patternIn(account, name string) string {
	if account != "" && name == zoom.GetPastMeeting.Pattern {
		return zoom.GetMeetingReport.Pattern
	}
	return name
}

// isSub reports whether the objects of a place are of another account.
func (p *place) isSub() bool { return p.account != "" }

// node decodes a global id.
func (w *walk) node(id any) (types.NodeID, bool) {
	text, ok := id.(string)
	if !ok {
		return types.NodeID{}, false
	}
	node, err := types.DecodeNodeID(w.Tenant, text)
	return node, err == nil
}
