package graph

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"zoomql/cache"
	"zoomql/internal/wallclock"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// idempotency remembers what creates with a key of the caller's have made, so
// that a repeat answers with the first result and makes nothing.
//
// The result itself stays in this process, since it may hold credentials, which
// are put nowhere else. What replicas share is a note with Zoom's id of what was
// made; one that did not make it reads it at Zoom. The note is there before Zoom
// is asked: a create whose answer was lost, or whose process ended, has a note
// without an outcome, and is not done again by anybody.
type idempotency struct {
	done   *otter.Cache[[32]byte, made]
	ledger cache.Ledger // nil where there are no replicas
	flight singleflight.Group
}

// remembered is how long a repeat makes nothing.
const remembered = 24 * time.Hour

type made struct {
	input   [32]byte
	result  any
	unknown bool // whether Zoom did it
}

func newIdempotency(ledger cache.Ledger) *idempotency {
	return &idempotency{ledger: ledger, done: otter.Must(&otter.Options[[32]byte, made]{
		MaximumWeight:    rememberedBytes,
		Weigher:          func(_ [32]byte, m made) uint32 { return m.weight() },
		ExpiryCalculator: otter.ExpiryWriting[[32]byte, made](remembered),
		Clock:            wallclock.Clock{},
	})}
}

// rememberedBytes bounds what is kept of results: some thousands of them.
const rememberedBytes = 16 << 20

// weight returns about how many bytes a result takes: three times its JSON, as in the
// cache.
func (m made) weight() uint32 {
	raw, err := json.Marshal(m.result)
	if err != nil {
		return 400 // what cannot be written takes little
	}
	return uint32(min(400+3*len(raw), rememberedBytes))
}

// creation is a create that may be repeated.
type creation[T any] struct {
	mutation string
	key      *string // the caller's; nil is none
	input    any
	create   func(context.Context) (*T, error)
	// id returns Zoom's id of what was made, and again reads that at Zoom.
	id    func(*T) string
	again func(ctx context.Context, id string) (*T, error)
	// op is the operation that makes it.
	op *zoom.Spec
}

// once carries a create out, or answers with what the same key made before. The
// same key with another input is a mistake of the caller's.
func once[T any](ctx context.Context, s *scope, m *idempotency, c creation[T]) (*T, error) {
	if c.key == nil {
		return c.create(ctx)
	}
	if strings.TrimSpace(*c.key) == "" {
		return nil, invalid("idempotencyKey: it is empty")
	}
	raw, err := types.MarshalInput(c.input) // with secrets, which are part of what is wanted
	if err != nil {
		return nil, zoom.InvalidInput(c.mutation, err)
	}
	id := sha256.Sum256(fmt.Appendf(nil, "%x\x00%s\x00%s\x00%s", s.client.Tenant(), s.client.Sub(), c.mutation, *c.key))
	// Replicas share the sum of the input, which may hold a passcode: without the
	// caller's key nobody can try out which one.
	mac := hmac.New(sha256.New, []byte(*c.key))
	mac.Write(raw)
	do := &doing[T]{creation: c, m: m, id: id, sum: [32]byte(mac.Sum(nil))}
	result, err, _ := m.flight.Do(string(id[:]), func() (any, error) { return do.here(ctx) })
	if err != nil {
		return nil, err
	}
	before, _ := result.(made)
	switch {
	case !before.unknown && before.input != do.sum:
		return nil, invalid("idempotencyKey: it was used for another input")
	case before.unknown:
		return nil, &zoom.Error{Op: c.op.Pattern, Kind: errRepeated}
	}
	obj, _ := before.result.(*T)
	return obj, nil
}

// doing is one attempt at a creation.
type doing[T any] struct {
	creation[T]
	m   *idempotency
	id  [32]byte // of tenant, mutation and key
	sum [32]byte // of the input
}

// here answers with what this process knows, or else agrees with the others.
func (d *doing[T]) here(ctx context.Context) (made, error) {
	if before, ok := d.m.done.GetIfPresent(d.id); ok {
		return before, nil
	}
	if d.m.ledger == nil {
		return d.create(ctx, nil)
	}
	note, claim, err := d.m.ledger.Claim(ctx, "once "+hex.EncodeToString(d.id[:]), remembered)
	switch {
	case err != nil:
		return made{}, err
	case note != nil:
		return d.told(ctx, note)
	}
	defer claim.SettleUnknown() // in a panic
	return d.create(ctx, claim)
}

// deed is what a note's outcome says.
type deed struct {
	Input []byte `json:"input"` // the sum
	ID    string `json:"id"`    // Zoom's, of what was made
}

func (d deed) sum() [32]byte { return [32]byte(d.Input) }

// readDeed reports false where a note says nothing of what came of it.
func readDeed(outcome []byte) (was deed, ok bool) {
	err := json.Unmarshal(outcome, &was)
	return was, err == nil && len(was.Input) == sha256.Size
}

// told reads what another process made.
func (d *doing[T]) told(ctx context.Context, note *cache.Note) (made, error) {
	was, ok := readDeed(note.Outcome)
	if !ok {
		return made{unknown: true}, nil // not kept here: the one who is at it may still note what came of it
	}
	before := made{input: was.sum()}
	if before.input != d.sum {
		return before, nil
	}
	obj, err := d.again(ctx, was.ID)
	if err != nil {
		return made{}, err
	}
	before.result = obj
	d.m.done.Set(d.id, before)
	return before, nil
}

// create carries it out and notes what came of it. claim is nil where nobody else
// is told.
func (d *doing[T]) create(ctx context.Context, claim *cache.Claim) (made, error) {
	now := made{input: d.sum}
	obj, err := d.creation.create(ctx)
	switch {
	case zoom.OutcomeUnknown(err):
		now.unknown = true
		d.m.done.Set(d.id, now)
		return made{}, err // claim.SettleUnknown follows
	case err != nil:
		if claim != nil {
			claim.Abandon()
		}
		return made{}, err
	}
	now.result = obj
	d.m.done.Set(d.id, now)
	if claim != nil {
		outcome, err := json.Marshal(deed{d.sum[:], d.creation.id(obj)})
		if err != nil {
			return made{}, err
		}
		claim.Settle(outcome)
	}
	return now, nil
}
