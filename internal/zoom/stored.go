package zoom

import (
	"context"
	"time"
)

// stored is the layer that stores what came back, and that has one of several replicas ask
// Zoom, by a lease. It stands beneath coalesced: an answer is stored once for all waiters,
// also when all have left, and as of the time when the first of them asked.
//
//	reads:   what is asked; ticket; newer
//	writes:  nothing
//	refuses: nothing
func stored(a *answerStore, hosts *hosts) Layer {
	return func(next Handler) Handler {
		return func(ctx context.Context, req *Request) (*Response, error) {
			ticket, keeps := req.ticket, a.keeps(req)
			if keeps && a.shared != nil {
				found := a.look(ctx, req, orLease)
				defer found.lease.Release()
				if found.resp != nil {
					return found.resp, found.refused
				}
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				ticket = found.ticket
			}
			began := time.Now()
			resp, err := next(ctx, req)
			if err == nil {
				hosts.learn(req.Credential, resp.Value)
			}
			if keeps {
				resp = a.keep(ctx, req, ticket, resp, err, time.Since(began))
			}
			return resp, err
		}
	}
}
