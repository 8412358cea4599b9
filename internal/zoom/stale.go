package zoom

import (
	"context"
	"errors"
	"time"

	"zoomql/cache"
	"zoomql/internal/ratelimit"
)

const (
	// maxEarlyRefresh bounds how much of an answer's time may go into asking early: an
	// answer is asked for again in the last of so many parts of it, mostly.
	maxEarlyRefresh = 16
	// refreshTime bounds a refresh. It comes after all calls whose answer is
	// waited for; when the budget has no room for it, the next request tries again.
	refreshTime = 10 * time.Second
	// maxRefreshes bounds those that are under way in this process.
	maxRefreshes = 64
)

// background marks calls whose answer is not waited for, so that they come after others.
func background(ctx context.Context) context.Context {
	return ratelimit.WithPriority(ctx, ratelimit.Refresh)
}

func (a *answerStore) want(req *Request) cache.Want {
	return cache.Want{Acceptable: func(e *cache.Entry) bool { return a.isAcceptable(req, e) }, Refresh: req.refreshes()}
}

// refreshes reports whether the request is made to replace a stale answer.
func (r *Request) refreshes() bool { return !r.newer.IsZero() }

// isAcceptable reports whether an entry need not be waited for. A refresh wants one that is
// newer than what there is.
func (a *answerStore) isAcceptable(req *Request, e *cache.Entry) bool {
	switch {
	case req.refreshes() && !e.Stored.After(req.newer):
		return false
	case e.Fresh(time.Now()):
		return true
	}
	resp, err := a.read(req, e, cache.Ticket{})
	switch {
	case resp == nil || err != nil:
		return false
	case !resp.Stale:
		return true
	}
	return !req.refreshes() && resp.Age < req.staleWhileRevalidate(resp.Value)
}

// staleWhileRevalidate returns how old an answer may be that is given without asking first.
func (r *Request) staleWhileRevalidate(value any) time.Duration {
	return kept(value, r.life(value).StaleWhileRevalidate())
}

// isTransient reports whether a call failed for reasons that say nothing about what
// was asked for.
func isTransient(err error) bool {
	for _, kind := range []error{ErrRateLimited, ErrDailyLimit, ErrUnavailable, ErrNotZoom, context.DeadlineExceeded} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// staleAge returns the age of an answer that is past its time, and 0 for others.
func (r *Response) staleAge() time.Duration {
	if r.Stale {
		return r.Age
	}
	return 0
}
