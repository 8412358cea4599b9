package graph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"zoomql/cache"
	"zoomql/internal/negotiation"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
)

// usersQuery queries users, their meetings, and the hosts of these.
func usersQuery(first int) string {
	return fmt.Sprintf(`{ account { users(first: %d) { nodes { zoomId displayName email meetings(first: 30) { nodes { number topic startTime durationMinutes host { displayName email } } } } } } }`, first)
}

// gatewayOver returns a function that creates a gateway with an empty cache over a sandbox with
// this many users, and returns a function that queries it.
func gatewayOver(tb testing.TB, users int) (fresh func() (ask func(query string))) {
	tb.Helper()
	box, err := sandbox.New(sandbox.Options{Users: users, Plan: sandbox.PlanNone})
	if err != nil {
		tb.Fatal(err)
	}
	behind := httptest.NewServer(box)
	tb.Cleanup(behind.Close)
	app := sandboxApp(behind)
	return func() func(string) {
		store := cache.NewMemory(64 << 20)
		handler := New(Config{Answers: store, Credential: app, Client: zoom.New(zoom.Config{
			AccountID: sandbox.AccountID, Plan: zoom.NoLimits, BaseURL: behind.URL + "/v2", Store: store, HTTP: behind.Client(),
		})})
		turn := 0
		return func(query string) {
			turn++
			body, err := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"turn": turn}})
			if err != nil {
				tb.Fatal(err)
			}
			r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(string(body)))
			r.Header.Set("Content-Type", negotiation.JSON)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != http.StatusOK || strings.HasPrefix(w.Body.String(), `{"errors"`) {
				tb.Fatalf("%.300s", w.Body.String())
			}
		}
	}
}

// BenchmarkUsers measures the cost of an answer by its number of users, with cached parts. The
// cost of each user should not depend on their number.
func BenchmarkUsers(b *testing.B) {
	for _, n := range []int{100, 300, 1000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			ask := gatewayOver(b, n)()
			ask(usersQuery(n))
			b.ReportAllocs()
			for b.Loop() {
				ask(usersQuery(n))
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/user")
		})
	}
}

// TestGrowth requests ten times as many users: the allocations for each stay the same. Time is
// virtual, so that no part expires on a busy machine.
func TestGrowth(t *testing.T) {
	each := map[int]float64{}
	for _, n := range []int{20, 200} {
		inRig(t, setup{Options: sandbox.Options{Users: n}}, func(r *rig) {
			turn := 0
			ask := func() {
				turn++
				if a := r.ask(usersQuery(n), map[string]any{"turn": turn}); len(a.Errors) > 0 {
					r.t.Fatal(a.body)
				}
			}
			ask()
			calls := len(r.Calls())
			each[n] = testing.AllocsPerRun(3, ask) / float64(n)
			if more := len(r.Calls()) - calls; more > 0 {
				r.t.Errorf("%d calls were made anew", more)
			}
		})
	}
	t.Logf("allocations a user: %.0f of 20, %.0f of 200", each[20], each[200])
	if each[200] > 1.25*each[20] { // what grows with their number would be ten times as much
		t.Errorf("%.0f allocations a user of 200, and %.0f of 20", each[200], each[20])
	}
}
