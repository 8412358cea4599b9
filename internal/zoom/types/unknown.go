package types

import (
	"bytes"
	"maps"
	"reflect"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"zoomql/internal/drift"
)

// maxLooked is how much of an answer is looked through for fields, in bytes: a long list
// has the same ones on and on.
const maxLooked = 256 << 10

// AddUnknown notes the fields of an answer that have no place in a type. of says what
// the fields of the answer itself are decoded into: nil for one that is known and not
// looked into.
func (o *Oddities) AddUnknown(data []byte, of func(name string) (t reflect.Type, known bool)) {
	l := looker{jsontext.NewDecoder(bytes.NewBuffer(data), Lenient), o}
	_ = l.object("", of) // what cannot be read any further was noted
}

// FieldsOf is what the members of an object of a type are decoded into.
func FieldsOf(t reflect.Type) func(name string) (reflect.Type, bool) {
	fields := membersOf(t)
	return func(name string) (reflect.Type, bool) {
		t, known := fields[name]
		return t, known
	}
}

type looker struct {
	dec *jsontext.Decoder
	odd *Oddities
}

func (l looker) object(path string, of func(string) (reflect.Type, bool)) error {
	if l.dec.PeekKind() != '{' || l.dec.InputOffset() > maxLooked {
		return l.dec.SkipValue()
	}
	if _, err := l.dec.ReadToken(); err != nil {
		return err
	}
	for l.dec.PeekKind() == '"' {
		token, err := l.dec.ReadToken()
		if err != nil {
			return err
		}
		name := token.String()
		t, known := of(name)
		if !known {
			l.odd.add(drift.Finding{Kind: drift.Field, Field: join(path, name)})
		}
		if err := l.value(join(path, name), t); err != nil {
			return err
		}
	}
	_, err := l.dec.ReadToken()
	return err
}

// value looks through a value that is decoded into a type, nil for one that is not.
func (l looker) value(path string, t reflect.Type) error {
	if t == nil {
		return l.dec.SkipValue()
	}
	switch kind := l.dec.PeekKind(); {
	case t.Kind() == reflect.Pointer:
		return l.value(path, t.Elem())
	case kind == '{' && t.Kind() == reflect.Struct && membersOf(t) != nil:
		return l.object(path, FieldsOf(t))
	case kind == '[' && t.Kind() == reflect.Slice:
		if _, err := l.dec.ReadToken(); err != nil {
			return err
		}
		for k := l.dec.PeekKind(); k != ']'; k = l.dec.PeekKind() {
			if err := l.value(path, t.Elem()); err != nil {
				return err
			}
		}
		_, err := l.dec.ReadToken()
		return err
	}
	return l.dec.SkipValue()
}

var members sync.Map // reflect.Type → map[string]reflect.Type

// membersOf returns the types of a struct's fields by Zoom's names; nil for scalars.
func membersOf(t reflect.Type) map[string]reflect.Type {
	if known, ok := members.Load(t); ok {
		return known.(map[string]reflect.Type)
	}
	var fields map[string]reflect.Type
	if t.Kind() == reflect.Struct && !t.Implements(scalar) {
		fields = map[string]reflect.Type{}
		for f := range t.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch {
			case name != "" && name != "-":
				fields[name] = f.Type
			case name == "" && f.IsExported() && f.Type.Kind() == reflect.Struct:
				// It is embedded, or decoded from the same object by hand.
				maps.Copy(fields, membersOf(f.Type))
			}
		}
	}
	members.Store(t, fields)
	return fields
}
