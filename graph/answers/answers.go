// Package answers caches whole answers to GraphQL requests, in front of parsing and
// execution, and serves them over HTTP.
package answers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"zoomql/cache"
	"zoomql/internal/identity"
	"zoomql/internal/links"
	"zoomql/internal/negotiation"
	"zoomql/internal/zoom"
)

// Config configures a Cache.
type Config struct {
	// Store stores the answers; nil stores none. It MUST accept the tickets of the store
	// that the parts of answers come from: it is that store, or its first tier.
	Store cache.Local
	// Coverage reports which answers events invalidate; nil means none.
	Coverage zoom.Coverage
	// Schema is the text of the answers' schema, or a hash of it.
	Schema string
	// Log gets at most one line per second for each answer that is served from the cache.
	Log *slog.Logger
}

// Cache caches whole answers by the bytes of the request and the view of the account, so
// that a repeated request costs one lookup and one write, without parsing. Answers of one
// view are never served to another. An answer is valid as long as each of its parts is, and
// has the tags of all of them: an eviction of a part evicts the answer at the same time.
//
// Answers with errors or secrets, answers to mutations, and those without data of Zoom's are
// not cached. The validity of an answer that depends on the clock is limited by
// [zoom.ValidUntil]. It is safe for concurrent use.
type Cache struct {
	store  cache.Local // nil stores none
	events zoom.Coverage
	schema string // the prefix of every key: a hash of the schema
	log    *slog.Logger

	// unused is the number of cached answers that were never requested again. Above
	// maxUnused an answer is cached only if its request is repeated: the doorkeeper
	// has a mark of each recent request (TinyLFU's doorkeeper, arXiv:1512.00727).
	unused     atomic.Int32
	doorkeeper [1 << 15]atomic.Uint32

	// l1 holds small answers that were served recently, indexed by their key's hash, because
	// a lookup in the store costs as much as writing a small answer. Most requests are
	// answered without the store (see sampled).
	l1 [256]atomic.Pointer[l1Entry]
}

// l1Entry is an answer with the ticket that the store returned with it.
type l1Entry struct {
	*Answer
	ticket cache.Ticket
}

// maxL1 is the largest answer in L1, in bytes. L1 retains answers for a while after the
// store has dropped them: at most a megabyte or two in all.
const maxL1 = 4 << 10

// sampled reports whether a request reads the store although L1 has its answer. One of
// 16 does, so that the store counts popular answers and L1 drops answers that the store has
// dropped.
func sampled() bool { return rand.Uint32()%16 == 0 }

// maxUnused is the number of never repeated answers above which the doorkeeper admits
// repeated requests only.
const maxUnused = 500

// Admits reports whether the answer to a request is likely to be used again.
func (c *Cache) Admits(key Key) bool {
	place, mark := uint32(key.hash), uint32(key.hash>>32)
	again := c.doorkeeper[place%uint32(len(c.doorkeeper))].Swap(mark) == mark
	return again || c.unused.Load() < maxUnused
}

// New returns a cache.
func New(cfg Config) *Cache {
	schema := sha256.Sum256([]byte("answer\x00" + cfg.Schema))
	return &Cache{store: cfg.Store, events: cfg.Coverage, log: cfg.Log, schema: string(schema[:])}
}

// Begin writes the beginning of a request's key to buf: the schema, the view of the
// credential, the base URL of the gateway, which links in an answer contain, and the method.
// The caller appends the request, see [Cache.Key].
func (c *Cache) Begin(buf *bytes.Buffer, r *http.Request, credential *identity.Credential) {
	method := byte('p') // the same bytes mean different requests in a body and in a URL
	if IsGet(r) {
		method = 'g'
	}
	buf.WriteString(c.schema)
	buf.WriteString(credential.ID())
	buf.Write(append(links.AppendBase(buf.AvailableBuffer(), r), 0, method))
}

// IsGet reports whether the method is GET or HEAD: the GraphQL request is in the URL.
func IsGet(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// Key identifies an answer: the bytes written by Begin and those of the request. The hash is
// the answer's key in the store; the bytes are compared to detect collisions. The zero
// value identifies none.
type Key struct {
	bytes []byte // borrowed until an answer is cached
	hash  uint64
}

// IsZero reports whether the key identifies no answer.
func (k Key) IsZero() bool { return k.bytes == nil }

// String returns the bytes of the key.
func (k Key) String() string { return string(k.bytes) }

// maxRequest is the largest request, in bytes, that a key holds verbatim. For a longer one
// the key holds a collision-resistant hash.
const maxRequest = 4 << 10

// Key returns the key in buf: the first begun bytes are those that Begin wrote, the others
// the request.
func (c *Cache) Key(begun int, buf []byte) Key {
	if len(buf) > begun+maxRequest {
		request := sha256.Sum256(buf[begun:])
		buf = append(append(bytes.Clone(buf[:begun]), '#'), request[:]...)
	}
	return Key{buf, maphash.Bytes(seed, buf)}
}

var seed = maphash.MakeSeed()

// storeKey returns the key of the answer in the store.
func (k Key) storeKey() string {
	return string(binary.LittleEndian.AppendUint64(make([]byte, 0, 8), k.hash))
}

// Get returns the answer of a key, or nil.
func (c *Cache) Get(ctx context.Context, key Key, now time.Time) *Answer {
	if c.store == nil {
		return nil
	}
	slot := &c.l1[key.hash%uint64(len(c.l1))]
	e := slot.Load()
	same := e != nil && e.key == string(key.bytes)
	if same && e.validity.Fresh(now, c.events) && c.store.Unchanged(e.ticket) && !sampled() {
		return e.Answer
	}
	a, ticket := c.stored(ctx, key, now)
	if a == nil {
		if same { // an answer with another key stays
			slot.CompareAndSwap(e, nil)
		}
		return nil
	}
	if !a.used.Load() && a.used.CompareAndSwap(false, true) {
		c.unused.Add(-1)
	}
	if len(a.body) <= maxL1 {
		slot.Store(&l1Entry{a, ticket})
	}
	return a
}

// stored returns the answer of a key from the store, or nil.
func (c *Cache) stored(ctx context.Context, key Key, now time.Time) (*Answer, cache.Ticket) {
	entry, ticket := c.store.Get(ctx, key.storeKey())
	if entry == nil {
		return nil, ticket
	}
	value, err := entry.Value(func([]byte) (any, error) { return nil, errOtherProcess })
	a, _ := value.(*Answer)
	if err != nil || a == nil || a.key != string(key.bytes) || !a.validity.Fresh(now, c.events) {
		return nil, ticket
	}
	return a, ticket
}

// errOtherProcess reports an answer that another process has cached. It does not occur:
// whole answers stay in the first tier.
var errOtherProcess = errors.New("answers: cached by another process")

// Set caches an answer if that is allowed, and returns it, or else nil. The operation name is
// for the log; the usage has the tickets and validity of the parts.
func (c *Cache) Set(ctx context.Context, key Key, name string, body []byte, u *zoom.Usage) *Answer {
	if c.store == nil {
		return nil
	}
	ticket, validity, ok := u.Made()
	if !ok || !validity.Fresh(time.Now(), c.events) {
		return nil
	}
	a := &Answer{
		key: string(key.bytes), name: name, body: body, length: []string{strconv.Itoa(len(body))},
		validity: validity,
	}
	e := cache.Decoded(a, func() ([]byte, error) { return a.body, nil })
	e.Stored, e.Expires, e.StaleUntil = validity.Stored, validity.Expires, validity.Extended
	e.Size = len(a.key) + len(body) + len(body)/4 + 500 // with the compressed form, which may be added later
	c.store.Set(ctx, key.storeKey(), ticket, e)
	c.unused.Add(1)
	return a
}

// Answer is a cached answer: the bytes that every reader gets, and the constant headers.
type Answer struct {
	key      string
	name     string // of the operation
	body     []byte
	validity zoom.Validity
	length   []string // Content-Length
	used     atomic.Bool
	hits     hits
	age      atomic.Pointer[age]

	once sync.Once
	gzip []byte // compressed; nil if that is not smaller
	tag  string // the entity tag (RFC 9110, section 8.8.3)
	weak string // the entity tag of the compressed form

	firstTag atomic.Pointer[string] // the entity tag of the form served to the first reader
}

// Len returns the number of bytes of the answer.
func (a *Answer) Len() int { return len(a.body) }

// revalidate lets readers store an answer but requires revalidation for each use (RFC 9111):
// evictions do not reach them, and a 304 costs next to nothing.
var revalidate = []string{"private, no-cache"}

// Request describes the request that an answer is written for.
type Request struct {
	Media string // the media type of the answer
	Get   bool   // the request is in the URL
	Start time.Time
}

// Serve writes the answer to a later reader than the first.
func (a *Answer) Serve(w http.ResponseWriter, r *http.Request, q Request) {
	compress := len(a.body) >= negotiation.MinGzip && negotiation.TakesGzip(r.Header["Accept-Encoding"])
	if q.Get || compress {
		a.prepare()
	}
	if compress && a.gzip != nil {
		a.write(w, r, q, form{body: a.gzip, tag: a.weak, gzip: true})
		return
	}
	a.write(w, r, q, form{body: a.body, tag: a.tag})
}

// ServeFirst writes the answer to the reader whose request was executed: the first same
// bytes are those of the cached answer; the tail, with the actual cost, differs.
func (a *Answer) ServeFirst(w http.ResponseWriter, r *http.Request, q Request, same int, tail []byte) {
	first := form{body: a.body[:same], tail: tail}
	if q.Get {
		a.prepare()
		first.tag = entityTag(first.body, first.tail)
		a.firstTag.Store(&first.tag)
	}
	if first.length() >= negotiation.MinGzip && negotiation.TakesGzip(r.Header["Accept-Encoding"]) {
		if gzip := compressed(first.body, first.tail); gzip != nil {
			first = form{body: gzip, tag: "W/" + first.tag, gzip: true}
		}
	}
	a.write(w, r, q, first)
}

// form is a representation of an answer.
type form struct {
	body, tail []byte
	tag        string // the entity tag, for GET only; a compressed form has a weak one
	gzip       bool
}

func (f *form) length() int { return len(f.body) + len(f.tail) }

func (a *Answer) write(w http.ResponseWriter, r *http.Request, q Request, f form) {
	h := w.Header()
	if h["Cache-Control"] = negotiation.Unstored; q.Get { // the answer to a POST is never stored
		h["Age"], h["Vary"], h["Cache-Control"] = a.ageHeader(q.Start), negotiation.Vary, revalidate
		if known := a.match(r.Header["If-None-Match"]); known != "" {
			h["Etag"] = []string{known}
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h["Etag"] = []string{f.tag}
	}
	h["Content-Type"] = negotiation.ContentType(q.Media)
	switch length := f.length(); {
	case length <= buffered:
		// net/http sets Content-Length, at less cost than an explicit header
	case length == len(a.body):
		h["Content-Length"] = a.length
	default:
		h["Content-Length"] = []string{strconv.Itoa(length)}
	}
	if f.gzip {
		h["Content-Encoding"], h["Vary"] = negotiation.Gzip, negotiation.Vary
	}
	_, err := w.Write(f.body)
	if err == nil && len(f.tail) > 0 {
		_, _ = w.Write(f.tail) // an error means that the reader has left
	}
}

// buffered is the largest answer, in bytes, that net/http buffers completely, so that it
// sets Content-Length.
const buffered = 2048

// ageHeader returns the header Age: the seconds since the oldest part of the answer was
// stored. It is formatted once for all requests of a second.
func (a *Answer) ageHeader(now time.Time) []string {
	seconds := max(int64(now.Sub(a.validity.Stored)/time.Second), 0)
	if last := a.age.Load(); last != nil && last.seconds == seconds {
		return last.header
	}
	next := &age{seconds, []string{strconv.FormatInt(seconds, 10)}}
	a.age.Store(next)
	return next.header
}

type age struct {
	seconds int64
	header  []string
}

// match returns the entity tag of If-None-Match that matches the answer, its compressed form,
// or the form served first; "" if none does. RFC 9110, section 13.1.2, requires the weak
// comparison.
func (a *Answer) match(header []string) string {
	for tag := range negotiation.Elements(header) {
		if tag == "*" {
			return a.tag
		}
		bare, first := strings.TrimPrefix(tag, "W/"), a.firstTag.Load()
		if bare == a.tag || first != nil && bare == *first {
			return tag
		}
	}
	return ""
}

// prepare computes entity tags and the compressed form, which only some readers need, once.
func (a *Answer) prepare() {
	a.once.Do(func() {
		a.tag = entityTag(a.body)
		a.weak = "W/" + a.tag
		if len(a.body) >= negotiation.MinGzip {
			a.gzip = compressed(a.body)
		}
	})
}

// entityTag returns a strong entity tag of bytes. It is the same in every process.
func entityTag(parts ...[]byte) string {
	hash := sha256.New()
	for _, part := range parts {
		hash.Write(part)
	}
	return `"` + base64.RawURLEncoding.EncodeToString(hash.Sum(nil)[:15]) + `"`
}

// hits counts how often an answer was served since its last line in the log.
type hits struct {
	n    atomic.Int64
	last atomic.Int64 // when the line was written, in Unix nanoseconds
}

// logInterval is the minimum time between two log lines of one answer.
const logInterval = time.Second

// Hit counts that an answer was served, for the log.
func (c *Cache) Hit(a *Answer, now time.Time) {
	if !c.log.Enabled(context.Background(), slog.LevelInfo) || a.hits.n.Add(1) > 1 {
		return // the first hit of the interval logs the line
	}
	wait := logInterval - time.Duration(now.UnixNano()-a.hits.last.Load())
	if wait <= 0 {
		c.logHits(a)
		return
	}
	time.AfterFunc(wait, func() { c.logHits(a) })
}

func (c *Cache) logHits(a *Answer) {
	a.hits.last.Store(time.Now().UnixNano())
	n := a.hits.n.Swap(0)
	c.log.LogAttrs(context.Background(), slog.LevelInfo, "operation", slog.String("name", a.name), slog.Int64("kept", n))
}

// compressed returns compressed bytes, or nil if they are not fewer.
func compressed(parts ...[]byte) []byte {
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	out := &limitedBuffer{b: make([]byte, 0, length/4), most: length}
	err := negotiation.WriteGzip(out, func(w io.Writer) error {
		for _, part := range parts {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil
	}
	return out.b
}

// limitedBuffer is an io.Writer that accepts at most so many bytes.
type limitedBuffer struct {
	b    []byte
	most int
}

// Write appends p, or returns an error if it does not fit.
func (l *limitedBuffer) Write(p []byte) (int, error) {
	if len(l.b)+len(p) > l.most {
		return 0, http.ErrContentLength
	}
	l.b = append(l.b, p...)
	return len(p), nil
}
