package zoom

import (
	"context"

	"zoomql/internal/flight"
)

// coalesced is the layer that makes one call for all requests of the same identity that
// arrive while it is under way (single flight). When the last of their callers has left, a
// call that is still in the limiter's queue is canceled.
//
//	reads:   the request; newer
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

// flights are the reads under way, by identity. The zero value is ready.
type flights struct{ flight.Group[*Response] }

// forget keeps later requests from joining flights whose result an eviction has made stale.
func (f *flights) forget(stale func(*Request) bool) {
	f.Forget(func(about any) bool {
		req, ok := about.(*Request)
		return ok && stale(req)
	})
}

// flight returns the key of a request's flight. A refresh has its own flight, since it may
// fail because of its low priority.
func (r *Request) flight() string {
	if r.refreshes() {
		return "refresh " + r.identity()
	}
	return r.identity()
}
