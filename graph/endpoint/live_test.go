package endpoint

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/graph/admission"
)

// TestRecent_bounds makes more answers than are cached, and makes each once for concurrent callers.
func TestRecent_bounds(t *testing.T) {
	r := &recent{}
	var made atomic.Int64
	for i := range 3 * maxRecent {
		r.get(strconv.Itoa(i), func() ([]byte, bool) { made.Add(1); return make([]byte, 20<<10), false })
		if len(r.of) > maxRecent || len(r.of) != len(r.order) || r.bytes > maxRecentBytes {
			t.Fatalf("%d are kept, %d in order, of %d bytes", len(r.of), len(r.order), r.bytes)
		}
	}
	last := strconv.Itoa(3*maxRecent - 1)
	r.get(last, func() ([]byte, bool) { t.Error("it is made again"); return nil, true })
	r.get("0", func() ([]byte, bool) { made.Add(1); return nil, true })
	if n := made.Load(); n != 3*maxRecent+1 {
		t.Errorf("%d were made", n)
	}
	synctest.Test(t, func(t *testing.T) {
		var once atomic.Int64
		gate := make(chan struct{})
		var wait sync.WaitGroup
		for range 100 {
			wait.Go(func() {
				if text := r.get("new", func() ([]byte, bool) { once.Add(1); <-gate; return []byte("x"), false }); string(text) != "x" {
					t.Errorf("%q", text)
				}
			})
		}
		synctest.Wait()
		close(gate)
		wait.Wait()
		if n := once.Load(); n != 1 {
			t.Errorf("it was made %d times", n)
		}
	})
}

// TestRecent_ages keeps an answer for some seconds only, and one with errors only for the clients that
// wait for it.
func TestRecent_ages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recent{}
		made := 0
		get := func(failed bool) string {
			return string(r.get("a", func() ([]byte, bool) {
				made++
				time.Sleep(time.Second)
				return []byte(strconv.Itoa(made)), failed
			}))
		}
		var wait sync.WaitGroup
		for range 10 {
			wait.Go(func() {
				if text := get(true); text != "1" {
					t.Errorf("one that waited has %s", text)
				}
			})
		}
		wait.Wait()
		if text := get(false); text != "2" {
			t.Errorf("after one with errors: %s", text)
		}
		time.Sleep(maxRecentAge - 1)
		if text := get(false); text != "2" {
			t.Errorf("shortly after the event: %s", text)
		}
		time.Sleep(time.Nanosecond)
		if text := get(false); text != "3" || len(r.order) != 1 || r.bytes != len("a3") {
			t.Errorf("later: %s, %d are kept, of %d bytes", text, len(r.order), r.bytes)
		}
		func() {
			defer func() { _ = recover() }()
			r.get("b", func() ([]byte, bool) { panic("b") })
		}()
		if _, kept := r.of["b"]; kept {
			t.Error("the answer of a panic is kept")
		}
	})
}

// slowFeed is a client that does not read.
type slowFeed struct {
	gate  chan struct{}
	under *atomic.Int64
}

func (slowFeed) following() {}
func (f slowFeed) next(context.Context, []byte) error {
	f.under.Add(1)
	defer f.under.Add(-1)
	<-f.gate
	return nil
}
func (slowFeed) refused(gqlerror.List) {}
func (slowFeed) complete()             {}

// TestSubscription_unsentBounds sends long answers to clients that do not read: only a bounded
// number is in memory at once, and short ones are not delayed.
func TestSubscription_unsentBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		op := &operation{client: client{Endpoint: &Endpoint{admission: admission.New()}, caller: "slow"}}
		long := make([]byte, maxItem)
		feed := slowFeed{make(chan struct{}), &atomic.Int64{}}
		var wait sync.WaitGroup
		send := func(text []byte) { wait.Go(func() { _ = op.send(t.Context(), text, feed) }) }
		for range 500 {
			send(long)
		}
		synctest.Wait()
		if n := feed.under.Load(); n*maxItem > admission.MaxUnsent/2 || n < 10 {
			t.Errorf("%d of %d bytes are held", n, maxItem)
		}
		before := feed.under.Load()
		send(long[:100])
		synctest.Wait()
		if feed.under.Load() != before+1 {
			t.Error("a short one waits")
		}
		close(feed.gate)
		wait.Wait()
	})
}

// TestLive_bounds counts the connections and subscriptions of each caller separately, and
// refuses new ones during shutdown.
func TestLive_bounds(t *testing.T) {
	l := &Live{MaxConnections: 2, MaxSubscriptions: 1}
	end, ok := l.connect("a")
	if _, second := l.connect("a"); !ok || !second {
		t.Fatal("two do not fit")
	}
	if _, ok := l.connect("a"); ok {
		t.Error("three do")
	}
	if _, ok := l.connect("b"); !ok {
		t.Error("another caller's do not")
	}
	end()
	if _, ok := l.connect("a"); !ok {
		t.Error("a place is not given back")
	}
	done, ok := l.begin("a")
	if _, more := l.begin("a"); !ok || more {
		t.Error("more than one subscription")
	}
	done()
	if c, s := l.Counts(); c != 3 || s != 0 || len(l.subscriptions) != 0 {
		t.Errorf("%d connections, %d subscriptions", c, s)
	}
	ended := make(chan struct{})
	leave, ok := l.enter(func() { close(ended) })
	if !ok {
		t.Fatal("it does not begin")
	}
	go func() {
		<-ended
		leave()
	}()
	l.Drain(t.Context())
	if _, ok := l.enter(func() {}); ok {
		t.Error("one begins when the gateway ends")
	}
}

// TestStreamOf chooses the media type of a stream.
func TestStreamOf(t *testing.T) {
	for accept, want := range map[string]streamForm{
		"": noStream, "application/json": noStream, "multipart/mixed": noStream, "multipart/mixed;deferSpec=20220824": noStream,
		"text/event-stream;q=0, application/json": noStream, "multipart/mixed;subscriptionSpec=1.0;q=0.0": noStream,
		"text/event-stream": serverEvents, "text/event-stream;q=0.1, application/json": serverEvents,
		"multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/graphql-response+json,application/json;q=0.9": mixedParts,
		`multipart/mixed;boundary="-";subscriptionSpec=1.0`:                                                              mixedParts,
		"text/event-stream, multipart/mixed;subscriptionSpec=1.0":                                                        mixedParts,
	} {
		if got := streamOf([]string{accept}); got != want {
			t.Errorf("%s: %d, want %d", accept, got, want)
		}
	}
}

// TestTokenOf finds the token of a request's stream.
func TestTokenOf(t *testing.T) {
	for url, want := range map[string]string{"/graphql": "", "/graphql?token=a": "a", "/graphql?query={x}&token=b": "b", "/graphql?atoken=c": ""} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := tokenOf(r); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
		r.Header.Set("X-GraphQL-Event-Stream-Token", "header")
		if got := tokenOf(r); got != "header" {
			t.Errorf("%s with a header: %q", url, got)
		}
	}
}
