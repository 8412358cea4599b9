package events

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"zoomql/cache"
	"zoomql/cache/redistest"
	"zoomql/internal/stream"
	"zoomql/internal/zoom/types"
)

// replica returns the webhook of one of several replicas, with a Redis whose claimed events
// another replica may claim at once.
func replica(client redis.UniversalClient) *testWebhook {
	d := newTestWebhook()
	d.Stream = stream.NewRedis(client, "events", stream.WithClaimAfter(0))
	return d
}

// TestAccept_replicaKilled ends a replica at each step of accepting an event. If it has answered
// 204 and its eviction did not reach Redis, another replica evicts; otherwise Zoom delivers the
// event again, to the other replica.
func TestAccept_replicaKilled(t *testing.T) {
	client := redistest.Start(t).Client()
	for i, c := range []struct {
		name      string
		unwritten bool // the eviction does not reach Redis
		cut       bool // nor does the event
		want      int
		again     bool // Zoom delivers it again
		evicted   bool // by the other replica
	}{
		{name: "all is done", want: http.StatusNoContent},
		{name: "the eviction waits for Redis", unwritten: true, want: http.StatusNoContent, evicted: true},
		{name: "the event is not stored", cut: true, want: http.StatusServiceUnavailable, again: true, evicted: true},
		{name: "nothing reaches Redis", unwritten: true, cut: true, want: http.StatusServiceUnavailable, again: true, evicted: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			first, other := replica(client), replica(client)
			first.unwritten = c.unwritten
			if c.cut {
				closed := redistest.Start(t).Client()
				_ = closed.Close()
				first.Stream = stream.NewRedis(closed, "events")
			}
			body := strings.Replace(ended, `"86420013579"`, fmt.Sprintf(`"%d"`, i), 1)
			if w := first.deliver(body, "old", at); w.Code != c.want {
				t.Errorf("%d, want %d", w.Code, c.want)
			}
			if len(first.evicted["A A"]) == 0 {
				t.Error("the first replica has evicted nothing")
			}
			// The first replica ends here.
			if c.again {
				if w := other.deliver(body, "old", at); w.Code != http.StatusNoContent {
					t.Errorf("again: %d", w.Code)
				}
			}
			other.finish(t.Context())
			want := []cache.Tag(nil)
			if c.evicted {
				want = first.evicted["A A"]
			}
			if !slices.Equal(other.evicted["A A"], want) {
				t.Errorf("the other has evicted %q, want %q", other.evicted["A A"], want)
			}
			other.evicted = map[string][]cache.Tag{}
			if other.finish(t.Context()); len(other.evicted) > 0 {
				t.Errorf("a finished event has evicted again: %q", other.evicted)
			}
		})
	}
}

// TestFinish_goesOnUntilItIsDone expects an event to remain pending while evictions fail, and if
// a replica that does not serve its account claims it.
func TestFinish_goesOnUntilItIsDone(t *testing.T) {
	client := redistest.Start(t).Client()
	first, other := replica(client), replica(client)
	first.unwritten, other.unwritten = true, true
	first.deliver(strings.Replace(ended, `"A"`, `"C"`, 1), "other", at)
	for range 2 {
		if other.finish(t.Context()); len(other.evicted["B C"]) == 0 {
			t.Fatal("the event is not claimed again")
		}
		other.evicted = map[string][]cache.Tag{}
	}
	stranger := replica(client)
	delete(stranger.Accounts, "B")
	stranger.finish(t.Context())
	other.unwritten = false
	if other.finish(t.Context()); len(other.evicted["B C"]) == 0 {
		t.Error("a replica without the account has finished it")
	}
	if claimed, err := other.Stream.Claim(t.Context()); err != nil || len(claimed) > 0 {
		t.Errorf("%d are left, %v", len(claimed), err)
	}
}

// TestAccept_redisHangs delivers an event while Redis hangs. It expects 503, with evictions, and
// 204 when the event is delivered again.
func TestAccept_redisHangs(t *testing.T) {
	server := redistest.Start(t)
	d := replica(server.Client())
	server.Hang()
	if w := d.deliver(ended, "old", at); w.Code != http.StatusServiceUnavailable || len(d.evicted["A A"]) == 0 {
		t.Errorf("%d, evicted were %q", w.Code, d.evicted)
	}
	if log := d.log.String(); !strings.Contains(log, "status=503") || strings.Contains(log, "86420013579") {
		t.Errorf("the log is %s", log)
	}
	server.Resume()
	if w := d.deliver(ended, "old", at); w.Code != http.StatusNoContent {
		t.Errorf("again: %d", w.Code)
	}
}

// TestBatches_areBounded adds more events than the bound, and expects batches in their order.
func TestBatches_areBounded(t *testing.T) {
	var (
		b       batches
		blocked = make(chan struct{})
		worked  = make(chan *acceptance, 2*maxWaiting)
	)
	work := func(batch []*acceptance) {
		<-blocked
		if len(batch) > maxBatch {
			t.Errorf("a batch has %d events", len(batch))
		}
		for _, one := range batch {
			worked <- one
		}
	}
	var all []*acceptance
	for one := (&acceptance{}); b.add(one, work); one = (&acceptance{}) {
		if all = append(all, one); len(all) > 2*maxWaiting {
			t.Fatal("no event is refused")
		}
	}
	if len(all) < maxWaiting {
		t.Errorf("%d events were added, want at least %d", len(all), maxWaiting)
	}
	close(blocked)
	for i, one := range all {
		if got := <-worked; got != one {
			t.Fatalf("event %d is another one", i)
		}
	}
	for end := time.Now().Add(time.Minute); !b.add(&acceptance{}, work); {
		if time.Now().After(end) {
			t.Fatal("events are refused after all were processed")
		}
	}
}

// TestAccept_together expects concurrent events to be evicted and stored in batches.
func TestAccept_together(t *testing.T) {
	client := redistest.Start(t).Client()
	d := replica(client)
	var calls atomic.Int32
	d.Accounts = map[string]Account{"A": {Secrets: []string{"old"}, Evict: func(context.Context, string, ...cache.Tag) bool {
		calls.Add(1)
		time.Sleep(time.Millisecond) // for other events to arrive
		return true
	}}}
	const n = 500
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			if w := d.deliver(strings.Replace(ended, `"86420013579"`, fmt.Sprintf(`"%d"`, i), 1), "old", at); w.Code != http.StatusNoContent {
				t.Errorf("%d", w.Code)
			}
		})
	}
	all.Wait()
	keys, err := client.Keys(t.Context(), "*:stream").Result()
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	if stored := client.XLen(t.Context(), keys[0]).Val(); stored != n || calls.Load() > n/2 {
		t.Errorf("%d are stored, want %d; in %d evictions", stored, n, calls.Load())
	}
}

// TestAccept_duplicates delivers an event to several replicas, and expects it to be stored once.
func TestAccept_duplicates(t *testing.T) {
	client := redistest.Start(t).Client()
	for range 3 {
		d := replica(client)
		d.unwritten = true
		if w := d.deliver(ended, "old", at); w.Code != http.StatusNoContent {
			t.Errorf("%d", w.Code)
		}
	}
	if claimed, err := replica(client).Stream.Claim(t.Context()); err != nil || len(claimed) != 1 {
		t.Errorf("%d are stored, %v", len(claimed), err)
	}
}

// TestRecord expects the ids of an event in its record, and nothing else.
func TestRecord(t *testing.T) {
	const body = `{"event":"recording.completed","event_ts":1772366400123,"download_token":"secret","payload":{"account_id":"A","object":{"id":123,"uuid":"u","host_id":"h","host_email":"a@b.c","topic":"words"}}}`
	e, err := Parse([]byte(body), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	kept := e.record("M", true)
	for _, word := range []string{"secret", "a@b.c", "words"} {
		if strings.Contains(string(kept), word) {
			t.Errorf("%s is in %s", word, kept)
		}
	}
	got, served, err := readRecord(kept)
	if err != nil || served != "M" || got.Name != e.Name || got.AccountID != "A" || !got.Time.Equal(e.Time) || !slices.Equal(got.Stale(), e.Stale()) {
		t.Errorf("%s is read as %+v of %s, %v", kept, got, served, err)
	}
	for range maxValues {
		e.add(hostVar, types.Text(strings.Repeat("h", 100)))
	}
	if kept = e.record("M", true); len(kept) > stream.MaxBody {
		t.Errorf("%d bytes are kept", len(kept))
	}
	if _, _, err := readRecord([]byte(`{`)); err == nil {
		t.Error("a broken record is read")
	}
}
