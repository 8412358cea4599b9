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

// The errors of values that the schema does not allow.
var (
	// ErrNoValue reports a null in a non-null field.
	ErrNoValue = errors.New("there is no value")
	// ErrTooLarge reports a number of more than the 32 bits of an Int.
	ErrTooLarge = errors.New("the number is too large")
)

// Leaf returns an error for a value that the schema does not allow. The executor detects
// only Go's nil as null, but the zero values of the scalars are null too; a null in a list
// of non-null items is an error of the list.
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

// misfit returns the error of a scalar's value that a type does not allow.
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

// fitsInt reports whether a number fits into the 32 bits of an Int.
func fitsInt(value any) bool {
	switch n := value.(type) {
	case types.Int:
		return n.N == int64(int32(n.N))
	case int:
		return n == int(int32(n))
	}
	return true
}
