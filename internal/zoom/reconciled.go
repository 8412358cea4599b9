package zoom

import (
	"bytes"
	"context"
	"time"

	"zoomql/cache"
)

// An answer that events keep right is asked for anew when its hour is over. Where it is
// another one then, and no event has told so, an event was missed: by a subscription that
// lacks it, a delivery that Zoom gave up, or a change that has none. So the next one may be
// missed too, and lifetimes are short until events of its kinds come again.

const (
	// reconcileAfter is how long the event of a change may be under way that was seen by
	// asking.
	reconcileAfter = 30 * time.Second
	// maxReconciled is how many differences wait for their event at once; of one more,
	// nothing is concluded.
	maxReconciled = 64
)

// believed returns the entry of an answer that is past its own lifetime, and was given all the
// same because events kept it right, or nil. What Zoom works out late changes after its event.
func (a *answerStore) believed(req *Request, old *Response) *cache.Entry {
	if old == nil || old.entry == nil || a.coverage == nil || req.Spec.Late {
		return nil
	}
	v, now := old.part.Validity, time.Now()
	if v.Kinds == 0 || now.Before(v.Expires) || !v.Extended.After(v.Expires) {
		return nil
	}
	if !v.comeBefore(now, a.coverage) {
		return nil
	}
	return old.entry
}

// unchanged returns the entry that a call is to replace, if events kept it right and nothing
// has evicted it until now, that is, after the call's ticket was made. Otherwise it is nil.
func (a *answerStore) unchanged(ctx context.Context, req *Request) *cache.Entry {
	if req.believed == nil {
		return nil
	}
	if a.held(ctx, req) != req.believed {
		return nil
	}
	return req.believed
}

// reconcile holds what Zoom has answered against what events kept right until then, which is
// nil where they did not.
func (a *answerStore) reconcile(ctx context.Context, req *Request, believed *cache.Entry, resp *Response, err error) {
	if believed == nil || err != nil || resp == nil || req.kept(resp.Value, CoveredLife) != CoveredLife {
		return // the token of a page is another each time
	}
	old, err := believed.Value(func(body []byte) (any, error) { return unpack(req, a.passcodes.open(body)) })
	if err != nil || req.kept(old, CoveredLife) != CoveredLife || same(req, old, resp.Value) {
		return
	}
	if a.reconciling.Add(1) > maxReconciled {
		a.reconciling.Add(-1)
		return
	}
	ctx = context.WithoutCancel(ctx)
	stored := a.held(ctx, req)
	time.AfterFunc(reconcileAfter, func() {
		defer a.reconciling.Add(-1)
		// An event evicts it, and for lack of room nothing is concluded.
		if now := a.held(ctx, req); now != nil && now == stored {
			a.coverage.Missed(a.coverage.Kinds(req.Spec))
		}
	})
}

// held returns the entry of a request in L1, to compare it: no answer is made of it.
func (a *answerStore) held(ctx context.Context, req *Request) *cache.Entry {
	entry, _ := a.l1.Get(ctx, a.key(req), a.tags(req)...)
	return entry
}

// same reports whether two answers to a request are written alike.
func same(req *Request, old, value any) bool {
	was, err := pack(req, old)
	is, err2 := pack(req, value)
	return err != nil || err2 != nil || bytes.Equal(was, is)
}
