package rosters

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/internal/events"
	"zoomql/internal/stream"
)

// TestRuns_bounded forgets runs beyond a bound: those first that have ended.
func TestRuns_bounded(t *testing.T) {
	o := &openIndex{of: map[string]NamedRun{}}
	tell := func(name string, n int) {
		body := fmt.Sprintf(`{"event":%q,"event_ts":%d,"payload":{"account_id":"A","object":{"id":"%d","uuid":"run %d"}}}`, name, 1_000_000_000_000+n, n+1, n)
		e, err := events.Parse([]byte(body), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		o.take(&events.Stored{Event: e})
	}
	for n := range maxIndexed + 1 {
		tell("meeting.started", n)
		if n%2 == 0 && n > 0 {
			tell("meeting.ended", n)
		}
	}
	if _, goesOn := o.of["run 0"]; len(o.of) > maxIndexed || !goesOn {
		t.Errorf("%d runs, the first one %v", len(o.of), goesOn)
	}
	if o.take(nil); !o.isLost() {
		t.Error("events are lost, and it does not know")
	}
}

// TestRuns_withoutEvents has a query do without events that cannot be read.
func TestRuns_withoutEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, bus := &Runs{}, &events.Bus{Stream: &stream.Memory{}} // nobody runs it
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
