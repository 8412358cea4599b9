package graph

import (
	"context"

	"zoomql/graph/generated"
	"zoomql/internal/zoom/types"
)

func (r *queryResolver) Viewer(ctx context.Context) (*types.Viewer, error) {
	return from(ctx).in("").viewer(), nil
}

func (r *queryResolver) Node(ctx context.Context, id types.NodeID) (types.Node, error) {
	found, errs := findNodes(ctx, &id)
	return found[0], errs[0]
}

func (r *queryResolver) Nodes(ctx context.Context, ids []*types.NodeID) ([]types.Node, error) {
	return nodes(ctx, ids)
}

func (r *viewerResolver) Account(ctx context.Context, obj *types.Viewer) (*types.Account, error) {
	return from(ctx).in("").selectedAccount(ctx)
}

func (r *viewerResolver) User(ctx context.Context, obj *types.Viewer) (*types.User, error) {
	return from(ctx).in("").viewerUser(ctx)
}

func (r *viewerResolver) Scopes(ctx context.Context, obj *types.Viewer) ([]string, error) {
	return from(ctx).in("").client.Scopes(ctx)
}

func (r *Resolver) Mutation() generated.MutationResolver { return &mutationResolver{r} }

func (r *Resolver) Query() generated.QueryResolver { return &queryResolver{r} }

func (r *Resolver) Viewer() generated.ViewerResolver { return &viewerResolver{r} }

type (
	mutationResolver struct{ *Resolver }
	queryResolver    struct{ *Resolver }
	viewerResolver   struct{ *Resolver }
)
