package zoom

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"zoomql/cache"
	"zoomql/internal/gate"
)

// cached is the layer that answers reads from L1, and with stale answers if the call to Zoom
// fails. Writes pass through and evict. It is the outermost, so a hit uses none of the budget.
//
//	reads:   what is asked
//	writes:  ticket, of the miss; newer, in the request of a refresh; believed
//	refuses: a read that Zoom has refused to the operation
type cached struct {
	*answerStore
	hosts   *hosts
	flights *flights // an eviction removes those that it makes stale

	mu      sync.Mutex
	onEvict []func()

	next       Handler // the next layer
	refreshing atomic.Int32
}

func newCached(a *answerStore, h *hosts, f *flights) *cached {
	c := &cached{answerStore: a, hosts: h, flights: f}
	if c.store != nil {
		c.store.Watch(c.evictedElsewhere)
	}
	return c
}

func (c *cached) layer(next Handler) Handler {
	c.next = next
	return func(ctx context.Context, req *Request) (*Response, error) {
		if p := peekFrom(ctx); p != nil {
			return c.peek(ctx, p, req, true)
		}
		usage := usageFrom(ctx)
		first := usage.asked(req)
		usage.lookedUp(ctx, req)
		if !req.Spec.Reads() {
			usage.made(part{})
			return c.write(ctx, req)
		}
		resp, err := c.answer(ctx, req)
		if usage.answered(first, resp) {
			usage.observed(ctx, req.Spec, Hit)
		}
		return resp, err
	}
}

// known returns the answer that is in any tier of the cache, together with the cached error for
// "no such object". A miss is (nil, nil), and so is an answer that only fields of later levels
// have read (see [Usage.Levels]). It waits for no call, but may start the refresh of a stale
// answer.
func (c *cached) known(ctx context.Context, req *Request) (*Response, error) {
	if !c.keeps(req) {
		return nil, nil
	}
	if p := peekFrom(ctx); p != nil {
		resp, err := c.peek(ctx, p, req, false)
		if resp == nil {
			err = nil
		}
		return resp, err
	}
	usage := usageFrom(ctx)
	if usage.isLater(ctx, req) {
		return nil, nil
	}
	defer gate.Wait(ctx)()
	found := c.look(ctx, req, everywhere)
	if found.resp == nil || !c.isAcceptable(req, found.resp.entry) {
		return nil, nil
	}
	c.keepFresh(ctx, req, found.resp)
	if usage.answered(usage.asked(req), found.resp) {
		usage.observed(ctx, req.Spec, Hit)
	}
	return found.resp, found.refused
}

// answer answers a read from L1, or passes it on. If the call fails for a reason that does not
// depend on the requested object, it returns a cached answer, even a stale one.
func (c *cached) answer(ctx context.Context, req *Request) (*Response, error) {
	if !c.keeps(req) {
		return c.pass(ctx, req)
	}
	found := c.look(ctx, req, inProcess)
	if found.resp != nil && c.isAcceptable(req, found.resp.entry) {
		c.keepFresh(ctx, req, found.resp)
		return found.resp, found.refused
	}
	usageFrom(ctx).sends(ctx, req)
	missed := *req
	missed.ticket, missed.believed = found.ticket, c.believed(req, found.resp)
	resp, err := c.pass(ctx, &missed)
	if err != nil && isTransient(err) && !req.refreshes() {
		if old := c.look(ctx, req, everywhere); old.resp != nil && old.refused == nil {
			return old.resp, nil
		}
	}
	if resp != nil && resp.Stale {
		c.keepFresh(ctx, req, resp)
	}
	return resp, err
}

// pass passes a request on. The other requests of its operation need not wait for it. A read that
// Zoom has refused to the operation is not passed on. It is not for the layers below to refuse it,
// since other operations join their calls; but they note the refusals of those that they send, so
// that no request of the operation comes between the end of a call and its note here, which is for
// the operations that have joined.
func (c *cached) pass(ctx context.Context, req *Request) (*Response, error) {
	usage := usageFrom(ctx)
	if err := usage.refused(req); err != nil {
		return nil, err
	}
	defer gate.Wait(ctx)()
	resp, err := c.next(ctx, req)
	usage.noteRefusal(req, err)
	return resp, err
}

// keepFresh refreshes, in the background, an answer that is stale or soon will be, with one call
// for a key at a time.
func (c *cached) keepFresh(ctx context.Context, req *Request, old *Response) {
	now := time.Now()
	until := old.part.Until(now, c.coverage)
	if now.Before(until) && !old.entry.ShouldRefresh(until, now, rand.Float64) {
		return
	}
	again := *req
	again.newer, again.believed = old.entry.Stored, c.believed(req, old)
	if c.flights.Has(again.flight()) {
		return
	}
	if c.refreshing.Add(1) > maxRefreshes {
		c.refreshing.Add(-1)
		return
	}
	ctx = Background(WithUsage(context.WithoutCancel(ctx), nil))
	again.ticket = c.look(ctx, &again, inProcess).ticket
	go func() {
		defer c.refreshing.Add(-1)
		ctx, cancel := context.WithTimeout(ctx, refreshTime)
		defer cancel()
		_, _ = c.next(ctx, &again) // the answer is stored; a failed call is tried again
	}()
}

// write executes a write and evicts, also if its outcome is unknown, since Zoom may have
// executed it. An object that Zoom does not find any more is evicted as well.
func (c *cached) write(ctx context.Context, req *Request) (*Response, error) {
	resp, err := c.pass(ctx, req)
	if err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnavailable) || OutcomeUnknown(err) || errors.Is(err, context.DeadlineExceeded) {
		c.evictBy(context.WithoutCancel(ctx), req)
	}
	return resp, err
}

// evictBy evicts the tags of a write: in the account that it changes, and in the own account.
func (c *cached) evictBy(ctx context.Context, req *Request) {
	here, own := ofOwn(c.hosts.resolve(req.Credential, expand(req.Spec.Evicts, req.Vars)))
	c.evict(ctx, req.Account, here)
	c.evict(ctx, "", own)
}

// ofOwn separates the tags of a write in the account that it changes from those in the own
// account, which have the prefix "^", such as "^accounts".
func ofOwn(tags []cache.Tag) (here, own []cache.Tag) {
	for _, tag := range tags {
		if name, ok := strings.CutPrefix(string(tag), "^"); ok {
			own = append(own, cache.Tag(name))
		} else {
			here = append(here, tag)
		}
	}
	return here, own
}

// evict makes answers and reads under way with any of the tags stale. It reports what
// [cache.Store]'s Evict reports.
func (c *cached) evict(ctx context.Context, account string, tags []cache.Tag) (done bool) {
	if len(tags) == 0 {
		return true
	}
	done = c.answerStore.evict(ctx, account, tags)
	c.forget(account, tags)
	return done
}

// evictHere is evict in this process alone.
func (c *cached) evictHere(ctx context.Context, account string, tags []cache.Tag) {
	if len(tags) == 0 {
		return
	}
	c.answerStore.evictHere(ctx, account, tags)
	c.forget(account, tags)
}

// forget keeps later requests from joining reads under way with any of the tags.
func (c *cached) forget(account string, tags []cache.Tag) {
	c.flights.forget(func(req *Request) bool {
		return req.Account == account && slices.ContainsFunc(expand(req.Spec.Tags, req.Vars), func(tag cache.Tag) bool { return slices.Contains(tags, tag) })
	})
	c.changed()
}

// evictedElsewhere removes the flights that an eviction by another replica makes stale: a
// request after the eviction must not join a flight from before it.
func (c *cached) evictedElsewhere(e cache.Eviction) {
	c.flights.forget(func(req *Request) bool { return e.All() || slices.ContainsFunc(c.tags(req), e.Has) })
	c.changed()
}

func (c *cached) changed() {
	c.mu.Lock()
	listeners := c.onEvict
	c.mu.Unlock()
	for _, f := range listeners {
		f()
	}
}
