package zoom

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/sony/gobreaker/v2"
)

// Breaker configures the circuit breakers. While a breaker is open, callers get the error at
// once instead of after a long wait, and Zoom gets no calls. Each operation of each account
// has its own breaker: reports may be down while meetings are healthy.
type Breaker struct {
	// Calls is the minimum of calls in the last ten seconds for a breaker to open; 0 means
	// 10.
	Calls int
	// Share is the share of these that must have failed, from 0 to 1; 0 means a half.
	Share float64
	// Slow is the duration from which a call counts as failed, though its
	// answer is used; 0 means 10 seconds.
	Slow time.Duration
	// Rest is how long a breaker stays open before it lets probes through (half-open);
	// 0 means 5 seconds.
	Rest time.Duration
	// Probes is how many probes in a row must succeed to close it; 0 means 2.
	Probes int
}

func (b Breaker) orDefaults() Breaker {
	return Breaker{cmp.Or(b.Calls, 10), cmp.Or(b.Share, 0.5), cmp.Or(b.Slow, 10*time.Second), cmp.Or(b.Rest, 5*time.Second), cmp.Or(b.Probes, 2)}
}

// errOpen is the cause of the error for a call that an open breaker refused.
var errOpen = errors.New("the operation is left alone for a while, because it failed too often")

// The outcomes reported to a breaker that are not errors of the call.
var (
	errSlow    = errors.New("slow")
	errNotMade = errors.New("not made")
)

// maxBreakers bounds the breakers of a client, each of which takes about 1.5 KiB:
// callers can name any account. Rarely used ones are dropped, and an operation whose breaker was
// dropped counts as healthy.
const maxBreakers = 2_000

// breaker is the circuit breaker of one operation for one account.
type breaker struct {
	*gobreaker.TwoStepCircuitBreaker[struct{}]
	until atomic.Int64 // when it becomes half-open, in Unix nanoseconds
}

// breakers are a client's circuit breakers, as a layer.
type breakers struct {
	cfg  Config
	rule Breaker
	all  *otter.Cache[string, *breaker] // by account and pattern
}

func newBreakers(cfg Config) *breakers {
	return &breakers{cfg, cfg.Breaker.orDefaults(), bounded[*breaker](maxBreakers)}
}

// layer refuses calls whose breaker is open. It precedes the limiter, so that such a call
// uses none of the budget, and is inside of the retries, because each of them shows
// whether Zoom is healthy.
//
//	reads:   the request; of the Response, took
//	writes:  nothing
//	refuses: [ByBreaker] a call of an operation whose breaker is open
func (all *breakers) layer(next Handler) Handler {
	return func(ctx context.Context, req *Request) (*Response, error) {
		b := all.of(req)
		done, err := b.Allow()
		if err != nil {
			return nil, &Error{By: ByBreaker, Op: req.Spec.Pattern, Kind: ErrUnavailable, RetryAt: b.retryAt(), Cause: errOpen}
		}
		outcome := errNotMade // stays if next panics
		defer func() { done(outcome) }()
		resp, err := next(ctx, req)
		outcome = all.rule.outcome(resp, err)
		return resp, err
	}
}

// of returns the breaker for a call.
func (all *breakers) of(req *Request) *breaker {
	key := req.Account + " " + req.Spec.Pattern
	b, ok := all.all.GetIfPresent(key)
	if !ok {
		b, _ = all.all.SetIfAbsent(key, all.rule.newBreaker(all.cfg, req.Spec))
	}
	return b
}

func (r Breaker) newBreaker(cfg Config, s *Spec) *breaker {
	b := &breaker{}
	b.TwoStepCircuitBreaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name: s.Pattern, MaxRequests: uint32(r.Probes), //nolint:gosec // a handful
		Interval: 10 * time.Second, BucketPeriod: time.Second, Timeout: r.Rest,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			made := c.TotalSuccesses + c.TotalFailures
			return int(made) >= r.Calls && float64(c.TotalFailures) >= r.Share*float64(made)
		},
		IsExcluded: func(err error) bool { return errors.Is(err, errNotMade) },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				b.until.Store(time.Now().Add(r.Rest).UnixNano())
			}
			if cfg.Log != nil {
				cfg.Log.Warn("an operation of Zoom's has another state", "operation", s.Pattern, "is", stateWords[to])
			}
		},
	})
	return b
}

var stateWords = map[gobreaker.State]string{
	gobreaker.StateOpen:     "left alone: it fails too often",
	gobreaker.StateHalfOpen: "tried again",
	gobreaker.StateClosed:   "healthy again",
}

// retryAt returns when a call may be let through again: when the breaker becomes half-open,
// or, while probes are under way, in a second.
func (b *breaker) retryAt() time.Time {
	if at := time.Unix(0, b.until.Load()); at.After(time.Now()) {
		return at
	}
	return time.Now().Add(time.Second)
}

// outcome returns the result of a call for its breaker: an error for a failure, nil for a
// success, errNotMade to be ignored. A refusal for which Zoom states a reason is a success.
func (r Breaker) outcome(resp *Response, err error) error {
	var e *Error
	switch {
	case err == nil && resp.took > r.Slow:
		return errSlow
	case err == nil:
		return nil
	case !errors.As(err, &e): // it was not sent
		return errNotMade
	case e.By == ByNetwork:
		return e
	case e.By != ByZoom: // such as the limiter
		return errNotMade
	case errors.Is(e.Kind, ErrUnavailable), errors.Is(e.Kind, ErrBadAnswer), errors.Is(e.Kind, ErrNotZoom), e.Status >= http.StatusInternalServerError:
		return e
	case e.Status >= http.StatusOK && e.Status < http.StatusMultipleChoices: // not cached, so each request would call again
		return e
	}
	return nil
}
