package graph

import (
	"context"

	"zoomql/graph/generated"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *accountResolver) Users(ctx context.Context, obj *types.Account, first int, after *string, status types.UserStatus, roleID *string) (*types.Connection[types.User], error) {
	l := list[zoom.UserFilter, types.User]{
		in: of(ctx, obj), op: zoom.ListUsers, windows: []zoom.UserFilter{{Status: status, RoleID: deref(roleID)}},
		first: first, after: after, saw: of(ctx, obj).saw,
	}
	return connectWhole(ctx, l, "User", of(ctx, obj).wholeUsers(ctx))
}

func (r *accountResolver) Reports(ctx context.Context, obj *types.Account) (*types.AccountReports, error) {
	return &types.AccountReports{Origin: of(ctx, obj).origin()}, nil
}

func (r *queryResolver) Account(ctx context.Context) (*types.Account, error) {
	return from(ctx).in("").account(), nil
}

func (r *Resolver) Account() generated.AccountResolver { return &accountResolver{r} }

type accountResolver struct{ *Resolver }
