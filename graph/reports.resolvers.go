package graph

import (
	"context"

	"zoomql/graph/generated"
	"zoomql/internal/zoom/types"
)

func (r *accountReportsResolver) Daily(ctx context.Context, obj *types.AccountReports, year *int, month *int) (*types.DailyReport, error) {
	return of(ctx, obj).daily(ctx, year, month)
}

func (r *Resolver) AccountReports() generated.AccountReportsResolver {
	return &accountReportsResolver{r}
}

type accountReportsResolver struct{ *Resolver }
