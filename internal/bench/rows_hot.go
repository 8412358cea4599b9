package main

import (
	"context"
	"fmt"
	"time"
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
	defer gateway.stop()
	said, _, err := b.askWhole(ctx, gateway, query)
	if err != nil {
		return err
	}
	baseline, err := b.baseline().start(ctx)
	if err != nil {
		return err
	}
	defer baseline.stop()
	static, err := b.static(ctx, said.raw)
	if err != nil {
		return err
	}
	defer static.stop()

	servers := []*process{static, gateway, baseline}
	answers, cost := map[*process][]float64{}, map[*process][]float64{}
	for round := range rounds + 1 {
		for _, p := range servers {
			perSecond, cpu, err := b.hammer(ctx, p, query, conns, each)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			if round > 0 { // the first is for warming up
				answers[p], cost[p] = append(answers[p], perSecond), append(cost[p], cpu)
			}
		}
	}
	s, g, o := statsOf(answers[static]), statsOf(answers[gateway]), statsOf(answers[baseline])
	ratio := g.median / s.median
	ok := ratio >= 0.25
	b.add(row{
		Work: "hot small query, 64 connections", Bound: "a static handler, " + s.format("answers/s"), Asked: "≥ 0.25 of it", OK: &ok,
		Measured: fmt.Sprintf("%.2f: %s", ratio, g.format("answers/s")), Values: map[string]float64{"ratio": ratio, "answers_per_second": g.median, "static": s.median},
	})
	b.add(row{
		Work: "  time on the cores for an answer", Bound: fmt.Sprintf("static %s µs", short(statsOf(cost[static]).median)), Asked: "–",
		Measured: fmt.Sprintf("%s; baseline %s", statsOf(cost[gateway]).format("µs"), statsOf(cost[baseline]).format("µs")),
		Values:   map[string]float64{"static_us": statsOf(cost[static]).median, "us": statsOf(cost[gateway]).median, "baseline_us": statsOf(cost[baseline]).median},
	})
	b.add(row{
		Work: "  baseline", Bound: "–", Asked: "–", Measured: fmt.Sprintf("%.2f: %s", o.median/s.median, o.format("answers/s")),
		Values: map[string]float64{"ratio": o.median / s.median, "answers_per_second": o.median},
	})
	return nil
}
