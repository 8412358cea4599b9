package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"zoomql/internal/lab/table"
	"zoomql/internal/lab/upstream"

	"zoomql/internal/sandbox"
)

// latency is how long Zoom takes for an answer where round trips are measured.
const latency = 100 * time.Millisecond

// office is the account of most rows: one meeting of it has 300 registrants, and its
// latest instance 300 participants. The sandbox makes the participants from the
// registrants, so most users are in both lists, and one in eight is a guest who is no
// user.
var office = upstream.World{Users: 600, Participants: 300, Registrants: 300, Plan: sandbox.PlanNone}

func (b *bench) nested(ctx context.Context) error {
	const users, calls, rounds = 50, 51, 2
	if err := b.enter(ctx, office); err != nil {
		return err
	}
	query := usersQuery(users)
	d, err := b.comparison(ctx, query)
	if err != nil {
		return err
	}
	work := "50 users → 30 meetings each → host"
	got := d.gateway.calls("")
	b.addCalls(work, fmt.Sprintf("%d calls", calls), "51 calls", got.Min == calls && got.Max == calls, d, "")
	b.addComparison(work, d)
	return b.addDelayed(ctx, work, query, rounds, 1.15)
}

// forms are the two kinds of users' fields in the crowd query.
var forms = []struct{ name, fields string }{
	{"fields that lists hold", listedFields},
	{"a field of GET /users/{id} alone", wholeFields},
}

// crowdRounds is how many calls in a row the crowd query may take: the meeting,
// its lists, the users.
const crowdRounds = 3

func (b *bench) crowd(ctx context.Context) error {
	if err := b.enter(ctx, office); err != nil {
		return err
	}
	for _, form := range forms {
		query := crowdQuery(b.marks.BigMeeting, form.fields)
		d, err := b.comparison(ctx, query)
		if err != nil {
			return err
		}
		people, err := crowdOf(d.gateway[0].answer.Data)
		if err != nil {
			return err
		}
		again := table.StatsBy(d.gateway, func(s *sample) float64 { return float64(people.again(s.ledger.Calls)) })
		work := "300 registrants + 300 participants → user, " + form.name
		bound := "5 calls: 2 lists of people, 3 of users"
		if form.fields == wholeFields {
			bound = fmt.Sprintf("%d calls: 2 lists, each of %d users once", 2+len(people.users), len(people.users))
		}
		b.addCalls(work, bound, "no user fetched twice", again.Max == 0, d, fmt.Sprintf("; %s users twice", again.Span()))
		b.addComparison(work, d)
		if form.fields == listedFields {
			err = b.addDelayed(ctx, work, query, crowdRounds, 1.2)
		} else {
			err = b.addWide(ctx, work, query)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addWide is for hundreds of concurrent calls: they are one round trip only if all may
// be in flight. It adds a row with the default bound, too.
func (b *bench) addWide(ctx context.Context, work, query string) error {
	if err := b.addDelayed(ctx, work, query, crowdRounds, 1.2, "MAX_IN_FLIGHT=1000"); err != nil {
		return err
	}
	took, _, err := b.delayed(ctx, query, latency)
	if err != nil {
		return err
	}
	b.add(table.Row{Work: "  with MAX_IN_FLIGHT=100, the default", Bound: "–", Target: "–", Measured: took.Format("ms"), Values: map[string]float64{"ms": took.Median}})
	return nil
}

func (b *bench) addCalls(work, bound, asked string, ok bool, d comparison, more string) {
	got, other := d.gateway.calls(""), d.baseline.calls("")
	b.add(table.Row{
		Work: work + ": calls", Bound: bound, Target: asked, OK: &ok,
		Measured: fmt.Sprintf("%s calls: lists of users %s, users %s; baseline %s%s", got.Span(), d.gateway.calls(listUsers).Span(), d.gateway.calls(getUser).Span(), other.Span(), more),
		Values:   map[string]float64{"calls": got.Median, "most_calls": got.Max, "baseline_calls": other.Median},
	})
}

func (b *bench) addComparison(work string, d comparison) {
	g, o := d.gateway.took(), d.baseline.took()
	ratio := g.Median / o.Median
	ok := ratio <= 1
	b.add(table.Row{
		Work: work + ": 0 ms a call", Bound: "–", Target: "≤ 1.0 × baseline", OK: &ok,
		Measured: fmt.Sprintf("%.2f ×: %s, baseline %s; on the cores %s to %s ms", ratio, g.Format("ms"), o.Format("ms"), table.Short(d.gateway.cpu().Median), table.Short(d.baseline.cpu().Median)),
		Values:   map[string]float64{"ratio": ratio, "ms": g.Median, "baseline_ms": o.Median, "cpu_ms": d.gateway.cpu().Median, "baseline_cpu_ms": d.baseline.cpu().Median},
	})
}

func (b *bench) addDelayed(ctx context.Context, work, query string, rounds int, most float64, env ...string) error {
	took, s, err := b.delayed(ctx, query, latency, env...)
	if err != nil {
		return err
	}
	bound := float64(rounds) * table.Millis(latency)
	ratio := took.Median / bound
	ok := ratio <= most
	b.add(table.Row{
		Work: strings.Join(append([]string{work + ": 100 ms a call"}, env...), ", "), Bound: fmt.Sprintf("%d round trips, %.0f ms", rounds, bound), Target: fmt.Sprintf("≤ %.2f ×", most), OK: &ok,
		Measured: fmt.Sprintf("%.2f ×: %s, %d round trips", ratio, took.Format("ms"), roundTrips(s.ledger.Calls)),
		Values:   map[string]float64{"ratio": ratio, "ms": took.Median, "round_trips": float64(roundTrips(s.ledger.Calls))},
	})
	return nil
}
