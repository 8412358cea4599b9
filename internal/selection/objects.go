package selection

import (
	"reflect"
	"strings"
	"sync"
)

// isZero reports whether a field of an object has no value.
func isZero(object any, name string) bool {
	v := reflect.Indirect(reflect.ValueOf(object))
	index := structIndex(v.Type(), name)
	return index < 0 || v.Field(index).IsZero()
}

// structIndex returns the index of the struct's field that holds a field of the schema,
// or -1 where a method computes it.
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

// Merged merges two answers about an object: whole, which was read from operation op
// about it alone, and for the fields that it does not carry or leaves out, the row of a
// list.
func Merged[T any](x *Index, row, whole *T, op string) *T {
	both := *whole
	from, to := reflect.ValueOf(row).Elem(), reflect.ValueOf(&both).Elem()
	for _, f := range x.structFields(from.Type()) {
		if f.Ops != nil && f.Never(op) || to.Field(f.index).IsZero() {
			to.Field(f.index).Set(from.Field(f.index))
		}
	}
	return &both
}

// heldField is a field of a struct that Zoom returns, with the sources that carry it,
// if not all of its type do.
type heldField struct {
	Sources
	index int
}

// structFields returns those of the Go type of a type of the schema.
func (x *Index) structFields(t reflect.Type) []heldField {
	if fields, ok := x.held.Load(t); ok {
		return fields.([]heldField)
	}
	var fields []heldField
	def := x.Type(t.Name())
	for _, fd := range def.Fields {
		info := x.Field(def, fd)
		if index := structIndex(t, info.Holder); !info.Edge && index >= 0 {
			fields = append(fields, heldField{info.Sources, index})
		}
	}
	x.held.Store(t, fields)
	return fields
}
