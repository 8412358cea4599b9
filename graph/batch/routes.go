package batch

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"unsafe"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/spread"
)

// route is the level and the demand of a field of an operation.
type route struct {
	level int
	own   *demand // nil if the field leads to no batched objects
	// below is the demand of one of its objects, by the type of the object. There is one type,
	// unless the field's type is an interface.
	below map[string]*demand
	// object is the type of its objects; "" for an interface.
	object string
}

// routes are the routes of an operation's fields. They are computed once per operation,
// because directives may depend on variables. The zero value is ready.
type routes struct {
	mu sync.RWMutex
	of map[routeKey]*route
}

// routeKey identifies a field by its selection set and its definition.
type routeKey struct {
	first  *ast.Selection
	length int
	field  *ast.FieldDefinition
}

// leadsNowhere is the route of fields without a demand.
var leadsNowhere = &route{}

// routeOf returns the route of a field. above is the level of its parent; it is ignored if
// the route is known already.
func (r *Rounds) routeOf(opCtx *graphql.OperationContext, f graphql.CollectedField, above int) *route {
	if len(f.Selections) == 0 || f.Definition == nil {
		return leadsNowhere
	}
	key := routeKey{unsafe.SliceData(f.Selections), len(f.Selections), f.Definition}
	r.routes.mu.RLock()
	known := r.routes.of[key]
	r.routes.mu.RUnlock()
	if known != nil {
		return known
	}
	found := r.newRoute(opCtx, f, above)
	r.routes.mu.Lock()
	defer r.routes.mu.Unlock()
	if r.routes.of == nil {
		r.routes.of = map[routeKey]*route{}
	}
	r.routes.of[key] = found
	return found
}

func (r *Rounds) newRoute(opCtx *graphql.OperationContext, f graphql.CollectedField, above int) *route {
	if r.Skips != nil && r.Skips(opCtx, f) {
		return leadsNowhere
	}
	name := f.Definition.Type.Name()
	found := &route{level: above}
	if r.Index.Field(f.ObjectDefinition, f.Definition).Edge {
		found.level = min(above+1, maxLevel)
	}
	all, types := r.ownDemand(name, found.level), r.Index.Objects(name)
	if !r.Index.Type(name).IsAbstractType() {
		found.object = name
	}
	for _, object := range types {
		d := r.demandOf(opCtx, f.Selections, object, found.level)
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

// demandOf returns the demand of a selection on an object. It collects fields by gqlgen's
// function, which caches them for the executor.
func (r *Rounds) demandOf(opCtx *graphql.OperationContext, set ast.SelectionSet, object *ast.Definition, level int) *demand {
	d := &demand{}
	for _, f := range graphql.CollectFields(opCtx, set, r.Index.Conditions(object.Name)) {
		if own := r.routeOf(opCtx, f, level).own; own != nil {
			d.add(own)
		}
	}
	return d
}

// objectsIn returns the objects with a demand in the result of a resolver.
func (r *route) objectsIn(v reflect.Value) []objects {
	if len(r.below) == 0 {
		return nil
	}
	if v.Kind() == reflect.Chan { // of a subscription: it has the item that is to be resolved
		if d := r.below[r.object]; d != nil && v.Len() > 0 {
			return []objects{{d, v.Len()}}
		}
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

// leadsTo reports whether an object of a field may lead to a kind on a level or an earlier one.
func (r *route) leadsTo(k Kind, level int) bool {
	for _, d := range r.below {
		if slices.ContainsFunc(d.levels, func(at levelDemand) bool { return at.kind == k && at.level <= level }) {
			return true
		}
	}
	return false
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
		eachObject(v.Elem(), do) // the zero Value for nil
	case reflect.Struct:
		do(v)
	}
}

// Begin expects the root fields of a query or subscription. Those of a mutation are resolved
// serially, so [Rounds.Field] expects each when it begins.
func (r *Rounds) Begin(opCtx *graphql.OperationContext) {
	switch opCtx.Operation.Operation {
	case ast.Query:
		r.begin(r.demandOf(opCtx, opCtx.Operation.SelectionSet, r.Index.Query(), 0))
	case ast.Subscription:
		r.begin(r.demandOf(opCtx, opCtx.Operation.SelectionSet, r.Index.Subscription(), 0))
	}
}

// Field is a field middleware, which MUST be the outermost: it records which fields with a demand
// are being resolved.
func (r *Rounds) Field(ctx context.Context, next graphql.Resolver) (res any, err error) {
	fc := graphql.GetFieldContext(ctx)
	if len(fc.Field.Selections) == 0 {
		return next(ctx)
	}
	route := r.routeOf(graphql.GetOperationContext(ctx), fc.Field, 0)
	if route.own == nil {
		return next(ctx)
	}
	if fc.Object == "Mutation" {
		r.begin(route.own)
	}
	r.enter()
	of := r.groupOf(ctx)
	var below []objects
	already := 0
	defer func() { r.leave(of, route.own, below, already) }()
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
			r.narrowed.Store(true)
			already = list.narrow(r, of, route, v, width)
			return res, err
		}
	}
	below = route.objectsIn(v)
	return res, err
}

// Apart resolves parts of the field of ctx concurrently. Part i leads to objects of
// types[i], and to none of the other types that the field may hold: each is expected like
// a field of that type, and waits for its own round. Apart returns when all parts have.
func (r *Rounds) Apart(ctx context.Context, types []string, part func(i int)) {
	field := graphql.GetFieldContext(ctx).Field
	level := r.routeOf(graphql.GetOperationContext(ctx), field, 0).level
	own, parts := r.ownDemand(field.Definition.Type.Name(), level), make([]*demand, len(types))
	r.mu.Lock()
	for i, name := range types {
		parts[i] = r.ownDemand(name, level)
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
func (r *Rounds) groupOf(ctx context.Context) *group {
	if !r.narrowed.Load() {
		return nil
	}
	g, _ := ctx.Value(groupKey{}).(*group)
	return g
}

// placeOf returns the level of the field of ctx, and how the rounds of a kind count the field.
func (r *Rounds) placeOf(ctx context.Context, k Kind) (level int, at presence) {
	route := r.routeOf(graphql.GetOperationContext(ctx), graphql.GetFieldContext(ctx).Field, 0)
	if route.own == nil {
		return route.level, at
	}
	at.active = 1
	if slices.Contains(route.own.levels, levelDemand{k, route.level, 1}) {
		at.expected = 1
	}
	return route.level, at
}

// Level returns the level of the field of ctx.
func (r *Rounds) Level(ctx context.Context) int {
	return r.routeOf(graphql.GetOperationContext(ctx), graphql.GetFieldContext(ctx).Field, 0).level
}

// LevelOf is Level for any context: that of a field without a selection is the next level of the
// field above it. A context without a field is on the first level.
func (r *Rounds) LevelOf(ctx context.Context) int {
	if !graphql.HasOperationContext(ctx) {
		return 0
	}
	opCtx, below := graphql.GetOperationContext(ctx), 0
	for fc := graphql.GetFieldContext(ctx); fc != nil; fc = fc.Parent {
		switch {
		case fc.Field.Field == nil: // an item of a list
		case len(fc.Field.Selections) == 0:
			below = 1
		default:
			return min(r.routeOf(opCtx, fc.Field, 0).level+below, maxLevel)
		}
	}
	return 0
}

// AwaitedBy returns the level of the first round of a kind that waits for the field of ctx, if one
// does: that round and later ones can use what the field reads.
func (r *Rounds) AwaitedBy(ctx context.Context, k Kind) (level int, waits bool) {
	route := r.routeOf(graphql.GetOperationContext(ctx), graphql.GetFieldContext(ctx).Field, 0)
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
