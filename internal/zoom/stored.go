package zoom

import (
	"context"
	"time"
)

// stored is the layer that stores answers, and lets only one of several replicas call Zoom,
// by a lease. It is inside of coalesced: an answer is stored once for all waiters, also
// after all have left, with the ticket of the first of them.
//
//	reads:   the request; ticket; newer; believed
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
			believed := a.unchanged(ctx, req)
			var by call
			if keeps {
				by.since = a.unchangedSince(ctx, req)
			}
			began := time.Now()
			resp, err := next(ctx, req)
			usageFrom(ctx).noteRefusal(req, err) // before the flight ends: see [cached.pass]
			if err == nil {
				hosts.learn(req.Credential, resp.Value)
			}
			if keeps {
				by.took = time.Since(began)
				resp = a.keep(ctx, req, ticket, resp, err, by)
				a.reconcile(ctx, req, believed, resp, err)
			}
			return resp, err
		}
	}
}
