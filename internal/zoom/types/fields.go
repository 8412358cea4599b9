package types

import (
	"strings"
	"sync"
)

// Object is an object of the schema that writes its plain fields itself: those that
// came with the object and cost no call. The methods are generated from the schema.
type Object interface {
	// AppendField appends the value of a field, by the field's number, to w's buffer. It
	// returns false if the schema does not allow the value: gqlgen's executor then
	// resolves the field and reports the error.
	AppendField(w *Writer, f *SelectedField) bool
}

// SelectedField is a field of a selection.
type SelectedField struct {
	// Label precedes the value: a comma unless the field is the first, the name or
	// alias, and a colon.
	Label string
	// Number is the field's number in its type (see [FieldNumber]), [Literal] or [Followed].
	Number int
	// NonNull reports that the schema does not allow null.
	NonNull bool
	// Below is the selection on the field's objects; nil for a scalar.
	Below Selection
	// Text is the value of a literal.
	Text string
}

// The numbers of fields that are no plain field of their type.
const (
	// NoField is the number of a name that is no plain field.
	NoField = -iota
	// Literal is the number of a field whose value is the same for all objects.
	Literal
	// Followed is the number of an edge, which the writer follows.
	Followed
)

// Selection is the fields that a query selects of each object.
type Selection []SelectedField

// FieldNumber returns the number of a plain field of an object type, or NoField.
func FieldNumber(typeName, field string) int {
	if strings.HasSuffix(typeName, "Edge") {
		typeName = "Edge"
	}
	return fieldNumbers()[typeName][field]
}

var fieldNumbers = sync.OnceValue(func() map[string]map[string]int {
	all := make(map[string]map[string]int, len(plainFields))
	number := func(typeName, names string) {
		numbers := map[string]int{}
		for name := range strings.FieldsSeq(names) {
			numbers[name] = len(numbers) + 1
		}
		all[typeName] = numbers
	}
	number("Edge", edgeFields)
	for typeName, names := range plainFields {
		number(typeName, names)
	}
	return all
})

// Writer collects the JSON of objects.
type Writer struct {
	// Buf is the JSON written so far.
	Buf []byte
	// Tenant is the tenant that ids are encoded for.
	Tenant Tenant
	// Follow returns the object that an edge leads to, or nil if there is none.
	Follow func(f *SelectedField) Object
	// Objects counts the objects written.
	Objects int
}

// Object appends the selected fields of an object. It returns false if the schema does not
// allow a value.
func (w *Writer) Object(o Object, of Selection) bool {
	w.Objects++
	w.Buf = append(w.Buf, '{')
	for i := range of {
		f := &of[i]
		w.Buf = append(w.Buf, f.Label...)
		begin := len(w.Buf)
		switch f.Number {
		case Literal:
			w.Buf = append(w.Buf, f.Text...)
			continue
		case Followed:
			if !w.followed(f) {
				return false
			}
		default:
			if !o.AppendField(w, f) {
				return false
			}
		}
		if f.NonNull && string(w.Buf[begin:]) == null {
			return false
		}
	}
	w.Buf = append(w.Buf, '}')
	return true
}

func (w *Writer) followed(f *SelectedField) bool {
	o := w.Follow(f)
	if o == nil {
		return w.null()
	}
	return w.Object(o, f.Below)
}

func (w *Writer) null() bool {
	w.Buf = append(w.Buf, null...)
	return true
}

// int32 appends a number of the schema's type Int, which has 32 bits.
func (w *Writer) int32(n Int) bool {
	w.Buf = n.AppendGQL(w.Buf)
	return n.N == int64(int32(n.N))
}

// appendNullable appends a scalar that may be nil.
func appendNullable[T interface{ AppendGQL(to []byte) []byte }](w *Writer, value *T) bool {
	if value == nil {
		return w.null()
	}
	w.Buf = (*value).AppendGQL(w.Buf)
	return true
}

// appendObject appends an object, which may be nil.
func appendObject[P interface {
	comparable
	Object
}](w *Writer, o P, f *SelectedField) bool {
	var none P
	if o == none {
		return w.null()
	}
	return w.Object(o, f.Below)
}

// appendObjects appends a list of objects. It returns false for an item that is null.
func appendObjects[P interface {
	comparable
	Object
}](w *Writer, list []P, f *SelectedField) bool {
	if list == nil {
		return w.null()
	}
	var none P
	w.Buf = append(w.Buf, '[')
	for i, o := range list {
		if i > 0 {
			w.Buf = append(w.Buf, ',')
		}
		if o == none || !w.Object(o, f.Below) {
			return false
		}
	}
	w.Buf = append(w.Buf, ']')
	return true
}

// appendValues appends a list of scalars. It returns false for an item that is null.
func appendValues[T interface{ AppendGQL(to []byte) []byte }](w *Writer, list []T) bool {
	if list == nil {
		return w.null()
	}
	w.Buf = append(w.Buf, '[')
	for i, value := range list {
		if i > 0 {
			w.Buf = append(w.Buf, ',')
		}
		begin := len(w.Buf)
		if w.Buf = value.AppendGQL(w.Buf); string(w.Buf[begin:]) == null {
			return false
		}
	}
	w.Buf = append(w.Buf, ']')
	return true
}
