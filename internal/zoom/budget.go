package zoom

import (
	"context"
	"maps"
	"slices"
	"time"

	"zoomql/internal/ratelimit"
)

// Budget is the state of an account's budget.
type Budget struct {
	Plan   Plan
	Labels []LabelBudget // one for each of Rates
	Phone  []LabelBudget // the same of Zoom Phone's own
	// Pool is the daily limit that the expensive labels share, and PhonePool that of Zoom
	// Phone; nil if they share none.
	Pool, PhonePool *DailyBudget
	Waiting         int // calls queued in this process
}

// LabelBudget is the budget of one label. Its figures are nil if the plan has no limit, or
// if they are unknown at the moment.
type LabelBudget struct {
	Rate      Rate
	PerSecond *float64 // calls a second that the plan allows
	Left      *int     // calls that may start now, after the usage by other apps is subtracted
	Competing *int     // estimated calls of other apps in a window
	Waiting   int      // calls queued for it in this process
	Daily     *DailyBudget
	ResetsAt  time.Time // when the whole budget is available again, of the day if there is one; zero if unknown
}

// DailyBudget is a limit of calls per day. Several labels may share it.
type DailyBudget struct {
	Limit    int
	Left     *int
	ResetsAt time.Time // the next 00:00 UTC

	pooled bool
}

// Budget returns the state of the account's budget by the limiter's counts. It makes no call.
func (c *Client) Budget(ctx context.Context) Budget {
	b := Budget{Plan: c.cfg.Plan}
	if c.cfg.Limiter != nil {
		b.Waiting = c.cfg.Limiter.Waiting()
	}
	b.Labels, b.Pool = c.labelBudgets(ctx, &Spec{}, budgets)
	b.Phone, b.PhonePool = c.labelBudgets(ctx, &Spec{Phone: true}, phoneBudgets)
	return b
}

// labelBudgets returns the budgets that operations such as s count against, and the daily limit
// that their expensive labels share.
func (c *Client) labelBudgets(ctx context.Context, s *Spec, table map[Plan]map[Rate]budget) (all []LabelBudget, pool *DailyBudget) {
	for _, r := range Rates {
		b := c.labelBudget(ctx, s, table[c.cfg.Plan][r], r)
		if all = append(all, b); b.Daily != nil && b.Daily.pooled {
			pool = b.Daily
		}
	}
	return all, pool
}

func (c *Client) labelBudget(ctx context.Context, s *Spec, row budget, r Rate) LabelBudget {
	b := LabelBudget{Rate: r}
	limits := c.cfg.Plan.labels(c.cfg.AccountID, s, r)
	if len(limits) == 0 {
		return b
	}
	b.PerSecond = new(float64(row.calls) / row.per.Seconds())
	last := limits[len(limits)-1]
	if last.Daily {
		b.Daily = &DailyBudget{Limit: last.Calls, ResetsAt: nextDay(time.Now()), pooled: row.pooled}
	}
	if c.cfg.Limiter == nil {
		return b
	}
	b.Waiting = c.cfg.Limiter.WaitingFor(limits[0].Key)
	all, err := c.cfg.Limiter.Remaining(ctx, limits)
	if err != nil {
		return b // the limiter's store failed: unknown
	}
	b.fill(all)
	return b
}

func (b *LabelBudget) fill(all []ratelimit.Status) {
	day := all[len(all)-1]
	b.ResetsAt = day.Reset
	b.Left, b.Competing = &all[0].Left, &all[0].Competing
	if b.Daily != nil {
		b.Daily.Left = &day.Left
		b.Left = new(min(all[0].Left, day.Left))
	}
}

// Days returns how many days' budgets the calls of operations take, by the limiter's counts: 0
// if no daily budget applies, 1 if the rest of today's is enough. retryAt is when a daily budget
// has room for all of them, if today's does not; zero if none ever has. It makes no call.
func (c *Client) Days(ctx context.Context, calls map[*Spec]int) (days int, retryAt time.Time) {
	need := map[ratelimit.Limit]int{}
	for s, n := range calls {
		limits := c.cfg.Plan.labels(c.cfg.AccountID, s, s.Rate)
		if n > 0 && len(limits) > 0 && limits[len(limits)-1].Daily {
			need[limits[len(limits)-1]] += n
		}
	}
	if len(need) == 0 {
		return 0, time.Time{}
	}
	limits := slices.Collect(maps.Keys(need))
	left := make([]int, len(limits))
	for i, l := range limits {
		left[i] = l.Calls
	}
	if c.cfg.Limiter != nil {
		if all, err := c.cfg.Limiter.Remaining(ctx, limits); err == nil {
			for i, status := range all {
				left[i] = status.Left
			}
		}
	}
	days, whole := 1, true
	for i, l := range limits {
		if more := need[l] - left[i]; more > 0 {
			days = max(days, 1+(more+l.Calls-1)/l.Calls)
			whole = whole && need[l] <= l.Calls
		}
	}
	if days > 1 && whole {
		retryAt = nextDay(time.Now())
	}
	return days, retryAt
}
