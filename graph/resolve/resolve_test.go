package resolve

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// fields returns the place for one field of an object.
func fields() *graphql.FieldSet {
	return graphql.NewFieldSet([]graphql.CollectedField{{Field: &ast.Field{Name: "a", Alias: "a"}}})
}

func written(m graphql.Marshaler) string {
	var b bytes.Buffer
	m.MarshalGQL(&b)
	return b.String()
}

// TestObject resolves a field in turn and concurrently: an object is null where a field is null
// that must not be, or where a nullable field has an item that must not be.
func TestObject(t *testing.T) {
	for _, c := range []struct {
		value   graphql.Marshaler
		nonNull bool
		want    string
	}{
		{graphql.MarshalInt(1), true, `{"a":1}`},
		{graphql.MarshalInt(1), false, `{"a":1}`},
		{graphql.Null, true, `null`},
		{graphql.Null, false, `{"a":null}`},
		{graphql.RequiredNull, false, `null`},
	} {
		in := fields()
		Put(in, 0, c.value, c.nonNull)
		if got := written(Object(t.Context(), in)); got != c.want {
			t.Errorf("%s, non-null %t: %s, want %s", written(c.value), c.nonNull, got, c.want)
		}
		in = fields()
		Concurrently(nil, in, 0, c.nonNull, func(context.Context) graphql.Marshaler { return c.value })
		if got := written(Object(t.Context(), in)); got != c.want {
			t.Errorf("concurrently, %s, non-null %t: %s, want %s", written(c.value), c.nonNull, got, c.want)
		}
	}
}

// TestConcurrently_panic has a resolver panic: the error is reported, and the process goes on.
func TestConcurrently_panic(t *testing.T) {
	op := &graphql.OperationContext{RecoverFunc: func(context.Context, any) error { return errors.New("recovered") }}
	ctx := graphql.WithResponseContext(graphql.WithOperationContext(t.Context(), op), graphql.DefaultErrorPresenter, nil)
	in := fields()
	Concurrently(op, in, 0, true, func(context.Context) graphql.Marshaler { panic("x") })
	Object(ctx, in)
	if errs := graphql.GetErrors(ctx); len(errs) != 1 || errs[0].Message != "recovered" {
		t.Errorf("the errors are %v", errs)
	}
}

// TestRead reads the fields of an input up to the first that is wrong.
func TestRead(t *testing.T) {
	wrong := errors.New("wrong")
	number := func(ctx context.Context, given any) (int, error) {
		n, ok := given.(int)
		if !ok {
			return 7, wrong
		}
		return n, nil
	}
	in := Input{Given: map[string]any{"a": 1, "c": "x", "d": 4}}
	var a, b, c, d int
	for name, to := range map[string]*int{"a": &a, "b": &b} {
		Read(t.Context(), &in, name, to, number)
	}
	Read(t.Context(), &in, "c", &c, number)
	Read(t.Context(), &in, "d", &d, number)
	if got := [4]int{a, b, c, d}; got != [4]int{1, 0, 0, 0} || !errors.Is(in.Err, wrong) {
		t.Errorf("read %v, the error is %v", got, in.Err)
	}
}
