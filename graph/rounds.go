package graph

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/spread"
	"zoomql/internal/zoom/types"
)

// What a level of siblings costs hangs on how many of them are asked for together:
// many users are one page of a list, a few are a call each. The executor resolves
// the siblings one by one, in an order and at a pace of its own, and their lists come
// when Zoom answers. So batches run in rounds: one for each kind of objects and each
// level of the question, a level after the other. A round begins when every field that
// leads to such objects on its level, or on one before, is either resolved or waits for
// the round itself; those who wait go on when it is over. What is asked for in which
// round, and what the round finds known, then hangs on the question alone, and neither
// on its wording nor on how busy the machine is.

// kind is a kind of objects of which many are found in another way than few.
type kind uint8

const (
	users kind = iota
	registrants
	roles
	figures // of the connection of a stay
	stays
	allKinds
)

// kindsOf are the kinds of objects that fields of a type ask for.
func kindsOf(typeName string) []kind {
	switch strings.TrimSuffix(typeName, "Connection") { // a round looks into lists that were read before it
	case "User":
		return []kind{users}
	case "Registrant":
		return []kind{registrants}
	case "Role":
		return []kind{roles, users} // of a user who is known by his id alone
	case "ParticipantQos":
		return []kind{figures}
	case "DashboardParticipant":
		return []kind{stays}
	case "Node":
		return []kind{users, registrants, roles}
	}
	return nil
}

// maxLevel is the level of all that is further down.
const maxLevel = 31

// rounds run the batches of one operation. The zero value is ready.
type rounds struct {
	mu     sync.Mutex
	of     [allKinds]*levels // nil while nothing leads to the kind
	active int               // fields that are being resolved and do not wait for a round
	stuck  *time.Timer       // until the fields that do not come are given up; nil while something is done
}

// levels are the rounds of one kind.
type levels struct {
	// pending counts the fields that lead to a level and do not wait for its round.
	pending [maxLevel + 1]int
	// lost is how many of these are taken not to come, since nothing has for a while.
	lost     [maxLevel + 1]int
	next     [maxLevel + 1]*round
	gathered int // of next
	running  bool
}

// round is batches that run together.
type round struct {
	kind    kind
	level   int
	batches []func()
	waiting presence // fields
	ended   bool
	done    chan struct{}
}

// over reports whether its batches have run.
func (r *round) over() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// patience is how long fields that do not come are waited for, while nothing is done.
// Which ones do not come is known before (see request.lost), so that it ends no wait
// but of a mistake of ours: it is longer than a busy machine leaves a process alone.
const patience = time.Second

// demand is what a field, or all of an object, leads to.
type demand struct {
	fields int
	levels []levelDemand
}

type levelDemand struct {
	kind     kind
	level, n int
}

// ownDemand returns what a field of a type asks for on its level.
func ownDemand(typeName string, level int) *demand {
	d := &demand{}
	for _, k := range kindsOf(typeName) {
		d.levels = append(d.levels, levelDemand{k, level, 1})
	}
	return d
}

// add adds what another leads to.
func (d *demand) add(other *demand) {
	d.fields += other.fields
	for _, o := range other.levels {
		at := slices.IndexFunc(d.levels, func(own levelDemand) bool { return own.kind == o.kind && own.level == o.level })
		if at < 0 {
			d.levels = append(d.levels, o)
		} else {
			d.levels[at].n += o.n
		}
	}
}

// each returns what a field leads to that leads on to d: to each level once.
func (d *demand) each() *demand {
	one := &demand{1, slices.Clone(d.levels)}
	for i := range one.levels {
		one.levels[i].n = 1
	}
	return one
}

// expect notes that n times so much is to be resolved. The caller holds the lock.
func (r *rounds) expect(d *demand, n int) {
	for _, at := range d.levels {
		of := r.levelsOf(at.kind)
		of.pending[at.level] += n * at.n
		of.lost[at.level] = min(of.lost[at.level], of.pending[at.level])
	}
}

// levelsOf returns the rounds of a kind. The caller holds the lock.
func (r *rounds) levelsOf(k kind) *levels {
	if r.of[k] == nil {
		r.of[k] = &levels{}
	}
	return r.of[k]
}

// begin notes what is to be resolved.
func (r *rounds) begin(d *demand) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expect(d, 1)
}

// enter notes that the executor resolves a field that was expected.
func (r *rounds) enter() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active++
}

// leave notes that a field is resolved, which belongs to a group, and what is expected
// below it: n times an object's demand, and fields that are expected already.
func (r *rounds) leave(of *group, own *demand, below []objects, already int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active--
	for _, b := range below {
		r.expect(b.demand, b.n)
		already += b.n * b.demand.fields
	}
	of.settle(already - 1)
	r.expect(own, -1)
	r.advance()
}

// objects are n objects.
type objects struct {
	demand *demand
	n      int
}

// join has a batch run in the next round of a kind on a level.
func (r *rounds) join(k kind, level int, batch func()) *round {
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.levelsOf(k)
	if of.next[level] == nil {
		of.next[level] = &round{kind: k, level: level, done: make(chan struct{})}
		of.gathered++
	}
	of.next[level].batches = append(of.next[level].batches, batch)
	return of.next[level]
}

// presence is what a field is to the rounds: whether they know that it is being resolved,
// and whether they expected it to ask for objects of a kind on its level. Of several
// fields, it is how many are.
type presence struct{ active, expected int }

// wait waits until a round is over, by a field.
func (r *rounds) wait(ctx context.Context, of *round, at presence) error {
	r.mu.Lock()
	if of.ended {
		r.mu.Unlock()
		return nil
	}
	r.idle(of, at)
	r.advance()
	r.mu.Unlock()
	select {
	case <-of.done:
		return nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if of.ended {
		return nil
	}
	r.idle(of, presence{-at.active, -at.expected})
	return ctx.Err()
}

// idle notes that fields wait for a round. The caller holds the lock.
func (r *rounds) idle(of *round, at presence) {
	of.waiting.active += at.active
	of.waiting.expected += at.expected
	r.active -= at.active
	r.of[of.kind].pending[of.level] -= at.expected
}

// advance begins the rounds whose time has come. The caller holds the lock.
func (r *rounds) advance() {
	waiting, running := false, false
	for _, of := range r.of {
		if of == nil {
			continue
		}
		if of.gathered > 0 && !of.running {
			if level := of.ready(); level >= 0 {
				r.run(of, level)
			} else {
				waiting = true
			}
		}
		running = running || of.running
	}
	if r.stuck != nil { // or it holds all of an operation that is long over
		r.stuck.Stop()
		r.stuck = nil
	}
	if waiting && !running && r.active == 0 { // else what is done looks again at its end
		r.despair()
	}
}

// ready returns the level whose round can begin, or -1.
func (l *levels) ready() int {
	for level := range l.next {
		switch {
		case l.pending[level] > l.lost[level]:
			return -1
		case l.next[level] != nil:
			return level
		}
	}
	return -1
}

// run runs the next round of a level. The caller holds the lock.
func (r *rounds) run(of *levels, level int) {
	now := of.next[level]
	of.next[level], of.running = nil, true
	of.gathered--
	var wait sync.WaitGroup
	for _, batch := range now.batches[1:] {
		wait.Go(batch)
	}
	go func() {
		now.batches[0]()
		wait.Wait()
		r.mu.Lock()
		defer r.mu.Unlock()
		of.running = false
		r.idle(now, presence{-now.waiting.active, -now.waiting.expected})
		now.ended = true
		close(now.done)
		r.advance()
	}()
}

// despair begins the next rounds when nothing happens for a while. The caller holds the
// lock.
func (r *rounds) despair() {
	var stuck *time.Timer
	stuck = time.AfterFunc(patience, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.stuck != stuck || r.active > 0 {
			return
		}
		for _, of := range r.of {
			if of != nil {
				of.lost = of.pending
			}
		}
		r.advance()
	})
	r.stuck = stuck
}

// window is a list of which only some items are resolved at once: those to come are
// expected as soon as one is done with all that is below it, lest a round begins in
// the moment between.
type window struct {
	rounds *rounds
	route  *route
	of     *group // that the list itself belongs to
	items  reflect.Value
	open   int            // how many items are expected or were
	groups map[int]*group // of items that are expected
}

// group is an item of such a list with all that is below it. Nil is what belongs to
// none.
type group struct {
	of   *window
	left int // fields that are not resolved yet
}

type groupKey struct{}

// settle notes that so many more fields of a group are expected. When it is done, the
// item that comes in its place is. The caller holds the lock of the rounds.
func (g *group) settle(more int) {
	for ; g != nil && more != 0; g = g.of.of {
		if g.left += more; g.left == 0 {
			more += g.of.expect()
		}
	}
}

// expect expects the fields of the next item that has any, and returns how many. The
// caller holds the lock of the rounds.
func (w *window) expect() int {
	for w.open < w.items.Len() {
		i := w.open
		w.open++
		for _, object := range w.route.objectsIn(w.items.Index(i)) {
			w.rounds.expect(object.demand, 1)
			w.groups[i] = &group{w, object.demand.fields}
			return object.demand.fields
		}
	}
	return 0
}

// narrow makes w the window of a list, expects the items that are resolved first, and
// returns how many fields these have.
func (w *window) narrow(r *rounds, of *group, route *route, items reflect.Value, width int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.rounds, w.of, w.route, w.items, w.groups = r, of, route, items, map[int]*group{}
	n := 0
	for range width {
		n += w.expect()
	}
	return n
}

// Begin implements [spread.Items].
func (w *window) Begin(ctx context.Context, i int) context.Context {
	if w.rounds == nil {
		return ctx
	}
	w.rounds.mu.Lock()
	defer w.rounds.mu.Unlock()
	for w.groups[i] == nil && w.open <= i { // one that came before is not done, and is nevertheless
		if n := w.expect(); n > 0 {
			w.of.settle(n)
		}
	}
	g := w.groups[i]
	if g == nil {
		return ctx
	}
	delete(w.groups, i)
	return context.WithValue(ctx, groupKey{}, g)
}

// route is what is known of a field of an operation.
type route struct {
	level int
	own   *demand // nil where the field leads nowhere
	// below is what each of its objects leads to, by the type of the object. There is
	// one type, unless the field's is an interface.
	below map[string]*demand
	// object is the type of its objects; "" where that is an interface.
	object string
}

// routes are the routes of an operation's fields. Directives may hang on variables, so
// they are worked out once an operation. The zero value is ready.
type routes struct {
	mu sync.RWMutex
	of map[routeKey]*route
}

type routeKey struct {
	first  *ast.Selection
	length int
	field  *ast.FieldDefinition
}

var leadsNowhere = &route{}

// routeOf returns the route of a field. above is the level that it is found on, which
// is known when its parent was.
func (q *request) routeOf(opCtx *graphql.OperationContext, f graphql.CollectedField, above int) *route {
	if len(f.Selections) == 0 || f.Definition == nil {
		return leadsNowhere
	}
	key := routeKey{unsafe.SliceData(f.Selections), len(f.Selections), f.Definition}
	q.routes.mu.RLock()
	known := q.routes.of[key]
	q.routes.mu.RUnlock()
	if known != nil {
		return known
	}
	found := q.newRoute(opCtx, f, above)
	q.routes.mu.Lock()
	defer q.routes.mu.Unlock()
	if q.routes.of == nil {
		q.routes.of = map[routeKey]*route{}
	}
	q.routes.of[key] = found
	return found
}

func (q *request) newRoute(opCtx *graphql.OperationContext, f graphql.CollectedField, above int) *route {
	if q.lost(opCtx, f) {
		return leadsNowhere
	}
	name := f.Definition.Type.Name()
	def := q.schema.Types[name]
	found := &route{level: above}
	if schemaIndex().Field(f.ObjectDefinition, f.Definition).Edge {
		found.level = min(above+1, maxLevel)
	}
	all := ownDemand(name, found.level)
	types := []*ast.Definition{def}
	if def.IsAbstractType() {
		types = q.schema.PossibleTypes[name]
	} else {
		found.object = name
	}
	for _, object := range types {
		d := q.demandOf(opCtx, f.Selections, object, found.level)
		if d.fields == 0 {
			continue
		}
		if found.below == nil {
			found.below = make(map[string]*demand, len(types))
		}
		found.below[object.Name] = d
		all.add(d)
	}
	if len(all.levels) > 0 {
		found.own = all.each()
	}
	return found
}

// lost reports whether the executor resolves no such field, since its arguments hold
// an id that is none: it says so and goes on. Other values that are none have ended the
// operation before.
func (q *request) lost(opCtx *graphql.OperationContext, f graphql.CollectedField) bool {
	if len(f.Definition.Arguments) == 0 {
		return false
	}
	values := f.ArgumentMap(opCtx.Variables)
	return slices.ContainsFunc(f.Definition.Arguments, func(def *ast.ArgumentDefinition) bool {
		value := values[def.Name]
		return value != nil && q.holdsNoID(inputNode{t: def.Type, value: value})
	})
}

// holdsNoID reports whether what stands in the place of an id is none of the account's.
func (q *request) holdsNoID(n inputNode) bool {
	if n.t.Elem != nil {
		list := reflect.ValueOf(n.value)
		if list.Kind() != reflect.Slice {
			return q.holdsNoID(inputNode{t: n.t.Elem, value: n.value})
		}
		for i := range list.Len() {
			if q.holdsNoID(inputNode{t: n.t.Elem, value: list.Index(i).Interface()}) {
				return true
			}
		}
		return false
	}
	if n.t.NamedType != "ID" {
		return slices.ContainsFunc(n.members(), q.holdsNoID)
	}
	text, ok := n.value.(string)
	_, err := types.DecodeNodeID(q.own.client.Tenant(), text)
	return !ok || err != nil
}

// demandOf returns what a selection on an object leads to. The fields are collected as
// the executor does it, which remembers them.
func (q *request) demandOf(opCtx *graphql.OperationContext, set ast.SelectionSet, object *ast.Definition, level int) *demand {
	d := &demand{}
	for _, f := range graphql.CollectFields(opCtx, set, schemaIndex().Conditions(object.Name)) {
		if own := q.routeOf(opCtx, f, level).own; own != nil {
			d.add(own)
		}
	}
	return d
}

// objectsIn returns the objects that lead on in what a resolver returned.
func (r *route) objectsIn(v reflect.Value) []objects {
	if len(r.below) == 0 {
		return nil
	}
	if d := r.below[r.object]; d != nil {
		if n := count(v); n > 0 {
			return []objects{{d, n}}
		}
		return nil
	}
	var all []objects
	eachObject(v, func(object reflect.Value) {
		if d := r.below[object.Type().Name()]; d != nil {
			all = append(all, objects{d, 1})
		}
	})
	return all
}

func count(v reflect.Value) (n int) {
	eachObject(v, func(reflect.Value) { n++ })
	return n
}

// eachObject calls a function with every object in a value.
func eachObject(v reflect.Value, do func(object reflect.Value)) {
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			eachObject(v.Index(i), do)
		}
	case reflect.Interface, reflect.Pointer:
		eachObject(v.Elem(), do) // of nil, there is none
	case reflect.Struct:
		do(v)
	}
}

// begun expects the root fields of a query. Those of a mutation are resolved one after
// the other.
func (q *request) begun(opCtx *graphql.OperationContext) {
	if opCtx.Operation.Operation == ast.Query {
		q.rounds.begin(q.demandOf(opCtx, opCtx.Operation.SelectionSet, q.schema.Query, 0))
	}
}

// awaited is a field middleware, the first of all: it tells the rounds which fields
// that lead on are resolved.
func awaited(ctx context.Context, next graphql.Resolver) (res any, err error) {
	fc := graphql.GetFieldContext(ctx)
	req := from(ctx)
	if req == nil || len(fc.Field.Selections) == 0 {
		return next(ctx)
	}
	route := req.routeOf(graphql.GetOperationContext(ctx), fc.Field, 0)
	if route.own == nil {
		return next(ctx)
	}
	if fc.Object == "Mutation" {
		req.rounds.begin(route.own)
	}
	req.rounds.enter()
	of := req.groupOf(ctx)
	var below []objects
	already := 0
	defer func() { req.rounds.leave(of, route.own, below, already) }()
	var list *window
	if fc.Field.Definition.Type.Elem != nil && len(route.below) > 0 {
		list = &window{}
		ctx = spread.WithItems(ctx, list)
	}
	res, err = next(ctx)
	if _, text := res.(graphql.Marshaler); err != nil || res == nil || text {
		return res, err // nothing below it is resolved
	}
	v := reflect.ValueOf(res)
	if list != nil && v.Kind() == reflect.Slice {
		if width := spread.Width(ctx, v.Len()); width < v.Len() {
			req.narrowed.Store(true)
			already = list.narrow(&req.rounds, of, route, v, width)
			return res, err
		}
	}
	below = route.objectsIn(v)
	return res, err
}

// apart resolves parts of the field of ctx beside each other. Part i leads to objects of
// types[i], and to none of the other types that the field may hold: each is expected as
// a field of that type is, and waits for a round of its own. The field waits for them.
func (q *request) apart(ctx context.Context, types []string, part func(i int)) {
	r, field := &q.rounds, graphql.GetFieldContext(ctx).Field
	level := q.routeOf(graphql.GetOperationContext(ctx), field, 0).level
	own, parts := ownDemand(field.Definition.Type.Name(), level), make([]*demand, len(types))
	r.mu.Lock()
	for i, name := range types {
		parts[i] = ownDemand(name, level)
		r.expect(parts[i], 1)
	}
	r.expect(own, -1)
	r.active += len(types) - 1
	r.advance()
	r.mu.Unlock()
	var wait sync.WaitGroup
	for i := range types {
		wait.Go(func() {
			defer func() {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.expect(parts[i], -1)
				r.active--
				r.advance()
			}()
			part(i)
		})
	}
	wait.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expect(own, 1)
	r.active++
}

// groupOf returns the group that the field of ctx belongs to.
func (q *request) groupOf(ctx context.Context) *group {
	if !q.narrowed.Load() {
		return nil
	}
	g, _ := ctx.Value(groupKey{}).(*group)
	return g
}

// placeOf returns the level of the field of ctx, and what it is to the rounds of a kind.
func (q *request) placeOf(ctx context.Context, k kind) (level int, at presence) {
	route := q.routeOf(graphql.GetOperationContext(ctx), graphql.GetFieldContext(ctx).Field, 0)
	if route.own == nil {
		return route.level, at
	}
	at.active = 1
	if slices.Contains(route.own.levels, levelDemand{k, route.level, 1}) {
		at.expected = 1
	}
	return route.level, at
}

// awaitedBy returns the level of the first round of a kind that waits for the field of
// ctx, if one does: what the field has read is there for that round and for those after.
func (q *request) awaitedBy(ctx context.Context, k kind) (level int, waits bool) {
	route := q.routeOf(graphql.GetOperationContext(ctx), graphql.GetFieldContext(ctx).Field, 0)
	if route.own == nil {
		return 0, false
	}
	for _, at := range route.own.levels {
		if at.kind == k && (!waits || at.level < level) {
			level, waits = at.level, true
		}
	}
	return level, waits
}
