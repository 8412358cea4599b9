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
	// Secrets are the secret tokens that Zoom may sign webhooks with: that of the app, and a
	// second one while it is being replaced. An account whose events arrive only over a
	// WebSocket has none.
	Secrets []string
	// Evict evicts the answers with any of the tags, of the account or the sub account with
	// Zoom's id accountID. It returns the result of Evict of [cache.Store].
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
// Concurrent events are processed in batches: each round trip to Redis has the events that
// arrived during the one before.
type Inbox struct {
	// Accounts are the accounts that the gateway serves, by Zoom's id.
	Accounts map[string]Account
	// Stream stores the accepted events.
	Stream Stream
	// Names reports whether the stream may contain the names and addresses of people, because no
	// other process reads it, or because it is encrypted.
	Names bool
	// Drift counts events that are not in the table; nil counts none.
	Drift *drift.Report
	// Log receives a line for each accepted event, and for each refused delivery.
	Log *slog.Logger

	seen              seen
	evicting, storing batches
	// unconfigured counts events of accounts that are not configured, and ignored those over a
	// WebSocket that are of an account with another app.
	unconfigured, ignored logs.Recurring
}

// storeWithin bounds the time to evict the tags of an event and to store it.
const storeWithin = 2 * time.Second

// acceptance is an event whose tags are being evicted, and which is then stored.
type acceptance struct {
	event   *Event
	served  string                 // the configured account: that of the event, or its master account
	stale   map[string][]cache.Tag // by account: see staleIn
	message *stream.Message

	evicted, stored chan struct{} // closed when that is done
	err             error         // of storing; set before stored is closed
}

// accept evicts the answers that an event makes stale, and stores the event. It is of the
// configured account served, or of a sub account of it. An event that was accepted from the same
// source before changes nothing. An error means that the event may not be stored.
func (i *Inbox) accept(ctx context.Context, source types.EventSource, served string, e *Event) error {
	key := string(source) + "\x00" + e.Key
	if i.seen.has(key) {
		i.Log.LogAttrs(ctx, slog.LevelDebug, "event again", slog.String("event", e.name()))
		return nil
	}
	// The event is accepted even if its sender disconnects.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	defer cancel()
	t := &acceptance{
		event: e, served: served, stale: e.staleIn(served), evicted: make(chan struct{}), stored: make(chan struct{}),
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
		i.unconfigured.Add(i.Log, "events are of accounts that are not configured; they count as those of sub accounts")
	}
	if !e.Known() {
		i.Drift.Add(driftOperation, map[drift.Finding]int{{Kind: drift.Value, Field: "event", Value: driftName(e.Name)}: 1}, time.Now())
	}
	i.Log.LogAttrs(ctx, slog.LevelInfo, "event", slog.String("event", e.name()), slog.Int("tags", len(t.stale[e.AccountID])))
	return nil
}

// driftOperation is the name of events in the drift report.
const driftOperation = "events"

// driftName returns the name of an event for the drift report, which has only names that look
// like Zoom's.
func driftName(name string) string {
	odd := func(r rune) bool { return r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') }
	if len(name) > 64 || strings.ContainsFunc(name, odd) {
		return "(not a name)"
	}
	return name
}

// evict evicts the answers that a batch of events makes stale, account by account, and queues
// the events for storing.
func (i *Inbox) evict(batch []*acceptance) {
	ctx, cancel := context.WithTimeout(context.Background(), storeWithin)
	defer cancel()
	type target struct{ served, account string }
	tags := map[target][]cache.Tag{}
	for _, t := range batch {
		for account, stale := range t.stale {
			at := target{t.served, account}
			tags[at] = append(tags[at], stale...)
		}
	}
	done := map[target]bool{}
	for at, stale := range tags {
		slices.Sort(stale)
		stale = slices.Compact(stale)
		done[at] = i.Accounts[at.served].Evict(ctx, at.account, stale...)
	}
	for _, t := range batch {
		for account := range t.stale {
			t.message.Pending = t.message.Pending || !done[target{t.served, account}]
		}
		close(t.evicted)
		if !i.storing.add(t, i.store) {
			t.err = errBusy
			close(t.stored)
		}
	}
}

// store stores a batch of events.
func (i *Inbox) store(batch []*acceptance) {
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
	// maxBatch bounds the events of a batch, and maxWaiting those that wait for one.
	maxBatch   = 64
	maxWaiting = 4096
)

// errBusy is the error of an event beyond maxWaiting.
var errBusy = errors.New("events: too many at once")

// batches collects events that are processed together: those that arrive while a batch is
// processed are the next one. A single event does not wait. The zero value is ready.
type batches struct {
	mu      sync.Mutex
	waiting []*acceptance
	running bool
}

// add adds an event to be processed by work, which MUST be the same function in each call. It
// reports false if too many events wait.
func (b *batches) add(t *acceptance, work func([]*acceptance)) bool {
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
func (b *batches) run(work func([]*acceptance)) {
	for {
		batch := b.next()
		if batch == nil {
			return
		}
		work(batch)
	}
}

// next returns the next batch, or nil, which ends run, if no event waits.
func (b *batches) next() []*acceptance {
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

// name returns the name for the log, which has only names that are in the table.
func (e *Event) name() string {
	if !e.Known() {
		return "unknown"
	}
	return e.Name
}
