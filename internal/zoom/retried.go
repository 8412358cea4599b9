package zoom

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// maxTries bounds how often one call is sent. A retry counts against the budget like any
// other call.
const maxTries = 3

// retried is the layer that repeats calls that may succeed the next time: a read without an
// answer, a call that Zoom did not execute, a call with an expired token. It returns the
// error at once if its cause will not end in time, or if the retry budget is used up, so
// that retries do not overload Zoom further.
//
//	reads:   the request
//	writes:  nothing
//	refuses: nothing
func retried(next Handler) Handler {
	var budget retryBudget
	return func(ctx context.Context, req *Request) (*Response, error) {
		pause := &backoff.ExponentialBackOff{InitialInterval: 200 * time.Millisecond, Multiplier: 2, RandomizationFactor: 0.5, MaxInterval: 5 * time.Second}
		pause.Reset()
		budget.earn()
		renewed := false
		for try := 1; ; try++ {
			resp, err := next(ctx, req)
			if err == nil || try == maxTries || !mayRetry(req, err) {
				return resp, err
			}
			if errors.Is(err, ErrUnauthenticated) {
				if renewed {
					return nil, err // the new token was refused too
				}
				renewed = true // costs no retry budget: an expired token does not mean that Zoom is overloaded
			} else if !budget.spend() {
				return nil, err
			}
			if !sleep(ctx, pauseFor(err, pause.NextBackOff())) {
				return nil, err
			}
		}
	}
}

// A retryBudget limits retries to a tenth of the calls and a few per minute, like the retry
// throttling of gRPC. The zero value is a full budget.
type retryBudget struct {
	mu     sync.Mutex
	spent  float64   // of maxSavedRetries
	earned time.Time // when minRetriesPerSecond was last credited
}

const (
	retriesPerCall  = 0.1
	maxSavedRetries = 10.0
	// minRetriesPerSecond lets a client that makes few calls retry a single failure.
	minRetriesPerSecond = 0.2
)

// earn credits the budget for a call.
func (b *retryBudget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if !b.earned.IsZero() {
		b.spent -= now.Sub(b.earned).Seconds() * minRetriesPerSecond
	}
	b.earned = now
	b.spent = max(b.spent-retriesPerCall, 0)
}

// spend takes one retry from the budget and reports whether there was one.
func (b *retryBudget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spent+1 > maxSavedRetries {
		return false
	}
	b.spent++
	return true
}

// mayRetry reports whether the call may succeed when repeated, without executing a write
// twice.
func mayRetry(req *Request, err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch {
	case errors.Is(e.Kind, ErrRateLimited):
		return e.By == ByZoom
	case errors.Is(e.Kind, ErrUnauthenticated):
		return e.By == ByZoom || errors.Is(err, errTokenEnded)
	case errors.Is(e.Kind, ErrUnavailable):
		return e.By != ByBreaker && (req.Spec.Reads() || errors.Is(err, errNotSent))
	}
	return false
}

// pauseFor returns how long to wait before a retry: until Zoom's retry time plus a random
// jitter, so that calls refused together do not return together; or else fallback.
func pauseFor(err error, fallback time.Duration) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		if errors.Is(e.Kind, ErrUnauthenticated) {
			return 0
		}
		if d := time.Until(e.RetryAt); d > 0 && !e.Concurrent() {
			return d + rand.N(100*time.Millisecond)
		}
	}
	return fallback
}

// sleep waits for d, and returns false if the context ends before, at once if its deadline is
// earlier.
func sleep(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
