package zoom

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"zoomql/cache"
)

// answerStore stores answers in the cache. A key is derived from the credential and the
// request, a tag from the account.
type answerStore struct {
	store   cache.Store  // nil stores nothing
	l1      cache.Store  // the tier in this process: the whole store if shared is nil
	shared  cache.Shared // the store if replicas share it; else nil
	account string       // the tenant of the tags
	// coverage reports which answers events invalidate; nil means none.
	coverage Coverage
	lifetime time.Duration // see Config
	// passcodes encrypts those in links before other processes can read them.
	passcodes passcodes
	// reconciling is how many differences wait for their event: see reconcile.
	reconciling atomic.Int32
}

func newAnswerStore(cfg Config, account string) *answerStore {
	a := &answerStore{store: cfg.Store, l1: cfg.Store, shared: cfg.Shared, account: account, coverage: cfg.Coverage, lifetime: cfg.Lifetime, passcodes: newPasscodes(cfg.PasscodeSecret)}
	if a.shared != nil {
		a.store, a.l1 = a.shared, a.shared.L1()
	}
	return a
}

// keeps reports whether the answer to a request may be stored.
func (a *answerStore) keeps(req *Request) bool {
	return a.store != nil && req.Spec.Reads() && !req.Secrets && req.Spec.Life != Never
}

// reach selects the tiers of the cache that a lookup reads.
type reach uint8

const (
	// inProcess reads L1, which costs no round trip.
	inProcess reach = iota
	// everywhere reads the tier that replicas share too.
	everywhere
	// orLease is everywhere for a caller that is about to call Zoom: without an acceptable
	// answer it waits for the key's lease and returns it.
	orLease
)

// lookup is the cache's answer to a request.
type lookup struct {
	resp    *Response // nil for a miss
	refused error     // the cached error for "no such object", together with a resp
	ticket  cache.Ticket
	lease   *cache.Lease // of orLease; the caller releases it, also if it is nil
}

// look reads the answer to a request from the cache. No other function does.
func (a *answerStore) look(ctx context.Context, req *Request, how reach) lookup {
	var (
		found     lookup
		entry     *cache.Entry
		key, tags = a.key(req), a.tags(req)
	)
	switch {
	case how == inProcess:
		entry, found.ticket = a.l1.Get(ctx, key, tags...)
	case how == orLease && a.shared != nil:
		entry, found.ticket, found.lease = a.shared.GetOrLease(ctx, key, a.want(req), tags...)
	case a.shared != nil && a.coverage != nil:
		// Events extend the life of entries that the store counts as expired.
		entry, found.ticket = a.l1.Get(ctx, key, tags...)
		if found.resp, found.refused = a.read(req, entry, found.ticket); found.resp != nil && !found.resp.Stale {
			return found
		}
		fallthrough
	default:
		entry, found.ticket = a.store.Get(ctx, key, tags...)
	}
	found.resp, found.refused = a.read(req, entry, found.ticket)
	return found
}

// read decodes an entry, however stale it is; one that another version of the program wrote
// is a miss.
func (a *answerStore) read(req *Request, entry *cache.Entry, ticket cache.Ticket) (*Response, error) {
	if entry == nil {
		return nil, nil
	}
	value, err := entry.Value(func(body []byte) (any, error) { return unpack(req, a.passcodes.open(body)) })
	if err != nil {
		return nil, nil //nolint:nilerr // see above
	}
	now := time.Now()
	validity := a.validity(req, value, entry)
	resp := &Response{Cached: true, Stale: !validity.Fresh(now, a.coverage), Age: now.Sub(entry.Stored), part: part{ticket, validity}, entry: entry}
	if refused, ok := value.(*Error); ok {
		return resp, refused
	}
	resp.Value = value
	return resp, nil
}

// absent is how long "there is no such object", "not yet" and a page that lacks items are fresh:
// long enough to save repeated calls for a list of unknown ids, or for a row that Zoom never has
// right, and short enough for an object that another client has just created.
const absent = 10 * time.Second

// keep stores an answer, or, for absent, the error that there is none, or none yet. No other
// error is stored. It returns the response with the ticket and validity of the stored entry;
// for an error that is stored, a response with these alone; for other errors, nil.
func (a *answerStore) keep(ctx context.Context, req *Request, ticket cache.Ticket, resp *Response, err error, by call) *Response {
	var refused *Error
	switch {
	case err == nil:
		how := a.lifetimeOf(req, resp.Value)
		how.size, how.call = len(resp.Body), by
		resp.part = a.set(ctx, req, ticket, resp.Value, how)
		a.keepAliases(ctx, req, resp, how)
		return resp
	case errors.As(err, &refused) && refused.Status >= http.StatusBadRequest && (errors.Is(refused.Kind, ErrNotFound) || errors.Is(refused.Kind, ErrNotReady)):
		return &Response{part: a.set(ctx, req, ticket, refused, storage{size: 200, fresh: absent, call: call{since: by.since}})}
	}
	return nil
}

// storage has the size and the lifetimes of an answer to be stored.
type storage struct {
	size  int           // bytes of JSON
	fresh time.Duration // how long it is fresh
	stale time.Duration // how long it is served if Zoom fails
	call
}

// call has the data of the call that returned an answer.
type call struct {
	took  time.Duration // with the limiter's queue
	since time.Time     // see unchangedSince
}

// life returns the class of an answer's lifetime.
func (r *Request) life(value any) Life {
	if r.Spec.LifeOf != nil {
		return r.Spec.LifeOf(r, value)
	}
	return r.Spec.Life
}

func (a *answerStore) lifetimeOf(req *Request, value any) storage {
	life := req.life(value)
	return storage{fresh: req.kept(value, a.orSet(life, life.TTL())), stale: req.kept(value, life.StaleIfError())}
}

// orSet returns the time of a class, or Config.Lifetime if that is set and the class may change.
func (a *answerStore) orSet(life Life, own time.Duration) time.Duration {
	if a.lifetime > 0 && life != Never && life != Closed {
		return a.lifetime
	}
	return own
}

func (a *answerStore) set(ctx context.Context, req *Request, ticket cache.Ticket, value any, s storage) part {
	e := cache.Decoded(value, func() ([]byte, error) {
		body, err := pack(req, value)
		return a.passcodes.seal(body), err
	})
	e.Stored = time.Now()
	e.Since = s.since
	e.Expires, e.StaleUntil = e.Stored.Add(s.fresh), e.Stored.Add(s.stale)
	e.Size = 3 * s.size                           // about the memory of the decoded structs for JSON of this length
	e.Took = min(s.took, s.fresh/maxEarlyRefresh) // bounded, or a day in the queue would cause early refreshes all day
	a.store.Set(ctx, a.key(req), ticket, e)
	return part{ticket, a.validity(req, value, e)}
}

// keepAliases stores an object under its other names too, so that a user requested by
// e-mail is cached by id too. The tags of the other name could not be read before the
// call, so the object is stored only if nothing was evicted since: the entry just set is
// still there then.
func (a *answerStore) keepAliases(ctx context.Context, req *Request, resp *Response, s storage) {
	if req.Spec.Aliases == nil {
		return
	}
	for _, name := range req.Spec.Aliases(resp.Value) {
		alias, err := req.renamed(name)
		if err != nil || alias.identity() == req.identity() {
			continue
		}
		ticket := a.look(ctx, alias, everywhere).ticket
		if a.look(ctx, req, everywhere).resp != nil {
			a.set(ctx, alias, ticket, resp.Value, s)
		}
	}
}

// key hashes the request and its credential: a path may hold an e-mail address, and keys in
// Redis must not.
func (a *answerStore) key(req *Request) string {
	sum := sha256.Sum256([]byte(formatVersion + req.identity()))
	return string(sum[:16])
}

// tags returns the row's tags with their variables filled in. They belong to the account,
// not to the credential: a change made by one credential makes the answers of all stale.
func (a *answerStore) tags(req *Request) []cache.Tag {
	return a.scoped(req.Account, expand(req.Spec.Tags, req.Vars))
}

func (a *answerStore) scoped(account string, tags []cache.Tag) []cache.Tag {
	scope := a.account + "|" + account
	for i, tag := range tags {
		tags[i] = tag.In(scope)
	}
	return tags
}

// expand fills variables into tags. No event or write evicts by e-mail address, so such a
// user's tag becomes the tag of all users.
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

// evict makes answers of an account stale, for all credentials.
func (a *answerStore) evict(ctx context.Context, account string, tags []cache.Tag) bool {
	return a.store == nil || a.store.Evict(ctx, a.scoped(account, slices.Clone(tags))...)
}

// evictHere is evict in this process alone.
func (a *answerStore) evictHere(ctx context.Context, account string, tags []cache.Tag) {
	if a.l1 != nil {
		a.l1.Evict(ctx, a.scoped(account, slices.Clone(tags))...)
	}
}

// Entries in Redis begin with a byte that names the kind of the rest.
const (
	packedValue   = 'v'
	packedRefusal = 'r'
	packedNotYet  = 'n'
)

func pack(req *Request, value any) ([]byte, error) {
	if refused, ok := value.(*Error); ok {
		body, err := json.Marshal(Error{By: ByZoom, Status: refused.Status, Code: refused.Code, Message: refused.Message})
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
			refused := &Error{By: ByZoom}
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
