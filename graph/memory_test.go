//go:build !race

// The race detector takes more memory than all else.

package graph

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"zoomql/cache"
	"zoomql/internal/negotiation"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
)

// TestMemoryBesideHostileCallers requests the largest possible answers over a dozen connections,
// all of them cached: the memory of the process stays within the figure in the README.
func TestMemoryBesideHostileCallers(t *testing.T) {
	const cacheBytes = 64 << 20
	const promise = 100<<20 + 2*cacheBytes
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(promise - 30<<20))
	box, err := sandbox.New(sandbox.Options{Users: 100, Plan: sandbox.PlanNone})
	if err != nil {
		t.Fatal(err)
	}
	behind := httptest.NewServer(box)
	defer behind.Close()
	store := cache.NewMemory(cacheBytes)
	handler := New(Config{Answers: store, Credential: sandboxApp(behind), Client: zoom.New(zoom.Config{
		AccountID: sandbox.AccountID, Plan: zoom.NoLimits, BaseURL: behind.URL + "/v2", Store: store,
		HTTP: behind.Client(),
	})})
	ask := func(query string, turn int) *httptest.ResponseRecorder {
		body, err := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"turn": turn}})
		if err != nil {
			t.Error(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", negotiation.JSON)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	most := peak(t, func() {
		ask(cycle(40, 99, 0), 0)
		var wait sync.WaitGroup
		for i := range 12 {
			wait.Go(func() {
				for n := range 6 {
					query := cycle(5+i, 10, 2)
					if n%2 == 1 {
						query = cycle(40, 30, 1)
					}
					w := ask(query, 10*i+n)
					if n == 0 {
						t.Logf("%d %d bytes: %.200s", w.Code, w.Body.Len(), w.Body.String())
					}
				}
			})
		}
		wait.Wait()
	})
	t.Logf("%d MiB at most", most>>20)
	if most > promise {
		t.Errorf("%d MiB were taken, want %d at most", most>>20, promise>>20)
	}
}

// peak returns the maximum of memory that the process has from the system while do runs.
func peak(t *testing.T, do func()) (most uint64) {
	t.Helper()
	done, told := make(chan struct{}), make(chan uint64)
	go func() {
		samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		for most := uint64(0); ; {
			metrics.Read(samples)
			most = max(most, samples[0].Value.Uint64()-samples[1].Value.Uint64())
			select {
			case <-done:
				told <- most
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	do()
	close(done)
	return <-told
}
