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

// Lenient are the options for reading from Zoom: a name that stands twice or a
// broken rune does not make an answer unreadable.
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

// tolerant are Lenient, and a value of another shape than its field costs that
// field. To look at each value beforehand costs as much as to read it, so an answer
// is read by Lenient first, and again by these where that fails.
var tolerant = json.JoinOptions(Lenient, json.WithUnmarshalers(tolerantly))

var tolerantly = json.JoinUnmarshalers(append(slices.Clone(joinedLists), json.UnmarshalFromFunc(skipMisfit))...)

// Unmarshal reads JSON of Zoom's.
func Unmarshal(data []byte, v any) error {
	return Read(data, v, nil, func(dec *jsontext.Decoder) error { return json.UnmarshalDecode(dec, v) })
}

// Read reads JSON of Zoom's into v by a function that takes it from a decoder, twice
// where a value has another shape than the field that it is for: each such field is
// null. What is odd is noted; odd may be nil. More than the one value is an error.
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

// unmarshalWithin reads a value that a decoder has just read, under the same options,
// and notes what is odd of it where the decoder's is noted.
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

// skipMisfit skips a value whose shape is another than that of the field it is for,
// and leaves all others to be read as ever. What is no field of the graph's, the
// answer itself and the list that it was asked for, is not optional: there a misfit
// stays an error.
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

// isRequired reports whether a value in what is no object of the graph is what the
// answer is about: a list of objects, or what such a list stands in. A list of texts there
// is a field of an object that the answer is, beside its list.
func isRequired(t reflect.Type, depth int) bool {
	return depth == 1 && t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Pointer || t.Kind() == reflect.Struct && t.PkgPath() != reflect.TypeFor[Text]().PkgPath()
}

// isPlain reports whether a type is one of Go's own, which take one form alone.
func isPlain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Int, reflect.Int64, reflect.Float64:
		return !reflect.PointerTo(t).Implements(reader)
	}
	return false
}

var reader = reflect.TypeFor[json.UnmarshalerFrom]()

// fits reports whether a type takes JSON of a kind. Scalars take any.
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
