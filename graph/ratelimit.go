package graph

import (
	"context"
	"strings"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// rateLimit tells how the account's budget stands.
func (s *scope) rateLimit(ctx context.Context) *types.RateLimit {
	budget := s.client.Budget(ctx)
	answer := &types.RateLimit{Plan: types.BudgetPlan(strings.ToUpper(string(budget.Plan))), Waiting: budget.Waiting}
	for _, b := range budget.Labels {
		answer.Labels = append(answer.Labels, labelBudget(b))
	}
	return answer
}

func labelBudget(b zoom.LabelBudget) *types.LabelBudget {
	answer := &types.LabelBudget{
		Label: types.RateLabel(b.Rate.String()), PerSecond: floatOrNull(b.PerSecond),
		Remaining: intOrNull(b.Left), ResetsAt: types.Time{Time: b.ResetsAt},
	}
	if b.Daily != nil {
		answer.Daily = &types.DailyBudget{Limit: b.Daily.Limit, Remaining: intOrNull(b.Daily.Left)}
	}
	return answer
}

func intOrNull(n *int) types.Int {
	if n == nil {
		return types.Int{}
	}
	return types.Int{N: int64(*n), Valid: true}
}

func floatOrNull(n *float64) types.Float {
	if n == nil {
		return types.Float{}
	}
	return types.Float{N: *n, Valid: true}
}
