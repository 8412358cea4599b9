package graph

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"reflect"
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
		if err := req.spent.lengthen(ctx, n*p.length()); err != nil {
			return nil, err
		}
		w := &renderer{ctx: ctx, buf: req.rendered.lend()}
		if w.write(p, v) {
			if !req.spent.write(w.buf.Len()) {
				return graphql.Null, nil
			}
			return req.rendered.ready(w.buf), nil
		}
	}
	switch err := req.spent.work(ctx, n); {
	case errors.Is(err, errStopped):
		return graphql.Null, nil
	case err != nil:
		return nil, err
	}
	return res, nil
}

// ready is JSON that is written as it is, once.
type ready struct {
	buf *bytes.Buffer // lent
	all *rendering
}

// MarshalGQL writes it. Where the answer is put together, it makes room for all that
// is to come.
func (j *ready) MarshalGQL(w io.Writer) {
	if buf, ok := w.(*bytes.Buffer); ok {
		buf.Grow(j.all.room())
	}
	_, _ = w.Write(j.buf.Bytes())
	j.all.back(j.buf)
	j.buf = nil
}

// rendering is what one operation has rendered, until it is written. The zero value is
// ready.
type rendering struct {
	mu     sync.Mutex
	length int // of all that is ready, with what stands around it
	reused int
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// lend returns an empty buffer.
func (r *rendering) lend() *bytes.Buffer {
	buf, _ := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	return buf
}

// around is about how much stands around what is rendered at once.
const around = 100

// ready returns what was rendered into a buffer, to be written.
func (r *rendering) ready(buf *bytes.Buffer) *ready {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.length += buf.Len() + around
	return &ready{buf, r}
}

// room is how long all is together that is to be written yet.
func (r *rendering) room() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.length
}

// maxReused is how much memory of an operation's buffers is used again.
const maxReused = 4 << 20

// back takes a buffer back, whose content MUST NOT be read any more.
func (r *rendering) back(buf *bytes.Buffer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.length -= buf.Len() + around
	if r.reused += buf.Cap(); r.reused <= maxReused {
		buffers.Put(buf)
	}
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
	for _, field := range graphql.CollectFields(opCtx, f.Selections, implementors()[typeName]) {
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
	for _, field := range graphql.CollectFields(opCtx, f.Selections, implementors()[typeName]) {
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
	index := structIndex(t, name)
	if index >= 0 && !writable(t.Field(index).Type) || hasMethod(t, name) {
		index = -1
	}
	plainIndexes.Store(key, index)
	return index
}

type structField struct {
	t    reflect.Type
	name string // one of the schema's
}

var plainIndexes sync.Map // structField → int

// writable reports whether a value of a type is never null for the executor: that of
// others is the executor's to know.
func writable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map:
		return false
	}
	return t.Implements(marshaler)
}

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

// array writes n values, each of about a length, and reports whether it could.
func (w *renderer) array(n, length int, value func(i int) bool) bool {
	w.buf.Grow(n * length)
	w.buf.WriteByte('[')
	for i := range n {
		if i > 0 {
			w.buf.WriteByte(',')
		}
		if !value(i) {
			return false
		}
	}
	w.buf.WriteByte(']')
	return true
}

// list writes a list and reports whether it could.
func (w *renderer) list(p *plan, items reflect.Value) bool {
	wanted, ok := w.wantAll(p, items)
	if !ok || !wanted.found() {
		return false
	}
	return w.array(items.Len(), p.length(), func(i int) bool {
		item := items.Index(i)
		return !item.IsNil() && w.object(p, item.Elem(), func(f *planned) *types.User { return wanted.of(f, i) })
	})
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
	wanted := make([]wantedUsers, len(p.fields))
	for n, f := range p.fields {
		if f.kind != nodeField {
			continue
		}
		var ok bool
		if wanted[n], ok = w.wantAll(f.below, nodes); !ok {
			return false
		}
	}
	for _, some := range wanted {
		if !some.found() {
			return false
		}
	}
	return w.array(edges.Len(), p.length(), func(i int) bool { return w.edge(p, edges.Index(i), wanted, i) })
}

// edge writes edge i of a connection.
func (w *renderer) edge(p *plan, edge reflect.Value, wanted []wantedUsers, i int) bool {
	w.buf.WriteByte('{')
	for n, f := range p.fields {
		if n > 0 {
			w.buf.WriteByte(',')
		}
		w.buf.WriteString(f.name)
		switch f.kind {
		case nodeField:
			if !w.object(f.below, edge.Field(0).Elem(), func(f *planned) *types.User { return wanted[n].of(f, i) }) {
				return false
			}
		case cursorField:
			edge, _ := reflect.TypeAssert[interface{ Cursor() string }](edge)
			graphql.MarshalString(edge.Cursor()).MarshalGQL(w.buf)
		default:
			w.buf.WriteString(`"` + f.typeName + `"`)
		}
	}
	w.buf.WriteByte('}')
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

// wantedUsers are the users that the items of a list lead to, edge by edge.
type wantedUsers []*edgeUsers

// edgeUsers are the users of one edge of a list's items.
type edgeUsers struct {
	name     string          // of the edge in the plan
	ctx      context.Context //nolint:containedctx // of the edge
	in       *scope          // nil where there is no item
	users    []*types.User   // those who are known; nil where there is none
	places   []int           // of the others
	promises []*promise[types.User]
}

// wantAll asks for the users that the items of a list lead to; ok is false where they
// cannot be asked for together.
func (w *renderer) wantAll(p *plan, items reflect.Value) (wanted wantedUsers, ok bool) {
	for _, f := range p.fields {
		if f.kind != userEdge {
			continue
		}
		users, ok := w.want(f, items)
		if !ok {
			return nil, false
		}
		wanted = append(wanted, users)
	}
	return wanted, true
}

func (w *renderer) want(f planned, items reflect.Value) (wanted *edgeUsers, ok bool) {
	wanted = &edgeUsers{
		name: f.name, ctx: graphql.WithFieldContext(w.ctx, &graphql.FieldContext{Field: f.edge}),
		users: make([]*types.User, items.Len()),
	}
	want := askedOf(wanted.ctx, "User")
	whole := want.lacks(zoom.ListUsers.Pattern)
	keys, req := make([]userKey, 0, items.Len()), from(w.ctx)
	wanted.places = make([]int, 0, items.Len())
	for i := range wanted.users {
		var s *scope
		var name string
		switch item := items.Index(i).Interface().(type) {
		case *types.Registrant:
			s, name = req.in(item.Account), string(item.Email)
		case *types.Participant:
			s, name = req.in(item.Account), string(participantName(item))
		}
		wanted.in = cmp.Or(wanted.in, s)
		if s != wanted.in || name == me {
			return nil, false
		}
		if name == "" {
			continue
		}
		key := userKeyOf(name, whole)
		if wanted.users[i] = s.listed(wanted.ctx, key, want); wanted.users[i] != nil {
			continue
		}
		keys, wanted.places = append(keys, key), append(wanted.places, i)
	}
	if len(keys) > 0 {
		wanted.promises = wanted.in.users().begin(wanted.ctx, keys)
	}
	return wanted, true
}

// found waits for the users, and reports whether all of them could be had.
func (w wantedUsers) found() bool {
	for _, edge := range w {
		if len(edge.promises) == 0 {
			continue
		}
		for n, f := range edge.in.users().await(edge.ctx, edge.promises) {
			if f.Err != nil && !errors.Is(f.Err, zoom.ErrNotFound) {
				return false
			}
			if f.Err == nil {
				edge.users[edge.places[n]] = f.Object
			}
		}
	}
	return true
}

// of returns the user that item i leads to by an edge.
func (w wantedUsers) of(f *planned, i int) *types.User {
	for _, edge := range w {
		if edge.name == f.name {
			return edge.users[i]
		}
	}
	return nil
}
