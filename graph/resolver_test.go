package graph

import (
	"context"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/graph/admission"
	"zoomql/graph/pricing"
	"zoomql/internal/zoom"
)

// TestBegin_eachItemReadsAnew executes a subscription for two items: the second shares neither
// loaders nor budget nor admission with the first. Opening the source of an item and resolving the
// fields below it are one response.
func TestBegin_eachItemReadsAnew(t *testing.T) {
	t.Parallel()
	client := zoom.New(zoom.Config{AccountID: "account"})
	r := &Resolver{Client: client, Budget: Budget{Objects: 10, Bytes: 100}, Admission: admission.New(), prices: pricing.Pricer{Client: client}}
	root := &ast.Field{Alias: "root", Name: "rateLimitChanged"}
	ctx := graphql.WithOperationContext(t.Context(), &graphql.OperationContext{
		Operation: &ast.OperationDefinition{Operation: ast.Subscription, SelectionSet: ast.SelectionSet{root}},
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
	var ended []context.Context
	for n := range 2 {
		var inner context.Context
		next := r.begin(ctx, func(ctx context.Context) graphql.ResponseHandler {
			inner = ctx //nolint:fatcontext // the executor keeps it, too
			load(ctx)   // as the resolver of the root field may
			return func(ctx context.Context) *graphql.Response {
				if got := load(ctx); got != 9 || !from(ctx).Spent.Count(10) {
					t.Errorf("item %d: the square of 3 is %d, or what another item has spent counts", n+1, got)
				}
				if at := graphql.GetFieldContext(ctx); at == nil || at.Path().String() != "root" {
					t.Errorf("item %d: what is below the root field does not begin with it: %v", n+1, at)
				}
				ended = append(ended, ctx)
				return &graphql.Response{}
			}
		})
		if next(inner) == nil || reads != n+1 {
			t.Errorf("item %d: %d reads, want one for each", n+1, reads)
		}
		if ended[n].Err() == nil || ctx.Err() != nil {
			t.Errorf("item %d: its own context ends with it (%v), and no other (%v)", n+1, ended[n].Err(), ctx.Err())
		}
	}
	if from(ended[0]) == from(ended[1]) {
		t.Error("two items are one response")
	}
}
