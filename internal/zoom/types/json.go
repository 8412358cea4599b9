package types

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"zoomql/internal/drift"
)

var (
	strict  = joinedBy(false)
	checked = joinedBy(true)
)

// joinedBy writes lists that are one string at Zoom. With check, it rejects an item that is
// empty or holds the separator.
func joinedBy(check bool) json.Options {
	return json.WithMarshalers(json.JoinMarshalers(
		json.MarshalToFunc(marshalJoined[CommaItem](",", check)),
		json.MarshalToFunc(marshalJoined[SemicolonItem](";", check)),
		json.MarshalToFunc(marshalJoined[Weekday](",", check)),
	))
}

// Marshal writes JSON for Zoom.
func Marshal(v any) ([]byte, error) { return json.Marshal(v, strict) }

// MarshalInput writes a caller's input as JSON for Zoom. An error that is neither an
// *ItemError nor a *TwiceError is not the caller's mistake.
func MarshalInput(v any) ([]byte, error) {
	if err := putCodes(v); err != nil {
		return nil, err
	}
	body, err := json.Marshal(v, checked)
	item, refused := errors.AsType[*ItemError](err)
	if at, ok := errors.AsType[*json.SemanticError](err); refused && ok {
		item.Path = strings.TrimPrefix(string(at.JSONPointer), "/") + item.Path
		return nil, item
	}
	return body, err
}

// ItemError reports an item of a list that Zoom would read as two items, or as none.
type ItemError struct {
	Path      string // Zoom's field names, separated by "/"
	separator string
}

// Error describes the error of the item.
func (e *ItemError) Error() string {
	return fmt.Sprintf("an item is empty or holds %q, which separates one from the next at Zoom", e.separator)
}

// IsEmpty reports whether an input sets no field.
func IsEmpty(input any) bool {
	if putCodes(input) != nil {
		return false
	}
	body, err := Marshal(input)
	return err == nil && ChangesNothing(body)
}

// ChangesNothing reports whether a body holds no value but empty objects and nulls.
func ChangesNothing(body []byte) bool {
	dec := jsontext.NewDecoder(bytes.NewReader(body))
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return true // the end
		}
		kind, length := dec.StackIndex(dec.StackDepth())
		switch token.Kind() {
		case '{', '}', 'n':
		case '"':
			if kind == '{' && length%2 == 1 {
				continue // a name
			}
			return false
		default:
			return false
		}
	}
}

// CommaItem is an item of a list that Zoom writes as one string, "US,FR".
type CommaItem string

// SemicolonItem is an item of a list that Zoom writes as "a;b".
type SemicolonItem string

type joined interface {
	CommaItem | SemicolonItem | Weekday
}

// unmarshalJoined reads a list that Zoom writes as one string. It accepts both separators,
// and an array: Zoom's answers differ from its documents in this.
func unmarshalJoined[T joined](dec *jsontext.Decoder, list *[]T) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	*list = nil
	var items []Text
	switch v.Kind() {
	case '[':
		err = json.Unmarshal(v, &items, dec.Options())
	case '{':
		note(dec, drift.Unreadable, "")
	default:
		for item := range strings.FieldsFuncSeq(scalarText(v), func(r rune) bool { return r == ',' || r == ';' }) {
			items = append(items, Text(item))
		}
	}
	for _, item := range items {
		text := strings.TrimSpace(string(item))
		if x := fromZoom[T](text); x != "" {
			*list = append(*list, x)
		} else if text != "" {
			note(dec, drift.Value, text)
		}
	}
	return err
}

func marshalJoined[T joined](separator string, check bool) func(*jsontext.Encoder, []T) error {
	return func(enc *jsontext.Encoder, list []T) error {
		items := make([]string, len(list))
		for i, x := range list {
			items[i] = toZoom(x)
			if check && (strings.TrimSpace(items[i]) == "" || strings.Contains(items[i], separator)) {
				return &ItemError{"/" + strconv.Itoa(i), separator}
			}
		}
		return enc.WriteToken(jsontext.String(strings.Join(items, separator)))
	}
}

func fromZoom[T joined](item string) T {
	var x T
	if _, ok := any(x).(Weekday); ok {
		return T(weekdayCodes.fromZoom[item])
	}
	return T(item)
}

func toZoom[T joined](x T) string {
	if day, ok := any(x).(Weekday); ok {
		return day.Code()
	}
	return string(x)
}

// Strip empties every Secret reachable from v. Answers are stripped before they are stored.
func Strip(v any) { walk(v, secrets, nil) }

// Prune removes nulls from lists: objects and texts that Zoom sent as null or empty. The
// schema's lists hold no nulls. Codes that an enum lacks stay, so that they can be read as
// text.
func Prune(v any) { walk(v, nulls, nil) }

// A walker changes one value in place. It is compiled once per type, and is nil
// for a type without values to change. with is the argument of [walk].
type walker func(v reflect.Value, with any)

// A visitor selects the types that a walk changes, and caches their walkers.
type visitor struct {
	at    func(reflect.Type) walker
	known sync.Map // reflect.Type → walker
}

var secrets = &visitor{at: func(t reflect.Type) walker {
	if t != reflect.TypeFor[Secret]() {
		return nil
	}
	return func(v reflect.Value, _ any) { v.SetString("") }
}}

var origins = &visitor{at: func(t reflect.Type) walker {
	if t != reflect.TypeFor[Origin]() {
		return nil
	}
	return func(v reflect.Value, with any) { v.Set(reflect.ValueOf(with)) }
}}

// scalar is the interface of the schema's scalars and enums; the zero value of each is null.
var scalar = reflect.TypeFor[interface{ MarshalGQL(w io.Writer) }]()

var nulls = &visitor{at: func(t reflect.Type) walker {
	if t.Kind() != reflect.Slice || (t.Elem().Kind() != reflect.Pointer && !t.Elem().Implements(scalar)) {
		return nil
	}
	return func(v reflect.Value, _ any) {
		kept := 0
		for i := range v.Len() {
			if !v.Index(i).IsZero() {
				v.Index(kept).Set(v.Index(i))
				kept++
			}
		}
		v.SetLen(kept)
	}
}}

func walk(v any, to *visitor, with any) {
	value := reflect.ValueOf(v)
	w, ok := to.known.Load(value.Type())
	if !ok {
		w, _ = to.known.LoadOrStore(value.Type(), to.walker(value.Type()))
	}
	if w, _ := w.(walker); w != nil {
		w(value, with)
	}
}

// walker compiles the walk of a type: the value itself first, then its parts. No type of
// Zoom's answers is recursive.
func (to *visitor) walker(t reflect.Type) walker {
	own, below := to.at(t), to.below(t)
	switch {
	case own == nil:
		return below
	case below == nil:
		return own
	}
	return func(v reflect.Value, with any) {
		own(v, with)
		below(v, with)
	}
}

func (to *visitor) below(t reflect.Type) walker {
	switch t.Kind() {
	case reflect.Pointer:
		if elem := to.walker(t.Elem()); elem != nil {
			return func(v reflect.Value, with any) {
				if !v.IsNil() {
					elem(v.Elem(), with)
				}
			}
		}
	case reflect.Slice:
		if elem := to.walker(t.Elem()); elem != nil {
			return func(v reflect.Value, with any) {
				for i := range v.Len() {
					elem(v.Index(i), with)
				}
			}
		}
	case reflect.Struct:
		return to.structWalker(t)
	}
	return nil
}

func (to *visitor) structWalker(t reflect.Type) walker {
	type member struct {
		index int
		walk  walker
	}
	var members []member
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() {
			if w := to.walker(f.Type); w != nil {
				members = append(members, member{i, w})
			}
		}
	}
	if members == nil {
		return nil
	}
	return func(v reflect.Value, with any) {
		for _, m := range members {
			m.walk(v.Field(m.index), with)
		}
	}
}
