package graph

import (
	"context"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/admission"
	"zoomql/internal/zoom"
)

// TestBegin_eachResponseReadsAnew makes two responses of one subscription: the second takes
// nothing from the loaders, the budget or the room of the first.
func TestBegin_eachResponseReadsAnew(t *testing.T) {
	r := &Resolver{Client: zoom.New(zoom.Config{AccountID: "account"}), Budget: Budget{Objects: 10, Bytes: 100}, Admission: admission.New()}
	ctx := graphql.WithOperationContext(t.Context(), &graphql.OperationContext{
		Operation: &ast.OperationDefinition{Operation: ast.Subscription},
	})
	reads := 0
	load := func(ctx context.Context) int {
		squares := loaderOf(from(ctx).in(""), func(_ context.Context, keys []int) []zoom.Found[int] {
			reads++
			square := keys[0] * keys[0]
			return []zoom.Found[int]{{Object: &square}}
		})
		square, err := squares.Load(ctx, 3)
		if err != nil {
			t.Fatal(err)
		}
		return *square
	}
	var inner context.Context
	var ended []context.Context
	next := r.begin(ctx, func(ctx context.Context) graphql.ResponseHandler {
		inner = ctx //nolint:fatcontext // the executor keeps it, too
		load(ctx)   // as the resolver of a subscription may, before its first event
		return func(ctx context.Context) *graphql.Response {
			for range 2 {
				if got := load(ctx); got != 9 {
					t.Errorf("the square of 3 is %d", got)
				}
			}
			if !from(ctx).Spent.Count(10) {
				t.Error("what another response has spent counts")
			}
			ended = append(ended, ctx)
			return &graphql.Response{}
		}
	})
	for n := range 2 {
		if next(inner) == nil || reads != n+2 {
			t.Errorf("response %d: %d reads, want one for each and one before", n+1, reads)
		}
		if ended[n].Err() == nil || inner.Err() != nil {
			t.Errorf("response %d: its own context ends with it (%v), and no other (%v)", n+1, ended[n].Err(), inner.Err())
		}
	}
	if from(ended[0]) == from(ended[1]) {
		t.Error("two responses are one")
	}
}
