package events

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zoomql/cache"
	"zoomql/cache/redistest"
	"zoomql/internal/stream"
)

// BenchmarkWebhook accepts events over 64 connections at once: each is verified, its tags are
// evicted from both tiers of a cache, and it is stored in a real Redis.
func BenchmarkWebhook(b *testing.B) {
	server := redistest.Start(b)
	conn, err := cache.Dial(server.URL())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	far := cache.NewRedis(conn, slog.New(slog.DiscardHandler))
	defer far.Close()
	store := cache.NewTiered(cache.NewMemory(1<<20), far)
	d := newTestWebhook()
	d.Log, d.Stream = slog.New(slog.DiscardHandler), stream.NewRedis(conn, "events")
	d.Accounts["A"] = Account{Secrets: []string{"old"}, Evict: func(ctx context.Context, _ string, tags ...cache.Tag) bool { return store.Evict(ctx, tags...) }}
	var (
		wait sync.WaitGroup
		next atomic.Int64
		took = make([]time.Duration, b.N)
	)
	b.ResetTimer()
	for range 64 {
		wait.Go(func() {
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				body := strings.Replace(ended, `"86420013579"`, fmt.Sprintf(`"%d"`, i), 1)
				began := time.Now()
				if w := d.deliver(body, "old", at); w.Code != http.StatusNoContent {
					b.Error(w.Code)
				}
				took[i] = time.Since(began)
			}
		})
	}
	wait.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
