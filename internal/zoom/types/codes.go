package types

import (
	"fmt"
	"reflect"
	"strings"
)

// An input may give a list of enum values as Zoom's codes, in a second field: a client that
// reads a list, changes it and writes it back thereby keeps the values that the schema lacks.

// TwiceError reports a list that is given in both of its fields.
type TwiceError struct{ Field, Text string }

// Error names the two fields.
func (e *TwiceError) Error() string {
	return fmt.Sprintf("%s and %s are given: one of them is enough", e.Field, e.Text)
}

// codesTag is the struct tag of the field with the codes; its value names the field with the
// enum values.
const codesTag = "codes"

var codeLists = &visitor{at: func(t reflect.Type) walker {
	if t.Kind() != reflect.Struct {
		return nil
	}
	var pairs [][2]int
	for i := range t.NumField() {
		if name, ok := t.Field(i).Tag.Lookup(codesTag); ok {
			of, _ := t.FieldByName(name)
			pairs = append(pairs, [2]int{i, of.Index[0]})
		}
	}
	if pairs == nil {
		return nil
	}
	return func(v reflect.Value, with any) {
		for _, p := range pairs {
			texts, values := v.Field(p[0]), v.Field(p[1])
			if texts.IsNil() {
				continue
			}
			if !values.IsNil() {
				failed, _ := with.(*error)
				*failed = &TwiceError{inSchema(t.Field(p[1])), inSchema(t.Field(p[0]))}
				continue
			}
			list := reflect.MakeSlice(values.Type(), texts.Len(), texts.Len())
			for i := range texts.Len() {
				item, _ := reflect.TypeAssert[interface{ SetCode(code string) }](list.Index(i).Addr())
				item.SetCode(texts.Index(i).String())
			}
			values.Set(list)
			texts.SetZero()
		}
	}
}}

// inSchema returns the schema's name of a Go field.
func inSchema(f reflect.StructField) string { return strings.ToLower(f.Name[:1]) + f.Name[1:] }

// putCodes moves the codes of an input's lists into the fields of the enum values.
func putCodes(input any) (err error) {
	if v := reflect.ValueOf(input); v.Kind() == reflect.Pointer && !v.IsNil() {
		walk(input, codeLists, &err)
	}
	return err
}
