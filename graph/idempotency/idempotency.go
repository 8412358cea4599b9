// Package idempotency remembers what creates with a key of the caller's have made, so
// that a repeat answers with the first result and makes nothing.
//
// The result itself stays in this process, since it may hold credentials, which are put
// nowhere else. What replicas share is a note with Zoom's id of what was made; a replica
// that did not make it reads it at Zoom. The note is there before Zoom is asked: a create
// whose answer was lost, or whose process ended, has a note without an outcome, and no
// replica makes it again.
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

// Lifetime is how long a repeat makes nothing.
const Lifetime = 24 * time.Hour

// maxBytes bounds the results that are kept: some thousands of them.
const maxBytes = 16 << 20

var (
	// ErrEmptyKey is of a key without a letter in it.
	ErrEmptyKey = errors.New("idempotencyKey: it is empty")
	// ErrOtherInput is of a key that came with another input before.
	ErrOtherInput = errors.New("idempotencyKey: it was used for another input")
	// ErrUnknown is of a repeat of a create whose outcome is not known: nothing was sent.
	ErrUnknown = errors.New("an attempt with this idempotencyKey has no outcome that is known")
)

// Memory is what one account's creates have made.
type Memory struct {
	results *otter.Cache[[32]byte, result]
	ledger  cache.Ledger // nil where there are no replicas
	flight  singleflight.Group
}

// New returns a memory without entries. ledger has the notes that replicas share; nil
// stands for one gateway alone.
func New(ledger cache.Ledger) *Memory {
	return &Memory{ledger: ledger, results: otter.Must(&otter.Options[[32]byte, result]{
		MaximumWeight:    maxBytes,
		Weigher:          func(_ [32]byte, r result) uint32 { return r.weight() },
		ExpiryCalculator: otter.ExpiryWriting[[32]byte, result](Lifetime),
		Clock:            wallclock.Clock{},
	})}
}

// result is what came of a create.
type result struct {
	input   [32]byte // the sum
	made    any
	unknown bool // whether Zoom did it
}

// weight returns about how many bytes a result takes: three times its JSON, as in the
// cache.
func (r result) weight() uint32 {
	raw, err := json.Marshal(r.made)
	if err != nil {
		return 400 // what cannot be written takes little
	}
	return uint32(min(400+3*len(raw), maxBytes))
}

// Create is a create that a caller may repeat.
type Create[T any] struct {
	// Mutation is the field that the caller sent, and Op the operation that makes the
	// object.
	Mutation string
	Op       *zoom.Spec
	// Key is the caller's, and Input all that is to be the same in a repeat.
	Key   string
	Input any
	// Make makes the object.
	Make func(context.Context) (*T, error)
	// ZoomID returns Zoom's id of the object, and Read reads the object by that id.
	ZoomID func(*T) string
	Read   func(ctx context.Context, zoomID string) (*T, error)
}

// Once carries a create out, or returns what the same key made before. Keys are those of
// the client's account.
func Once[T any](ctx context.Context, m *Memory, client *zoom.Client, c Create[T]) (*T, error) {
	if strings.TrimSpace(c.Key) == "" {
		return nil, ErrEmptyKey
	}
	raw, err := types.MarshalInput(c.Input) // with secrets, which are part of what is wanted
	if err != nil {
		return nil, zoom.InvalidInput(c.Mutation, err)
	}
	id := sha256.Sum256(fmt.Appendf(nil, "%x\x00%x\x00%s\x00%s\x00%s", client.Tenant(), identity.From(ctx).ID(), client.Sub(), c.Mutation, c.Key))
	// Replicas share the sum of the input, which may hold a passcode: without the
	// caller's key nobody can try out which one.
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
	sum    [32]byte // of the input
}

// result returns what this process knows, or else claims the create among the replicas
// and carries it out.
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
	defer claim.SettleUnknown() // in a panic
	return a.make(ctx, claim)
}

// outcome is what a note says when the create is done.
type outcome struct {
	Input []byte `json:"input"` // the sum
	ID    string `json:"id"`    // Zoom's, of what was made
}

func (o outcome) sum() [32]byte { return [32]byte(o.Input) }

// readOutcome reports false where a note has no outcome.
func readOutcome(note []byte) (o outcome, ok bool) {
	err := json.Unmarshal(note, &o)
	return o, err == nil && len(o.Input) == sha256.Size
}

// replayed reads what another process made.
func (a *attempt[T]) replayed(ctx context.Context, note *cache.Note) (result, error) {
	o, ok := readOutcome(note.Outcome)
	if !ok {
		return result{unknown: true}, nil // not kept here: the process that made the claim may still note an outcome
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

// make carries the create out and notes the outcome. claim is nil where there are no
// replicas.
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
