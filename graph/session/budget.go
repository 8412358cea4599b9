package session

import (
	"fmt"
	"math"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/graph/endpoint"
	"zoomql/graph/errs"
	"zoomql/graph/list"
	"zoomql/internal/zoom/types"
)

// Budget bounds one answer. A document of a few hundred bytes can select lists
// within lists within lists: cached objects cost no call, so nothing else would
// end it.
type Budget struct {
	// Objects is the maximum of objects in an answer. An object with edges or
	// arguments below it counts as [openWeight] objects.
	Objects int
	// Bytes is the maximum length of an answer.
	Bytes int
}

// DefaultBudget leaves room for the largest exports, some thousand users with their
// meetings, and limits an operation to some hundred megabytes of memory.
var DefaultBudget = Budget{Objects: 200_000, Bytes: 16 << 20}

const (
	// openWeight is the weight of an object that the executor resolves, with a
	// goroutine, contexts and a set of fields. One that is written at once has 1.
	openWeight = 4
	// foreseen is the multiple of the budget that the arguments "first" may add up to.
	// They are upper bounds of lists that are mostly shorter, so only absurdly large
	// operations are refused by them.
	foreseen = 1000
	// MaxErrors is the maximum of errors of fields in an answer.
	MaxErrors = 1000
)

// overBudget returns the error of an answer that exceeds the budget.
func overBudget(most int, what, setting string) *errs.InputError {
	return &errs.InputError{Code: types.ErrorCodeLimitExceeded, Message: fmt.Sprintf("The answer is too large: more than %d %s. Ask for less at once; the operator may raise %s.", most, what, setting)}
}

func (b Budget) objectsOver() *errs.InputError {
	return overBudget(b.Objects, fmt.Sprintf("objects (one with edges below it counts as %d)", openWeight), "MAX_OBJECTS")
}

func (b Budget) bytesOver() *errs.InputError {
	return overBudget(b.Bytes, "bytes", "MAX_ANSWER_BYTES")
}

// Foresee refuses an operation whose arguments "first" add up to too many objects.
func (b Budget) Foresee(opCtx *graphql.OperationContext) *gqlerror.Error {
	if f := (forecast{opCtx}); f.objects(opCtx.Operation.SelectionSet) > float64(b.Objects)*foreseen {
		err := b.objectsOver()
		return endpoint.WithCode(gqlerror.Errorf("%s", err.Message), err.Code)
	}
	return nil
}

// forecast computes the maximum of objects in an answer.
type forecast struct{ opCtx *graphql.OperationContext }

// objects returns the maximum of objects below one object. The limits of a
// document bound the number of fields to visit.
func (f forecast) objects(set ast.SelectionSet) float64 {
	sum := 0.0
	for _, field := range graphql.CollectFields(f.opCtx, set, nil) {
		if len(field.Selections) == 0 {
			continue
		}
		below := f.objects(field.Selections)
		if n := f.first(field); n > 0 {
			below = n * (1 + below)
		}
		sum += below
	}
	return sum
}

// first returns the argument "first" of a list; 0 if the field has none.
func (f forecast) first(field graphql.CollectedField) float64 {
	if field.Definition == nil || field.Definition.Arguments.ForName("first") == nil {
		return 0
	}
	switch n := field.ArgumentMap(f.opCtx.Variables)["first"].(type) {
	case int64:
		return math.Min(float64(n), list.MaxFirst)
	case interface{ Int64() (int64, error) }: // json.Number
		i, _ := n.Int64()
		return math.Min(float64(i), list.MaxFirst)
	default:
		return list.MaxFirst
	}
}
