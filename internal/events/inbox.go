package events

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"zoomql/cache"
	"zoomql/internal/drift"
	"zoomql/internal/logs"
	"zoomql/internal/stream"
	"zoomql/internal/zoom/types"
)

// Account is an account that the gateway serves.
type Account struct {
	// Secrets are the secret tokens that Zoom may sign webhooks with: an app has one, and two
	// while it changes.
	Secrets []string
	// Evict evicts the answers with one of the tags: of the account, or of the sub account
	// with Zoom's id accountID. It returns the result of Evict of [cache.Store].
	Evict func(ctx context.Context, accountID string, tags ...cache.Tag) (done bool)
}

// Inbox accepts events that are authenticated, by a signature ([Webhook]) or by the connection
// that delivered them ([Socket]).
//
// It first evicts the answers that an event makes stale, then stores the event in the stream,
// and then acknowledges it to Zoom. A replica that ends in between loses nothing: before the
// event is stored, Zoom delivers it again; after that, another replica completes an eviction
// that did not reach Redis (see [Inbox.Finish]).
//
// Concurrent events are evicted and stored in batches: each round trip to Redis has all events
// that arrived during the one before.
type Inbox struct {
	// Accounts are the accounts that the gateway serves, by Zoom's id.
	Accounts map[string]Account
	// Stream stores the accepted events.
	Stream Stream
	// Names says that the stream may have the names and addresses of people, because no other
	// process reads it, or because it is encrypted.
	Names bool
	// Drift counts events that are not in the table; nil counts none.
	Drift *drift.Report
	// Log receives a line for each accepted event, and for each refused delivery.
	Log *slog.Logger

	seen              seen
	evicting, storing batches
	// foreign counts events of accounts that are not configured, and leftOut events over a
	// WebSocket of another account's app.
	foreign, leftOut logs.Recurring
}

// storeWithin bounds the time to evict by an event and to store it.
const storeWithin = 2 * time.Second

// taking is an event that is being evicted by and stored.
type taking struct {
	event   *Event
	served  string // the account that is served: its own, or the master of it
	stale   []cache.Tag
	message *stream.Message

	evicted, stored chan struct{} // closed when it is
	err             error         // of storing; to be read when stored is closed
}

// take evicts the answers that an event of a served account, or of a sub account of it, makes
// stale, and stores the event. An event that was accepted before from the same source changes
// nothing. An error means that the event is not stored, or may not be.
func (i *Inbox) take(ctx context.Context, source types.EventSource, served string, e *Event) error {
	key := string(source) + "\x00" + e.Key
	if i.seen.has(key) {
		i.Log.LogAttrs(ctx, slog.LevelDebug, "event again", slog.String("event", e.name()))
		return nil
	}
	// The event counts even if its sender has left.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	defer cancel()
	t := &taking{
		event: e, served: served, stale: e.Stale(), evicted: make(chan struct{}), stored: make(chan struct{}),
		message: &stream.Message{Key: e.Key, Body: e.record(served, i.Names), Marks: e.marks(source, served)},
	}
	if !i.evicting.add(t, i.evict) {
		return errBusy
	}
	for _, done := range []chan struct{}{t.evicted, t.stored} {
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if t.err != nil {
		return t.err
	}
	i.seen.add(key)
	if _, configured := i.Accounts[e.AccountID]; !configured {
		i.foreign.Add(i.Log, "events are of accounts that are not configured; they count as those of sub accounts")
	}
	if !e.Known() {
		i.Drift.Add(driftOperation, map[drift.Finding]int{{Kind: drift.Value, Field: "event", Value: driftName(e.Name)}: 1}, time.Now())
	}
	i.Log.LogAttrs(ctx, slog.LevelInfo, "event", slog.String("event", e.name()), slog.Int("tags", len(t.stale)))
	return nil
}

// driftOperation is the name of events in the drift report.
const driftOperation = "events"

// driftName returns the name of an event for the report: Zoom's are short, of few characters.
func driftName(name string) string {
	odd := func(r rune) bool { return r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') }
	if len(name) > 64 || strings.ContainsFunc(name, odd) {
		return "(not a name)"
	}
	return name
}

// evict evicts the answers that some events make stale, account by account, and passes the
// events on to be stored.
func (i *Inbox) evict(batch []*taking) {
	ctx, cancel := context.WithTimeout(context.Background(), storeWithin)
	defer cancel()
	type place struct{ served, account string }
	tags := map[place][]cache.Tag{}
	for _, t := range batch {
		at := place{t.served, t.event.AccountID}
		tags[at] = append(tags[at], t.stale...)
	}
	done := map[place]bool{}
	for at, stale := range tags {
		slices.Sort(stale)
		stale = slices.Compact(stale)
		done[at] = len(stale) == 0 || i.Accounts[at.served].Evict(ctx, at.account, stale...)
	}
	for _, t := range batch {
		t.message.Pending = len(t.stale) > 0 && !done[place{t.served, t.event.AccountID}]
		close(t.evicted)
		if !i.storing.add(t, i.store) {
			t.err = errBusy
			close(t.stored)
		}
	}
}

// store stores some events.
func (i *Inbox) store(batch []*taking) {
	ctx, cancel := context.WithTimeout(context.Background(), storeWithin)
	defer cancel()
	messages := make([]*stream.Message, len(batch))
	for n, t := range batch {
		messages[n] = t.message
	}
	err := i.Stream.Append(ctx, messages...)
	for _, t := range batch {
		t.err = err
		close(t.stored)
	}
}

const (
	// maxBatch is the largest number of events in a batch, and maxWaiting of events that
	// wait for one.
	maxBatch   = 64
	maxWaiting = 4096
)

// errBusy is the error of an event beyond maxWaiting.
var errBusy = errors.New("events: too many at once")

// batches collects events that are processed together: those that arrive while a batch is
// processed are the next one. A single event does not wait. The zero value is ready.
type batches struct {
	mu      sync.Mutex
	waiting []*taking
	running bool
}

// add adds an event to be processed by work, which must be the same function in each call. It
// reports false where too many wait.
func (b *batches) add(t *taking, work func([]*taking)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) >= maxWaiting {
		return false
	}
	b.waiting = append(b.waiting, t)
	if !b.running {
		b.running = true
		go b.run(work)
	}
	return true
}

// run processes batches until none waits.
func (b *batches) run(work func([]*taking)) {
	for {
		batch := b.next()
		if batch == nil {
			return
		}
		work(batch)
	}
}

// next returns the next batch; nil, which ends run, where none waits.
func (b *batches) next() []*taking {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(len(b.waiting), maxBatch)
	if n == 0 {
		b.running, b.waiting = false, nil
		return nil
	}
	batch := b.waiting[:n:n]
	b.waiting = b.waiting[n:]
	return batch
}

// name returns the name for the log, which has no names of events from strangers.
func (e *Event) name() string {
	if !e.Known() {
		return "unknown"
	}
	return e.Name
}
