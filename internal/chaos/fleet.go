package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"zoomql/internal/lab/proc"
	"zoomql/internal/lab/upstream"
)

// A fleet is some replicas of the gateway over one Redis and one Zoom.
type fleet []*proc.Process

// startFleet starts a replica for each Redis URL: all lead to the same Redis, maybe by
// different proxies. env is added to the settings.
func (c *chaos) startFleet(ctx context.Context, urls []string, env ...string) (fleet, error) {
	if c.size.timeout > 0 {
		env = append(env, "REQUEST_TIMEOUT="+c.size.timeout.String())
	}
	var f fleet
	for i, url := range urls {
		addr, err := proc.FreeAddr(ctx)
		if err != nil {
			f.stop()
			return nil, err
		}
		level := "LOG_LEVEL=WARN" // a line for each query has a cost
		if c.place.Keep {
			level = "LOG_LEVEL=INFO"
		}
		settings := append([]string{"ADDR=" + addr, "REDIS_URL=" + url, level}, c.up.Account()...)
		p, err := c.place.Start(ctx, "replica"+strconv.Itoa(i), addr, append(settings, env...), c.zoomql)
		if err != nil {
			f.stop()
			return nil, err
		}
		f = append(f, p)
	}
	// A query each, so that all have a token and count each other: the start is not
	// measured.
	for _, p := range f {
		if r := c.send(ctx, p, `{ __typename }`); r.code != "" {
			f.stop()
			return nil, failed("the first query", r)
		}
	}
	return f, c.ready(ctx, f)
}

// ready waits until every replica has a token, and counts the others.
func (c *chaos) ready(ctx context.Context, f fleet) error {
	for _, p := range f {
		if err := c.get(ctx, "http://"+p.Addr+"/readyz"); err != nil {
			return err
		}
	}
	return pause(ctx, c.size.settle)
}

func (f fleet) stop() {
	for _, p := range f {
		p.Stop()
	}
}

// of returns the replicas by round robin.
func (f fleet) of(i int) *proc.Process { return f[i%len(f)] }

// setUp makes a world, empties Redis and starts new replicas.
func (c *chaos) setUp(ctx context.Context, w upstream.World, replicas int, env ...string) (fleet, error) {
	var err error
	if c.marks, err = c.up.Enter(ctx, w); err != nil {
		return nil, err
	}
	if c.redis == nil {
		if c.redis, err = c.startRedis(ctx); err != nil {
			return nil, err
		}
	}
	if err := c.redis.flush(ctx); err != nil {
		return nil, err
	}
	urls := make([]string, replicas)
	for i := range urls {
		urls[i] = c.redis.url()
	}
	return c.startFleet(ctx, urls, append(env, "ZOOM_PLAN="+w.Plan)...)
}

// ledger returns the calls that Zoom received; with -keep it is written next to the logs.
func (c *chaos) ledger(ctx context.Context) (*upstream.Ledger, error) {
	l, err := c.up.Ledger(ctx)
	if err != nil || !c.keep {
		return l, err
	}
	raw, err := json.Marshal(l)
	if err == nil {
		err = os.WriteFile(filepath.Join(c.place.Tmp, fmt.Sprintf("ledger-%d.json", len(c.rows))), raw, 0o600)
	}
	return l, err
}

// same returns a slice of n times v.
func same[T any](v T, n int) []T {
	all := make([]T, n)
	for i := range all {
		all[i] = v
	}
	return all
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
