package zoom

import (
	"bytes"
	"context"
	"time"

	"zoomql/cache"
)

// An answer that events keep current is requested again after [CoveredLife]. If it differs then,
// and no event has evicted it, an event was missed: the subscription lacks it, Zoom gave up its
// delivery, or the change has none. The next one may be missed too, so lifetimes are short until
// events of its kinds come again.

const (
	// reconcileAfter is how long after a call has shown a change its event may arrive.
	reconcileAfter = 30 * time.Second
	// maxReconciled is how many differences wait for their event at once; further ones are
	// ignored.
	maxReconciled = 64
)

// believed returns the entry of an answer that is older than its own lifetime, but was fresh
// because events kept it current; else nil. Late answers are excluded: they change after their
// event.
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

// unchanged returns the entry that a call is to replace, if events kept it current and it is
// still in L1, now that the call's ticket is made; else nil.
func (a *answerStore) unchanged(ctx context.Context, req *Request) *cache.Entry {
	if req.believed == nil {
		return nil
	}
	if a.held(ctx, req) != req.believed {
		return nil
	}
	return req.believed
}

// reconcile compares Zoom's answer with the entry that events kept current until then; believed
// is nil if they did not.
func (a *answerStore) reconcile(ctx context.Context, req *Request, believed *cache.Entry, resp *Response, err error) {
	if believed == nil || err != nil || resp == nil || req.kept(resp.Value, CoveredLife) != CoveredLife {
		return // the token of a page differs in each answer
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
		// An event evicts the entry. One that is gone for lack of room proves nothing.
		if now := a.held(ctx, req); now != nil && now == stored {
			a.coverage.Missed(a.coverage.Kinds(req.Spec))
		}
	})
}

// held returns the entry of a request in L1, only to compare it, not to serve it.
func (a *answerStore) held(ctx context.Context, req *Request) *cache.Entry {
	entry, _ := a.l1.Get(ctx, a.key(req), a.tags(req)...)
	return entry
}

// same reports whether two answers to a request have the same encoding.
func same(req *Request, old, value any) bool {
	was, err := pack(req, old)
	is, err2 := pack(req, value)
	return err != nil || err2 != nil || bytes.Equal(was, is)
}
