// Package idempotency stores the results of creates with a caller's idempotency key, so
// that a repeat returns the first result and creates nothing.
//
// The result itself stays in this process, since it may hold credentials, which are stored
// nowhere else. Replicas share a note with Zoom's id of the created object; another replica
// reads the object from Zoom. The note is written before the call to Zoom: a create whose
// answer was lost, or whose process ended, has a note without an outcome, and no replica
// repeats it.
package idempotency

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"zoomql/cache"
	"zoomql/internal/identity"
	"zoomql/internal/wallclock"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// Lifetime is how long a result is stored: a later repeat creates another object.
const Lifetime = 24 * time.Hour

// maxBytes bounds the stored results: some thousands of them.
const maxBytes = 16 << 20

var (
	// ErrEmptyKey reports a key that is empty or blank.
	ErrEmptyKey = errors.New("idempotencyKey: it is empty")
	// ErrOtherInput reports a key that was used with another input.
	ErrOtherInput = errors.New("idempotencyKey: it was used for another input")
	// ErrUnknown reports a repeat of a create whose outcome is unknown: nothing was sent.
	ErrUnknown = errors.New("an attempt with this idempotencyKey has no outcome that is known")
)

// Memory holds the results of one account's creates.
type Memory struct {
	results *otter.Cache[[32]byte, result]
	ledger  cache.Ledger // nil if there are no replicas
	flight  singleflight.Group
}

// New returns an empty Memory. ledger holds the notes that replicas share; nil means a single
// gateway.
func New(ledger cache.Ledger) *Memory {
	return &Memory{ledger: ledger, results: otter.Must(&otter.Options[[32]byte, result]{
		MaximumWeight:    maxBytes,
		Weigher:          func(_ [32]byte, r result) uint32 { return r.weight() },
		ExpiryCalculator: otter.ExpiryWriting[[32]byte, result](Lifetime),
		Clock:            wallclock.Clock{},
	})}
}

// result is the result of a create.
type result struct {
	input   [32]byte // MAC of the input
	made    any
	unknown bool // the outcome is unknown
}

// weight estimates the bytes of a result: three times its JSON, as in the cache.
func (r result) weight() uint32 {
	raw, err := json.Marshal(r.made)
	if err != nil {
		return 400 // a value that cannot be encoded is small
	}
	return uint32(min(400+3*len(raw), maxBytes))
}

// Create is a create that a caller may repeat.
type Create[T any] struct {
	// Mutation is the mutation field, and Op the operation that creates the object.
	Mutation string
	Op       *zoom.Spec
	// Key is the caller's key, and Input all that has to be equal in a repeat.
	Key   string
	Input any
	// Make creates the object.
	Make func(context.Context) (*T, error)
	// ZoomID returns Zoom's id of the object, and Read reads the object by that id.
	ZoomID func(*T) string
	Read   func(ctx context.Context, zoomID string) (*T, error)
}

// Once executes a create, or returns the result of an earlier one with the same key. Keys are
// scoped to the client's account, the caller's credential and the mutation.
func Once[T any](ctx context.Context, m *Memory, client *zoom.Client, c Create[T]) (*T, error) {
	if strings.TrimSpace(c.Key) == "" {
		return nil, ErrEmptyKey
	}
	raw, err := types.MarshalInput(c.Input) // with secrets, which are part of the input
	if err != nil {
		return nil, zoom.InvalidInput(c.Mutation, err)
	}
	id := sha256.Sum256(fmt.Appendf(nil, "%x\x00%x\x00%s\x00%s\x00%s", client.Tenant(), identity.From(ctx).ID(), client.Sub(), c.Mutation, c.Key))
	// Replicas share the MAC of the input, which may hold a passcode: without the caller's
	// key it cannot be found by trying all.
	mac := hmac.New(sha256.New, []byte(c.Key))
	mac.Write(raw)
	a := &attempt[T]{Create: c, memory: m, id: id, sum: [32]byte(mac.Sum(nil))}
	got, err, _ := m.flight.Do(string(id[:]), func() (any, error) { return a.result(ctx) })
	if err != nil {
		return nil, err
	}
	before, _ := got.(result)
	switch {
	case !before.unknown && before.input != a.sum:
		return nil, ErrOtherInput
	case before.unknown:
		return nil, &zoom.Error{Op: c.Op.Pattern, Kind: ErrUnknown}
	}
	made, _ := before.made.(*T)
	return made, nil
}

// attempt is one attempt at a create.
type attempt[T any] struct {
	Create[T]
	memory *Memory
	id     [32]byte // of credential, account, mutation and key
	sum    [32]byte // MAC of the input
}

// result returns the result stored in this process, or claims the create among the replicas
// and executes it.
func (a *attempt[T]) result(ctx context.Context) (result, error) {
	if before, ok := a.memory.results.GetIfPresent(a.id); ok {
		return before, nil
	}
	if a.memory.ledger == nil {
		return a.make(ctx, nil)
	}
	note, claim, err := a.memory.ledger.Claim(ctx, "once "+hex.EncodeToString(a.id[:]), Lifetime)
	switch {
	case err != nil:
		return result{}, err
	case note != nil:
		return a.replayed(ctx, note)
	}
	defer claim.SettleUnknown() // no effect once settled: for unknown outcomes and panics
	return a.make(ctx, claim)
}

// outcome is the content of a note after the create.
type outcome struct {
	Input []byte `json:"input"` // MAC of the input
	ID    string `json:"id"`    // Zoom's id of the object
}

func (o outcome) sum() [32]byte { return [32]byte(o.Input) }

// readOutcome decodes a note; ok is false if it has no outcome.
func readOutcome(note []byte) (o outcome, ok bool) {
	err := json.Unmarshal(note, &o)
	return o, err == nil && len(o.Input) == sha256.Size
}

// replayed reads the object that another process created.
func (a *attempt[T]) replayed(ctx context.Context, note *cache.Note) (result, error) {
	o, ok := readOutcome(note.Outcome)
	if !ok {
		return result{unknown: true}, nil // not stored here: the process with the claim may still write an outcome
	}
	before := result{input: o.sum()}
	if before.input != a.sum {
		return before, nil
	}
	made, err := a.Read(ctx, o.ID)
	if err != nil {
		return result{}, err
	}
	before.made = made
	a.memory.results.Set(a.id, before)
	return before, nil
}

// make executes the create and stores the outcome. claim is nil if there are no replicas.
func (a *attempt[T]) make(ctx context.Context, claim *cache.Claim) (result, error) {
	now := result{input: a.sum}
	made, err := a.Make(ctx)
	switch {
	case zoom.OutcomeUnknown(err):
		now.unknown = true
		a.memory.results.Set(a.id, now)
		return result{}, err // claim.SettleUnknown follows
	case err != nil:
		if claim != nil {
			claim.Abandon()
		}
		return result{}, err
	}
	now.made = made
	a.memory.results.Set(a.id, now)
	if claim != nil {
		note, err := json.Marshal(outcome{a.sum[:], a.ZoomID(made)})
		if err != nil {
			return result{}, err
		}
		claim.Settle(note)
	}
	return now, nil
}
