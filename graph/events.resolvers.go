package graph

import (
	"context"
	"time"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *accountResolver) Events(ctx context.Context, obj *types.Account) (*types.AccountEvents, error) {
	if r.Resolver.Events == nil || of(ctx, obj).client.Sub() != "" {
		return nil, nil
	}
	zoom.ValidUntil(ctx, time.Time{}) // it is another at every moment
	alive, last, source := r.Resolver.Events.Status(time.Now())
	return &types.AccountEvents{Alive: alive, LastEventAt: types.Time{Time: last}, Source: source}, nil
}
