// Package resolve has what gqlgen's executor would have generated anew for each field: it
// resolves fields, puts their values in place, and reads the fields of inputs. Package codegen
// has the generated code call it. It does what gqlgen's own code does, by gqlgen's functions.
package resolve

import (
	"context"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Marshal returns what writes a value, with what is selected of it.
type Marshal[T any] func(ctx context.Context, sel ast.SelectionSet, value T) graphql.Marshaler

// Context returns what makes the context of a field without arguments.
func Context(object string, method, resolver bool) func(context.Context, graphql.CollectedField) (*graphql.FieldContext, error) {
	return func(_ context.Context, field graphql.CollectedField) (*graphql.FieldContext, error) {
		return &graphql.FieldContext{Object: object, Field: field, IsMethod: method, IsResolver: resolver}, nil
	}
}

// Value resolves a field whose value was read with its object.
func Value[T any](ctx context.Context, op *graphql.OperationContext, field graphql.CollectedField, object string, value T, nonNull bool, marshal Marshal[T]) graphql.Marshaler {
	return graphql.ResolveField(ctx, op, field, Context(object, false, false), func(context.Context) (any, error) { return value, nil }, nil, marshal, true, nonNull)
}

// Method resolves a field whose value a method of its object returns.
func Method[T any](ctx context.Context, op *graphql.OperationContext, field graphql.CollectedField, object string, method func() T, nonNull bool, marshal Marshal[T]) graphql.Marshaler {
	return graphql.ResolveField(ctx, op, field, Context(object, true, false), func(context.Context) (any, error) { return method(), nil }, nil, marshal, true, nonNull)
}

// Put puts the value of a field in its place in an object.
func Put(out *graphql.FieldSet, i int, value graphql.Marshaler, nonNull bool) {
	out.Values[i] = value
	invalidate(out, value, nonNull)
}

// invalidate makes an object null in which a field is null that must not be.
func invalidate(out *graphql.FieldSet, value graphql.Marshaler, nonNull bool) {
	if nonNull && value == graphql.Null || !nonNull && value == graphql.RequiredNull {
		atomic.AddUint32(&out.Invalids, 1)
	}
}

// Concurrently has a field resolved with its siblings. It resolves none later than the rest,
// since package endpoint removes @defer from documents.
func Concurrently(op *graphql.OperationContext, out *graphql.FieldSet, i int, nonNull bool, resolve func(context.Context) graphql.Marshaler) {
	out.Concurrently(i, func(ctx context.Context) (value graphql.Marshaler) {
		defer func() {
			if r := recover(); r != nil {
				op.Error(ctx, op.Recover(ctx, r))
			}
		}()
		value = resolve(ctx)
		invalidate(out, value, nonNull)
		return value
	})
}

// Object returns an object whose fields are in place.
func Object(ctx context.Context, out *graphql.FieldSet) graphql.Marshaler {
	out.Dispatch(ctx)
	if out.Invalids > 0 {
		return graphql.Null
	}
	return out
}

// Input is what a caller gave for an input.
type Input struct {
	// Given has its fields.
	Given map[string]any
	// Err is the error of the first field that could not be read.
	Err error
}

// Read reads a field of an input if it was given, and no field before it was wrong.
func Read[T any](ctx context.Context, in *Input, name string, to *T, unmarshal func(context.Context, any) (T, error)) {
	given, ok := in.Given[name]
	if !ok || in.Err != nil {
		return
	}
	value, err := unmarshal(graphql.WithPathContext(ctx, graphql.NewPathWithField(name)), given)
	if in.Err = err; err == nil {
		*to = value
	}
}
