package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"zoomql/internal/sandbox"
)

// growth asks the first query of ten times as many users.
func (b *bench) growth(ctx context.Context) error {
	if err := b.enter(ctx, world{Users: 1200, Plan: sandbox.PlanNone}); err != nil {
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
			took[n], cores[n] = append(took[n], millis(s.took)), append(cores[n], millis(s.cpu))
			most[n] = append(most[n], s.memory.most)
		}
	}
	small, large := statsOf(took[100]), statsOf(took[1000])
	times, memories := large.median/small.median, statsOf(most[1000]).median/statsOf(most[100]).median
	work := statsOf(cores[1000]).median / statsOf(cores[100]).median
	ok := times <= 11 && memories <= 11 && statsOf(most[1000]).max <= 300
	b.add(row{
		Work: "100 → 1,000 users in the first query", Bound: "linear: 10 ×", Asked: "≤ 11 × time and memory; ≤ 300 MiB", OK: &ok,
		Measured: fmt.Sprintf("time %.1f × (%s, %s), on the cores %.1f ×; memory %.1f × (%s, %s)", times, small.format("ms"), large.format("ms"), work, memories, statsOf(most[100]).format("MiB"), statsOf(most[1000]).format("MiB")),
		Values:   map[string]float64{"time": times, "cpu": work, "memory": memories, "mib": statsOf(most[1000]).median},
	})
	return nil
}

// footprint measures a gateway that nobody asks anything, and one that starts.
func (b *bench) footprint(ctx context.Context) error {
	if err := b.enter(ctx, office); err != nil {
		return err
	}
	var idle [2]float64
	for i, env := range [][]string{b.account(), nil} { // with an account, and as "make run" starts it
		addr, err := freeAddr(ctx)
		if err != nil {
			return err
		}
		p, err := b.start(ctx, "gateway", addr, append([]string{"ADDR=" + addr}, env...), b.zoomql)
		if err != nil {
			return err
		}
		_, _, err = b.askWhole(ctx, p, `{ account { zoomId } }`)
		time.Sleep(2 * time.Second)
		m, err2 := p.memory()
		p.stop()
		if err != nil || err2 != nil {
			return fmt.Errorf("idle: %w %w", err, err2)
		}
		idle[i] = m.now
	}
	ok := max(idle[0], idle[1]) <= 40
	b.add(row{
		Work: "idle memory", Bound: "–", Asked: "≤ 40 MiB", OK: &ok,
		Measured: fmt.Sprintf("%.1f MiB; with the sandbox in it %.1f MiB", idle[0], idle[1]), Values: map[string]float64{"mib": idle[0], "with_sandbox": idle[1]},
	})
	var started, bare []float64
	for range b.samples {
		for _, s := range []struct {
			start func() (*process, error)
			into  *[]float64
		}{
			{func() (*process, error) { return b.static(ctx, nil) }, &bare},
			{func() (*process, error) { return b.gateway().start(ctx) }, &started},
		} {
			p, err := s.start()
			if err != nil {
				return err
			}
			_, _, err = b.ask(ctx, p, `{ account { zoomId } }`)
			took := time.Since(p.began)
			p.stop()
			if err != nil {
				return err
			}
			*s.into = append(*s.into, millis(took))
		}
	}
	ratio := statsOf(started).median / statsOf(bare).median
	quick := ratio <= 10
	b.add(row{
		Work: "start to first answer", Bound: "a bare net/http server, " + statsOf(bare).format("ms"), Asked: "≤ 10 ×", OK: &quick,
		Measured: fmt.Sprintf("%.1f ×: %s", ratio, statsOf(started).format("ms")), Values: map[string]float64{"ratio": ratio, "ms": statsOf(started).median, "bare_ms": statsOf(bare).median},
	})
	return nil
}

// coldBuild builds the gateway with an empty build cache.
func (b *bench) coldBuild(ctx context.Context, wanted bool) error {
	if !wanted {
		return nil
	}
	cache := filepath.Join(b.tmp, "gocache")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(b.tmp, "cold"), ".")
	cmd.Dir, cmd.Env = b.root, append(os.Environ(), "GOCACHE="+cache)
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	took := time.Since(began)
	ok := took <= 120*time.Second
	b.add(row{
		Work: "cold go build", Bound: "–", Asked: "≤ 120 s", OK: &ok,
		Measured: fmt.Sprintf("%.0f s", took.Seconds()), Values: map[string]float64{"seconds": took.Seconds()},
	})
	return nil
}
