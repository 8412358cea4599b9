package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"zoomql/internal/lab/proc"
	"zoomql/internal/lab/table"
	"zoomql/internal/lab/upstream"

	"zoomql/internal/sandbox"
)

// growth sends the first query for ten times as many users.
func (b *bench) growth(ctx context.Context) error {
	if err := b.enter(ctx, upstream.World{Users: 1200, Plan: sandbox.PlanNone}); err != nil {
		return err
	}
	sizes := []int{100, 1000}
	took, cores, most := map[int][]float64{}, map[int][]float64{}, map[int][]float64{}
	for range max(3, b.samples/3) {
		for _, n := range sizes {
			s, err := b.cold(ctx, b.gateway(), usersQuery(n))
			if err != nil {
				return err
			}
			if len(s.ledger.Calls) != n+1 {
				return fmt.Errorf("%d users cost %d calls", n, len(s.ledger.Calls))
			}
			took[n], cores[n] = append(took[n], table.Millis(s.took)), append(cores[n], table.Millis(s.cpu))
			most[n] = append(most[n], s.memory.Most)
		}
	}
	small, large := table.StatsOf(took[100]), table.StatsOf(took[1000])
	times, memories := large.Median/small.Median, table.StatsOf(most[1000]).Median/table.StatsOf(most[100]).Median
	work := table.StatsOf(cores[1000]).Median / table.StatsOf(cores[100]).Median
	ok := times <= 11 && memories <= 11 && table.StatsOf(most[1000]).Max <= 300
	b.add(table.Row{
		Work: "100 → 1,000 users in the first query", Bound: "linear: 10 ×", Target: "≤ 11 × time and memory; ≤ 300 MiB", OK: &ok,
		Measured: fmt.Sprintf("time %.1f × (%s, %s), on the cores %.1f ×; memory %.1f × (%s, %s)", times, small.Format("ms"), large.Format("ms"), work, memories, table.StatsOf(most[100]).Format("MiB"), table.StatsOf(most[1000]).Format("MiB")),
		Values:   map[string]float64{"time": times, "cpu": work, "memory": memories, "mib": table.StatsOf(most[1000]).Median},
	})
	return nil
}

// footprint measures the memory of an idle gateway, and the start of one.
func (b *bench) footprint(ctx context.Context) error {
	if err := b.enter(ctx, office); err != nil {
		return err
	}
	var idle [2]float64
	for i, env := range [][]string{b.up.Account(), nil} { // with an account, and as "make run" starts it
		addr, err := proc.FreeAddr(ctx)
		if err != nil {
			return err
		}
		p, err := b.place.Start(ctx, "gateway", addr, append([]string{"ADDR=" + addr}, env...), b.zoomql)
		if err != nil {
			return err
		}
		_, _, err = b.mustSend(ctx, p, `{ account { zoomId } }`)
		time.Sleep(2 * time.Second)
		m, err2 := p.Memory()
		p.Stop()
		if err != nil || err2 != nil {
			return fmt.Errorf("idle: %w %w", err, err2)
		}
		idle[i] = m.Now
	}
	ok := max(idle[0], idle[1]) <= 40
	b.add(table.Row{
		Work: "idle memory", Bound: "–", Target: "≤ 40 MiB", OK: &ok,
		Measured: fmt.Sprintf("%.1f MiB; with the sandbox in it %.1f MiB", idle[0], idle[1]), Values: map[string]float64{"mib": idle[0], "with_sandbox": idle[1]},
	})
	var started, bare []float64
	for range b.samples {
		for _, s := range []struct {
			start func() (*proc.Process, error)
			into  *[]float64
		}{
			{func() (*proc.Process, error) { return b.static(ctx) }, &bare},
			{func() (*proc.Process, error) { return b.gateway().start(ctx) }, &started},
		} {
			p, err := s.start()
			if err != nil {
				return err
			}
			_, _, err = b.send(ctx, p, `{ account { zoomId } }`)
			took := time.Since(p.Began)
			p.Stop()
			if err != nil {
				return err
			}
			*s.into = append(*s.into, table.Millis(took))
		}
	}
	ratio := table.StatsOf(started).Median / table.StatsOf(bare).Median
	quick := ratio <= 10
	b.add(table.Row{
		Work: "start to first answer", Bound: "a bare net/http server, " + table.StatsOf(bare).Format("ms"), Target: "≤ 10 ×", OK: &quick,
		Measured: fmt.Sprintf("%.1f ×: %s", ratio, table.StatsOf(started).Format("ms")), Values: map[string]float64{"ratio": ratio, "ms": table.StatsOf(started).Median, "bare_ms": table.StatsOf(bare).Median},
	})
	return nil
}

// coldBuild builds the gateway with an empty build cache.
func (b *bench) coldBuild(ctx context.Context, enabled bool) error {
	if !enabled {
		return nil
	}
	cold := "GOCACHE=" + filepath.Join(b.place.Tmp, "gocache")
	for _, c := range []struct {
		work  string
		args  []string
		bound float64 // seconds
	}{
		{"cold go build", []string{"build", "-o", filepath.Join(b.place.Tmp, "cold"), "."}, 120},
		{"go generate after it", []string{"generate", "./..."}, 60},
	} {
		cmd := exec.CommandContext(ctx, "go", c.args...)
		cmd.Dir, cmd.Env = b.place.Root, append(os.Environ(), cold)
		began := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", c.work, err, out)
		}
		took := time.Since(began).Seconds()
		ok := took <= c.bound
		b.add(table.Row{
			Work: c.work, Bound: "–", Target: fmt.Sprintf("≤ %.0f s", c.bound), OK: &ok,
			Measured: fmt.Sprintf("%.0f s", took), Values: map[string]float64{"seconds": took},
		})
	}
	return nil
}

// full fills a first tier of the cache to its limit with a million keys, in a process
// of its own, and measures the heap and the GC pauses.
func (b *bench) full(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "test", "./cache", "-run", "-", "-bench", "^BenchmarkFull$", "-benchtime", "500x")
	cmd.Dir = b.place.Root
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("go test: %w\n%s", err, out)
	}
	figures := map[string]float64{}
	for line := range strings.SplitSeq(string(out), "\n") {
		if words := strings.Fields(line); len(words) > 2 && strings.HasPrefix(words[0], "BenchmarkFull") {
			for i := 2; i+1 < len(words); i += 2 { // a figure and its unit
				figures[words[i+1]], _ = strconv.ParseFloat(words[i], 64)
			}
		}
	}
	heap, pause := figures["heap/limit"], figures["pause-p99-ms"]
	ok := heap > 0 && heap <= 1.1 && pause <= 10
	b.add(table.Row{
		Work: "first tier at its limit, 1,000,000 keys", Bound: fmt.Sprintf("%.0f MiB", figures["limit-MiB"]), Target: "heap ≤ 1.1 ×; GC pause ≤ 10 ms p99", OK: &ok,
		Measured: fmt.Sprintf("heap %.2f ×; pause %.2f ms, %.3f ms median", heap, pause, figures["pause-p50-ms"]),
		Values:   map[string]float64{"heap": heap, "pause_p99_ms": pause, "pause_p50_ms": figures["pause-p50-ms"]},
	})
	return nil
}
