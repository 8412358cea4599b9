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
	if err := b.heat(ctx, "hot small query", gateway, small, []heated{
		{"64 connections", gateway, requests(small), 1, 0.9},
		{"other variables each time", gateway, turning(small), 1, 0.3},
		{"baseline", baseline, requests(small), 1, 0},
	}); err != nil {
		return err
	}
	return b.heat(ctx, "hot large query", gateway, large, []heated{
		{"64 connections", gateway, requests(large), 1, 0.9},
		{"20 different ones by turns", gateway, requests(named(large, 20)...), 20, 0.9},
		{"other variables each time", gateway, turning(large), 1, 0.05},
	})
}

// bare is what the static servers are called among the ways.
const bare = "static"

// heated is one way to ask a server that knows the answer.
type heated struct {
	name   string
	server *proc.Process
	bodies [][]byte
	kept   int     // how many answers lie in memory, and in that of the static server beside it
	asked  float64 // of a static server's answers a second; 0 asks nothing
}

// heat measures servers beside one that answers with the same bytes: by turns, in
// slices so short that what else the machine does meets all alike, and each slice is
// held against the same round's of the static server that has as many answers to
// write.
func (b *bench) heat(ctx context.Context, work string, gateway *proc.Process, query string, ways []heated) error {
	const conns, rounds = 64, 21
	const each = 400 * time.Millisecond
	var said answer
	for range 2 { // the second time, it is what everybody gets from then on
		var err error
		if said, _, err = b.askWhole(ctx, gateway, query); err != nil {
			return err
		}
	}
	var all []heated
	defer func() {
		for _, way := range all {
			if way.name == bare {
				way.server.Stop()
			}
		}
	}()
	beside := map[int]int{} // kept → the static server's place in all
	for _, way := range ways {
		if _, ok := beside[way.kept]; ok {
			continue
		}
		static, err := b.static(ctx, slices.Repeat([][]byte{said.raw}, way.kept)...)
		if err != nil {
			return err
		}
		beside[way.kept] = len(all)
		all = append(all, heated{bare, static, requests(query), way.kept, 0})
	}
	statics := len(all)
	all = append(all, ways...)
	answers, cost := make([][]float64, len(all)), make([][]float64, len(all))
	for round := range rounds + 1 {
		for i, way := range all {
			perSecond, cpu, err := b.hammer(ctx, way.server, way.bodies, conns, each)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", work, way.name, err)
			}
			if round > 0 { // the first is for warming up
				answers[i], cost[i] = append(answers[i], perSecond), append(cost[i], cpu)
			}
		}
	}
	for i, way := range ways {
		static := beside[way.kept]
		least, cores := table.StatsOf(answers[static]), table.StatsOf(cost[static]).Median
		got, us := table.StatsOf(answers[statics+i]), table.StatsOf(cost[statics+i])
		ratios := make([]float64, rounds)
		for round := range ratios {
			ratios[round] = answers[statics+i][round] / answers[static][round]
		}
		ratio := table.StatsOf(ratios).Median
		r := table.Row{
			Work: work + ", " + way.name, Asked: "–", Bound: fmt.Sprintf("static, %s: %s, %s µs", sizeOf(way.kept, len(said.raw)), least.Format("answers/s"), table.Short(cores)),
			Measured: fmt.Sprintf("%.3f: %s, %s µs on the cores", ratio, got.Format("answers/s"), table.Short(us.Median)),
			Values:   map[string]float64{"ratio": ratio, "answers_per_second": got.Median, "us": us.Median, "static": least.Median, "static_us": cores},
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
