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

// replica returns a door of one of several replicas, whose claimed events are another's at
// once.
func replica(client redis.UniversalClient) *door {
	d := newDoor()
	d.Stream = stream.NewRedis(client, "events", stream.WithClaimAfter(0))
	return d
}

// TestTake_replicaKilled has a replica end at each place on the way of an event. What it
// has answered 204 is evicted by another replica where the eviction did not reach Redis;
// all else Zoom delivers again, to the other replica.
func TestTake_replicaKilled(t *testing.T) {
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
				t.Error("the replica that was asked has evicted nothing")
			}
			// first ends here.
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
				t.Errorf("what is done is done again: %q", other.evicted)
			}
		})
	}
}

// TestFinish_goesOnUntilItIsDone keeps what cannot be evicted, and what is another
// replica's to evict.
func TestFinish_goesOnUntilItIsDone(t *testing.T) {
	client := redistest.Start(t).Client()
	first, other := replica(client), replica(client)
	first.unwritten, other.unwritten = true, true
	first.deliver(strings.Replace(ended, `"A"`, `"C"`, 1), "other", at)
	for range 2 {
		if other.finish(t.Context()); len(other.evicted["B C"]) == 0 {
			t.Fatal("it is given up")
		}
		other.evicted = map[string][]cache.Tag{}
	}
	stranger := replica(client)
	delete(stranger.Accounts, "B")
	stranger.finish(t.Context())
	other.unwritten = false
	if other.finish(t.Context()); len(other.evicted["B C"]) == 0 {
		t.Error("a replica without the account has taken it")
	}
	if claimed, err := other.Stream.Claim(t.Context()); err != nil || len(claimed) > 0 {
		t.Errorf("%d are left, %v", len(claimed), err)
	}
}

// TestTake_redisHangs is answered within two seconds: by 503, with all evicted, and taken
// when it comes again.
func TestTake_redisHangs(t *testing.T) {
	server := redistest.Start(t)
	d := replica(server.Client())
	server.Hang()
	if w := d.deliver(ended, "old", at); w.Code != http.StatusServiceUnavailable || len(d.evicted["A A"]) == 0 {
		t.Errorf("%d, evicted were %q", w.Code, d.evicted)
	}
	if log := d.log.String(); !strings.Contains(log, "status=503") || strings.Contains(log, "86420013579") {
		t.Errorf("the log says %s", log)
	}
	server.Resume()
	if w := d.deliver(ended, "old", at); w.Code != http.StatusNoContent {
		t.Errorf("again: %d", w.Code)
	}
}

// TestBatches_areBounded brings more events than there is room for, and works on a few of them
// at once, in their order.
func TestBatches_areBounded(t *testing.T) {
	var (
		b       batches
		blocked = make(chan struct{})
		worked  = make(chan *taking, 2*maxWaiting)
	)
	work := func(batch []*taking) {
		<-blocked
		if len(batch) > maxBatch {
			t.Errorf("%d are worked on at once", len(batch))
		}
		for _, one := range batch {
			worked <- one
		}
	}
	var all []*taking
	for one := (&taking{}); b.add(one, work); one = (&taking{}) {
		if all = append(all, one); len(all) > 2*maxWaiting {
			t.Fatal("there is room for all")
		}
	}
	if len(all) < maxWaiting {
		t.Errorf("there is room for %d", len(all))
	}
	close(blocked)
	for i, one := range all {
		if got := <-worked; got != one {
			t.Fatalf("number %d is another one", i)
		}
	}
	for end := time.Now().Add(time.Minute); !b.add(&taking{}, work); {
		if time.Now().After(end) {
			t.Fatal("there is no room again")
		}
	}
}

// TestTake_together has events that come at once evicted and stored together: each is answered
// by what becomes of it.
func TestTake_together(t *testing.T) {
	client := redistest.Start(t).Client()
	d := replica(client)
	var calls atomic.Int32
	d.Accounts = map[string]Account{"A": {Secrets: []string{"old"}, Evict: func(context.Context, string, ...cache.Tag) bool {
		calls.Add(1)
		time.Sleep(time.Millisecond) // others come
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

// TestTake_duplicates delivers an event to all replicas: it is stored once.
func TestTake_duplicates(t *testing.T) {
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

// TestRecord keeps what an event names, and nothing else of it.
func TestRecord(t *testing.T) {
	const body = `{"event":"recording.completed","event_ts":1772366400123,"download_token":"secret","payload":{"account_id":"A","object":{"id":123,"uuid":"u","host_id":"h","host_email":"a@b.c","topic":"words"}}}`
	e, err := Parse([]byte(body), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	kept := e.record("M", true)
	for _, word := range []string{"secret", "a@b.c", "words"} {
		if strings.Contains(string(kept), word) {
			t.Errorf("%s stands in %s", word, kept)
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
