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

	"zoomql/graph/batch"
	"zoomql/graph/directory"
	"zoomql/graph/session"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// The executor takes a goroutine for each item of a list and some microseconds
// for each field of it, which is all there is to do where the values are known.
// So objects write their plain fields themselves (see [types.Object]) where a query
// asks for nothing else, and a list whose items lead to users asks for all of them at
// once. Whatever a plan does not foresee (errors, nulls where there must be none,
// other edges) is left to the executor, whose answer is the same.

// plan is how the objects of one selection are written.
type plan struct {
	fields types.Selection
	users  []userEdge // of the objects, or of the nodes of edges
	// objects is how many objects there are for each that the plan is for, items of
	// lists apart, and length about how many bytes they take.
	objects, length int
}

// userEdge is an edge to users.
type userEdge struct {
	at    *types.SelectedField
	field graphql.CollectedField
}

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
	if req == nil {
		return res, nil
	}
	v, n := reflect.ValueOf(res), 1
	list := v.Kind() == reflect.Slice
	if list {
		n = v.Len()
	}
	if p := req.planOf(graphql.GetOperationContext(ctx), fc.Field, list); p != nil {
		if objects, ok := objectsOf(v); ok {
			if text, err := req.render(ctx, p, objects, list); text != nil || err != nil {
				return text, err
			}
		}
	}
	switch err := req.Spent.Work(ctx, n); {
	case errors.Is(err, session.ErrStopped):
		return graphql.Null, nil
	case err != nil:
		return nil, err
	}
	return res, nil
}

// objectsOf returns the objects that a field has, if they can write themselves.
func objectsOf(v reflect.Value) (objects []types.Object, ok bool) {
	if v.Kind() == reflect.Pointer {
		o, is := reflect.TypeAssert[types.Object](v)
		return []types.Object{o}, is && !v.IsNil()
	}
	if v.Kind() != reflect.Slice || v.IsNil() {
		return nil, false
	}
	objects = make([]types.Object, v.Len())
	for i := range objects {
		item := v.Index(i)
		if item.Kind() == reflect.Struct {
			item = item.Addr()
		}
		if item.Kind() != reflect.Pointer || item.IsNil() {
			return nil, false
		}
		if objects[i], ok = reflect.TypeAssert[types.Object](item); !ok {
			return nil, false
		}
	}
	return objects, true
}

// render writes objects by a plan. It returns nil where the executor is to do that.
func (r *response) render(ctx context.Context, p *plan, objects []types.Object, list bool) (graphql.Marshaler, error) {
	n := len(objects)
	if !r.Spent.Count(n * p.objects) {
		return graphql.Null, nil
	}
	if err := r.Spent.Lengthen(ctx, n*p.length); err != nil {
		return nil, err
	}
	users, ok := r.wantAll(ctx, p, objects)
	if !ok || !users.found() {
		return nil, nil
	}
	w := r.rendered.lend()
	w.Tenant = types.TenantFrom(ctx)
	if list {
		w.Buf = append(w.Buf, '[')
	}
	item := 0
	w.Follow = func(f *types.SelectedField) types.Object { return users.of(f, item) }
	counted := 0 // beside those that were counted above
	for ; item < n; item++ {
		if item > 0 {
			w.Buf = append(w.Buf, ',')
		}
		if !w.Object(objects[item], p.fields) {
			return nil, nil
		}
		if more := w.Objects - (item+1)*p.objects - counted; more > 0 {
			counted += more
			if !r.Spent.Count(more) {
				return graphql.Null, nil
			}
		}
		if item == 0 {
			w.Buf = slices.Grow(w.Buf, n*(len(w.Buf)+len(w.Buf)/8)+1)
		}
	}
	if list {
		w.Buf = append(w.Buf, ']')
	}
	if !r.Spent.Write(len(w.Buf)) {
		return graphql.Null, nil
	}
	return r.rendered.ready(w), nil
}

// ready is JSON that is written as it is, once.
type ready struct {
	text *types.Writer // lent
	all  *rendering
}

// MarshalGQL writes it. Where the answer is put together, it makes room for all that
// is to come.
func (j *ready) MarshalGQL(w io.Writer) {
	if buf, ok := w.(*bytes.Buffer); ok {
		buf.Grow(j.all.room())
	}
	_, _ = w.Write(j.text.Buf)
	j.all.back(j.text)
	j.text = nil
}

// rendering is what one operation has rendered, until it is written. The zero value is
// ready.
type rendering struct {
	mu     sync.Mutex
	length int // of all that is ready, with what stands around it
	reused int
}

var writers = sync.Pool{New: func() any { return new(types.Writer) }}

// lend returns an empty writer.
func (r *rendering) lend() *types.Writer {
	w, _ := writers.Get().(*types.Writer)
	*w = types.Writer{Buf: w.Buf[:0]}
	return w
}

// around is about how much stands around what is rendered at once.
const around = 100

// ready returns what was rendered, to be written.
func (r *rendering) ready(w *types.Writer) *ready {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.length += len(w.Buf) + around
	return &ready{w, r}
}

// room is how long all is together that is to be written yet.
func (r *rendering) room() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.length
}

// maxReused is how much memory of an operation's writers is used again.
const maxReused = 4 << 20

// back takes a writer back, whose text MUST NOT be read any more.
func (r *rendering) back(w *types.Writer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.length -= len(w.Buf) + around
	if r.reused += cap(w.Buf); r.reused <= maxReused {
		w.Follow = nil
		writers.Put(w)
	}
}

// planOf returns the plan of a field's selection, nil where there is none. It is worked
// out once an operation: directives may hang on variables.
func (r *response) planOf(opCtx *graphql.OperationContext, f graphql.CollectedField, list bool) *plan {
	key := planKey{unsafe.SliceData(f.Selections), len(f.Selections), f.Definition, list}
	r.plans.Lock()
	defer r.plans.Unlock()
	p, known := r.plans.of[key]
	if !known {
		if r.plans.of == nil {
			r.plans.of = map[planKey]*plan{}
		}
		p = newPlan(opCtx, f, list)
		r.plans.of[key] = p
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
	field  *ast.FieldDefinition
	list   bool
}

// newPlan returns the plan of a field, or nil.
func newPlan(opCtx *graphql.OperationContext, f graphql.CollectedField, list bool) *plan {
	typeName := f.Definition.Type.Name()
	if !onlyOf(opCtx, f.Selections, typeName, map[string]bool{}) {
		return nil
	}
	fields := graphql.CollectFields(opCtx, f.Selections, schemaIndex().Conditions(typeName))
	p := &plan{fields: make(types.Selection, len(fields)), objects: 1, length: 30 * len(fields)}
	for i, field := range fields {
		if len(field.Deferrables) > 0 || !p.add(opCtx, &p.fields[i], field, typeName, list) {
			return nil
		}
		if i > 0 {
			p.fields[i].Label = "," + p.fields[i].Label
		}
	}
	return p
}

// add plans a field, and reports whether it could.
func (p *plan) add(opCtx *graphql.OperationContext, at *types.SelectedField, f graphql.CollectedField, typeName string, list bool) bool {
	at.Label = `"` + f.Alias + `":`
	if f.Name == "__typename" {
		at.Number, at.Text = types.Literal, `"`+typeName+`"`
		return true
	}
	if f.Definition == nil {
		return false
	}
	at.NonNull = f.Definition.Type.NonNull
	user := f.Name == "user" && list && leadToUsers[typeName]
	if user {
		at.Number = types.Followed
		p.users = append(p.users, userEdge{at, f})
	} else if at.Number = types.FieldNumber(typeName, f.Name); at.Number == types.NoField {
		return false
	}
	if len(f.Selections) == 0 {
		return true
	}
	below := newPlan(opCtx, f, list && !user && f.Definition.Type.Elem == nil && strings.HasSuffix(typeName, "Edge"))
	if below == nil {
		return false
	}
	at.Below = below.fields
	p.users = append(p.users, below.users...)
	p.length += below.length
	if f.Definition.Type.Elem == nil {
		p.objects += below.objects
	}
	return true
}

// leadToUsers are the types that have an edge "user" which costs no more than the users.
var leadToUsers = map[string]bool{"Registrant": true, "Participant": true}

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

// wantedUsers are the users that the items of a list lead to, edge by edge.
type wantedUsers []*edgeUsers

// edgeUsers are the users of one edge of a list's items.
type edgeUsers struct {
	at       *types.SelectedField
	ctx      context.Context //nolint:containedctx // of the edge
	in       *scope          // nil where there is no item
	users    []*types.User   // those who are known; nil where there is none
	places   []int           // of the others
	promises []*batch.Promise[types.User]
}

// wantAll asks for the users that the items of a list lead to; ok is false where they
// cannot be asked for together.
func (r *response) wantAll(ctx context.Context, p *plan, items []types.Object) (wanted wantedUsers, ok bool) {
	for _, edge := range p.users {
		users, ok := r.want(ctx, edge, items)
		if !ok {
			return nil, false
		}
		wanted = append(wanted, users)
	}
	return wanted, true
}

func (r *response) want(ctx context.Context, edge userEdge, items []types.Object) (wanted *edgeUsers, ok bool) {
	wanted = &edgeUsers{
		at: edge.at, ctx: graphql.WithFieldContext(ctx, &graphql.FieldContext{Field: edge.field}),
		users: make([]*types.User, len(items)),
	}
	want := needsOf(wanted.ctx, "User")
	whole := want.Lacks(zoom.ListUsers.Pattern)
	keys := make([]directory.Key, 0, len(items))
	wanted.places = make([]int, 0, len(items))
	for i, item := range items {
		account, name, ok := userOf(item)
		if !ok || name == me {
			return nil, false
		}
		s := r.in(account)
		wanted.in = cmp.Or(wanted.in, s)
		if s != wanted.in {
			return nil, false
		}
		if name == "" {
			continue
		}
		key := directory.KeyOf(name, whole)
		if wanted.users[i] = s.directory().Listed(wanted.ctx, key, want); wanted.users[i] != nil {
			continue
		}
		keys, wanted.places = append(keys, key), append(wanted.places, i)
	}
	if len(keys) > 0 {
		wanted.promises = wanted.in.users().Begin(wanted.ctx, keys)
	}
	return wanted, true
}

// userOf returns the name of the user that an object leads to, "" where there is none,
// and the account they are in.
func userOf(item types.Object) (account, name string, ok bool) {
	switch item := item.(type) {
	case *types.Registrant:
		return item.Account, string(item.Email), true
	case *types.Participant:
		return item.Account, string(participantName(item)), true
	case interface{ Item() types.Object }: // an edge
		return userOf(item.Item())
	}
	return "", "", false
}

// found waits for the users, and reports whether all of them could be had.
func (w wantedUsers) found() bool {
	for _, edge := range w {
		if len(edge.promises) == 0 {
			continue
		}
		for n, f := range edge.in.users().Await(edge.ctx, edge.promises) {
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

// of returns the user that item i leads to by an edge, or nil.
func (w wantedUsers) of(f *types.SelectedField, i int) types.Object {
	for _, edge := range w {
		if edge.at == f && edge.users[i] != nil {
			return edge.users[i]
		}
	}
	return nil
}
