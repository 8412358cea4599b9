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

// cached is the layer that answers reads from L1, and from what is stale where Zoom cannot
// be asked. Writes pass through and evict. It is the outermost, so a hit spends nothing.
//
//	reads:   what is asked
//	writes:  ticket, of the miss; newer, in the request of a refresh; believed
//	refuses: nothing
type cached struct {
	*answerStore
	hosts   *hosts
	flights *flights // an eviction forgets those that it makes stale

	mu      sync.Mutex
	onEvict []func()

	next       Handler // beneath it
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

// known returns the answer that is in the store, wherever, beside the error that stands
// there for "no such object"; a miss is (nil, nil), and so is an answer that fields of later
// levels alone have read (see [Usage.Levels]). It makes no call, but may have a stale answer
// refreshed.
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

// answer answers a read from this process, or passes it on; when that fails for a reason
// that is no fault of the question, it answers with what was true before.
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

// pass passes a request on, which others of its operation need not wait for.
func (c *cached) pass(ctx context.Context, req *Request) (*Response, error) {
	defer gate.Wait(ctx)()
	return c.next(ctx, req)
}

// keepFresh asks again, in the background, for an answer that is stale or soon will be. There
// is one such call for a key at a time.
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
		_, _ = c.next(ctx, &again) // what it brings is stored; what fails is tried again
	}()
}

// write carries a write out and evicts, also when its outcome is unknown: an
// answer that was lost on the way may have changed things. What Zoom does not
// know any more is stale as well.
func (c *cached) write(ctx context.Context, req *Request) (*Response, error) {
	resp, err := c.pass(ctx, req)
	if err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnavailable) || OutcomeUnknown(err) || errors.Is(err, context.DeadlineExceeded) {
		c.evictBy(context.WithoutCancel(ctx), req)
	}
	return resp, err
}

// evictBy evicts what a write makes stale: in the account that it was made to, and in the
// own account.
func (c *cached) evictBy(ctx context.Context, req *Request) {
	here, own := ofOwn(c.hosts.resolve(req.Credential, expand(req.Spec.Evicts, req.Vars)))
	c.evict(ctx, req.Account, here)
	c.evict(ctx, "", own)
}

// ofOwn parts what a write makes stale in the account that it is made to from what
// it makes stale in the own account, whichever that is: "^accounts".
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

// evict makes what carries the tags stale: answers, and reads under way. It reports what
// [cache.Store]'s Evict does.
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

// forget lets nobody join reads under way of what carries the tags.
func (c *cached) forget(account string, tags []cache.Tag) {
	c.flights.forget(func(req *Request) bool {
		return req.Account == account && slices.ContainsFunc(expand(req.Spec.Tags, req.Vars), func(tag cache.Tag) bool { return slices.Contains(tags, tag) })
	})
	c.changed()
}

// evictedElsewhere forgets the flights that an eviction by another replica hits: a
// request after it must not join one from before it.
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
