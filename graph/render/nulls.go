package render

import (
	"context"
	"errors"
	"reflect"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/errs"
	"zoomql/internal/zoom/types"
)

// What a value of Zoom's may be that the schema has no place for.
var (
	// ErrNoValue is of a field that must not be null, and is.
	ErrNoValue = errors.New("there is no value")
	// ErrTooLarge is of a number that is longer than an Int.
	ErrTooLarge = errors.New("the number is too large")
)

// Leaf refuses a value that the schema has no place for. The executor asks only
// Go's nil whether it is null, and the scalars have a null of their own; a null in
// a list is null for the list, or for what holds it.
func Leaf(ctx context.Context, def *ast.FieldDefinition, value any) (any, error) {
	if def == nil {
		return value, nil
	}
	t := def.Type
	if t.Elem == nil {
		return value, misfit(t, value)
	}
	if !t.Elem.NonNull && t.Elem.NamedType != intName {
		return value, nil
	}
	list := reflect.ValueOf(value)
	if list.Kind() != reflect.Slice {
		return value, nil
	}
	for i := range list.Len() {
		if err := misfit(t.Elem, list.Index(i).Interface()); err != nil {
			return nil, &errs.PathError{Err: err, Path: append(graphql.GetPath(ctx), ast.PathIndex(i))}
		}
	}
	return value, nil
}

const intName = "Int"

// misfit returns why a scalar's value is none of a type.
func misfit(t *ast.Type, value any) error {
	if t.NonNull && isNull(value) {
		return ErrNoValue
	}
	if t.NamedType == intName && !fitsInt(value) {
		return ErrTooLarge
	}
	return nil
}

// isNull reports whether one of our scalars is written as null.
func isNull(value any) bool {
	switch x := value.(type) {
	case types.NodeID:
		return x.Key == ""
	case types.JSON:
		return len(x) == 0 || string(x) == "null"
	case graphql.Marshaler:
		return reflect.ValueOf(x).IsZero()
	}
	return false
}

// fitsInt reports whether a number has the 32 bits of an Int.
func fitsInt(value any) bool {
	switch n := value.(type) {
	case types.Int:
		return n.N == int64(int32(n.N))
	case int:
		return n == int(int32(n))
	}
	return true
}
