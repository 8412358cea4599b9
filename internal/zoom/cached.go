package zoom

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"zoomql/cache"
)

// absent is how long "there is no such object" and "not yet" are believed: long
// enough that a list of strangers is not asked one by one again, and short enough
// for who has just created the object by other means.
const absent = 10 * time.Second

// cached is the layer that answers from the store. Writes pass through and
// evict. Beneath it are the flights, and beneath them the layer that agrees with
// other replicas who asks Zoom, and files what came back: once for all who wait,
// also when nobody waits any more, and as of the time when the first of them asked.
type cached struct {
	store   cache.Store
	l1      cache.Store  // the part of the store in this process: all of it where shared is nil
	shared  cache.Shared // the store, where other replicas share it; else nil
	account string       // whose tags
	hosts   *hosts
	flights flights
	// passcodes keeps those in links out of what other processes share.
	passcodes passcodes

	mu      sync.Mutex
	onEvict []func()

	next       Handler // beneath it
	refreshing atomic.Int32
}

func newCached(c *cached) *cached {
	c.l1 = c.store
	if c.shared != nil {
		c.store, c.l1 = c.shared, c.shared.L1()
	}
	if c.store != nil {
		c.store.Watch(c.evictedElsewhere)
	}
	return c
}

func (c *cached) layer(next Handler) Handler {
	c.next = next
	return func(ctx context.Context, req *Request) (*Response, error) {
		usage := usageFrom(ctx)
		news := usage.asked(req)
		if !req.Spec.Reads() {
			usage.made(part{})
			return c.write(ctx, req, next)
		}
		resp, err := c.read(ctx, req)
		switch {
		case resp == nil:
			usage.made(part{})
		case resp.Cached:
			if news {
				usage.hit()
			}
			usage.stale(resp.staleAge())
			fallthrough
		default:
			usage.made(resp.part)
		}
		return resp, err
	}
}

// read answers from this process, or asks the flights; who fails for a reason that
// is no fault of the question gets what was true before.
func (c *cached) read(ctx context.Context, req *Request) (*Response, error) {
	if !c.keeps(req) {
		return c.next(ctx, req)
	}
	entry, ticket := c.l1.Get(ctx, c.key(req.identity()), c.tags(req)...)
	if resp, err := c.found(req, entry, ticket); resp != nil && c.enough(req, entry) {
		c.keepFresh(ctx, req, entry)
		return resp, err
	}
	req.ticket = ticket
	resp, err := c.next(ctx, req)
	if err != nil && excused(err) {
		if old := c.standby(ctx, req); old != nil {
			return old, nil
		}
	}
	if resp != nil && resp.Stale {
		c.keepFresh(ctx, req, resp.entry)
	}
	return resp, err
}

// filed agrees with other replicas who asks, and files what came back.
func (c *cached) filed(next Handler) Handler {
	return func(ctx context.Context, req *Request) (*Response, error) {
		if !req.Spec.Reads() || !c.keeps(req) {
			resp, err := next(ctx, req)
			if err == nil {
				c.hosts.learn(req.Credential, resp.Value)
			}
			return resp, err
		}
		if c.shared != nil {
			entry, ticket, lease := c.shared.GetOrLease(ctx, c.key(req.identity()), c.want(req), c.tags(req)...)
			defer lease.Release()
			if resp, err := c.found(req, entry, ticket); resp != nil {
				return resp, err
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			req.ticket = ticket
		}
		began := time.Now()
		resp, err := next(ctx, req)
		if err == nil {
			c.hosts.learn(req.Credential, resp.Value)
		}
		return c.file(ctx, req, resp, err, time.Since(began)), err
	}
}

// write carries a write out and evicts, also when its outcome is unknown: an
// answer that was lost on the way may have changed things. What Zoom does not
// know any more is stale as well.
func (c *cached) write(ctx context.Context, req *Request, next Handler) (*Response, error) {
	resp, err := next(ctx, req)
	if err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnavailable) || OutcomeUnknown(err) || errors.Is(err, context.DeadlineExceeded) {
		here, own := ofOwn(c.hosts.resolve(req.Credential, expand(req.Spec.Evicts, req.Vars)))
		c.evict(context.WithoutCancel(ctx), req.Account, here)
		c.evict(context.WithoutCancel(ctx), "", own)
	}
	return resp, err
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

func (c *cached) keeps(req *Request) bool {
	return c.store != nil && !req.Secrets && req.Spec.Life != Never
}

// lookup returns the answer that is in the store, beside the error that stands
// there for "no such object"; a miss is (nil, nil).
func (c *cached) lookup(ctx context.Context, req *Request) (*Response, error) {
	if !c.keeps(req) {
		return nil, nil
	}
	entry, ticket := c.store.Get(ctx, c.key(req.identity()), c.tags(req)...)
	if resp, err := c.found(req, entry, ticket); resp != nil && c.enough(req, entry) {
		c.keepFresh(ctx, req, entry)
		return resp, err
	}
	return nil, nil
}

// found reads an entry, however stale it is; one that another version of the
// program wrote is a miss.
func (c *cached) found(req *Request, entry *cache.Entry, ticket cache.Ticket) (*Response, error) {
	if entry == nil {
		return nil, nil
	}
	value, err := entry.Value(func(body []byte) (any, error) { return unpack(req, c.passcodes.open(body)) })
	if err != nil {
		return nil, nil //nolint:nilerr // see above
	}
	now := time.Now()
	resp := &Response{Cached: true, Stale: !entry.Fresh(now), Age: now.Sub(entry.Stored), part: part{ticket, entry.Stored, entry.Expires}, entry: entry}
	if refused, ok := value.(*Error); ok {
		return resp, refused
	}
	resp.Value = value
	return resp, nil
}

// file keeps an answer, and for some seconds that there is none, or none yet. No
// other error is kept. It returns what there is to say about the answer, also of
// one that is an error.
func (c *cached) file(ctx context.Context, req *Request, resp *Response, err error, took time.Duration) *Response {
	var refused *Error
	switch {
	case err == nil:
		f := req.filing(resp.Value)
		f.size, f.took = len(resp.Body), took
		resp.part = c.set(ctx, req, req.identity(), req.ticket, resp.Value, f)
		c.fileAliases(ctx, req, resp, f)
		return resp
	case errors.As(err, &refused) && refused.Status >= http.StatusBadRequest && (errors.Is(refused.Kind, ErrNotFound) || errors.Is(refused.Kind, ErrNotReady)):
		return &Response{part: c.set(ctx, req, req.identity(), req.ticket, refused, filing{size: 200, fresh: absent})}
	}
	return nil
}

// filing says how an answer is kept.
type filing struct {
	size  int           // bytes of JSON
	fresh time.Duration // how long it is believed
	keep  time.Duration // how long it is better than no answer
	took  time.Duration // how long Zoom and the queue before it took
}

// life returns the class of an answer.
func (r *Request) life(value any) Life {
	if r.Spec.LifeOf != nil {
		return r.Spec.LifeOf(r, value)
	}
	return r.Spec.Life
}

func (r *Request) filing(value any) filing {
	life := r.life(value)
	f := filing{fresh: life.TTL(), keep: life.Keep()}
	if page, ok := value.(interface {
		keep(time.Duration) time.Duration
	}); ok {
		f.fresh, f.keep = page.keep(f.fresh), page.keep(f.keep)
	}
	return f
}

func (c *cached) set(ctx context.Context, req *Request, identity string, ticket cache.Ticket, value any, f filing) part {
	e := cache.Decoded(value, func() ([]byte, error) {
		body, err := pack(req, value)
		return c.passcodes.seal(body), err
	})
	e.Stored = time.Now()
	e.Expires, e.StaleUntil = e.Stored.Add(f.fresh), e.Stored.Add(f.keep)
	e.Size = 3 * f.size                // pointers and padding: about what the structs take for JSON of this length
	e.Took = min(f.took, f.fresh/mild) // a day in the queue is no reason to ask all day
	c.store.Set(ctx, c.key(identity), ticket, e)
	return part{ticket, e.Stored, e.Expires}
}

// fileAliases keeps an object under its other names too, so that a user asked
// for by e-mail is known by his id. The tags of the other name could not be
// looked at before the call, so it is filed only if nothing was evicted since:
// the entry just set is still there then.
func (c *cached) fileAliases(ctx context.Context, req *Request, resp *Response, f filing) {
	if req.Spec.Aliases == nil {
		return
	}
	for _, name := range req.Spec.Aliases(resp.Value) {
		alias, err := req.renamed(name)
		if err != nil || alias.identity() == req.identity() {
			continue
		}
		_, ticket := c.store.Get(ctx, c.key(alias.identity()), c.tags(alias)...)
		if entry, _ := c.store.Get(ctx, c.key(req.identity())); entry != nil {
			c.set(ctx, req, alias.identity(), ticket, resp.Value, f)
		}
	}
}

func (c *cached) evict(ctx context.Context, account string, tags []cache.Tag) {
	if len(tags) == 0 {
		return
	}
	if c.store != nil {
		c.store.Evict(ctx, c.scoped(account, slices.Clone(tags))...)
	}
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

// key hashes what is asked, and in whose name: a path may hold an e-mail, and
// what stands in Redis must not.
func (c *cached) key(identity string) string {
	sum := sha256.Sum256([]byte(formatVersion + identity))
	return string(sum[:16])
}

// tags fills in a row's tags. They belong to the account, not to the view: what
// one credential changes is stale for all.
func (c *cached) tags(req *Request) []cache.Tag {
	return c.scoped(req.Account, expand(req.Spec.Tags, req.Vars))
}

func (c *cached) scoped(account string, tags []cache.Tag) []cache.Tag {
	scope := c.scope(account)
	for i, tag := range tags {
		tags[i] = tag.In(scope)
	}
	return tags
}

func (c *cached) scope(account string) string { return c.account + "|" + account }

// expand fills variables into tags. An e-mail is no name that an event or a
// write evicts by, so a user's tag becomes the tag of all users.
func expand(patterns []string, vars map[string]string) []cache.Tag {
	tags := make([]cache.Tag, 0, len(patterns))
	for _, tag := range patterns {
		for name, value := range vars {
			tag = strings.ReplaceAll(tag, "{"+name+"}", value)
		}
		if strings.Contains(tag, "@") {
			tag = "users"
		}
		tags = append(tags, cache.Tag(tag))
	}
	return tags
}

// Entries in Redis begin with a byte that says what follows.
const (
	packedValue   = 'v'
	packedRefusal = 'r'
	packedNotYet  = 'n'
)

func pack(req *Request, value any) ([]byte, error) {
	if refused, ok := value.(*Error); ok {
		body, err := json.Marshal(Error{Status: refused.Status, Code: refused.Code, Message: refused.Message})
		kind := byte(packedRefusal)
		if errors.Is(refused.Kind, ErrNotReady) {
			kind = packedNotYet
		}
		return append([]byte{kind}, body...), err
	}
	body, err := req.encode(value)
	return append([]byte{packedValue}, body...), err
}

func unpack(req *Request, body []byte) (any, error) {
	if len(body) > 0 {
		switch body[0] {
		case packedValue:
			return req.decode(body[1:], nil)
		case packedRefusal, packedNotYet:
			refused := &Error{}
			err := json.Unmarshal(body[1:], refused)
			refused.Op, refused.Kind = req.Spec.Pattern, ErrNotFound
			if body[0] == packedNotYet {
				refused.Kind = ErrNotReady
			}
			return refused, err
		}
	}
	return nil, errors.New("no entry of ours")
}
