package rosters

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/internal/events"
	"zoomql/internal/stream"
)

// TestRuns_bounded evicts instances beyond the bound, those that have ended first.
func TestRuns_bounded(t *testing.T) {
	x := &index{byUUID: map[string]NamedRun{}}
	add := func(name string, n int) {
		body := fmt.Sprintf(`{"event":%q,"event_ts":%d,"payload":{"account_id":"A","object":{"id":"%d","uuid":"run %d"}}}`, name, 1_000_000_000_000+n, n+1, n)
		e, err := events.Parse([]byte(body), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		x.add(&events.Stored{Event: e})
	}
	for n := range maxIndexed + 1 {
		add("meeting.started", n)
		if n%2 == 0 && n > 0 {
			add("meeting.ended", n)
		}
	}
	if _, ok := x.byUUID["run 0"]; len(x.byUUID) > maxIndexed || !ok {
		t.Errorf("%d instances; the one that has not ended is among them: %v", len(x.byUUID), ok)
	}
	if x.add(nil); !x.isLost() {
		t.Error("after a lost event, the index is not lost")
	}
}

// TestRuns_withoutEvents finds nothing while the events cannot be read; a patient caller gets an error.
func TestRuns_withoutEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, bus := &Runs{}, &events.Bus{Stream: &stream.Memory{}} // without Run, it delivers nothing
		began := time.Now()
		if _, ok, err := x.Find(t.Context(), bus, "A", "run", false); ok || err != nil || time.Since(began) != indexWithin {
			t.Errorf("%v %v after %v", ok, err, time.Since(began))
		}
		began = time.Now()
		if _, ok, err := x.Find(t.Context(), bus, "A", "run", false); ok || err != nil || time.Since(began) != 0 {
			t.Errorf("once more: %v %v after %v", ok, err, time.Since(began))
		}
		if _, _, err := x.Find(t.Context(), bus, "A", "run", true); err == nil {
			t.Error("no error where it is needed")
		}
		time.Sleep(indexIdle)
	})
}
