package zoom

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/semaphore"

	"zoomql/internal/flight"
	"zoomql/internal/ratelimit"
)

// coalesced lets one call do for all who ask the same at once. When the last one
// has left, a call that still stands in the limiter's queue is given up.
func (f *flights) coalesced(next Handler) Handler {
	return func(ctx context.Context, req *Request) (*Response, error) {
		if !req.Spec.Reads() {
			return next(ctx, req)
		}
		return f.Do(ctx, req.flight(), req, func(ctx context.Context) (*Response, error) { return next(ctx, req) })
	}
}

// flights are the reads under way, by what they ask. The zero value is ready.
type flights struct{ flight.Group[*Response] }

// forget lets nobody join any more what was asked before something changed.
func (f *flights) forget(stale func(*Request) bool) {
	f.Forget(func(about any) bool {
		req, ok := about.(*Request)
		return ok && stale(req)
	})
}

// identity names what is asked: two requests with the same identity have the
// same answer.
func (r *Request) identity() string {
	id := r.Spec.Pattern + " " + r.Path + "?" + r.Query
	if r.Secrets {
		id += " with secrets"
	}
	return id
}

// maxTries bounds how often one call is sent. A retry is paid for like any
// other call.
const maxTries = 3

// retried sends again what failed and may succeed: a read that had no answer, a
// call that was not carried out, a token that had expired. It gives up at once
// when the reason will not pass in time.
func retried(next Handler) Handler {
	return func(ctx context.Context, req *Request) (*Response, error) {
		pause := &backoff.ExponentialBackOff{InitialInterval: 200 * time.Millisecond, Multiplier: 2, RandomizationFactor: 0.5, MaxInterval: 5 * time.Second}
		pause.Reset()
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
				renewed = true
			}
			if !sleep(ctx, pauseFor(err, pause.NextBackOff())) {
				return nil, err
			}
		}
	}
}

// mayRetry reports whether sending the same again may bring another answer
// without doing a thing twice.
func mayRetry(req *Request, err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch {
	case errors.Is(e.Kind, ErrRateLimited), errors.Is(e.Kind, ErrUnauthenticated):
		return e.Status != 0 && e.Op == req.Spec.Pattern
	case errors.Is(e.Kind, ErrUnavailable):
		return req.Spec.Reads() || errors.Is(err, errNotSent)
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

// authorized sees that there is a token, and that it allows the call: one that
// lacks the scope would only spend a call to hear so. It stands before the
// limiter, because a call that waited for a token after its turn in the budget
// would be sent late, together with calls of the next second.
func authorized(tokens Tokens) Layer {
	return func(next Handler) Handler {
		return func(ctx context.Context, req *Request) (*Response, error) {
			token, err := tokens.Token(ctx)
			if err != nil {
				return nil, err
			}
			if s := req.Spec; len(token.Scopes) > 0 && !s.Allows(token.Scopes) {
				return nil, &Error{Op: s.Pattern, Kind: ErrMissingScope, Message: "any one of these is enough: " + s.Scopes}
			}
			return next(ctx, req)
		}
	}
}

// limited holds calls back until the account's budget has room, and bounds how
// many of one label are under way. The place among those under way is taken
// first, for the same reason as the token is.
func limited(cfg Config) Layer {
	slots := map[Rate]*semaphore.Weighted{}
	for _, r := range Rates {
		slots[r] = semaphore.NewWeighted(int64(cfg.MaxInFlight))
	}
	return func(next Handler) Handler {
		return func(ctx context.Context, req *Request) (*Response, error) {
			slot := slots[req.Spec.Rate]
			if err := slot.Acquire(ctx, 1); err != nil {
				return nil, err
			}
			defer slot.Release(1)
			if err := cfg.wait(ctx, req); err != nil {
				return nil, err
			}
			resp, err := next(ctx, req)
			cfg.learn(ctx, req, err)
			return resp, err
		}
	}
}

func (cfg Config) wait(ctx context.Context, req *Request) error {
	if cfg.Limiter == nil {
		return nil
	}
	began := time.Now()
	err := cfg.Limiter.Wait(ctx, cfg.Plan.limits(cfg.AccountID, req), ratelimit.Interactive)
	usageFrom(ctx).wait(time.Since(began))
	if full, ok := errors.AsType[*ratelimit.Error](err); ok {
		kind := ErrRateLimited
		if full.Daily {
			kind = ErrDailyLimit
		}
		return &Error{Op: req.Spec.Pattern, Kind: kind, RetryAt: full.RetryAt}
	}
	return err
}

// learn tells the limiter what a refusal says: another app may have spent what
// we had counted on.
func (cfg Config) learn(ctx context.Context, req *Request, err error) {
	var e *Error
	if cfg.Limiter == nil || !errors.As(err, &e) || e.Status != 429 || e.Concurrent() {
		return
	}
	if l, ok := refusedBy(cfg.Plan.limits(cfg.AccountID, req), e, len(req.Spec.Quotas)); ok {
		// A store that cannot be told is a store in trouble; the next call learns it itself.
		_ = cfg.Limiter.Block(ctx, l.Key, e.RetryAt)
	}
}

// refusedBy returns the limit that a refusal speaks of, if it is one of those
// that are counted here, the last of which are quotas. One by the second is the
// label's. One by the day is the label's too, or that of one object, such as a
// host or a registrant, which says nothing about any other object.
func refusedBy(limits []ratelimit.Limit, e *Error, quotas int) (ratelimit.Limit, bool) {
	labels := limits[:max(len(limits)-quotas, 0)]
	switch {
	case len(limits) == 0:
	case !errors.Is(e.Kind, ErrDailyLimit):
		return limits[0], true
	case !e.ofObject():
		return labels[len(labels)-1], true // its day or pool, if it has one
	case quotas > 0:
		return limits[len(limits)-1], true
	}
	return ratelimit.Limit{}, false
}
