package zoom

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"zoomql/cache"
	"zoomql/internal/ratelimit"
)

const (
	// mild bounds how much of an answer's time may go into asking early: an
	// answer is asked for again in the last of so many parts of it, mostly.
	mild = 16
	// refreshTime bounds a refresh. It stands behind all who wait for an
	// answer; when the budget has no room for it, whoever asks next tries again.
	refreshTime = 10 * time.Second
	// maxRefreshes bounds those that are under way in this process.
	maxRefreshes = 64
)

// background marks what nobody waits for, so that it comes after what somebody
// waits for.
func background(ctx context.Context) context.Context {
	return ratelimit.WithPriority(ctx, ratelimit.Refresh)
}

func (c *cached) want(req *Request) cache.Want {
	return cache.Want{Acceptable: func(e *cache.Entry) bool { return c.enough(req, e) }, Refresh: !req.newer.IsZero()}
}

// enough reports whether an entry need not be waited for. A refresh wants one
// that is newer than what there is.
func (c *cached) enough(req *Request, e *cache.Entry) bool {
	now := time.Now()
	switch {
	case !req.newer.IsZero():
		return e.Fresh(now) && e.Stored.After(req.newer)
	case e.Fresh(now):
		return true
	}
	resp, err := c.found(req, e, cache.Ticket{})
	if resp == nil || err != nil {
		return false
	}
	return resp.Age < req.meanwhile(resp.Value)
}

// meanwhile returns how old an answer may be that is given without asking first.
func (r *Request) meanwhile(value any) time.Duration {
	d := r.life(value).Meanwhile()
	if page, ok := value.(interface {
		keep(time.Duration) time.Duration
	}); ok {
		return page.keep(d)
	}
	return d
}

// keepFresh asks again for an answer that is stale or soon will be, for the next
// who wants it. One asks for a key at a time, and nobody waits.
func (c *cached) keepFresh(ctx context.Context, req *Request, e *cache.Entry) {
	now := time.Now()
	if e.Fresh(now) && !e.ShouldRefresh(now, rand.Float64) {
		return
	}
	again := *req
	again.newer = e.Stored
	if c.flights.Has(again.flight()) {
		return
	}
	if c.refreshing.Add(1) > maxRefreshes {
		c.refreshing.Add(-1)
		return
	}
	ctx = background(WithUsage(context.WithoutCancel(ctx), nil))
	_, again.ticket = c.l1.Get(ctx, c.key(again.identity()), c.tags(&again)...)
	go func() {
		defer c.refreshing.Add(-1)
		ctx, cancel := context.WithTimeout(ctx, refreshTime)
		defer cancel()
		_, _ = c.next(ctx, &again) // what it brings is filed; what fails is tried again
	}()
}

// flight names the flight of a request. A refresh has one of its own: it may fail
// for being unimportant, and nobody else should for that.
func (r *Request) flight() string {
	if r.newer.IsZero() {
		return r.identity()
	}
	return "refresh " + r.identity()
}

// excused reports whether a call failed for reasons that say nothing about what
// was asked for.
func excused(err error) bool {
	for _, kind := range []error{ErrRateLimited, ErrDailyLimit, ErrUnavailable, ErrNotZoom, context.DeadlineExceeded} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// standby returns the answer of before, as long as it is worth anything and
// nothing has evicted it; nil is none.
func (c *cached) standby(ctx context.Context, req *Request) *Response {
	entry, ticket := c.store.Get(ctx, c.key(req.identity()), c.tags(req)...)
	resp, err := c.found(req, entry, ticket)
	if err != nil {
		return nil
	}
	return resp
}

// staleAge returns the age of an answer that is past its time, and 0 for others.
func (r *Response) staleAge() time.Duration {
	if r.Stale {
		return r.Age
	}
	return 0
}
