package events

import (
	"context"
	"encoding/json"
	"time"

	"zoomql/internal/stream"
)

// Stream keeps the events that were taken. [stream.Redis] is one that replicas share,
// [stream.Memory] that of one process.
type Stream interface {
	// Append stores a message. The error is that it is not stored, or may not be.
	Append(ctx context.Context, m *stream.Message) error
	// Claim returns pending messages that no replica has finished.
	Claim(ctx context.Context) ([]stream.Claimed, error)
	// Done says that claimed messages are finished.
	Done(ctx context.Context, ids ...string) error
	// Note notes a mark without a message, and returns since when, and when last, it and
	// those of some names were noted.
	Note(ctx context.Context, mark stream.Mark, names ...string) ([]stream.Span, error)
}

// record is an event as the stream keeps it: what it names, and nothing of its payload,
// which holds names, e-mail addresses and tokens.
type record struct {
	Name    string                `json:"event"`
	Time    int64                 `json:"time"`    // in Unix milliseconds
	Account string                `json:"account"` // in which it happened
	Served  string                `json:"served"`  // the account that is served: that one, or its master
	Values  map[variable][]string `json:"values,omitempty"`
}

// record returns what the stream keeps of an event. One that names more than there is
// room for is kept as one that names nothing.
func (e *Event) record(served string) []byte {
	r := record{e.Name, e.Time.UnixMilli(), e.AccountID, served, e.values}
	body, err := json.Marshal(r)
	if err == nil && len(body) > stream.MaxBody {
		r.Values = nil
		body, err = json.Marshal(r)
	}
	if err != nil {
		panic(err) // texts and numbers alone
	}
	return body
}

// readRecord reads what the stream has kept.
func readRecord(body []byte) (e *Event, served string, err error) {
	var r record
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, "", err
	}
	return &Event{Name: r.Name, Time: time.UnixMilli(r.Time), AccountID: r.Account, values: r.Values}, r.Served, nil
}

// finishEvery is how often a replica looks for events whose evictions are not done.
const finishEvery = 2 * time.Second

// Finish does what replicas have left undone, until ctx ends: an eviction that a replica
// could not write to Redis, and did not write later, is another one's after five seconds.
func (h *Webhook) Finish(ctx context.Context) {
	ticker := time.NewTicker(finishEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			h.finish(ctx)
		}
	}
}

// finish does what there is to do. What fails is there again the next time.
func (h *Webhook) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	claimed, err := h.Stream.Claim(ctx)
	if err != nil {
		return // the cache says in the log that Redis does not reply
	}
	var finished []string
	for _, m := range claimed {
		if h.evictBy(ctx, m.Body) {
			finished = append(finished, m.ID)
		}
	}
	_ = h.Stream.Done(ctx, finished...) // else it is done again
}

// evictBy evicts what an event that is stored makes stale, and reports whether that is
// done. One of an account that is not served here is for another replica.
func (h *Webhook) evictBy(ctx context.Context, body []byte) (done bool) {
	e, served, err := readRecord(body)
	if err != nil {
		return true
	}
	account, ok := h.Accounts[served]
	stale := e.Stale()
	return ok && (len(stale) == 0 || account.Evict(ctx, e.AccountID, stale...))
}
