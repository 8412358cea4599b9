package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"

	"zoomql/internal/lab/proc"
)

// A contender is a GraphQL server that can be measured.
type contender struct {
	name  string
	path  string // of the endpoint
	start func(ctx context.Context, env ...string) (*proc.Process, error)
}

// gateway is the program that users run. env is added to its settings.
func (b *bench) gateway() contender {
	return contender{"gateway", "/graphql", func(ctx context.Context, env ...string) (*proc.Process, error) {
		addr, err := proc.FreeAddr(ctx)
		if err != nil {
			return nil, err
		}
		settings := append([]string{"ADDR=" + addr, "ZOOM_PLAN=none"}, b.up.Account()...)
		return b.place.Start(ctx, "gateway", addr, append(settings, env...), b.zoomql)
	}}
}

// baseline is the server of package baseline.
func (b *bench) baseline() contender {
	return contender{"baseline", "/graphql", func(ctx context.Context, _ ...string) (*proc.Process, error) {
		addr, err := proc.FreeAddr(ctx)
		if err != nil {
			return nil, err
		}
		return b.place.Start(ctx, "baseline", addr, b.up.Account(), b.self, "baseline", addr)
	}}
}

// static starts a server that answers with fixed bodies.
func (b *bench) static(ctx context.Context, bodies ...[]byte) (*proc.Process, error) {
	addr, err := proc.FreeAddr(ctx)
	if err != nil {
		return nil, err
	}
	args := []string{addr}
	for i, body := range bodies {
		file := filepath.Join(b.place.Tmp, "body-"+strconv.Itoa(i))
		if err := os.WriteFile(file, body, 0o600); err != nil {
			return nil, err
		}
		args = append(args, file)
	}
	return b.place.Start(ctx, "static", addr, nil, b.bare, args...)
}
