package zoom

import (
	"context"

	"zoomql/internal/flight"
)

// coalesced is the layer that lets one call do for all who ask the same at once. When the
// last one has left, a call that still stands in the limiter's queue is given up.
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

// forget lets nobody join any more what was asked before something changed.
func (f *flights) forget(stale func(*Request) bool) {
	f.Forget(func(about any) bool {
		req, ok := about.(*Request)
		return ok && stale(req)
	})
}

// flight names the flight of a request. A refresh has one of its own: it may fail
// for being unimportant, and nobody else should for that.
func (r *Request) flight() string {
	if r.refreshes() {
		return "refresh " + r.identity()
	}
	return r.identity()
}
