package graph

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/zoom"
)

// An object may be told by several operations, none of which tells all of it: the row
// of a list, and the object by itself. What one lacks is taken from the other; what
// neither has costs that field, with an error.

// holder returns the name of the field that holds the value of a field: the text of an
// enum's value is held by the enum.
func holder(fd *ast.FieldDefinition) string {
	if d := fd.Directives.ForName("text"); d != nil {
		return d.Arguments.ForName("of").Value.Raw
	}
	return fd.Name
}

// isZero reports whether a field of an object has no value.
func isZero(object any, name string) bool {
	v := reflect.Indirect(reflect.ValueOf(object))
	index := structIndex(v.Type(), name)
	return index < 0 || v.Field(index).IsZero()
}

// structIndex returns the index of the struct's field that holds a field of the schema,
// or -1 where it is worked out.
func structIndex(t reflect.Type, name string) int {
	key := structField{t, name}
	if index, ok := structIndexes.Load(key); ok {
		return index.(int)
	}
	index := -1
	field, ok := t.FieldByNameFunc(func(n string) bool { return strings.EqualFold(n, name) || strings.EqualFold(n, name+"Read") })
	if ok && len(field.Index) == 1 {
		index = field.Index[0]
	}
	structIndexes.Store(key, index)
	return index
}

type structField struct {
	t    reflect.Type
	name string // one of the schema's
}

var structIndexes sync.Map // structField → int

// merged returns an object with what two operations tell of it: what the second, which
// is about it alone, does not carry, or left out, is the row's.
func merged[T any, P sourced[T]](row, whole *T) *T {
	both := *whole
	from, to := reflect.ValueOf(row).Elem(), reflect.ValueOf(&both).Elem()
	op := P(whole).GetOrigin().Op
	for _, f := range toldFields(from.Type()) {
		if f.ops != nil && f.never(op) || to.Field(f.index).IsZero() {
			to.Field(f.index).Set(from.Field(f.index))
		}
	}
	return &both
}

// toldField is a field of a struct that Zoom tells, with the sources that carry it, if
// not all of its type do.
type toldField struct {
	sources
	index int
}

// toldFields returns those of a type.
func toldFields(t reflect.Type) []toldField {
	if fields, ok := fieldsOfTypes.Load(t); ok {
		return fields.([]toldField)
	}
	var fields []toldField
	def := inputTypes()[t.Name()]
	for _, fd := range def.Fields {
		info := infoOf(def, fd)
		if index := structIndex(t, holder(fd)); !info.edge && index >= 0 {
			fields = append(fields, toldField{info.sources, index})
		}
	}
	fieldsOfTypes.Store(t, fields)
	return fields
}

var fieldsOfTypes sync.Map // reflect.Type → []toldField

// notToldError is of fields that no answer carries that was read for their objects.
type notToldError struct{ fields []string }

// Error names the fields.
func (e *notToldError) Error() string {
	return "What was read for this does not tell " + strings.Join(e.fields, ", ") + ": Zoom tells it elsewhere."
}

// notTold tells of the fields that are asked for of objects and that neither their row
// nor what was read besides can carry: in one error for each, however many objects
// there are. ops are the operations that were read.
func notTold(ctx context.Context, want *asked, ops ...string) {
	told := map[string]bool{}
	for _, n := range want.needs {
		if told[n.name] || !slices.ContainsFunc(ops, func(op string) bool { return op != "" }) {
			continue
		}
		if !slices.ContainsFunc(ops, func(op string) bool { return !n.never(op) }) {
			told[n.name] = true
			at := graphql.GetPath(ctx)
			if n.before == nil {
				at = n.path(at, -1)
			}
			graphql.AddError(ctx, &pathError{&notToldError{[]string{n.name}}, at})
		}
	}
}

// alone checks that an object that is no item of a list carries what is asked for of
// it.
func alone[T any, P sourced[T]](ctx context.Context, object *T, typeName string) *T {
	if object != nil {
		notTold(ctx, askedOf(ctx, typeName), P(object).GetOrigin().Op)
	}
	return object
}

// unavailable tells why an object lacks what only another answer carries.
func unavailable(ctx context.Context, lacking []need, i int, err error) {
	at := graphql.GetPath(ctx)
	for _, n := range lacking {
		graphql.AddError(ctx, &pathError{err, n.path(at, i)})
	}
}

// complete exchanges the objects that lack what is asked for by whole ones, which keep
// what the row alone tells. One that cannot be had stays as it is, with the reason at
// each field it lacks. whole is nil where there is no other way to the objects.
func complete[T any, P sourced[T]](ctx context.Context, items []*T, want *asked, whole func([]*T) []zoom.Found[T]) []*T {
	var lacking []*T
	var places []int
	for i, item := range items {
		if want.lacksOf(P(item).GetOrigin().Op, item) != nil {
			lacking, places = append(lacking, item), append(places, i)
		}
	}
	if lacking == nil {
		return items
	}
	row := P(lacking[0]).GetOrigin().Op
	if whole == nil {
		notTold(ctx, want, row)
		return items
	}
	items = slices.Clone(items)
	other := ""
	for n, f := range whole(lacking) {
		i := places[n]
		if f.Err == nil && f.Object != nil {
			other = P(f.Object).GetOrigin().Op
			items[i] = merged[T, P](items[i], f.Object)
			continue
		}
		unavailable(ctx, want.lacksOf(P(items[i]).GetOrigin().Op, items[i]), i, f.Err)
	}
	if other != "" {
		notTold(ctx, want, row, other)
	}
	return items
}
