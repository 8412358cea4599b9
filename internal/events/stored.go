package events

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"zoomql/internal/stream"
)

// Stream stores the accepted events: [stream.Redis] for all replicas, or [stream.Memory] in one
// process.
type Stream interface {
	// Append stores messages, all or none. An error means that they may not be stored.
	Append(ctx context.Context, messages ...*stream.Message) error
	// Claim returns pending messages for this replica to finish.
	Claim(ctx context.Context) ([]stream.Claimed, error)
	// Done marks claimed messages as finished.
	Done(ctx context.Context, ids ...string) error
	// Note notes a mark without a message, and returns its span, followed by those of the marks
	// with these names.
	Note(ctx context.Context, mark stream.Mark, names ...string) ([]stream.Span, error)
	// Forget removes the marks with these names.
	Forget(ctx context.Context, names ...string) error
	// Hold acquires or extends the lease of a name, so that it ends after life. It reports
	// false while another holder has it.
	Hold(ctx context.Context, name, holder string, life time.Duration) (bool, error)
	// Release ends the lease of a name if holder has it.
	Release(ctx context.Context, name, holder string) error
}

// record is an event as the stream stores it: with the ids that it names and the participant, but
// nothing else of its payload, which has names, e-mail addresses and tokens.
type record struct {
	Name    string                `json:"event,omitempty"`
	Gap     Gap                   `json:"gap,omitempty"`
	Time    int64                 `json:"time"`    // in Unix milliseconds
	Account string                `json:"account"` // of the event
	Served  string                `json:"served"`  // the configured account: Account, or its master account
	Values  map[variable][]string `json:"values,omitempty"`
	Person  *Person               `json:"person,omitempty"`
}

// record returns the record of an event, as JSON. One that is longer than a message may be is
// stored without ids and participant. The participant has names only if names is set.
func (e *Event) record(served string, names bool) []byte {
	r := record{e.Name, e.Gap, e.Time.UnixMilli(), e.AccountID, served, e.values, e.Person}
	if !names {
		r.Person = r.Person.unnamed()
	}
	body, err := json.Marshal(r)
	if err == nil && len(body) > stream.MaxBody {
		r.Values, r.Person = nil, nil
		body, err = json.Marshal(r)
	}
	if err != nil {
		panic(err) // impossible: it has only strings, numbers and times
	}
	return body
}

// readRecord returns the event of a record, and the configured account.
func readRecord(body []byte) (e *Event, served string, err error) {
	var r record
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, "", err
	}
	return &Event{Name: r.Name, Gap: r.Gap, Time: time.UnixMilli(r.Time), AccountID: r.Account, Person: r.Person, values: r.Values}, r.Served, nil
}

// message returns the message of a gap in the events of an account.
func (g Gap) message(account string) *stream.Message {
	e := &Event{Gap: g, Time: time.Now(), AccountID: account}
	return &stream.Message{Key: "gap\x00" + rand.Text(), Body: e.record(account, false)}
}

// finishEvery is the interval at which a replica claims events with pending evictions.
const finishEvery = 2 * time.Second

// Finish completes pending evictions until ctx ends: those that did not reach Redis when their
// event was accepted, five seconds later, by any replica.
func (i *Inbox) Finish(ctx context.Context) {
	ticker := time.NewTicker(finishEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			i.finish(ctx)
		}
	}
}

// finish completes the pending evictions. Those that fail remain pending.
func (i *Inbox) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	claimed, err := i.Stream.Claim(ctx)
	if err != nil {
		return // package cache logs that Redis does not reply
	}
	var finished []string
	for _, m := range claimed {
		if i.evictBy(ctx, m.Body) {
			finished = append(finished, m.ID)
		}
	}
	_ = i.Stream.Done(ctx, finished...) // if that fails, they are evicted again
}

// evictBy evicts the answers that a stored event makes stale, and reports whether that is done.
// It is not if this replica does not serve the account: another one may.
func (i *Inbox) evictBy(ctx context.Context, body []byte) (done bool) {
	e, served, err := readRecord(body)
	if err != nil {
		return true
	}
	account, ok := i.Accounts[served]
	if !ok {
		return false
	}
	done = true
	for in, stale := range e.staleIn(served) {
		done = account.Evict(ctx, in, stale...) && done
	}
	return done
}
