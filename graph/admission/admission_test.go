package admission

import (
	"context"
	"errors"
	"testing"

	"zoomql/internal/ratelimit"
)

// One operation with a long list leaves room for another caller's.
func TestItems_callersTakeTurns(t *testing.T) {
	pool := New().Items
	ctx := func(caller string) context.Context {
		ctx, cancel := context.WithCancel(ratelimit.WithCaller(t.Context(), caller))
		t.Cleanup(cancel)
		return ctx
	}
	var stays []*Items
	for range MaxItems / 2 / 1_000 {
		s := &Items{Pool: pool}
		if err := s.Acquire(ctx("flood"), 1_000); err != nil {
			t.Fatal(err)
		}
		stays = append(stays, s)
	}
	over, leave := context.WithCancel(ctx("flood"))
	left := make(chan error, 1)
	go func() { left <- (&Items{Pool: pool}).Acquire(over, 1_000) }()
	single := &Items{Pool: pool}
	if err := single.Acquire(ctx("single"), 3_000); err != nil {
		t.Fatal(err)
	}
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("one caller has more than half: %v", err)
	}
	for _, s := range append(stays, single) {
		s.Release()
	}
	if all, ok := pool.TryAcquire(t.Context(), MaxItems); !ok {
		t.Error("the pool was not given back")
	} else {
		all()
	}
}
