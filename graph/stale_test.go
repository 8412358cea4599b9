package graph

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// While Zoom does not answer, a stale answer is served, and its age is reported.
func TestStale_ageIsReported(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	inRig(t, setup{before: func(w http.ResponseWriter, _ *http.Request) bool {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return down.Load()
	}}, func(r *rig) {
		const query = `{ meeting(by: { number: "${MeetingNumber}" }) { topic } }`
		ask := func() string { return r.ask(query, nil).body }
		fresh := ask()
		if strings.Contains(fresh, `"stale"`) || !strings.Contains(fresh, `"topic":"`) {
			t.Fatalf("at first: %s", fresh)
		}
		time.Sleep(70 * time.Second)
		if got := ask(); !strings.Contains(got, `"cache":{"stale":true,"ageSeconds":70}`) {
			t.Errorf("while it is asked for again: %s", got)
		}
		time.Sleep(time.Second)
		if got := ask(); strings.Contains(got, `"stale"`) {
			t.Errorf("when it has come: %s", got)
		}
		down.Store(true)
		time.Sleep(10 * time.Minute)
		if got := ask(); !strings.Contains(got, `"cache":{"stale":true,"ageSeconds":6`) || !strings.Contains(got, `"topic":"`) {
			t.Errorf("while Zoom does not answer: %s", got)
		}
	})
}
