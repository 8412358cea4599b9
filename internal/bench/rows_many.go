package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"zoomql/internal/lab/proc"
	"zoomql/internal/lab/table"
	"zoomql/internal/lab/upstream"

	"golang.org/x/sync/errgroup"

	"zoomql/internal/sandbox"
)

func (b *bench) cached(ctx context.Context) error {
	if err := b.enter(ctx, office); err != nil {
		return err
	}
	p, err := b.gateway().start(ctx)
	if err != nil {
		return err
	}
	defer p.Stop()
	calls := 0
	var took []string
	for _, query := range []string{usersQuery(50), crowdQuery(b.marks.BigMeeting, listedFields), crowdQuery(b.marks.BigMeeting, wholeFields)} {
		if _, err := b.measured(ctx, p, query); err != nil {
			return err
		}
		again, err := b.measured(ctx, p, query)
		if err != nil {
			return err
		}
		calls += len(again.ledger.Calls)
		took = append(took, table.Short(table.Millis(again.took)))
	}
	ok := calls == 0
	b.add(table.Row{
		Work: "the three queries again, cached", Bound: "0 calls", Target: "0 calls", OK: &ok,
		Measured: fmt.Sprintf("%d calls; %s ms", calls, strings.Join(took, ", ")), Values: map[string]float64{"calls": float64(calls)},
	})
	return nil
}

// crowdSize is the number of concurrent queries.
const crowdSize = 64

func (b *bench) identical(ctx context.Context) error {
	slow := office
	slow.Latency = 20 * time.Millisecond
	if err := b.enter(ctx, slow); err != nil {
		return err
	}
	for _, q := range []struct{ work, query string }{
		{"50 users → meetings → host", usersQuery(50)},
		{"300 + 300 → user, " + forms[1].name, crowdQuery(b.marks.BigMeeting, wholeFields)},
	} {
		one, err := b.cold(ctx, b.gateway(), q.query)
		if err != nil {
			return err
		}
		s, _, err := b.concurrentLoad(ctx, b.gateway(), slices.Repeat([]string{q.query}, crowdSize), crowdSize)
		if err != nil {
			return err
		}
		people, err := crowdOf(one.answer.Data)
		if err != nil {
			return err
		}
		calls, alone := len(s.ledger.Calls), len(one.ledger.Calls)
		ok := calls <= alone
		b.add(table.Row{
			Work: "64 identical at once: " + q.work, Bound: "the calls of one", Target: fmt.Sprintf("%d calls", alone), OK: &ok,
			Measured: fmt.Sprintf("%d calls: %d of them made before, %d users twice", calls, repeated(s.ledger.Calls), people.again(s.ledger.Calls)), Values: map[string]float64{"calls": float64(calls), "alone": float64(alone)},
		})
	}
	return nil
}

// different sends 64 crowd queries, each about 600 people of its own.
func (b *bench) different(ctx context.Context) error {
	const crowds, rounds, perLabel = 300, 2, 100
	if err := b.enter(ctx, upstream.World{Users: 46_000, Plan: sandbox.PlanNone, Latency: 10 * time.Millisecond, Meetings: 2 * crowdSize, Crowd: crowds}); err != nil {
		return err
	}
	queries := make([]string, crowdSize)
	for i := range queries {
		queries[i] = crowdsQuery(b.marks.Made[2*i], b.marks.Made[2*i+1])
	}
	perSecond := map[int][]float64{}
	most, flying, users := 0.0, 0, 0
	for range rounds {
		for _, width := range []int{4, crowdSize} {
			s, placed, err := b.concurrentLoad(ctx, b.gateway(), queries, width)
			if err != nil {
				return err
			}
			perSecond[width] = append(perSecond[width], crowdSize/s.took.Seconds())
			most, flying, users = max(most, s.memory.Most), max(flying, s.ledger.MaxInFlight), placed
		}
	}
	few, many := table.StatsOf(perSecond[4]), table.StatsOf(perSecond[crowdSize])
	ratio := many.Median / few.Median
	const all = crowdSize * 2 * crowds
	ok := users == all && ratio >= 0.97 && most <= 500 && flying <= 2*perLabel // a few percent are noise
	b.add(table.Row{
		Work: "64 different at once, 600 users each, 10 ms a call", Bound: "–",
		Target: "all answered; queries/s not below 4 at once; ≤ 100 calls of a label in flight; ≤ 500 MiB", OK: &ok,
		Measured: fmt.Sprintf("%d of %d users, %.2f × (%s, at 4 %s), %d in flight, %.0f MiB", users, all, ratio, many.Format("queries/s"), few.Format("queries/s"), flying, most),
		Values:   map[string]float64{"users": float64(users), "ratio": ratio, "queries_per_second": many.Median, "at_4": few.Median, "in_flight": float64(flying), "mib": most},
	})
	s, placed, err := b.concurrentLoad(ctx, b.baseline(), queries, crowdSize)
	if err != nil {
		return fmt.Errorf("baseline, %w", err)
	}
	b.add(table.Row{
		Work: "  baseline", Bound: "–", Target: "–",
		Measured: fmt.Sprintf("%d of %d users, %s queries/s, %d in flight, %.0f MiB", placed, all, table.Short(crowdSize/s.took.Seconds()), s.ledger.MaxInFlight, s.memory.Most),
		Values:   map[string]float64{"users": float64(placed), "queries_per_second": crowdSize / s.took.Seconds(), "in_flight": float64(s.ledger.MaxInFlight), "mib": s.memory.Most},
	})
	return nil
}

// concurrentLoad sends queries to a new server, width at a time, and counts the users
// in the answers.
func (b *bench) concurrentLoad(ctx context.Context, c contender, queries []string, width int) (*sample, int, error) {
	p, err := c.start(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer p.Stop()
	if err := b.up.Reset(ctx); err != nil {
		return nil, 0, err
	}
	s := &sample{}
	began := time.Now()
	answers, err := b.concurrently(ctx, p, queries, width)
	s.took = time.Since(began)
	if err != nil {
		return nil, 0, fmt.Errorf("%d at once: %w", width, err)
	}
	placed := 0
	for _, a := range answers {
		c, err := crowdOf(a.Data)
		if err != nil {
			return nil, 0, err
		}
		placed += len(c.users)
	}
	if s.ledger, err = b.up.Ledger(ctx); err == nil {
		s.memory, err = p.Memory()
	}
	return s, placed, err
}

// concurrently sends queries, width at a time, and returns the answers, which must have
// no errors.
func (b *bench) concurrently(ctx context.Context, p *proc.Process, queries []string, width int) ([]answer, error) {
	answers := make([]answer, len(queries))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(width)
	for i, query := range queries {
		group.Go(func() (err error) {
			answers[i], _, err = b.mustSend(ctx, p, query)
			return err
		})
	}
	return answers, group.Wait()
}
