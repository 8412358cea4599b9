package graph

import (
	"context"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *mutationResolver) ZoomRequest(ctx context.Context, input types.ZoomRequestInput) (*types.ZoomRequestPayload, error) {
	if !r.RawRequests {
		return nil, errRawOff
	}
	answer := &zoom.RawAnswer{}
	s, err := accountBy(ctx, input.Account)
	if err == nil {
		answer, err = s.zoomRequest(ctx, input)
	}
	mistakes, err := userErrors(ctx, err)
	if answer == nil || err != nil {
		return &types.ZoomRequestPayload{UserErrors: mistakes}, err
	}
	return &types.ZoomRequestPayload{Status: types.Int{N: int64(answer.Status), Valid: answer.Status != 0}, Body: answer.Body, UserErrors: mistakes}, nil
}
