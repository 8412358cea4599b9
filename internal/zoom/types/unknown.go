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

// maxScanned is how much of an answer is scanned for unknown fields, in bytes: the items of
// a long list have the same fields.
const maxScanned = 256 << 10

// AddUnknown records the fields of an answer that have no field in a Go type. of returns the
// types that the fields of the answer itself are decoded into; nil for a known field that
// is not scanned.
func (o *Oddities) AddUnknown(data []byte, of func(name string) (t reflect.Type, known bool)) {
	s := scanner{jsontext.NewDecoder(bytes.NewBuffer(data), Lenient), o}
	_ = s.object("", of) // the findings before an error stay
}

// FieldsOf returns a function with the types that the members of an object of type t are
// decoded into.
func FieldsOf(t reflect.Type) func(name string) (reflect.Type, bool) {
	fields := membersOf(t)
	return func(name string) (reflect.Type, bool) {
		t, known := fields[name]
		return t, known
	}
}

type scanner struct {
	dec *jsontext.Decoder
	odd *Oddities
}

func (s scanner) object(path string, of func(string) (reflect.Type, bool)) error {
	if s.dec.PeekKind() != '{' || s.dec.InputOffset() > maxScanned {
		return s.dec.SkipValue()
	}
	if _, err := s.dec.ReadToken(); err != nil {
		return err
	}
	for s.dec.PeekKind() == '"' {
		token, err := s.dec.ReadToken()
		if err != nil {
			return err
		}
		name := token.String()
		t, known := of(name)
		if !known {
			s.odd.add(drift.Finding{Kind: drift.Field, Field: join(path, name)})
		}
		if err := s.value(join(path, name), t); err != nil {
			return err
		}
	}
	_, err := s.dec.ReadToken()
	return err
}

// value scans a value that is decoded into type t; nil for a value that is skipped.
func (s scanner) value(path string, t reflect.Type) error {
	if t == nil {
		return s.dec.SkipValue()
	}
	switch kind := s.dec.PeekKind(); {
	case t.Kind() == reflect.Pointer:
		return s.value(path, t.Elem())
	case kind == '{' && t.Kind() == reflect.Struct && membersOf(t) != nil:
		return s.object(path, FieldsOf(t))
	case kind == '[' && t.Kind() == reflect.Slice:
		if _, err := s.dec.ReadToken(); err != nil {
			return err
		}
		for k := s.dec.PeekKind(); k != ']'; k = s.dec.PeekKind() {
			if err := s.value(path, t.Elem()); err != nil {
				return err
			}
		}
		_, err := s.dec.ReadToken()
		return err
	}
	return s.dec.SkipValue()
}

var members sync.Map // reflect.Type → map[string]reflect.Type

// membersOf returns the types of a struct's fields by their JSON names; nil for scalars.
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
