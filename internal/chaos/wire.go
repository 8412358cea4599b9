package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// wires are proxies between the replicas and Redis, one for each replica, which can
// lose data.
type wires []*toxiproxy.Proxy

// newWires starts a proxy to addr for each of n replicas.
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

// lose drops all data in both directions; connections stay open, and new ones are
// accepted and get no reply.
func (w wires) lose() error { return w.addToxics("timeout") }

// reset breaks every connection at its first byte, new ones too.
func (w wires) reset() error { return w.addToxics("reset_peer") }

func (w wires) addToxics(kind string) error {
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

// mend removes all toxics. Connections that have lost data are closed by it.
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
