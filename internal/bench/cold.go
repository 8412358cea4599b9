package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"time"

	"zoomql/internal/bench/proc"
	"zoomql/internal/bench/table"
	"zoomql/internal/bench/upstream"
)

// "Cold" means here: a process of its own for each sample, which has answered
// some other queries before (see warmUps). Its cache holds nothing that the
// measured query needs, as a cache would after a while, but the code has run,
// the connections to Zoom are open and the heap has been used. The process that
// has just started would measure the start, and emptying the cache of a running
// one would take a door in the gateway that users do not need. The baseline goes
// through the same, although it keeps nothing. That a sample was cold is proven
// by its calls.

// A sample is one query that was asked once.
type sample struct {
	took   time.Duration
	cpu    time.Duration // on the cores, of the server
	answer answer
	ledger *upstream.Ledger
	memory proc.Memory
}

// answer is what a GraphQL server said.
type answer struct {
	Data   json.RawMessage   `json:"data"`
	Errors []json.RawMessage `json:"errors"`
	raw    []byte
}

// ask sends one query and reads the answer to its end.
func (b *bench) ask(ctx context.Context, p *proc.Process, query string) (answer, time.Duration, error) {
	var a answer
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		return a, 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.Addr+"/graphql", bytes.NewReader(body))
	if err != nil {
		return a, 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	began := time.Now()
	resp, err := b.client.Do(req)
	if err != nil {
		return a, 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	took := time.Since(began)
	if err != nil {
		return a, 0, err
	}
	a.raw = raw
	if err := json.Unmarshal(raw, &a); err != nil {
		return a, 0, fmt.Errorf("%s answered %d %.200q", p.Name, resp.StatusCode, raw)
	}
	return a, took, nil
}

// askWhole is ask for a query that must be answered without any error.
func (b *bench) askWhole(ctx context.Context, p *proc.Process, query string) (answer, time.Duration, error) {
	a, took, err := b.ask(ctx, p, query)
	if err == nil && len(a.Errors) > 0 {
		err = fmt.Errorf("%s answered with %d errors, the first: %.300s", p.Name, len(a.Errors), a.Errors[0])
	}
	return a, took, err
}

// cold asks a query of a contender that has never heard it.
func (b *bench) cold(ctx context.Context, c contender, query string, env ...string) (*sample, error) {
	p, err := c.start(ctx, env...)
	if err != nil {
		return nil, err
	}
	defer p.Stop()
	for _, q := range warmUps(b.marks) {
		if _, _, err := b.askWhole(ctx, p, q); err != nil {
			return nil, fmt.Errorf("warming up: %w", err)
		}
	}
	return b.measured(ctx, p, query)
}

// measured asks a query and notes what it cost.
func (b *bench) measured(ctx context.Context, p *proc.Process, query string) (*sample, error) {
	if err := b.up.Reset(ctx); err != nil {
		return nil, err
	}
	s := &sample{}
	before, err := p.CPU()
	if err != nil {
		return nil, err
	}
	if s.answer, s.took, err = b.askWhole(ctx, p, query); err != nil {
		return nil, err
	}
	after, err := p.CPU()
	if err != nil {
		return nil, err
	}
	s.cpu = after - before
	if s.ledger, err = b.up.Ledger(ctx); err != nil {
		return nil, err
	}
	s.memory, err = p.Memory()
	return s, err
}

// A duel is the same query on the gateway and on the baseline, by turns, so that
// what else the machine does falls on both.
type duel struct {
	gateway, baseline side
}

// side is one contender's part in a duel.
type side []*sample

func (s side) took() table.Stats {
	return table.StatsBy(s, func(one *sample) float64 { return table.Millis(one.took) })
}

func (s side) cpu() table.Stats {
	return table.StatsBy(s, func(one *sample) float64 { return table.Millis(one.cpu) })
}

// calls are those that went to an operation, or all.
func (s side) calls(pattern string) table.Stats {
	return table.StatsBy(s, func(one *sample) float64 { return float64(count(one.ledger.Calls, pattern)) })
}

func (b *bench) duel(ctx context.Context, query string, env ...string) (duel, error) {
	var d duel
	for range b.samples {
		g, err := b.cold(ctx, b.gateway(), query, env...)
		if err != nil {
			return d, err
		}
		d.gateway = append(d.gateway, g)
		o, err := b.cold(ctx, b.baseline(), query)
		if err != nil {
			return d, err
		}
		d.baseline = append(d.baseline, o)
	}
	return d, sameData(d.gateway[0].answer.Data, d.baseline[0].answer.Data)
}

// sameData says if two answers are not the same.
func sameData(a, b json.RawMessage) error {
	var one, other any
	if err := json.Unmarshal(a, &one); err != nil {
		return err
	}
	if err := json.Unmarshal(b, &other); err != nil {
		return err
	}
	if !reflect.DeepEqual(one, other) {
		return fmt.Errorf("gateway and baseline answer differently:\n%.2000s\n%.2000s", a, b)
	}
	return nil
}

// delayed asks a query some times with a latency at Zoom.
func (b *bench) delayed(ctx context.Context, query string, latency time.Duration, env ...string) (table.Stats, *sample, error) {
	if err := b.up.Latency(ctx, latency); err != nil {
		return table.Stats{}, nil, err
	}
	defer func() { _ = b.up.Latency(ctx, 0) }() // the next world has its own
	var took []float64
	var last *sample
	for range max(3, b.samples/4) {
		var err error
		if last, err = b.cold(ctx, b.gateway(), query, env...); err != nil {
			return table.Stats{}, nil, err
		}
		took = append(took, table.Millis(last.took))
	}
	return table.StatsOf(took), last, nil
}
