package zoom

import (
	"context"
	"time"

	"zoomql/internal/ratelimit"
)

// Budget is how an account's budget stands.
type Budget struct {
	Plan    Plan
	Labels  []LabelBudget // one for each of Rates
	Waiting int           // calls that stand in line in this process
}

// LabelBudget is the budget of one label. Its figures are nil where nothing is
// counted, or nothing is known at the moment.
type LabelBudget struct {
	Rate      Rate
	PerSecond *float64 // calls a second that the plan allows
	Left      *int     // calls that may start now, without what other apps spend
	Daily     *DailyBudget
	ResetsAt  time.Time // when all of it is free again, of the day if there is one; zero when not known
}

// DailyBudget is what a day allows. Several labels may share it.
type DailyBudget struct {
	Limit int
	Left  *int
}

// Budget tells how the account's budget stands, as far as the limiter knows. It
// costs no call.
func (c *Client) Budget(ctx context.Context) Budget {
	b := Budget{Plan: c.cfg.Plan}
	if c.cfg.Limiter != nil {
		b.Waiting = c.cfg.Limiter.Waiting()
	}
	for _, r := range Rates {
		b.Labels = append(b.Labels, c.labelBudget(ctx, r))
	}
	return b
}

func (c *Client) labelBudget(ctx context.Context, r Rate) LabelBudget {
	b := LabelBudget{Rate: r}
	limits := c.cfg.Plan.labels(c.cfg.AccountID, &Spec{}, r)
	if len(limits) == 0 {
		return b
	}
	b.PerSecond = new(c.cfg.Plan.perSecond(r))
	last := limits[len(limits)-1]
	if last.Daily {
		b.Daily = &DailyBudget{Limit: last.Calls}
	}
	if c.cfg.Limiter == nil {
		return b
	}
	all, err := c.cfg.Limiter.Remaining(ctx, limits)
	if err != nil {
		return b // a store in trouble does not know
	}
	b.fill(all)
	return b
}

func (b *LabelBudget) fill(all []ratelimit.Status) {
	day := all[len(all)-1]
	b.ResetsAt = day.Reset
	b.Left = &all[0].Left
	if b.Daily != nil {
		b.Daily.Left = &day.Left
		b.Left = new(min(all[0].Left, day.Left))
	}
}
