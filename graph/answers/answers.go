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

// Config is what New needs.
type Config struct {
	// Store keeps the answers; nil keeps none. It MUST know the tickets of the store
	// that the parts of answers come from: it is that store, or its first tier.
	Store cache.Local
	// Coverage tells which answers events keep right; nil is none.
	Coverage zoom.Coverage
	// Schema is the text of the schema that the answers follow.
	Schema string
	// Log gets a line a second for each answer that is served from the cache.
	Log *slog.Logger
}

// Cache caches whole answers by the bytes of the request and the view of the account, so
// that a repeated request costs one lookup and one write: nothing is parsed. Answers of one
// view are never served to another. An answer is valid as long as each of its parts is, and
// carries the tags of all of them: an eviction of a part evicts the answer in the same
// moment.
//
// Answers with errors or secrets, answers to mutations, and those that hold nothing of
// Zoom's are not cached. An answer that depends on the clock says so by
// [zoom.ValidUntil]. It is safe for concurrent use.
type Cache struct {
	store  cache.Local // nil keeps none
	events zoom.Coverage
	schema string // begins every key: a hash of the schema
	log    *slog.Logger

	// unused is the number of cached answers that were never asked for again. Above
	// maxUnused an answer is cached only when its request comes back: the doorkeeper
	// has a mark of each of the last requests (TinyLFU's doorkeeper, arXiv:1512.00727).
	unused     atomic.Int32
	doorkeeper [1 << 15]atomic.Uint32

	// l1 holds small answers that were served lately, each at its key's hash, because a
	// lookup in the store costs as much as writing a small answer. Most requests are
	// answered without the store (see sampled).
	l1 [256]atomic.Pointer[l1Entry]
}

// l1Entry is an answer with the ticket of the moment when the store returned it.
type l1Entry struct {
	*Answer
	ticket cache.Ticket
}

// maxL1 is how many bytes an answer in L1 has at most. L1 keeps an answer for a while
// after the store has dropped it: a megabyte or two for all of them.
const maxL1 = 4 << 10

// sampled reports whether a request goes to the store although L1 has its answer. One of
// 16 does, so that the store counts popular answers and L1 drops what the store has
// dropped.
func sampled() bool { return rand.Uint32()%16 == 0 }

// maxUnused is the number of answers that are cached before any of them was asked for
// again.
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

// Begin begins the key of a request in buf: the schema, the view of the credential, the
// method, and the address of the gateway, which links in an answer hold. The request
// follows, see [Cache.Key].
func (c *Cache) Begin(buf *bytes.Buffer, r *http.Request, credential *identity.Credential) {
	method := byte('p') // the bytes of a body may stand in a URL too, and mean something else
	if IsGet(r) {
		method = 'g'
	}
	buf.WriteString(c.schema)
	buf.WriteString(credential.ID())
	buf.Write(append(links.AppendBase(buf.AvailableBuffer(), r), 0, method))
}

// IsGet reports whether a request is in the URL.
func IsGet(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// Key names an answer: the bytes of the request with what Begin wrote. The hash finds
// the place of the answer in the store; the bytes decide whether it is the one. The zero
// value names none.
type Key struct {
	bytes []byte // borrowed until an answer is cached
	hash  uint64
}

// IsZero reports whether the key names no answer.
func (k Key) IsZero() bool { return k.bytes == nil }

// String returns the bytes of the key.
func (k Key) String() string { return string(k.bytes) }

// maxAsked is the number of bytes of a request that stand in a key as they are. Of a
// longer one the key holds a collision-resistant hash.
const maxAsked = 4 << 10

// Key returns the key that Begin began in the first begun bytes, and that the bytes of
// the request end.
func (c *Cache) Key(begun int, asked []byte) Key {
	if len(asked) > begun+maxAsked {
		rest := sha256.Sum256(asked[begun:])
		asked = append(append(bytes.Clone(asked[:begun]), '#'), rest[:]...)
	}
	return Key{asked, maphash.Bytes(seed, asked)}
}

var seed = maphash.MakeSeed()

// storeKey is the key of the answer in the store.
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
		if same { // the answer of another key stays
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

// errOtherProcess is the error of an answer that another process has cached. There is
// none: whole answers stay in the first tier.
var errOtherProcess = errors.New("answers: cached by another process")

// Set caches an answer if it may be cached, and returns it then; else nil. The operation
// name is for the log, the usage says how long the parts are valid.
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
	e.Size = len(a.key) + len(body) + len(body)/4 + 500 // the compressed form may come beside it
	c.store.Set(ctx, key.storeKey(), ticket, e)
	c.unused.Add(1)
	return a
}

// Answer is a cached answer: the bytes that every reader gets, and the headers that do
// not change.
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
	gzip []byte // compressed; nil where that does not pay
	tag  string // the entity tag
	weak string // the entity tag of the compressed form

	firstTag atomic.Pointer[string] // the entity tag of the answer as it was served first
}

// Len returns the number of bytes of the answer.
func (a *Answer) Len() int { return len(a.body) }

// revalidate lets readers store an answer but makes them ask each time whether it is
// still valid: no eviction reaches them, and an answer 304 costs next to nothing.
var revalidate = []string{"private, no-cache"}

// Request is what an answer is written to.
type Request struct {
	Media string // the media type of the answer
	Get   bool   // the request is in the URL
	Start time.Time
}

// Serve writes the answer to a reader who did not wait for it to be made.
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

// ServeFirst writes the answer to the reader for whom it was made: the first bytes of it
// are the same, and what it has cost follows as the tail.
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
	tag        string // the entity tag, for a GET alone; a compressed form has a weak one
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
		// net/http sets Content-Length, which costs less than a header
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

// buffered is the number of bytes up to which net/http buffers a whole answer, and so
// knows its length.
const buffered = 2048

// ageHeader returns the header Age: the seconds since the oldest part of the answer was
// asked for. It is written once for all requests of a second.
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

// match returns the entity tag of If-None-Match that names the answer, or "": its bytes,
// its compressed form, or the form that was served first. RFC 9110, section 13.1.2, asks
// for the weak comparison.
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

// prepare computes what only some readers need, for the first of them.
func (a *Answer) prepare() {
	a.once.Do(func() {
		a.tag = entityTag(a.body)
		a.weak = "W/" + a.tag
		if len(a.body) >= negotiation.MinGzip {
			a.gzip = compressed(a.body)
		}
	})
}

// entityTag returns the entity tag of bytes. It is the same in every process.
func entityTag(parts ...[]byte) string {
	hash := sha256.New()
	for _, part := range parts {
		hash.Write(part)
	}
	return `"` + base64.RawURLEncoding.EncodeToString(hash.Sum(nil)[:15]) + `"`
}

// hits counts the requests that an answer was served to since its last line in the log.
type hits struct {
	n    atomic.Int64
	last atomic.Int64 // when the line was written, in Unix nanoseconds
}

// logInterval is the time between two lines of one answer in the log.
const logInterval = time.Second

// Hit counts that an answer was served, for the log.
func (c *Cache) Hit(a *Answer, now time.Time) {
	if !c.log.Enabled(context.Background(), slog.LevelInfo) || a.hits.n.Add(1) > 1 {
		return // the first of the interval writes the line of all
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

// compressed returns bytes compressed, or nil where they do not get fewer.
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

// limitedBuffer takes no more than some bytes.
type limitedBuffer struct {
	b    []byte
	most int
}

// Write takes what fits, and refuses the rest.
func (l *limitedBuffer) Write(p []byte) (int, error) {
	if len(l.b)+len(p) > l.most {
		return 0, http.ErrContentLength
	}
	l.b = append(l.b, p...)
	return len(p), nil
}
