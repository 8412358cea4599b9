package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"zoomql/internal/bench/proc"
	"zoomql/internal/bench/table"
)

// hot asks again and again for what is known: for one user, and for a meeting
// with all who registered and came. Asked to the byte, whole answers are kept;
// with variables that are new each time, only what Zoom said is.
func (b *bench) hot(ctx context.Context) error {
	if err := b.enter(ctx, office); err != nil {
		return err
	}
	gateway, err := b.gateway().start(ctx)
	if err != nil {
		return err
	}
	defer gateway.Stop()
	baseline, err := b.baseline().start(ctx)
	if err != nil {
		return err
	}
	defer baseline.Stop()
	small, large := userQuery(b.marks.HostID), crowdQuery(b.marks.BigMeeting, listedFields)
	if err := b.heat(ctx, "hot small query", gateway, small, []*heated{
		{name: "64 connections", server: gateway, bodies: requests(small), kept: 1, asked: 0.9},
		{name: "other variables each time", server: gateway, bodies: turning(small), kept: 1, asked: 0.3},
		{name: "baseline", server: baseline, bodies: requests(small), kept: 1},
	}); err != nil {
		return err
	}
	return b.heat(ctx, "hot large query", gateway, large, []*heated{
		{name: "64 connections", server: gateway, bodies: requests(large), kept: 1, asked: 0.9},
		{name: "20 different ones by turns", server: gateway, bodies: requests(named(large, 20)...), kept: 20, asked: 0.9},
		{name: "other variables each time", server: gateway, bodies: turning(large), kept: 1, asked: 0.05},
	})
}

// heated is one way to ask a server that knows the answer.
type heated struct {
	name   string
	server *proc.Process
	bodies [][]byte
	kept   int     // how many answers lie in memory, and in that of the static server beside it
	asked  float64 // of a static server's answers a second; 0 asks nothing

	answers, cost []float64 // a second, and in microseconds on the cores, a round each
}

// heat measures servers beside one that answers with the same bytes: by turns, in
// slices so short that what else the machine does meets all alike, and each slice is
// held against the same round's of the static server that has as many answers to
// write.
func (b *bench) heat(ctx context.Context, work string, gateway *proc.Process, query string, ways []*heated) error {
	const conns, rounds = 64, 21
	const each = 400 * time.Millisecond
	var said answer
	for range 2 { // the second time, it is what everybody gets from then on
		var err error
		if said, _, err = b.askWhole(ctx, gateway, query); err != nil {
			return err
		}
	}
	statics := map[int]*heated{} // by how many answers they write
	defer func() {
		for _, static := range statics {
			static.server.Stop()
		}
	}()
	var all []*heated
	for _, way := range ways {
		if statics[way.kept] == nil {
			server, err := b.static(ctx, slices.Repeat([][]byte{said.raw}, way.kept)...)
			if err != nil {
				return err
			}
			statics[way.kept] = &heated{name: "static", server: server, bodies: requests(query)}
			all = append(all, statics[way.kept])
		}
		all = append(all, way)
	}
	for round := range rounds + 1 {
		for _, way := range all {
			perSecond, cpu, err := b.hammer(ctx, way.server, way.bodies, conns, each)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", work, way.name, err)
			}
			if round > 0 { // the first is for warming up
				way.answers, way.cost = append(way.answers, perSecond), append(way.cost, cpu)
			}
		}
	}
	for _, way := range ways {
		static := statics[way.kept]
		bare, cores := table.StatsOf(static.answers), table.StatsOf(static.cost).Median
		got, us := table.StatsOf(way.answers), table.StatsOf(way.cost)
		ratios := make([]float64, rounds)
		for round := range ratios {
			ratios[round] = way.answers[round] / static.answers[round]
		}
		ratio := table.StatsOf(ratios).Median
		r := table.Row{
			Work: work + ", " + way.name, Asked: "–", Bound: fmt.Sprintf("static, %s: %s, %s µs", sizeOf(way.kept, len(said.raw)), bare.Format("answers/s"), table.Short(cores)),
			Measured: fmt.Sprintf("%.3f: %s, %s µs on the cores", ratio, got.Format("answers/s"), table.Short(us.Median)),
			Values:   map[string]float64{"ratio": ratio, "answers_per_second": got.Median, "us": us.Median, "static": bare.Median, "static_us": cores},
		}
		if way.asked > 0 {
			ok := ratio >= way.asked
			r.Asked, r.OK = fmt.Sprintf("≥ %.2f of it", way.asked), &ok
		}
		b.add(r)
	}
	return nil
}

func sizeOf(kept, length int) string {
	if kept == 1 {
		return fmt.Sprintf("%d bytes", length)
	}
	return fmt.Sprintf("%d × %d bytes", kept, length)
}

// requests returns the bodies of queries.
func requests(queries ...string) [][]byte {
	bodies := make([][]byte, len(queries))
	for i, q := range queries {
		bodies[i] = fmt.Appendf(nil, `{"query":%s}`, quoted(q))
	}
	return bodies
}

// named returns a query under several names, which make it several.
func named(query string, n int) []string {
	queries := make([]string, n)
	for i := range queries {
		queries[i] = fmt.Sprintf("query Q%02d %s", i, query)
	}
	return queries
}

// turning returns the body of a query whose variables differ each time it is
// sent.
func turning(query string) [][]byte {
	return [][]byte{fmt.Appendf(nil, `{"query":%s,"variables":{"turn":%q}}`, quoted(query), turn)}
}

// quoted returns a text as JSON.
func quoted(text string) []byte {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err) // text always can
	}
	return raw
}
