package main

import (
	"context"
	"fmt"
	"time"

	"zoomql/internal/bench/proc"
	"zoomql/internal/bench/table"
)

// hot asks for one user again and again.
func (b *bench) hot(ctx context.Context) error {
	const conns, rounds = 64, 5
	const each = 2 * time.Second
	if err := b.enter(ctx, office); err != nil {
		return err
	}
	query := userQuery(b.marks.HostID)
	gateway, err := b.gateway().start(ctx)
	if err != nil {
		return err
	}
	defer gateway.Stop()
	said, _, err := b.askWhole(ctx, gateway, query)
	if err != nil {
		return err
	}
	baseline, err := b.baseline().start(ctx)
	if err != nil {
		return err
	}
	defer baseline.Stop()
	static, err := b.static(ctx, said.raw)
	if err != nil {
		return err
	}
	defer static.Stop()

	servers := []*proc.Process{static, gateway, baseline}
	answers, cost := map[*proc.Process][]float64{}, map[*proc.Process][]float64{}
	for round := range rounds + 1 {
		for _, p := range servers {
			perSecond, cpu, err := b.hammer(ctx, p, query, conns, each)
			if err != nil {
				return fmt.Errorf("%s: %w", p.Name, err)
			}
			if round > 0 { // the first is for warming up
				answers[p], cost[p] = append(answers[p], perSecond), append(cost[p], cpu)
			}
		}
	}
	s, g, o := table.StatsOf(answers[static]), table.StatsOf(answers[gateway]), table.StatsOf(answers[baseline])
	ratio := g.Median / s.Median
	ok := ratio >= 0.25
	b.add(table.Row{
		Work: "hot small query, 64 connections", Bound: "a static handler, " + s.Format("answers/s"), Asked: "≥ 0.25 of it", OK: &ok,
		Measured: fmt.Sprintf("%.2f: %s", ratio, g.Format("answers/s")), Values: map[string]float64{"ratio": ratio, "answers_per_second": g.Median, "static": s.Median},
	})
	b.add(table.Row{
		Work: "  time on the cores for an answer", Bound: fmt.Sprintf("static %s µs", table.Short(table.StatsOf(cost[static]).Median)), Asked: "–",
		Measured: fmt.Sprintf("%s; baseline %s", table.StatsOf(cost[gateway]).Format("µs"), table.StatsOf(cost[baseline]).Format("µs")),
		Values:   map[string]float64{"static_us": table.StatsOf(cost[static]).Median, "us": table.StatsOf(cost[gateway]).Median, "baseline_us": table.StatsOf(cost[baseline]).Median},
	})
	b.add(table.Row{
		Work: "  baseline", Bound: "–", Asked: "–", Measured: fmt.Sprintf("%.2f: %s", o.Median/s.Median, o.Format("answers/s")),
		Values: map[string]float64{"ratio": o.Median / s.Median, "answers_per_second": o.Median},
	})
	return nil
}
