package zoom

import (
	"context"

	"zoomql/internal/flight"
)

// coalesced is the layer that makes one call for all requests of the same identity that come
// while it is under way. When the last of their callers has left, a call that still stands in the limiter's queue is given up.
//
//	reads:   what is asked; newer
//	writes:  nothing
//	refuses: nothing
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

// forget makes later requests join no flight that was begun before something changed.
func (f *flights) forget(stale func(*Request) bool) {
	f.Forget(func(about any) bool {
		req, ok := about.(*Request)
		return ok && stale(req)
	})
}

// flight names the flight of a request. A refresh has one of its own, since it may fail for
// its low priority.
func (r *Request) flight() string {
	if r.refreshes() {
		return "refresh " + r.identity()
	}
	return r.identity()
}
