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

// Budget bounds what one operation may answer with. A document of a few hundred
// bytes can ask for lists within lists within lists: what is at hand in the cache
// costs no call, and so nothing else would end it.
type Budget struct {
	// Objects is how many objects an answer may have. One that has edges or
	// arguments below it counts as [openWeight] of them.
	Objects int
	// Bytes is how long it may be.
	Bytes int
}

// DefaultBudget leaves room for the largest exports, some thousand users with their
// meetings, and holds an operation to some hundred megabytes.
var DefaultBudget = Budget{Objects: 200_000, Bytes: 16 << 20}

const (
	// openWeight is what an object counts that the executor works on, with a
	// goroutine, contexts and a set of fields, beside one that is written at once.
	openWeight = 4
	// foreseen is how many times the budget the arguments "first" may allow for. They
	// are upper bounds of lists that are mostly shorter, so only what cannot be meant
	// is refused by them.
	foreseen = 1000
	// MaxErrors is how many errors an answer has.
	MaxErrors = 1000
)

// overBudget is the refusal of an answer.
func overBudget(most int, what, setting string) *errs.InputError {
	return &errs.InputError{Code: types.ErrorCodeLimitExceeded, Message: fmt.Sprintf("The answer is too large: more than %d %s. Ask for less at once; the operator may raise %s.", most, what, setting)}
}

func (b Budget) objectsOver() *errs.InputError {
	return overBudget(b.Objects, fmt.Sprintf("objects (one with edges below it counts as %d)", openWeight), "MAX_OBJECTS")
}

func (b Budget) bytesOver() *errs.InputError {
	return overBudget(b.Bytes, "bytes", "MAX_ANSWER_BYTES")
}

// Foresee refuses an operation by its arguments "first" alone.
func (b Budget) Foresee(opCtx *graphql.OperationContext) *gqlerror.Error {
	if f := (forecast{opCtx}); f.objects(opCtx.Operation.SelectionSet) > float64(b.Objects)*foreseen {
		err := b.objectsOver()
		return endpoint.WithCode(gqlerror.Errorf("%s", err.Message), err.Code)
	}
	return nil
}

// forecast works out how many objects there may be.
type forecast struct{ opCtx *graphql.OperationContext }

// objects returns how many there may be below one object. The document's limits
// bound how many fields there are to look at.
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

// first returns the argument of a list, 0 where there is none.
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
