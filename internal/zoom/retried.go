package zoom

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// maxTries bounds how often one call is sent. A retry is paid for like any
// other call.
const maxTries = 3

// retried is the layer that sends again what failed and may succeed: a read that had no
// answer, a call that was not carried out, a token that had expired. It gives up at once
// when the reason will not pass in time, or when so much is sent again already
// that one more would only add to Zoom's trouble.
//
//	reads:   what is asked
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
					return nil, err // a new token fared no better
				}
				renewed = true // all calls with the old token fail: that says nothing about Zoom's health
			} else if !budget.spend() {
				return nil, err
			}
			if !sleep(ctx, pauseFor(err, pause.NextBackOff())) {
				return nil, err
			}
		}
	}
}

// A retryBudget keeps retries to a tenth of the calls, and a few. The zero value
// has what may be saved up.
type retryBudget struct {
	mu     sync.Mutex
	spent  float64   // of savedRetries
	earned time.Time // when minRetriesPerSecond was last paid in
}

const (
	retriesPerCall = 0.1
	savedRetries   = 10.0
	// minRetriesPerSecond are the retries that a client has which makes few calls: a
	// failure that is alone is sent again.
	minRetriesPerSecond = 0.2
)

// earn pays in for a call.
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

// spend reports whether there may be a retry.
func (b *retryBudget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spent+1 > savedRetries {
		return false
	}
	b.spent++
	return true
}

// mayRetry reports whether sending the same again may bring another answer
// without doing a thing twice.
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

// pauseFor returns how long to wait: as long as Zoom asks, or as the back-off
// says, and a little more at random so that those who were refused together do
// not come back together.
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

// sleep waits, unless the context ends before the time would be over.
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
