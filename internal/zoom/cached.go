package zoom

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"zoomql/cache"
)

// absent is how long "there is no such object" is believed: long enough that a
// list of strangers is not asked one by one again, and short enough for who has
// just created the object by other means.
const absent = 10 * time.Second

// cached is the layer that answers from the store. Writes pass through and
// evict. Beneath it are the flights, and beneath them the layer that files what
// came back: once for all who wait, also when nobody waits any more, and as of
// the time when the first of them asked.
type cached struct {
	store   cache.Store
	account string // whose tags
	view    string // whose answers: account, credential, scopes, version of the format
	hosts   *hosts
	flights flights
	onEvict []func()
}

func (c *cached) layer(next Handler) Handler {
	return func(ctx context.Context, req *Request) (*Response, error) {
		usage := usageFrom(ctx)
		usage.asked(req.Spec.Rate)
		if !req.Spec.Reads() {
			usage.made(part{})
			return c.write(ctx, req, next)
		}
		resp, ticket, err := c.lookup(ctx, req)
		if resp != nil {
			usage.hit()
			usage.made(resp.part)
			return resp, err
		}
		req.ticket = ticket
		resp, err = next(ctx, req)
		if resp == nil {
			usage.made(part{})
			return nil, err
		}
		usage.made(resp.part)
		return resp, err
	}
}

func (c *cached) filed(next Handler) Handler {
	return func(ctx context.Context, req *Request) (*Response, error) {
		resp, err := next(ctx, req)
		if err == nil {
			c.hosts.learn(resp.Value)
		}
		if req.Spec.Reads() && c.keeps(req) {
			resp = c.file(ctx, req, resp, err)
		}
		return resp, err
	}
}

// write carries a write out and evicts, also when its outcome is unknown: an
// answer that was lost on the way may have changed things. What Zoom does not
// know any more is stale as well.
func (c *cached) write(ctx context.Context, req *Request, next Handler) (*Response, error) {
	resp, err := next(ctx, req)
	if err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrBadAnswer) || errors.Is(err, context.DeadlineExceeded) {
		c.evict(context.WithoutCancel(ctx), req.Account, c.hosts.resolve(expand(req.Spec.Evicts, req.Vars)))
	}
	return resp, err
}

func (c *cached) keeps(req *Request) bool {
	return c.store != nil && !req.Secrets && req.Spec.Life != Never
}

// lookup returns the answer that is in the store, beside the error that stands
// there for "no such object"; a miss is (nil, ticket, nil).
func (c *cached) lookup(ctx context.Context, req *Request) (*Response, cache.Ticket, error) {
	if !c.keeps(req) {
		return nil, cache.Ticket{}, nil
	}
	entry, ticket := c.store.Get(ctx, c.key(req.identity()), c.tags(req)...)
	if entry == nil {
		return nil, ticket, nil
	}
	value, err := entry.Value(func(body []byte) (any, error) { return unpack(req, body) })
	if err != nil {
		return nil, ticket, nil //nolint:nilerr // another version wrote it: that is a miss
	}
	resp := &Response{Age: time.Since(entry.Stored), part: part{ticket, entry.Stored, entry.Expires}}
	if refused, ok := value.(*Error); ok {
		return resp, ticket, refused
	}
	resp.Value = value
	return resp, ticket, nil
}

// file keeps an answer, and "no such object" for some seconds. No other error
// is kept. It returns what there is to say about the answer, also of one that is
// an error.
func (c *cached) file(ctx context.Context, req *Request, resp *Response, err error) *Response {
	var refused *Error
	switch {
	case err == nil:
		resp.part = c.set(ctx, req, req.identity(), req.ticket, resp.Value, len(resp.Body), req.life(resp.Value))
		c.fileAliases(ctx, req, resp)
		return resp
	case errors.As(err, &refused) && errors.Is(refused.Kind, ErrNotFound):
		return &Response{part: c.set(ctx, req, req.identity(), req.ticket, refused, 200, absent)}
	}
	return nil
}

// life returns how long an answer is believed.
func (r *Request) life(value any) time.Duration {
	life := r.Spec.Life
	if r.Spec.LifeOf != nil {
		life = r.Spec.LifeOf(r, value)
	}
	if page, ok := value.(interface {
		keep(time.Duration) time.Duration
	}); ok {
		return page.keep(life.TTL())
	}
	return life.TTL()
}

func (c *cached) set(ctx context.Context, req *Request, identity string, ticket cache.Ticket, value any, size int, ttl time.Duration) part {
	e := cache.Decoded(value, func() ([]byte, error) { return pack(req, value) })
	e.Stored = time.Now()
	e.Expires = e.Stored.Add(ttl)
	e.Size = 3 * size // pointers and padding: about what the structs take for JSON of this length
	c.store.Set(ctx, c.key(identity), ticket, e)
	return part{ticket, e.Stored, e.Expires}
}

// fileAliases keeps an object under its other names too, so that a user asked
// for by e-mail is known by his id. The tags of the other name could not be
// looked at before the call, so it is filed only if nothing was evicted since:
// the entry just set is still there then.
func (c *cached) fileAliases(ctx context.Context, req *Request, resp *Response) {
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
			c.set(ctx, req, alias.identity(), ticket, resp.Value, len(resp.Body), req.life(resp.Value))
		}
	}
}

func (c *cached) evict(ctx context.Context, account string, tags []string) {
	if len(tags) == 0 {
		return
	}
	if c.store != nil {
		c.store.Evict(ctx, c.scoped(account, slices.Clone(tags))...)
	}
	c.flights.forget(func(req *Request) bool {
		return req.Account == account && slices.ContainsFunc(expand(req.Spec.Tags, req.Vars), func(tag string) bool { return slices.Contains(tags, tag) })
	})
	for _, f := range c.onEvict {
		f()
	}
}

// key hashes what is asked, and in whose view: a path may hold an e-mail, and
// what stands in Redis must not.
func (c *cached) key(identity string) string {
	sum := sha256.Sum256([]byte(c.view + "\x00" + identity))
	return string(sum[:16])
}

// tags fills in a row's tags. They belong to the account, not to the view: what
// one credential changes is stale for all.
func (c *cached) tags(req *Request) []string {
	return c.scoped(req.Account, expand(req.Spec.Tags, req.Vars))
}

func (c *cached) scoped(account string, tags []string) []string {
	scope := c.scope(account)
	for i, tag := range tags {
		tags[i] = scope + tag
	}
	return tags
}

func (c *cached) scope(account string) string { return c.account + "|" + account + "|" }

// expand fills variables into tags. An e-mail is no name that an event or a
// write evicts by, so a user's tag becomes the tag of all users.
func expand(patterns []string, vars map[string]string) []string {
	tags := make([]string, 0, len(patterns))
	for _, tag := range patterns {
		for name, value := range vars {
			tag = strings.ReplaceAll(tag, "{"+name+"}", value)
		}
		if strings.Contains(tag, "@") {
			tag = "users"
		}
		tags = append(tags, tag)
	}
	return tags
}

// Entries in Redis begin with a byte that says what follows.
const (
	packedValue   = 'v'
	packedRefusal = 'r'
)

func pack(req *Request, value any) ([]byte, error) {
	if refused, ok := value.(*Error); ok {
		body, err := json.Marshal(Error{Status: refused.Status, Code: refused.Code, Message: refused.Message})
		return append([]byte{packedRefusal}, body...), err
	}
	body, err := req.encode(value)
	return append([]byte{packedValue}, body...), err
}

func unpack(req *Request, body []byte) (any, error) {
	if len(body) > 0 {
		switch body[0] {
		case packedValue:
			return req.decode(body[1:])
		case packedRefusal:
			refused := &Error{}
			err := json.Unmarshal(body[1:], refused)
			refused.Op, refused.Kind = req.Spec.Pattern, ErrNotFound
			return refused, err
		}
	}
	return nil, errors.New("no entry of ours")
}
