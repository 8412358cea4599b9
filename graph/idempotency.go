package graph

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"
)

// idempotency remembers what creates with a key of the caller's have made, so
// that a repeat answers with the first result. It is kept in this process: the
// result may hold credentials, which are put nowhere else.
type idempotency struct {
	done   *otter.Cache[[32]byte, made]
	flight singleflight.Group
}

type made struct {
	input  [32]byte
	result any
}

func newIdempotency() *idempotency {
	return &idempotency{done: otter.Must(&otter.Options[[32]byte, made]{
		MaximumSize:      10_000,
		ExpiryCalculator: otter.ExpiryWriting[[32]byte, made](24 * time.Hour),
		Clock:            clock{},
	})}
}

// clock is time.Now for otter. It never ticks, so that no goroutine outlives a
// handler: what has expired is invisible at once and goes with later writes.
type clock struct{}

func (clock) NowNano() int64                      { return time.Now().UnixNano() }
func (clock) Tick(time.Duration) <-chan time.Time { return nil }

// once carries a create out, or answers with what the same key made before. The
// same key with another input is a mistake of the caller's.
func once[T any](ctx context.Context, s *scope, m *idempotency, mutation string, key *string, input any, create func(context.Context) (*T, error)) (*T, error) {
	if key == nil {
		return create(ctx)
	}
	raw, err := json.Marshal(input)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	id := sha256.Sum256(fmt.Appendf(nil, "%x\x00%s\x00%s\x00%s", s.client.Tenant(), s.client.Sub(), mutation, *key))
	result, err, _ := m.flight.Do(string(id[:]), func() (any, error) {
		if before, ok := m.done.GetIfPresent(id); ok {
			return before, nil
		}
		obj, err := create(ctx)
		if err != nil {
			return nil, err
		}
		now := made{sum, obj}
		m.done.Set(id, now)
		return now, nil
	})
	if err != nil {
		return nil, err
	}
	before, _ := result.(made)
	if before.input != sum {
		return nil, invalid("idempotencyKey: it was used for another input")
	}
	obj, _ := before.result.(*T)
	return obj, nil
}
