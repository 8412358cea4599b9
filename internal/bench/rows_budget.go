package main

import (
	"context"
	"fmt"
	"time"

	"zoomql/internal/lab/table"
	"zoomql/internal/lab/upstream"

	"zoomql/internal/sandbox"
)

// budget sends the crowd query to an account with limits. The expected users are those
// of the baseline on an account without limits.
func (b *bench) budget(ctx context.Context) error {
	limited := office
	limited.Plan, limited.Latency = sandbox.PlanBusiness, latency
	for _, form := range forms {
		if err := b.enter(ctx, office); err != nil {
			return err
		}
		query := crowdQuery(b.marks.BigMeeting, form.fields)
		expected, err := b.cold(ctx, b.baseline(), query)
		if err != nil {
			return err
		}
		all, err := crowdOf(expected.answer.Data)
		if err != nil {
			return err
		}
		single := len(all.users)
		if form.fields == listedFields {
			single = 0
		}
		allows := allowedCrowd(single, crowdRounds, latency)
		for _, c := range []contender{b.gateway(), b.baseline()} {
			s, failed, err := b.underLimits(ctx, c, limited, query)
			if err != nil {
				return err
			}
			got, err := crowdOf(s.answer.Data)
			if err != nil {
				return err
			}
			share := 100 * float64(got.placed) / float64(all.placed)
			ratio := s.took.Seconds() / allows.Seconds()
			r := table.Row{
				Work: "Business+ limits, " + form.name, Bound: fmt.Sprintf("the budget allows %s", allows), Target: "100 % of users, no 429, ≤ 1.1 ×",
				Measured: fmt.Sprintf("%.0f %% of %d users in %d places, %d answers 429, %.2f ×: %s; %d calls, %d errors", share, len(all.users), all.placed, s.ledger.Throttled, ratio, s.took.Round(time.Millisecond), len(s.ledger.Calls), failed),
				Values:   map[string]float64{"users": share, "throttled": float64(s.ledger.Throttled), "ratio": ratio, "seconds": s.took.Seconds()},
			}
			if c.name == "baseline" {
				r.Work, r.Target = "  baseline", "–"
			} else {
				ok := got.placed == all.placed && s.ledger.Throttled == 0 && ratio <= 1.1
				r.OK = &ok
			}
			b.add(r)
		}
	}
	return nil
}

// underLimits sends a query in a new world with its whole budget. One small query
// before it gets the token, and more than a second passes until the budget is whole
// again.
func (b *bench) underLimits(ctx context.Context, c contender, w upstream.World, query string) (*sample, int, error) {
	if err := b.enter(ctx, w); err != nil {
		return nil, 0, err
	}
	p, err := c.start(ctx, "ZOOM_PLAN="+w.Plan)
	if err != nil {
		return nil, 0, err
	}
	defer p.Stop()
	if _, _, err := b.mustSend(ctx, p, fmt.Sprintf(`{ user(by: {zoomId: %q}) { displayName jobTitle } }`, b.marks.InactiveUserID)); err != nil {
		return nil, 0, err
	}
	select {
	case <-ctx.Done():
	case <-time.After(1200 * time.Millisecond):
	}
	if err := b.up.Reset(ctx); err != nil {
		return nil, 0, err
	}
	s := &sample{}
	if s.answer, s.took, err = b.send(ctx, p, query); err != nil {
		return nil, 0, err
	}
	s.ledger, err = b.up.Ledger(ctx)
	return s, len(s.answer.Errors), err
}
