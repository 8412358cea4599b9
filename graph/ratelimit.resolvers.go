package graph

import (
	"context"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *queryResolver) RateLimit(ctx context.Context, dryRun bool) (*types.RateLimit, error) {
	if zoom.Peeking(ctx) {
		return nil, zoom.ErrNotCached // the price is being computed
	}
	return r.budgetNow(ctx), nil
}
