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

	"zoomql/internal/lab/proc"
	"zoomql/internal/lab/table"
	"zoomql/internal/lab/upstream"
)

// "Cold" means here: a process of its own for each sample, which has answered some
// other queries before (see warmUps). Its cache holds nothing that the measured query
// needs, but the code has run, the connections to Zoom are open and the heap has been
// used. A new process would measure the start, and emptying the cache of a running one
// would need an endpoint of the gateway that users do not need. The baseline does the
// same, although it has no cache. The calls prove that a sample was cold.

// A sample is the measurement of one query.
type sample struct {
	took   time.Duration
	cpu    time.Duration // CPU time of the server
	answer answer
	ledger *upstream.Ledger
	memory proc.Memory
}

// answer is the answer of a GraphQL server.
type answer struct {
	Data   json.RawMessage   `json:"data"`
	Errors []json.RawMessage `json:"errors"`
	raw    []byte
}

// send sends one query and reads the whole answer.
func (b *bench) send(ctx context.Context, p *proc.Process, query string) (answer, time.Duration, error) {
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

// mustSend is send for a query that must be answered without errors.
func (b *bench) mustSend(ctx context.Context, p *proc.Process, query string) (answer, time.Duration, error) {
	a, took, err := b.send(ctx, p, query)
	if err == nil && len(a.Errors) > 0 {
		err = fmt.Errorf("%s answered with %d errors, the first: %.300s", p.Name, len(a.Errors), a.Errors[0])
	}
	return a, took, err
}

// cold sends a query to a contender that has not cached it.
func (b *bench) cold(ctx context.Context, c contender, query string, env ...string) (*sample, error) {
	p, err := c.start(ctx, env...)
	if err != nil {
		return nil, err
	}
	defer p.Stop()
	for _, q := range warmUps(b.marks) {
		if _, _, err := b.mustSend(ctx, p, q); err != nil {
			return nil, fmt.Errorf("warming up: %w", err)
		}
	}
	return b.measured(ctx, p, query)
}

// measured sends a query and measures its cost.
func (b *bench) measured(ctx context.Context, p *proc.Process, query string) (*sample, error) {
	if err := b.up.Reset(ctx); err != nil {
		return nil, err
	}
	s := &sample{}
	before, err := p.CPU()
	if err != nil {
		return nil, err
	}
	if s.answer, s.took, err = b.mustSend(ctx, p, query); err != nil {
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

// A comparison is the same query on the gateway and on the baseline, in turns, so that
// other load of the machine affects both.
type comparison struct {
	gateway, baseline side
}

// side holds the samples of one contender in a comparison.
type side []*sample

func (s side) took() table.Stats {
	return table.StatsBy(s, func(one *sample) float64 { return table.Millis(one.took) })
}

func (s side) cpu() table.Stats {
	return table.StatsBy(s, func(one *sample) float64 { return table.Millis(one.cpu) })
}

// calls returns the calls of an operation, or all.
func (s side) calls(pattern string) table.Stats {
	return table.StatsBy(s, func(one *sample) float64 { return float64(count(one.ledger.Calls, pattern)) })
}

func (b *bench) comparison(ctx context.Context, query string, env ...string) (comparison, error) {
	var d comparison
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

// sameData returns an error if two answers differ.
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

// delayed sends a query several times with a latency at Zoom.
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
