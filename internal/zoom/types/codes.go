package types

import (
	"fmt"
	"reflect"
	"strings"
)

// A list of enum values in an input may be given as Zoom writes it, in a field beside:
// so that whoever changes a list that was read does not take away what the schema does
// not know.

// TwiceError is of a list that is given in two fields.
type TwiceError struct{ Field, Text string }

// Error says which fields they are.
func (e *TwiceError) Error() string {
	return fmt.Sprintf("%s and %s are given: one of them is enough", e.Field, e.Text)
}

// codesTag is the tag of the field with the texts; it names the one with the values.
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

// inSchema returns what a field with more than one word in its name is called in the
// schema.
func inSchema(f reflect.StructField) string { return strings.ToLower(f.Name[:1]) + f.Name[1:] }

// putCodes puts the texts of an input's lists in the place of their values.
func putCodes(input any) (err error) {
	if v := reflect.ValueOf(input); v.Kind() == reflect.Pointer && !v.IsNil() {
		walk(input, codeLists, &err)
	}
	return err
}
