package graph

import (
	"context"

	"zoomql/internal/zoom/types"
)

func (r *mutationResolver) ZoomRequest(ctx context.Context, input types.ZoomRequestInput) (*types.ZoomRequestPayload, error) {
	at, err := rawTarget(ctx, input)
	if !r.RawRequests {
		return nil, errRawOff
	}
	return write(ctx, at, err, func(p *types.ZoomRequestPayload) error {
		return at.zoomRequest(ctx, p, input)
	})
}
