package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"zoomql/internal/lab/proc"
	"zoomql/internal/lab/table"
)

// hot sends queries whose data is cached: one user, and a meeting with its registrants
// and participants. Identical requests are served from cached answers; with new
// variables each time, only Zoom's answers are cached.
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
	if err := b.measureHot(ctx, "hot small query", gateway, small, []*hotLoad{
		{name: "64 connections", server: gateway, bodies: requests(small), entries: 1, target: 0.9},
		{name: "other variables each time", server: gateway, bodies: withNonces(small), entries: 1, target: 0.3},
		{name: "baseline", server: baseline, bodies: requests(small), entries: 1},
	}); err != nil {
		return err
	}
	return b.measureHot(ctx, "hot large query", gateway, large, []*hotLoad{
		{name: "64 connections", server: gateway, bodies: requests(large), entries: 1, target: 0.9},
		{name: "20 different ones by turns", server: gateway, bodies: requests(named(large, 20)...), entries: 20, target: 0.9},
		{name: "other variables each time", server: gateway, bodies: withNonces(large), entries: 1, target: 0.05},
	})
}

// hotLoad is one kind of requests to a server with a warm cache.
type hotLoad struct {
	name    string
	server  *proc.Process
	bodies  [][]byte
	entries int                   // cached answers, and bodies of the static server to compare with
	target  float64               // share of a static server's answers a second; 0 is none
	beside  func(context.Context) // runs during the requests; nil is nothing

	answers, cost []float64 // answers a second, and CPU microseconds of one, for each round
}

// measureHot compares servers with one that answers with the same bytes: in turns, with
// slices so short that other load of the machine affects all alike. Each slice is
// compared with that of the static server with as many bodies in the same round.
func (b *bench) measureHot(ctx context.Context, work string, gateway *proc.Process, query string, ways []*hotLoad) error {
	const conns, rounds = 64, 21
	const each = 400 * time.Millisecond
	var first answer
	for range 2 { // the second answer is cached
		var err error
		if first, _, err = b.mustSend(ctx, gateway, query); err != nil {
			return err
		}
	}
	statics := map[int]*hotLoad{} // by how many answers they write
	defer func() {
		for _, static := range statics {
			static.server.Stop()
		}
	}()
	var all []*hotLoad
	for _, way := range ways {
		if statics[way.entries] == nil {
			server, err := b.static(ctx, slices.Repeat([][]byte{first.raw}, way.entries)...)
			if err != nil {
				return err
			}
			statics[way.entries] = &hotLoad{name: "static", server: server, bodies: requests(query)}
			all = append(all, statics[way.entries])
		}
		all = append(all, way)
	}
	for round := range rounds + 1 {
		for _, way := range all {
			perSecond, cpu, err := b.hammerBeside(ctx, way, conns, each)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", work, way.name, err)
			}
			if round > 0 { // the first is for warming up
				way.answers, way.cost = append(way.answers, perSecond), append(way.cost, cpu)
			}
		}
	}
	for _, way := range ways {
		static := statics[way.entries]
		bare, cores := table.StatsOf(static.answers), table.StatsOf(static.cost).Median
		got, us := table.StatsOf(way.answers), table.StatsOf(way.cost)
		ratios := make([]float64, rounds)
		for round := range ratios {
			ratios[round] = way.answers[round] / static.answers[round]
		}
		ratio := table.StatsOf(ratios).Median
		r := table.Row{
			Work: work + ", " + way.name, Target: "–", Bound: fmt.Sprintf("static, %s: %s, %s µs", sizeOf(way.entries, len(first.raw)), bare.Format("answers/s"), table.Short(cores)),
			Measured: fmt.Sprintf("%.3f: %s, %s µs on the cores", ratio, got.Format("answers/s"), table.Short(us.Median)),
			Values:   map[string]float64{"ratio": ratio, "answers_per_second": got.Median, "us": us.Median, "static": bare.Median, "static_us": cores},
		}
		if way.target > 0 {
			ok := ratio >= way.target
			r.Target, r.OK = fmt.Sprintf("≥ %.2f of it", way.target), &ok
		}
		b.add(r)
	}
	return nil
}

// hammerBeside is hammer with what runs beside the requests.
func (b *bench) hammerBeside(ctx context.Context, way *hotLoad, conns int, d time.Duration) (perSecond, cost float64, err error) {
	if way.beside == nil {
		return b.hammer(ctx, way.server, way.bodies, conns, d)
	}
	besides, stop := context.WithCancel(ctx)
	var wait sync.WaitGroup
	wait.Go(func() { way.beside(besides) })
	defer wait.Wait()
	defer stop()
	return b.hammer(ctx, way.server, way.bodies, conns, d)
}

func sizeOf(entries, length int) string {
	if entries == 1 {
		return fmt.Sprintf("%d bytes", length)
	}
	return fmt.Sprintf("%d × %d bytes", entries, length)
}

// requests returns the bodies of queries.
func requests(queries ...string) [][]byte {
	bodies := make([][]byte, len(queries))
	for i, q := range queries {
		bodies[i] = fmt.Appendf(nil, `{"query":%s}`, quoted(q))
	}
	return bodies
}

// named returns n copies of a query with different operation names.
func named(query string, n int) []string {
	queries := make([]string, n)
	for i := range queries {
		queries[i] = fmt.Sprintf("query Q%02d %s", i, query)
	}
	return queries
}

// withNonces returns the body of a query whose variables differ in each request.
func withNonces(query string) [][]byte {
	return [][]byte{fmt.Appendf(nil, `{"query":%s,"variables":{"turn":%q}}`, quoted(query), nonce)}
}

// quoted returns a text as JSON.
func quoted(text string) []byte {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err) // strings cannot fail
	}
	return raw
}
