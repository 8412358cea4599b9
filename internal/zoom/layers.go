package zoom

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/semaphore"

	"zoomql/internal/ratelimit"
)

// coalesced lets one call do for all who ask the same at once. The call
// belongs to none of them: it goes on while anyone waits, and each leaves when
// his own context ends. When the last one has left, a call that still stands
// in the limiter's queue is given up.
func coalesced() Layer {
	f := &flights{under: map[string]*flight{}}
	return func(next Handler) Handler {
		return func(ctx context.Context, req *Request) (*Response, error) {
			if !req.Spec.Reads() {
				return next(ctx, req)
			}
			return f.join(ctx, req, next)
		}
	}
}

type flights struct {
	mu    sync.Mutex
	under map[string]*flight
}

type flight struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiters int
	resp    *Response
	err     error
}

// longest bounds shared work, whoever waits for it.
const longest = time.Minute

func (f *flights) join(ctx context.Context, req *Request, next Handler) (*Response, error) {
	key := req.identity()
	f.mu.Lock()
	fl := f.under[key]
	if fl == nil {
		fl = f.begin(ctx, key, req, next)
	}
	fl.waiters++
	f.mu.Unlock()

	select {
	case <-fl.done:
		return fl.resp, fl.err
	case <-ctx.Done():
		f.leave(key, fl)
		return nil, ctx.Err()
	}
}

func (f *flights) begin(ctx context.Context, key string, req *Request, next Handler) *flight {
	shared, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
	fl := &flight{done: make(chan struct{}), cancel: cancel}
	f.under[key] = fl
	go func() {
		defer cancel()
		fl.resp, fl.err = next(shared, req)
		f.mu.Lock()
		if f.under[key] == fl {
			delete(f.under, key)
		}
		f.mu.Unlock()
		close(fl.done)
	}()
	return fl
}

func (f *flights) leave(key string, fl *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fl.waiters--
	if fl.waiters > 0 {
		return
	}
	fl.cancel()
	if f.under[key] == fl {
		delete(f.under, key) // who comes now must not join what is being given up
	}
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
		for try := 1; ; try++ {
			resp, err := next(ctx, req)
			if err == nil || try == maxTries || !mayRetry(req, err) {
				return resp, err
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
	switch e.Kind {
	case ErrRateLimited, ErrUnauthenticated:
		// Refused by Zoom, so nothing was done. When the token itself cannot
		// be had, asking again changes nothing.
		return e.Status != 0 && e.Op == req.Spec.Pattern
	case ErrUnavailable:
		return req.Spec.Reads() || errors.Is(err, errNotSent)
	}
	return false
}

// pauseFor returns how long to wait: as long as Zoom asks, or as the back-off
// says, and a little more at random so that those who were refused together do
// not come back together.
func pauseFor(err error, fallback time.Duration) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		if e.Kind == ErrUnauthenticated {
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

// limited holds calls back until the account's budget has room, and bounds how
// many of one label are under way. The place among those under way is taken
// first: a call that waited for it after its turn in the budget would be sent
// late, together with calls of the next second.
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
	var full *ratelimit.Error
	if errors.As(err, &full) {
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
	if limits := cfg.Plan.limits(cfg.AccountID, req); len(limits) > 0 {
		// A store that cannot be told is a store in trouble; the next call learns it itself.
		_ = cfg.Limiter.Block(ctx, refusedBy(limits, e).Key, e.RetryAt)
	}
}

// refusedBy returns the limit that a refusal speaks of: the label's own for one
// by the second, and for one by the day the narrowest that is counted by day,
// since Zoom names the label's only when no quota of an object is meant.
func refusedBy(limits []ratelimit.Limit, e *Error) ratelimit.Limit {
	if !errors.Is(e, ErrDailyLimit) || len(limits) == 1 {
		return limits[0]
	}
	return limits[len(limits)-1]
}
