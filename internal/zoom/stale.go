package zoom

import (
	"context"
	"errors"
	"time"

	"zoomql/cache"
	"zoomql/internal/ratelimit"
)

const (
	// maxEarlyRefresh bounds early refreshes: most occur in the last 1/maxEarlyRefresh of
	// an answer's lifetime.
	maxEarlyRefresh = 16
	// refreshTime bounds a refresh. It has a lower priority than calls that a caller waits
	// for; if the budget has no room for it, the next request tries again.
	refreshTime = 10 * time.Second
	// maxRefreshes bounds the refreshes under way in this process.
	maxRefreshes = 64
)

// Background gives calls that no caller waits for a lower priority.
func Background(ctx context.Context) context.Context {
	return ratelimit.WithPriority(ctx, ratelimit.Refresh)
}

func (a *answerStore) want(req *Request) cache.Want {
	return cache.Want{Acceptable: func(e *cache.Entry) bool { return a.isAcceptable(req, e) }, Refresh: req.refreshes()}
}

// refreshes reports whether the request is made to replace an answer: a stale one, or one that is
// too old for a caller (see [NewerThan]).
func (r *Request) refreshes() bool { return !r.newer.IsZero() }

// isAcceptable reports whether an entry may be served without a call. A refresh accepts only
// one that is newer than the answer that it replaces.
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
	return !req.refreshes() && resp.Age < a.staleWhileRevalidate(req, resp.Value)
}

// staleWhileRevalidate returns the maximum age of an answer that is served without waiting for
// Zoom.
func (a *answerStore) staleWhileRevalidate(req *Request, value any) time.Duration {
	life := req.life(value)
	return req.kept(value, a.orSet(life, life.StaleWhileRevalidate()))
}

// isTransient reports whether a call failed for reasons that do not depend on the requested
// object.
func isTransient(err error) bool {
	for _, kind := range []error{ErrRateLimited, ErrDailyLimit, ErrUnavailable, ErrNotZoom, context.DeadlineExceeded} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// staleAge returns the age of a stale answer, and 0 for a fresh one.
func (r *Response) staleAge() time.Duration {
	if r.Stale {
		return r.Age
	}
	return 0
}
