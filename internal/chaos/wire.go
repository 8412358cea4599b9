package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// wires are the ways from the replicas to Redis, one each, on which what is sent
// can be lost.
type wires []*toxiproxy.Proxy

// newWires opens a way to addr for each of n replicas.
func newWires(addr string, n int) (wires, error) {
	host := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	var w wires
	for i := range n {
		p := toxiproxy.NewProxy(host, fmt.Sprintf("wire%d", i), "127.0.0.1:0", addr)
		if err := p.Start(); err != nil {
			w.close()
			return nil, err
		}
		w = append(w, p)
	}
	return w, nil
}

func (w wires) urls() []string {
	var all []string
	for _, p := range w {
		all = append(all, "redis://"+p.Listen)
	}
	return all
}

// lose drops all that is sent either way; connections stay open, and new ones are
// taken and hear nothing.
func (w wires) lose() error { return w.poison("timeout") }

// reset breaks every connection at the first word, new ones too.
func (w wires) reset() error { return w.poison("reset_peer") }

func (w wires) poison(kind string) error {
	var errs []error
	for _, p := range w {
		for _, stream := range []string{"upstream", "downstream"} {
			toxic := fmt.Sprintf(`{"name": %q, "type": %q, "stream": %q, "attributes": {"timeout": 0}}`, stream, kind, stream)
			_, err := p.Toxics.AddToxicJson(strings.NewReader(toxic))
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// mend ends what was done to the wires. Connections that have lost something are
// closed by it.
func (w wires) mend(ctx context.Context) error {
	for _, p := range w {
		p.Toxics.ResetToxics(ctx)
	}
	return nil
}

func (w wires) close() {
	for _, p := range w {
		p.Stop()
	}
}
