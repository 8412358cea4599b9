package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fat is what gqlgen generates for an object with a field of each sort, and an input.
const fat = `package generated

import (
	"context"
	"errors"
	"math"
	"strconv"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	gqlparser "github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/zoom/types"
)

var sources = []*ast.Source{
	{Name: "../schema/x.graphqls", Input: ` + "`type X { a: String! b: Y }`" + `, BuiltIn: false},
}
var parsedSchema = gqlparser.MustLoadSchema(sources...)

// childFields_* functions provide shared child field context lookups.
// Each function is generated once.

func (ec *executionContext) childFields_X(ctx context.Context, field graphql.CollectedField) (*graphql.FieldContext, error) {
	return nil, nil
}

func (ec *executionContext) _X_a(ctx context.Context, field graphql.CollectedField, obj *types.X) (ret graphql.Marshaler) {
	return graphql.ResolveField(
		ctx,
		ec.OperationContext,
		field,
		func(ctx context.Context, field graphql.CollectedField) (*graphql.FieldContext, error) {
			return ec.fieldContext_X_a(ctx, field)
		},
		func(ctx context.Context) (any, error) {
			return obj.A, nil
		},
		nil,
		func(ctx context.Context, selections ast.SelectionSet, v string) graphql.Marshaler {
			return ec.marshalNString2string(ctx, selections, v)
		},
		true,
		true,
	)
}
func (ec *executionContext) fieldContext_X_a(_ context.Context, field graphql.CollectedField) (fc *graphql.FieldContext, err error) {
	return graphql.NewScalarFieldContext("X", field, false, false, errors.New("field of type String does not have child fields"))
}

func (ec *executionContext) _X_b(ctx context.Context, field graphql.CollectedField, obj *types.X) (ret graphql.Marshaler) {
	return graphql.ResolveField(
		ctx,
		ec.OperationContext,
		field,
		func(ctx context.Context, field graphql.CollectedField) (*graphql.FieldContext, error) {
			return ec.fieldContext_X_b(ctx, field)
		},
		func(ctx context.Context) (any, error) {
			return ec.Resolvers.X().B(ctx, obj)
		},
		nil,
		func(ctx context.Context, selections ast.SelectionSet, v *types.Y) graphql.Marshaler {
			return ec.marshalOY2types(ctx, selections, v)
		},
		true,
		false,
	)
}
func (ec *executionContext) fieldContext_X_b(_ context.Context, field graphql.CollectedField) (fc *graphql.FieldContext, err error) {
	fc = &graphql.FieldContext{
		Object:     "X",
		Field:      field,
		IsMethod:   true,
		IsResolver: true,
		Child: func(ctx context.Context, field graphql.CollectedField) (*graphql.FieldContext, error) {
			return ec.childFields_Y(ctx, field)
		},
	}
	return fc, nil
}

func (ec *executionContext) _X(ctx context.Context, sel ast.SelectionSet, obj *types.X) graphql.Marshaler {
	fields := graphql.CollectFields(ec.OperationContext, sel, xImplementors)

	out := graphql.NewFieldSet(fields)
	deferredFieldSet := graphql.NewFieldSet(nil)
	deferLabelToView := make(map[string]*graphql.FieldSetView)
	for i, field := range fields {
		switch field.Name {
		case "a":
			out.Values[i] = ec._X_a(ctx, field, obj)
			if out.Values[i] == graphql.Null {
				atomic.AddUint32(&out.Invalids, 1)
			}
		case "b":
			field := field

			innerFunc := func(ctx context.Context, fs *graphql.FieldSet) (res graphql.Marshaler) {
				defer func() {
					if r := recover(); r != nil {
						ec.Error(ctx, ec.Recover(ctx, r))
					}
				}()
				res = ec._X_b(ctx, field, obj)
				if res == graphql.RequiredNull {
					atomic.AddUint32(&fs.Invalids, 1)
				}
				return res
			}

			if field.IsDeferred() {
				continue
			}

			out.Concurrently(i, func(ctx context.Context) graphql.Marshaler { return innerFunc(ctx, out) })
		default:
			panic("unknown field " + strconv.Quote(field.Name))
		}
	}
	out.Dispatch(ctx)
	if out.Invalids > 0 {
		return graphql.Null
	}

	atomic.AddInt32(&ec.Deferred, int32(min(len(deferLabelToView), math.MaxInt32)))

	ec.ProcessDeferredGroup(graphql.DeferredGroup{
		Defers: deferLabelToView,
	})

	return out
}

func (ec *executionContext) unmarshalInputZ(ctx context.Context, obj any) (types.Z, error) {
	var it types.Z
	asMap := map[string]any{}
	fieldsInOrder := [...]string{"c"}
	for _, k := range fieldsInOrder {
		v, ok := asMap[k]
		if !ok {
			continue
		}
		switch k {
		case "c":
			ctx := graphql.WithPathContext(ctx, graphql.NewPathWithField("c"))
			data, err := ec.unmarshalOString2string(ctx, v)
			if err != nil {
				return it, err
			}
			it.C = data
		}
	}
	return it, nil
}
`

// lean is what remains of it.
const lean = `package generated

import (
	"context"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/resolve"
	"zoomql/graph/schema"
	"zoomql/internal/zoom/types"
)

var parsedSchema = schema.Load()

func (ec *executionContext) _X_b(ctx context.Context, field graphql.CollectedField, obj *types.X) (ret graphql.Marshaler) {
	return graphql.ResolveField(
		ctx,
		ec.OperationContext,
		field,
		resolve.Context("X", true, true),
		func(ctx context.Context) (any, error) {
			return ec.Resolvers.X().B(ctx, obj)
		},
		nil,
		func(ctx context.Context, selections ast.SelectionSet, v *types.Y) graphql.Marshaler {
			return ec.marshalOY2types(ctx, selections, v)
		},
		true,
		false,
	)
}

func (ec *executionContext) _X(ctx context.Context, sel ast.SelectionSet, obj *types.X) graphql.Marshaler {
	fields := graphql.CollectFields(ec.OperationContext, sel, xImplementors)

	out := graphql.NewFieldSet(fields)
	for i, field := range fields {
		switch field.Name {
		case "a":
			resolve.Put(out, i, resolve.Value(ctx, ec.OperationContext, field, "X", obj.A, true, ec.marshalNString2string), true)
		case "b":
			resolve.Concurrently(ec.OperationContext, out, i, false, func(ctx context.Context) graphql.Marshaler { return ec._X_b(ctx, field, obj) })
		default:
			panic("unknown field " + strconv.Quote(field.Name))
		}
	}
	return resolve.Object(ctx, out)
}

func (ec *executionContext) unmarshalInputZ(ctx context.Context, obj any) (types.Z, error) {
	var it types.Z
	asMap := map[string]any{}
	in := resolve.Input{Given: asMap}
	resolve.Read(ctx, &in, "c", &it.C, ec.unmarshalOString2string)
	return it, in.Err
}
`

// TestThin thins a file with each sort of what gqlgen repeats.
func TestThin(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.generated.go")
	thinned := func(source string) (string, error) {
		if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
		err := thin(file)
		text, _ := os.ReadFile(file)
		return string(text), err
	}
	if got, err := thinned(fat); got != lean || err != nil {
		t.Errorf("%v\n%s", err, got)
	}
	// A later gqlgen may generate something else, which must not go unnoticed.
	for what, change := range map[string][2]string{
		"field":      {"out.Values[i] = ec._X_a(", "out.Values[i] = ec.of_X_a("},
		"value":      {"return obj.A, nil", "return obj.A(ctx), nil"},
		"concurrent": {"innerFunc := ", "inner := "},
		"object":     {"out.Dispatch(ctx)", "out.Wait(ctx)"},
		"input":      {"data, err := ", "value, err := "},
		"schema":     {"MustLoadSchema(", "LoadSchema("},
	} {
		if _, err := thinned(strings.Replace(fat, change[0], change[1], 1)); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: the error is %v", what, err)
		}
	}
}
