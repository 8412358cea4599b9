package gateway

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"zoomql/internal/config"
	"zoomql/internal/drift"
)

// BenchmarkHotAnswer answers a small question from the cache over connections that stay
// open, with and without what this package does beside net/http and the runtime: deadlines
// that are met at ticks (deadlines.go), and a collector that runs less often while the heap
// is small (collector.go). Both together are to be worth 3 % of such an answer; the ratio
// is that of "neither" to "both" of one run.
func BenchmarkHotAnswer(b *testing.B) {
	log := slog.New(slog.DiscardHandler)
	cfg, err := config.Load(nil)
	if err != nil {
		b.Fatal(err)
	}
	box, accounts, err := startSandbox(cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(box.close)
	stores, err := newStores(cfg, log)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(stores.close)
	tenants, err := newTenants(cfg, accounts, stores, &drift.Report{}, log)
	if err != nil {
		b.Fatal(err)
	}
	handler := newHandler(cfg, tenants, nil, box, log)
	const body = `{"query":"{ account { users(first: 5) { nodes { email } } } }"}`
	for _, with := range []struct {
		name               string
		deadlines, collect bool
	}{{"neither", false, false}, {"deadlines", true, false}, {"collector", false, true}, {"both", true, true}} {
		b.Run(with.name, func(b *testing.B) {
			defer debug.SetGCPercent(debug.SetGCPercent(100))
			if with.collect {
				spareCollector(handler.live.Counts)
			}
			inner, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			listener := inner
			if with.deadlines {
				listener = &coarseListener{Listener: inner}
			}
			server := newServer(handler)
			go func() { _ = server.Serve(listener) }()
			defer server.Close()
			request := fmt.Sprintf("POST /graphql HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", inner.Addr(), len(body), body)
			runtime.GC()
			b.RunParallel(func(pb *testing.PB) {
				conn, err := net.Dial("tcp", inner.Addr().String())
				if err != nil {
					b.Error(err)
					return
				}
				defer conn.Close()
				for answers := bufio.NewReader(conn); pb.Next(); {
					if _, err := io.WriteString(conn, request); err != nil {
						b.Error(err)
						return
					}
					resp, err := http.ReadResponse(answers, nil)
					if err != nil {
						b.Error(err)
						return
					}
					said, err := io.ReadAll(resp.Body)
					if err != nil || !strings.HasPrefix(string(said), `{"data"`) {
						b.Errorf("%s %v: %s", resp.Status, err, said)
						return
					}
				}
			})
		})
	}
}
