package graph

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"zoomql/graph/endpoint"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// rateLimit returns the state of the account's budget.
func (s *scope) rateLimit(ctx context.Context) *types.RateLimit {
	budget := s.client.Budget(ctx)
	answer := &types.RateLimit{Plan: types.BudgetPlan(strings.ToUpper(string(budget.Plan))), Waiting: budget.Waiting}
	answer.Labels, answer.Phone = labelBudgets(budget.Labels), labelBudgets(budget.Phone)
	answer.Pool, answer.PhonePool = dailyBudget(budget.Pool), dailyBudget(budget.PhonePool)
	return answer
}

// budgetNow returns the state of the budget and the cost of the operation of ctx.
func (r *Resolver) budgetNow(ctx context.Context) *types.RateLimit {
	zoom.ValidUntil(ctx, time.Time{}) // it may change at any moment
	answer := from(ctx).in("").rateLimit(ctx)
	r.prices.Tell(ctx, answer)
	return answer
}

func labelBudgets(all []zoom.LabelBudget) []*types.LabelBudget {
	list := make([]*types.LabelBudget, len(all))
	for i, b := range all {
		list[i] = labelBudget(b)
	}
	return list
}

func labelBudget(b zoom.LabelBudget) *types.LabelBudget {
	return &types.LabelBudget{
		Label: types.RateLabel(b.Rate.String()), PerSecond: floatOrNull(b.PerSecond),
		Remaining: intOrNull(b.Left), Competing: intOrNull(b.Competing), Waiting: b.Waiting,
		Daily: dailyBudget(b.Daily), ResetsAt: types.Time{Time: b.ResetsAt},
	}
}

func dailyBudget(b *zoom.DailyBudget) *types.DailyBudget {
	if b == nil {
		return nil
	}
	return &types.DailyBudget{Limit: b.Limit, Remaining: intOrNull(b.Left), ResetsAt: types.Time{Time: b.ResetsAt}}
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

// budgetWatch polls the budget of the account while it has subscribers. The zero value is ready.
type budgetWatch struct {
	mu      sync.Mutex
	users   int
	stop    context.CancelFunc
	version int
	changed chan struct{}
}

// lookEvery is the interval of the polls.
const lookEvery = time.Second

// join adds a subscriber. The first one starts the polls.
func (w *budgetWatch) join(client *zoom.Client) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed == nil {
		w.changed = make(chan struct{})
	}
	if w.users++; w.users > 1 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.stop = cancel
	go w.look(ctx, client)
}

func (w *budgetWatch) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.users--; w.users == 0 {
		w.stop()
	}
}

func (w *budgetWatch) look(ctx context.Context, client *zoom.Client) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for last := budgetText(ctx, client); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := budgetText(ctx, client)
		if now == last || ctx.Err() != nil {
			continue
		}
		last = now
		w.mu.Lock()
		w.version++
		close(w.changed)
		w.changed = make(chan struct{})
		w.mu.Unlock()
	}
}

// budgetText returns a text that differs between different budgets.
func budgetText(ctx context.Context, client *zoom.Client) string {
	ctx, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	var text strings.Builder
	for _, b := range client.Budget(ctx).Labels {
		text.WriteString(b.Rate.String())
		for _, left := range []*int{b.Left, dailyLeft(b)} {
			if left != nil {
				text.WriteString(" " + strconv.Itoa(*left))
			}
		}
	}
	return text.String()
}

func dailyLeft(b zoom.LabelBudget) *int {
	if b.Daily == nil {
		return nil
	}
	return b.Daily.Left
}

func (w *budgetWatch) now() (version int, changed <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.version, w.changed
}

// budgetSource returns the budget each time it has changed.
type budgetSource struct {
	*Resolver
	last int // version
}

func (r *Resolver) followBudget(client *zoom.Client) endpoint.Source {
	r.budgets.join(client)
	return &budgetSource{r, -1}
}

// Next implements [endpoint.Source].
func (s *budgetSource) Next(ctx context.Context) (endpoint.Item, error) {
	for {
		version, changed := s.budgets.now()
		if version != s.last {
			s.last = version
			return endpoint.Item{
				Key:   "budget " + strconv.Itoa(version),
				Value: func(ctx context.Context) any { return s.budgetNow(ctx) },
			}, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return endpoint.Item{}, ctx.Err()
		}
	}
}

// Close implements [endpoint.Source].
func (s *budgetSource) Close() { s.budgets.leave() }
