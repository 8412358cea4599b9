package graph

import (
	"context"

	"zoomql/internal/zoom/types"
)

func (r *queryResolver) RateLimit(ctx context.Context) (*types.RateLimit, error) {
	return from(ctx).in("").rateLimit(ctx), nil
}
