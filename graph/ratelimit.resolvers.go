package graph

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *queryResolver) RateLimit(ctx context.Context, dryRun bool) (*types.RateLimit, error) {
	zoom.ValidUntil(ctx, time.Time{}) // it is another at every moment
	answer := from(ctx).in("").rateLimit(ctx)
	price(answer, r.planOf(ctx, graphql.GetOperationContext(ctx)), r.granted(ctx))
	return answer, nil
}
