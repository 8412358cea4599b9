package types

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"zoomql/internal/drift"
)

// Lenient are the options for reading from Zoom: duplicate names and invalid UTF-8
// do not make an answer unreadable.
var Lenient = json.JoinOptions(
	jsontext.AllowDuplicateNames(true),
	jsontext.AllowInvalidUTF8(true),
	json.WithUnmarshalers(json.JoinUnmarshalers(joinedLists...)),
)

var joinedLists = []*json.Unmarshalers{
	json.UnmarshalFromFunc(unmarshalJoined[CommaItem]),
	json.UnmarshalFromFunc(unmarshalJoined[SemicolonItem]),
	json.UnmarshalFromFunc(unmarshalJoined[Weekday]),
}

// tolerant extends Lenient: a field whose value has another JSON type is set to null.
// Inspecting each value first costs as much as reading it, so an answer is read by Lenient
// first, and again by these options if that fails.
var tolerant = json.JoinOptions(Lenient, json.WithUnmarshalers(tolerantly))

var tolerantly = json.JoinUnmarshalers(append(slices.Clone(joinedLists), json.UnmarshalFromFunc(skipMisfit))...)

// Unmarshal reads one JSON value of Zoom's.
func Unmarshal(data []byte, v any) error {
	return Read(data, v, nil, func(dec *jsontext.Decoder) error { return json.UnmarshalDecode(dec, v) })
}

// Read reads one JSON value of Zoom's into v by the function read. It calls read again if a
// value has another JSON type than its field: each such field is null then. Deviations are
// recorded in odd, which may be nil. Data after the value is an error.
func Read(data []byte, v any, odd *Oddities, read func(*jsontext.Decoder) error) error {
	err := readBy(Lenient, data, v, odd, read)
	if _, misfit := errors.AsType[*json.SemanticError](err); !misfit {
		return err
	}
	odd.reset()
	reflect.ValueOf(v).Elem().SetZero()
	return readBy(tolerant, data, v, odd, read)
}

func readBy(opts json.Options, data []byte, v any, odd *Oddities, read func(*jsontext.Decoder) error) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(data), opts)
	defer observe(dec, &observer{odd: odd, envelope: isOurs(v)})()
	if err := read(dec); err != nil {
		return err
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("more follows the answer")
	}
	return nil
}

// UnmarshalDecode reads the next JSON value of Zoom's.
func UnmarshalDecode(dec *jsontext.Decoder, v any) error { return json.UnmarshalDecode(dec, v) }

// unmarshalWithin reads a value that a decoder has just returned, under the same options.
// With noted, its deviations are recorded by the decoder's observer.
func unmarshalWithin(dec *jsontext.Decoder, value jsontext.Value, v any, noted bool) error {
	opts := Lenient
	if funcs, _ := json.GetOption(dec.Options(), json.WithUnmarshalers); funcs == tolerantly {
		opts = tolerant
	}
	inner := jsontext.NewDecoder(bytes.NewBuffer(value), opts)
	if o := observerOf(dec); o != nil && noted {
		defer observe(inner, &observer{odd: o.odd, below: fieldPath(dec)})()
	}
	return json.UnmarshalDecode(inner, v)
}

// skipMisfit skips a value whose JSON type does not fit its field, and leaves all others
// to the default unmarshaler. The answer itself, and the list that the operation returns,
// are not optional: there a misfit stays an error.
func skipMisfit(dec *jsontext.Decoder, v any) error {
	kind, at := dec.PeekKind(), reflect.ValueOf(v).Elem()
	switch depth := dec.StackDepth(); {
	case kind == 'n', depth == 0, isEnvelope(dec) && isRequired(at.Type(), depth):
		return errors.ErrUnsupported
	case isPlain(at.Type()):
		value, err := dec.ReadValue()
		if err == nil && json.Unmarshal(value, v, Lenient) != nil {
			at.SetZero()
			note(dec, drift.Unreadable, "")
		}
		return err
	case fits(at.Type(), kind):
		return errors.ErrUnsupported
	}
	at.SetZero()
	err := dec.SkipValue()
	note(dec, drift.Unreadable, "")
	return err
}

// isRequired reports whether a value of an envelope is the one that the operation returns:
// a list of objects, or the struct that holds such a list. A list of texts is an optional
// field next to it.
func isRequired(t reflect.Type, depth int) bool {
	return depth == 1 && t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Pointer || t.Kind() == reflect.Struct && t.PkgPath() != reflect.TypeFor[Text]().PkgPath()
}

// isPlain reports whether a type is one of Go's basic types, which accept one JSON type only.
func isPlain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Int, reflect.Int64, reflect.Float64:
		return !reflect.PointerTo(t).Implements(reader)
	}
	return false
}

var reader = reflect.TypeFor[json.UnmarshalerFrom]()

// fits reports whether a type accepts a JSON type. Scalars accept any.
func fits(t reflect.Type, kind jsontext.Kind) bool {
	own := reflect.PointerTo(t).Implements(reader)
	switch t.Kind() {
	case reflect.Pointer:
		return fits(t.Elem(), kind)
	case reflect.Struct:
		return kind == '{' || own && t.Implements(scalar)
	case reflect.Map:
		return kind == '{' || own
	case reflect.Slice:
		return kind == '[' || own || t == reflect.TypeFor[jsontext.Value]()
	}
	return true
}
