package session

import (
	"context"
	"errors"
	"reflect"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/graph/endpoint"
	"zoomql/internal/zoom/types"
)

// sizeOf returns the approximate length of a scalar, or a list of them, in an answer.
func sizeOf(value any) int {
	const short = 8
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.String:
		return v.Len()
	case reflect.Slice:
		switch v.Type().Elem().Kind() {
		case reflect.Uint8:
			return v.Len()
		case reflect.String:
			n := 0
			for i := range v.Len() {
				n += v.Index(i).Len() + 3
			}
			return n
		default:
			return short * v.Len()
		}
	default:
		return short
	}
}

// Bounded is a field middleware: it counts the bytes of fields, and stops those of an
// operation that has to end. The code that renders objects counts these.
func Bounded(ctx context.Context, next graphql.Resolver) (any, error) {
	r := From(ctx)
	if r == nil {
		return next(ctx)
	}
	fc := graphql.GetFieldContext(ctx)
	if cause := r.Spent.ended(ctx); cause != nil {
		switch stopped := errors.Is(cause, ErrStopped); {
		case !errors.Is(cause, context.DeadlineExceeded) && (!stopped || !r.Spent.writes):
			return graphql.Null, nil // there is no answer, or only one error
		case !fc.IsResolver:
			// fields of objects that were read are still answered
		case stopped:
			return nil, r.Spent.over()
		default:
			return nil, cause
		}
	}
	res, err := next(ctx)
	if err != nil || len(fc.Field.Selections) > 0 {
		return res, err
	}
	size := len(fc.Field.Alias) + 4 + sizeOf(res)
	if err := r.Spent.Lengthen(ctx, size); err != nil {
		return nil, err
	}
	if !r.Spent.Write(size) {
		return graphql.Null, nil
	}
	return res, nil
}

// WithinDeadline is a root field middleware: a mutation that is due after the deadline is not
// begun, and its arguments, which may be long, are not read.
func WithinDeadline(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	r := From(ctx)
	if r == nil || !r.Spent.writes {
		return next(ctx)
	}
	cause := r.Spent.ended(ctx)
	switch {
	case cause == nil:
		return next(ctx)
	case errors.Is(cause, ErrStopped):
		cause = r.Spent.over()
	case !errors.Is(cause, context.DeadlineExceeded):
		return graphql.Null // the caller has gone
	}
	at := graphql.NewPathWithField(graphql.GetRootFieldContext(ctx).Field.Alias)
	graphql.AddError(graphql.WithPathContext(ctx, at), cause)
	return graphql.Null
}

// Capped is a response middleware: an answer over the budget becomes one error, which the
// answer of a mutation has in addition. If there are too many errors, it adds their number.
func Capped(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	resp := next(ctx)
	r := From(ctx)
	if resp == nil || r == nil {
		return resp
	}
	if len(resp.Data) > r.Spent.budget.Bytes {
		r.Spent.Write(len(resp.Data))
	}
	over := r.Spent.over()
	if over == nil {
		if more := r.Spent.errors.Load() - MaxErrors; more > 0 {
			resp.Errors = append(resp.Errors, endpoint.WithCode(gqlerror.Errorf("More than %d fields failed. The errors of %d more are left out.", MaxErrors, more), types.ErrorCodeLimitExceeded))
		}
		return resp
	}
	shown := endpoint.WithCode(gqlerror.Errorf("%s", over.Message), over.Code)
	if r.Spent.writes {
		if !slices.ContainsFunc(resp.Errors, func(e *gqlerror.Error) bool { return e.Extensions["code"] == string(over.Code) }) {
			resp.Errors = append(resp.Errors, shown)
		}
		return resp
	}
	resp.Data, resp.Errors = []byte("null"), gqlerror.List{shown}
	return resp
}
