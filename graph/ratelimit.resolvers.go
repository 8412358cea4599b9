package graph

import (
	"context"
	"time"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *queryResolver) RateLimit(ctx context.Context) (*types.RateLimit, error) {
	zoom.ValidUntil(ctx, time.Time{}) // it is another at every moment
	return from(ctx).in("").rateLimit(ctx), nil
}
