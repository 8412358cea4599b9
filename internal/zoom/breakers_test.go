package zoom

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// health is a Handler with a configurable error and duration.
type health struct {
	err   error
	took  time.Duration
	calls int
}

func (h *health) handle(context.Context, *Request) (*Response, error) {
	h.calls++
	if h.err != nil {
		return nil, h.err
	}
	return &Response{took: h.took}, nil
}

func TestBreakers_openAndClose(t *testing.T) {
	down := &Error{By: ByZoom, Op: GetUser.Pattern, Kind: ErrUnavailable, Status: 503}
	for _, c := range []struct {
		why  string
		h    health
		open bool
	}{
		{"an outage", health{err: down}, true},
		{"no answer", health{err: &Error{By: ByNetwork, Op: GetUser.Pattern, Kind: ErrUnavailable, Cause: context.DeadlineExceeded}}, true},
		{"slow answers", health{took: 11 * time.Second}, true},
		{"answers", health{took: time.Second}, false},
		{"no such object", health{err: &Error{By: ByZoom, Op: GetUser.Pattern, Kind: ErrNotFound, Status: 404}}, false},
		{"throttled", health{err: &Error{By: ByZoom, Op: GetUser.Pattern, Kind: ErrRateLimited, Status: 429}}, false},
		{"our own limiter", health{err: &Error{By: ByLimiter, Op: GetUser.Pattern, Kind: ErrRateLimited}}, false},
		{"no token", health{err: &Error{By: ByOAuth, Op: "POST /oauth/token", Kind: ErrUnavailable, Status: 500}}, false},
		{"a canceled call", health{err: context.Canceled}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := &c.h
			layer := newBreakers(Config{}).layer(h.handle)
			for range 10 {
				_, _ = layer(t.Context(), userRequest(t, "u"))
			}
			began := time.Now()
			_, err := layer(t.Context(), userRequest(t, "u"))
			if open := errors.Is(err, errOpen); open != c.open || (h.calls == 10) != c.open {
				t.Fatalf("%s: after %d calls: %v", c.why, h.calls, err)
			}
			if !c.open {
				return
			}
			if e := asError(t, err); !errors.Is(e, ErrUnavailable) || e.RetryAt.Sub(began) != 5*time.Second || mayRetry(userRequest(t, "u"), err) {
				t.Errorf("%s: %v, again in %v", c.why, e, e.RetryAt.Sub(began))
			}
			if _, err := layer(t.Context(), &Request{Spec: GetDailyReport.Spec}); errors.Is(err, errOpen) {
				t.Errorf("%s: the breaker of another operation is open too", c.why)
			}
			calls := h.calls

			time.Sleep(5*time.Second + 1) // it is probed, and still fails
			if _, err := layer(t.Context(), userRequest(t, "u")); errors.Is(err, errOpen) || h.calls != calls+1 {
				t.Errorf("%s: no probe: %v", c.why, err)
			}
			if _, err := layer(t.Context(), userRequest(t, "u")); !errors.Is(err, errOpen) {
				t.Errorf("%s: a probe that failed opened it: %v", c.why, err)
			}
			time.Sleep(5*time.Second + 1) // it is probed, and well
			h.err, h.took = nil, 0
			for range 20 {
				if _, err := layer(t.Context(), userRequest(t, "u")); err != nil {
					t.Errorf("%s: well again: %v", c.why, err)
				}
			}
		})
	}
}

// A probe that was not sent does not count: otherwise the breaker would stay half-open
// without letting another one through.
func TestBreakers_probeNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &health{err: &Error{By: ByZoom, Op: GetUser.Pattern, Kind: ErrUnavailable, Status: 503}}
		layer := newBreakers(Config{}).layer(h.handle)
		for range 10 {
			_, _ = layer(t.Context(), userRequest(t, "u"))
		}
		time.Sleep(5*time.Second + 1)
		h.err = context.Canceled
		for range 10 {
			if _, err := layer(t.Context(), userRequest(t, "u")); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		}
	})
}

// When all calls fail, retries are a tenth of the calls.
func TestRetryBudget_isATenth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &health{err: &Error{By: ByZoom, Op: GetUser.Pattern, Kind: ErrUnavailable, Status: 503}}
		layer := retried(h.handle)
		const requested = 1000
		for range requested {
			a := ask(t.Context(), layer, userRequest(t, "u"))
			<-a.done
		}
		if again := h.calls - requested; again < requested/20 || again > requested/10+50 {
			t.Errorf("%d of %d calls were sent again", again, requested)
		}
	})
}
