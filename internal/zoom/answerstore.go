package zoom

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"zoomql/cache"
)

// answerStore is where answers are kept: the cache as requests and answers see it. A key is
// made of the credential and of what is asked, a tag of the account.
type answerStore struct {
	store   cache.Store  // nil keeps none
	l1      cache.Store  // the part of the store in this process: all of it where shared is nil
	shared  cache.Shared // the store, where other replicas share it; else nil
	account string       // whose tags
	// coverage tells what events keep right; nil is nothing.
	coverage Coverage
	// passcodes keeps those in links out of what other processes share.
	passcodes passcodes
}

func newAnswerStore(cfg Config, account string) *answerStore {
	a := &answerStore{store: cfg.Store, l1: cfg.Store, shared: cfg.Shared, account: account, coverage: cfg.Coverage, passcodes: newPasscodes(cfg.PasscodeSecret)}
	if a.shared != nil {
		a.store, a.l1 = a.shared, a.shared.L1()
	}
	return a
}

// keeps reports whether the answer to a request may be in the store.
func (a *answerStore) keeps(req *Request) bool {
	return a.store != nil && req.Spec.Reads() && !req.Secrets && req.Spec.Life != Never
}

// reach is how far the cache is asked.
type reach uint8

const (
	// inProcess asks L1, which costs no round trip.
	inProcess reach = iota
	// everywhere asks what replicas share, too.
	everywhere
	// orLease is everywhere for a caller who is about to ask Zoom: without an answer that
	// will do, it brings the lease, for which it waits.
	orLease
)

// lookup is what the cache holds for a request.
type lookup struct {
	resp    *Response // nil for a miss
	refused error     // the error that stands there for "no such object", beside a resp
	ticket  cache.Ticket
	lease   *cache.Lease // of orLease; to be released, also when it is nil
}

// look asks the cache for the answer to a request. It is the one place that does.
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
		// The store does not know that events keep right what is past its time.
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

// read reads an entry, however stale it is; one that another version of the program wrote
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

// absent is how long "there is no such object" and "not yet" are fresh: long enough that a
// list of strangers is not asked for one by one again, and short enough for one that was
// created by other means a moment ago.
const absent = 10 * time.Second

// keep stores an answer, and for some seconds that there is none, or none yet. No other
// error is stored. It returns what there is to say about the answer, also of one that is an
// error.
func (a *answerStore) keep(ctx context.Context, req *Request, ticket cache.Ticket, resp *Response, err error, took time.Duration) *Response {
	var refused *Error
	switch {
	case err == nil:
		how := req.lifetimeOf(resp.Value)
		how.size, how.took = len(resp.Body), took
		resp.part = a.set(ctx, req, ticket, resp.Value, how)
		a.keepAliases(ctx, req, resp, how)
		return resp
	case errors.As(err, &refused) && refused.Status >= http.StatusBadRequest && (errors.Is(refused.Kind, ErrNotFound) || errors.Is(refused.Kind, ErrNotReady)):
		return &Response{part: a.set(ctx, req, ticket, refused, storage{size: 200, fresh: absent})}
	}
	return nil
}

// storage says how an answer is stored.
type storage struct {
	size  int           // bytes of JSON
	fresh time.Duration // how long it is fresh
	stale time.Duration // how long it is better than no answer
	took  time.Duration // how long Zoom and the queue before it took
}

// life returns the class of an answer.
func (r *Request) life(value any) Life {
	if r.Spec.LifeOf != nil {
		return r.Spec.LifeOf(r, value)
	}
	return r.Spec.Life
}

func (r *Request) lifetimeOf(value any) storage {
	life := r.life(value)
	return storage{fresh: kept(value, life.TTL()), stale: kept(value, life.StaleIfError())}
}

func (a *answerStore) set(ctx context.Context, req *Request, ticket cache.Ticket, value any, s storage) part {
	e := cache.Decoded(value, func() ([]byte, error) {
		body, err := pack(req, value)
		return a.passcodes.seal(body), err
	})
	e.Stored = time.Now()
	e.Expires, e.StaleUntil = e.Stored.Add(s.fresh), e.Stored.Add(s.stale)
	e.Size = 3 * s.size                           // pointers and padding: about what the structs take for JSON of this length
	e.Took = min(s.took, s.fresh/maxEarlyRefresh) // a day in the queue is no reason to ask all day
	a.store.Set(ctx, a.key(req), ticket, e)
	return part{ticket, a.validity(req, value, e)}
}

// keepAliases stores an object under its other names too, so that a user asked for by
// e-mail is known by id, too. The tags of the other name could not be looked at before the
// call, so it is stored only if nothing was evicted since: the entry just set is still there
// then.
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

// key hashes what is asked, and in whose name: a path may hold an e-mail, and what stands
// in Redis must not.
func (a *answerStore) key(req *Request) string {
	sum := sha256.Sum256([]byte(formatVersion + req.identity()))
	return string(sum[:16])
}

// tags fills in a row's tags. They belong to the account, not to the view: what one
// credential changes is stale for all.
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

// evict makes answers of an account stale, in all views.
func (a *answerStore) evict(ctx context.Context, account string, tags []cache.Tag) bool {
	return a.store == nil || a.store.Evict(ctx, a.scoped(account, slices.Clone(tags))...)
}

// Entries in Redis begin with a byte that says what follows.
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
