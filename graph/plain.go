package graph

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// The executor takes a goroutine for each item of a list and some microseconds
// for each field of it, which is all there is to do where the values are known.
// So what a query asks of an object is written by a plan instead, if it asks for
// plain fields only; and a list whose items lead to users asks for all of them at
// once. Whatever a plan does not foresee (errors, nulls where there must be none,
// other edges) is left to the executor, whose answer is the same.

// plan is how the objects of one selection are written.
type plan struct {
	fields []planned
}

// planned is a field of a plan.
type planned struct {
	name     string // with quotes and colon
	index    int    // of the struct's field
	kind     plannedKind
	nonNull  bool
	bounded  bool                   // it is an Int
	edge     graphql.CollectedField // and its plan:
	below    *plan
	typeName string // of an edge of a connection, which the struct does not tell
}

type plannedKind uint8

const (
	plainField plannedKind = iota
	idField
	typeNameField
	userEdge
	textField   // of an enum
	nodeField   // of an edge of a connection
	cursorField // and its other field
)

// rendered is a field middleware: it gives the executor the bytes of what is
// plain in the place of the value.
func rendered(ctx context.Context, next graphql.Resolver) (any, error) {
	res, err := next(ctx)
	fc := graphql.GetFieldContext(ctx)
	if fc.Object == "Mutation" {
		resolved(ctx, fc, res, err)
	}
	if err != nil || res == nil {
		return res, err
	}
	if len(fc.Field.Selections) == 0 {
		return leaf(ctx, fc.Field.Definition, res)
	}
	req := from(ctx)
	v := reflect.ValueOf(res)
	t, n := v.Type(), 1
	list := t.Kind() == reflect.Slice
	if list {
		t, n = t.Elem(), v.Len()
	}
	if req == nil {
		return res, nil
	}
	opCtx := graphql.GetOperationContext(ctx)
	var p *plan
	objects := t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct && !v.IsNil()
	switch {
	case objects:
		p = req.planOf(opCtx, fc.Field, t.Elem(), list)
	case list && isEdge(t):
		p = req.planOf(opCtx, fc.Field, t, list)
	}
	if p != nil {
		if !req.spent.count(n * p.objects()) {
			return graphql.Null, nil
		}
		if objects {
			req.follow(ctx, res)
		}
		w := &renderer{ctx: ctx, buf: req.rendered.lend()}
		if w.write(p, v) {
			if !req.spent.write(w.buf.Len()) {
				return graphql.Null, nil
			}
			return &ready{w.buf.Bytes(), &req.rendered}, nil
		}
	}
	switch err := req.spent.work(ctx, n); {
	case errors.Is(err, errStopped):
		return graphql.Null, nil
	case err != nil:
		return nil, err
	}
	if objects && p == nil {
		req.follow(ctx, res)
	}
	return res, nil
}

// ready is JSON that is written as it is.
type ready struct {
	raw []byte // lent
	all *rendering
}

// MarshalGQL writes it. The first to be written makes room for all.
func (j *ready) MarshalGQL(w io.Writer) {
	if buf, ok := w.(*bytes.Buffer); ok {
		buf.Grow(j.all.room())
	}
	_, _ = w.Write(j.raw)
}

// rendering is what one operation has rendered, until its answer is put together.
// The zero value is ready.
type rendering struct {
	mu    sync.Mutex
	lent  []*bytes.Buffer
	roomy bool // where the answer is put together
}

// lend returns an empty buffer, for as long as the operation lasts.
func (r *rendering) lend() *bytes.Buffer {
	buf, _ := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lent = append(r.lent, buf)
	return buf
}

// room is how long all is together that is to be written yet, and what stands around
// it; 0 for who asks again.
func (r *rendering) room() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.roomy {
		return 0
	}
	r.roomy = true
	n := 0
	for _, buf := range r.lent {
		n += buf.Len() + 100
	}
	return n
}

// maxReused is how much memory of an operation's buffers is used again.
const maxReused = 4 << 20

// end takes the buffers back. What was rendered MUST NOT be read any more.
func (r *rendering) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	reused := 0
	for _, buf := range r.lent {
		if reused += buf.Cap(); reused > maxReused {
			break
		}
		buffers.Put(buf)
	}
	r.lent = nil
}

// planOf returns the plan of a field's selection on objects of a type, nil where
// there is none. It is worked out once an operation: directives may hang on
// variables.
func (q *request) planOf(opCtx *graphql.OperationContext, f graphql.CollectedField, t reflect.Type, list bool) *plan {
	key := planKey{unsafe.SliceData(f.Selections), len(f.Selections), t, list}
	q.plans.Lock()
	defer q.plans.Unlock()
	p, known := q.plans.of[key]
	if !known {
		if q.plans.of == nil {
			q.plans.of = map[planKey]*plan{}
		}
		p = newPlan(opCtx, f, t, list)
		q.plans.of[key] = p
	}
	return p
}

// plans are the plans of one operation.
type plans struct {
	sync.Mutex
	of map[planKey]*plan
}

type planKey struct {
	first  *ast.Selection
	length int
	t      reflect.Type
	list   bool
}

func newPlan(opCtx *graphql.OperationContext, f graphql.CollectedField, t reflect.Type, edges bool) *plan {
	typeName := f.Definition.Type.Name()
	if isEdge(t) {
		return newEdgesPlan(opCtx, f, typeName, t)
	}
	if typeName != t.Name() || !onlyOf(opCtx, f.Selections, typeName, map[string]bool{}) {
		return nil // an interface, or a fragment on one
	}
	p := &plan{}
	for _, field := range graphql.CollectFields(opCtx, f.Selections, []string{typeName, "Node"}) {
		one, ok := newPlanned(opCtx, field, t, edges)
		if !ok || len(field.Deferrables) > 0 {
			return nil
		}
		p.fields = append(p.fields, one)
	}
	return p
}

// newEdgesPlan is newPlan for the edges of a connection.
func newEdgesPlan(opCtx *graphql.OperationContext, f graphql.CollectedField, typeName string, t reflect.Type) *plan {
	if !onlyOf(opCtx, f.Selections, typeName, map[string]bool{}) {
		return nil
	}
	p := &plan{}
	for _, field := range graphql.CollectFields(opCtx, f.Selections, []string{typeName}) {
		one := planned{name: `"` + field.Alias + `":`}
		switch field.Name {
		case "node":
			one.kind, one.nonNull = nodeField, field.Definition.Type.NonNull
			one.below = newPlan(opCtx, field, t.Field(0).Type.Elem(), true)
		case "cursor":
			one.kind = cursorField
		case "__typename":
			one.kind, one.typeName = typeNameField, typeName
		default:
			return nil
		}
		if one.kind == nodeField && one.below == nil || len(field.Deferrables) > 0 {
			return nil
		}
		p.fields = append(p.fields, one)
	}
	return p
}

// isEdge reports whether a type is that of a connection's edges.
func isEdge(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.PkgPath() == userType.PkgPath() && strings.HasPrefix(t.Name(), "Edge[")
}

// onlyOf reports whether fragments in a selection are on its own type. Each is looked
// at once: seen are those that were.
func onlyOf(opCtx *graphql.OperationContext, set ast.SelectionSet, typeName string, seen map[string]bool) bool {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.InlineFragment:
			if s.TypeCondition != "" && !covers(s.TypeCondition, typeName) || !onlyOf(opCtx, s.SelectionSet, typeName, seen) {
				return false
			}
		case *ast.FragmentSpread:
			if seen[s.Name] {
				continue
			}
			seen[s.Name] = true
			fragment := opCtx.Doc.Fragments.ForName(s.Name)
			if fragment == nil || !covers(fragment.TypeCondition, typeName) || !onlyOf(opCtx, fragment.SelectionSet, typeName, seen) {
				return false
			}
		}
	}
	return true
}

// covers reports whether fragments of a type are as good as on the own type: of Node
// there is one field, which all have who are one.
func covers(condition, typeName string) bool { return condition == typeName || condition == "Node" }

var (
	marshaler = reflect.TypeFor[graphql.Marshaler]()
	identity  = reflect.TypeFor[interface{ ID() types.NodeID }]()
	userType  = reflect.TypeFor[types.User]()
)

func newPlanned(opCtx *graphql.OperationContext, f graphql.CollectedField, t reflect.Type, edges bool) (planned, bool) {
	one := planned{name: `"` + f.Alias + `":`}
	if f.Name == "__typename" {
		one.kind = typeNameField
		return one, true
	}
	if f.Definition == nil || len(f.Definition.Arguments) > 0 {
		return one, false
	}
	one.nonNull, one.bounded = f.Definition.Type.NonNull, f.Definition.Type.NamedType == intName
	if f.Name == "id" && reflect.PointerTo(t).Implements(identity) {
		one.kind = idField
		return one, true
	}
	if f.Name == "user" && edges && leadsToUser(t) {
		one.kind, one.edge, one.below = userEdge, f, newPlan(opCtx, f, userType, false)
		return one, one.below != nil
	}
	if of := holder(f.Definition); of != f.Name && f.Definition.Type.Elem == nil {
		one.kind, one.index = textField, plainIndex(t, of)
		return one, one.index >= 0
	}
	one.index = plainIndex(t, f.Name)
	return one, one.index >= 0 && len(f.Selections) == 0
}

// plainIndex returns the index of the struct's field that a field of the schema
// is, or -1 where it is worked out in another way.
func plainIndex(t reflect.Type, name string) int {
	key := structField{t, name}
	if index, ok := plainIndexes.Load(key); ok {
		return index.(int)
	}
	index := -1
	field, ok := t.FieldByNameFunc(func(n string) bool { return strings.EqualFold(n, name) })
	if ok && len(field.Index) == 1 && field.Type.Implements(marshaler) && !hasMethod(t, name) {
		switch field.Type.Kind() {
		case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map: // what stands for null is the executor's to know
		default:
			index = field.Index[0]
		}
	}
	plainIndexes.Store(key, index)
	return index
}

type structField struct {
	t    reflect.Type
	name string // one of the schema's
}

var plainIndexes sync.Map // structField → int

// hasMethod reports whether a field is worked out.
func hasMethod(t reflect.Type, name string) bool {
	for m := range reflect.PointerTo(t).Methods() {
		if strings.EqualFold(m.Name, name) {
			return true
		}
	}
	return false
}

func leadsToUser(t reflect.Type) bool {
	return t == reflect.TypeFor[types.Registrant]() || t == reflect.TypeFor[types.Participant]()
}

// renderer writes by plans.
type renderer struct {
	ctx context.Context //nolint:containedctx // of the one field
	buf *bytes.Buffer
}

// length is about how many bytes an object takes.
func (p *plan) length() int {
	n := 30 * len(p.fields)
	for _, f := range p.fields {
		if f.below != nil {
			n += f.below.length()
		}
	}
	return n
}

// objects is how many objects there are for each that the plan is for.
func (p *plan) objects() int {
	n := 1
	for _, f := range p.fields {
		if f.below != nil {
			n += f.below.objects()
		}
	}
	return n
}

// write writes what a field's resolver returned and reports whether it could.
func (w *renderer) write(p *plan, v reflect.Value) bool {
	switch {
	case v.Kind() != reflect.Slice:
		return w.object(p, v.Elem(), nil)
	case isEdge(v.Type().Elem()):
		return w.edges(p, v)
	default:
		return w.list(p, v)
	}
}

// list writes a list and reports whether it could.
func (w *renderer) list(p *plan, items reflect.Value) bool {
	users, ok := w.usersOf(p, items)
	if !ok {
		return false
	}
	w.buf.Grow(items.Len() * p.length())
	w.buf.WriteByte('[')
	for i := range items.Len() {
		if i > 0 {
			w.buf.WriteByte(',')
		}
		item := items.Index(i)
		if item.IsNil() || !w.object(p, item.Elem(), func(f *planned) *types.User { return users[f.name][i] }) {
			return false
		}
	}
	w.buf.WriteByte(']')
	return true
}

// usersOf returns the users that the items of a list lead to, by the name of the
// edge in the plan.
func (w *renderer) usersOf(p *plan, items reflect.Value) (users map[string][]*types.User, ok bool) {
	users = map[string][]*types.User{}
	for _, f := range p.fields {
		if f.kind != userEdge {
			continue
		}
		found, ok := w.users(f.edge, items)
		if !ok {
			return nil, false
		}
		users[f.name] = found
	}
	return users, true
}

// edges writes the edges of a connection and reports whether it could.
func (w *renderer) edges(p *plan, edges reflect.Value) bool {
	nodes := reflect.MakeSlice(reflect.SliceOf(edges.Type().Elem().Field(0).Type), edges.Len(), edges.Len())
	for i := range edges.Len() {
		nodes.Index(i).Set(edges.Index(i).Field(0))
		if nodes.Index(i).IsNil() {
			return false
		}
	}
	users := make([]map[string][]*types.User, len(p.fields))
	for n, f := range p.fields {
		if f.kind != nodeField {
			continue
		}
		var ok bool
		if users[n], ok = w.usersOf(f.below, nodes); !ok {
			return false
		}
	}
	w.buf.Grow(edges.Len() * p.length())
	w.buf.WriteByte('[')
	for i := range edges.Len() {
		if i > 0 {
			w.buf.WriteByte(',')
		}
		w.buf.WriteByte('{')
		for n, f := range p.fields {
			if n > 0 {
				w.buf.WriteByte(',')
			}
			w.buf.WriteString(f.name)
			switch f.kind {
			case nodeField:
				if !w.object(f.below, nodes.Index(i).Elem(), func(f *planned) *types.User { return users[n][f.name][i] }) {
					return false
				}
			case cursorField:
				edge, _ := reflect.TypeAssert[interface{ Cursor() string }](edges.Index(i))
				graphql.MarshalString(edge.Cursor()).MarshalGQL(w.buf)
			default:
				w.buf.WriteString(`"` + f.typeName + `"`)
			}
		}
		w.buf.WriteByte('}')
	}
	w.buf.WriteByte(']')
	return true
}

// object writes an object and reports whether it could.
func (w *renderer) object(p *plan, v reflect.Value, user func(*planned) *types.User) bool {
	w.buf.WriteByte('{')
	for i := range p.fields {
		f := &p.fields[i]
		if i > 0 {
			w.buf.WriteByte(',')
		}
		w.buf.WriteString(f.name)
		begin := w.buf.Len()
		if !w.field(f, v, user) || f.nonNull && string(w.buf.Bytes()[begin:]) == "null" {
			return false
		}
	}
	w.buf.WriteByte('}')
	return true
}

func (w *renderer) field(f *planned, v reflect.Value, user func(*planned) *types.User) bool {
	switch f.kind {
	case typeNameField:
		w.buf.WriteString(`"` + v.Type().Name() + `"`)
	case idField:
		id, _ := reflect.TypeAssert[interface{ ID() types.NodeID }](v.Addr())
		return id.ID().MarshalGQLContext(w.ctx, w.buf) == nil
	case userEdge:
		u := user(f)
		if u == nil {
			w.buf.WriteString("null")
			return true
		}
		return w.object(f.below, reflect.ValueOf(u).Elem(), nil)
	case textField:
		value, _ := reflect.TypeAssert[interface{ Code() string }](v.Field(f.index))
		types.Text(value.Code()).MarshalGQL(w.buf)
	case plainField:
		if n, ok := reflect.TypeAssert[types.Int](v.Field(f.index)); ok && f.bounded && n.N != int64(int32(n.N)) {
			return false
		}
		value, _ := reflect.TypeAssert[graphql.Marshaler](v.Field(f.index).Addr())
		value.MarshalGQL(w.buf)
	}
	return true
}

// users returns the users that the items of a list lead to.
func (w *renderer) users(edge graphql.CollectedField, items reflect.Value) ([]*types.User, bool) {
	ctx := graphql.WithFieldContext(w.ctx, &graphql.FieldContext{Field: edge})
	names := make([]string, items.Len())
	var in *scope
	for i := range names {
		var s *scope
		switch item := items.Index(i).Interface().(type) {
		case *types.Registrant:
			s, names[i] = of(ctx, item), string(item.Email)
		case *types.Participant:
			s, names[i] = of(ctx, item), string(participantName(item))
		}
		if in = cmp.Or(in, s); s != in {
			return nil, false
		}
	}
	if in == nil {
		return nil, true
	}
	return in.usersNamed(ctx, names)
}

// usersNamed returns the users of names, nil where there is none; ok is false
// where one of them could not be had.
func (s *scope) usersNamed(ctx context.Context, names []string) (users []*types.User, ok bool) {
	if slices.Contains(names, me) {
		return nil, false
	}
	keys, users := s.userKeys(ctx, names, askedOf(ctx, "User"))
	var places []int
	rest := 0
	for i, name := range names {
		if name != "" && users[i] == nil {
			keys[rest], places = keys[i], append(places, i)
			rest++
		}
	}
	for n, f := range s.users().LoadMany(ctx, keys[:rest]) {
		if f.Err != nil && !errors.Is(f.Err, zoom.ErrNotFound) {
			return nil, false
		}
		if f.Err == nil {
			users[places[n]] = f.Object
		}
	}
	return users, true
}
