package graph

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"

	"zoomql/cache"
	"zoomql/internal/links"
	"zoomql/internal/zoom"
)

// answers keeps whole answers, by what was asked to the byte and in whose view,
// so that who asks again costs a lookup and a write: nothing is parsed. An
// answer is true as long as each of its parts, and carries the tags of all, so
// that what makes a part stale makes the whole stale at the same moment.
//
// Not kept are answers with errors, with secrets, of mutations, and those that
// hold nothing of Zoom's. What hangs on the clock besides says so by
// [zoom.TrueUntil].
type answers struct {
	store cache.Store // nil keeps none
	views string      // begins every key: who sees it, and by which schema
	log   *slog.Logger

	// unused is how many answers are kept that nobody has asked for again. When
	// there are many, because something in each question is new, an answer is
	// kept only when its question comes back: door has a mark of each of the
	// last ones.
	unused atomic.Int32
	door   [1 << 15]atomic.Uint32

	// front holds short answers that were given lately, each at its question's hash:
	// what the store's own lookup costs is felt by who costs no more than a write.
	// Most of their readers are led past the store (see past).
	front [256]atomic.Pointer[fronted]
	// unchanged reports that nothing was evicted since a ticket was made; nil where
	// the store cannot tell.
	unchanged func(cache.Ticket) bool
}

// fronted is an answer with the ticket of the moment when the store gave it.
type fronted struct {
	*kept
	ticket cache.Ticket
}

// maxFronted is how long an answer may be to stand in front, where it stays for a
// while when the store has put it out: a megabyte or two for all of them.
const maxFronted = 4 << 10

// past reports whether a reader is led past the store. One of 16 is not, so that the
// store hears what is asked for often, and the front what the store has put out.
func past() bool { return rand.Uint32()%16 != 0 }

// maxUnused is how many answers are kept on trust.
const maxUnused = 500

// pays reports whether the answer to a question is likely to be of use again.
func (a *answers) pays(hash uint64) bool {
	place, mark := uint32(hash), uint32(hash>>32)
	again := a.door[place%uint32(len(a.door))].Swap(mark) == mark
	return again || a.unused.Load() < maxUnused
}

func newAnswers(cfg Config) *answers {
	views := sha256.Sum256([]byte("answer\x00" + cfg.Client.View() + "\x00" + Schema()))
	a := &answers{store: cfg.Answers, log: cfg.Log, views: string(views[:])}
	if m, ok := cfg.Answers.(*cache.Memory); ok {
		a.unchanged = m.Unchanged
	}
	return a
}

// begin writes what a question is asked with, before it is read: in whose view, how,
// and at which address of the gateway's, which an answer with links holds.
func (a *answers) begin(buf *bytes.Buffer, r *http.Request) {
	kind := byte('p') // what stands in a body may also stand in a URL, and be read otherwise
	if isGet(r) {
		kind = 'g'
	}
	buf.WriteString(a.views)
	buf.Write(append(links.AppendBase(buf.AvailableBuffer(), r), 0, kind))
}

// A wording is what an answer is kept for, to the byte. Its hash finds the place
// where an answer would be; that it is the answer to this question and to no other,
// the bytes tell.
type wording struct {
	bytes []byte // lent, until it is kept
	hash  uint64
}

// longQuestion is how long a question may be to be kept as it is; of a longer one, a
// hash stands for the rest that no two have in common.
const longQuestion = 4 << 10

// wording ends what begin began with what is asked.
func (a *answers) wording(begun int, asked []byte) wording {
	if len(asked) > begun+longQuestion {
		rest := sha256.Sum256(asked[begun:])
		asked = append(append(bytes.Clone(asked[:begun]), '#'), rest[:]...)
	}
	return wording{asked, maphash.Bytes(seed, asked)}
}

var seed = maphash.MakeSeed()

// place is where the answer to a question is kept.
func (q wording) place() string {
	return string(binary.LittleEndian.AppendUint64(make([]byte, 0, 8), q.hash))
}

// get returns the answer to a question, or nil.
func (a *answers) get(ctx context.Context, q wording, now time.Time) *kept {
	if a.store == nil {
		return nil
	}
	front := &a.front[q.hash%uint64(len(a.front))]
	f := front.Load()
	same := f != nil && f.question == string(q.bytes)
	if same && now.Before(f.expires) && a.unchanged(f.ticket) && past() {
		return f.kept
	}
	k, ticket := a.stored(ctx, q, now)
	if k == nil {
		if same { // else it stands there for another question, and well
			front.CompareAndSwap(f, nil)
		}
		return nil
	}
	if !k.used.Load() && k.used.CompareAndSwap(false, true) {
		a.unused.Add(-1)
	}
	if a.unchanged != nil && len(k.body) <= maxFronted {
		front.Store(&fronted{k, ticket})
	}
	return k
}

// stored returns the answer that the store has to a question, or nil.
func (a *answers) stored(ctx context.Context, q wording, now time.Time) (*kept, cache.Ticket) {
	entry, ticket := a.store.Get(ctx, q.place())
	if entry == nil || !entry.Fresh(now) {
		return nil, ticket
	}
	value, err := entry.Value(func([]byte) (any, error) { return nil, errNotHere })
	k, _ := value.(*kept)
	if err != nil || k == nil || k.question != string(q.bytes) {
		return nil, ticket
	}
	return k, ticket
}

// errNotHere is of an answer that another process has kept, where there is none.
var errNotHere = errors.New("graph: whole answers stay in the process")

// keep keeps an answer if it may be kept, and returns it then.
func (a *answers) keep(ctx context.Context, q wording, name string, body []byte, u *zoom.Usage) *kept {
	if a.store == nil {
		return nil
	}
	ticket, oldest, expires, ok := u.Made()
	if !ok || !time.Now().Before(expires) {
		return nil
	}
	k := &kept{
		question: string(q.bytes), name: name, body: body, length: []string{strconv.Itoa(len(body))},
		stored: oldest, expires: expires,
	}
	e := cache.Decoded(k, func() ([]byte, error) { return k.body, nil })
	e.Stored, e.Expires = oldest, expires
	e.Size = len(k.question) + len(body) + len(body)/4 + 500 // the compressed form may come beside it
	a.store.Set(ctx, q.place(), ticket, e)
	a.unused.Add(1)
	return k
}

// kept is an answer as it stands in the cache: the bytes that everybody gets who
// asks for it, and the headers that do not change.
type kept struct {
	question        string
	name            string // of the operation
	body            []byte
	stored, expires time.Time
	length          []string // header
	used            atomic.Bool
	told            given
	aged            atomic.Pointer[aged]

	once   sync.Once
	packed []byte // compressed; nil where that does not pay
	tag    string // the entity tag
	weak   string // that of the compressed form

	other atomic.Pointer[string] // the entity tag of the answer as it was first given
}

// control lets readers keep an answer, but ask each time whether it holds still: no
// eviction reaches them, and a question that brings 304 costs next to nothing here.
var control = []string{"private, no-cache"}

// serve writes the answer to one who asks again.
func (k *kept) serve(w http.ResponseWriter, r *http.Request, q *inquiry) {
	packs := len(k.body) >= packs && takesGzip(r.Header["Accept-Encoding"])
	if q.get || packs {
		k.prepare()
	}
	if packs && k.packed != nil {
		k.write(w, r, q, form{k.packed, k.weak, true})
		return
	}
	k.write(w, r, q, form{k.body, k.tag, false})
}

// serveFirst writes the answer to the one for whom it was made, which ends in
// what it has cost him.
func (k *kept) serveFirst(w http.ResponseWriter, r *http.Request, q *inquiry, body []byte) {
	first := form{body: body}
	if q.get {
		k.prepare()
		first.tag = tagOf(first.body)
		k.other.Store(&first.tag)
	}
	if len(first.body) >= packs && takesGzip(r.Header["Accept-Encoding"]) {
		if packed := pack(first.body); packed != nil {
			first = form{packed, "W/" + first.tag, true}
		}
	}
	k.write(w, r, q, first)
}

// form is a way to write an answer.
type form struct {
	body   []byte
	tag    string // the entity tag, of use to a GET alone; a compressed form has a weak one
	packed bool
}

func (k *kept) write(w http.ResponseWriter, r *http.Request, q *inquiry, f form) {
	h := w.Header()
	if h["Cache-Control"] = unstored; q.get { // nobody keeps the answer to a POST
		h["Age"], h["Vary"], h["Cache-Control"] = k.age(q), varies, control
		if known := k.known(r.Header["If-None-Match"]); known != "" {
			h["Etag"] = []string{known}
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h["Etag"] = []string{f.tag}
	}
	h["Content-Type"] = mediaHeader(q.media)
	switch {
	case len(f.body) <= counted:
		// net/http writes how long it is, which costs less than a header
	case len(f.body) == len(k.body):
		h["Content-Length"] = k.length
	default:
		h["Content-Length"] = []string{strconv.Itoa(len(f.body))}
	}
	if f.packed {
		h["Content-Encoding"], h["Vary"] = gzipped, varies
	}
	_, _ = w.Write(f.body) // the client has gone; nobody is left to tell
}

// counted is how long an answer is at most that net/http holds back until it ends,
// and so knows its length.
const counted = 2048

// age returns how many seconds ago the oldest part of the answer was asked for. It
// is written once for all who ask within a second.
func (k *kept) age(q *inquiry) []string {
	seconds := max(int64(q.start.Sub(k.stored)/time.Second), 0)
	if old := k.aged.Load(); old != nil && old.seconds == seconds {
		return old.header
	}
	now := &aged{seconds, []string{strconv.FormatInt(seconds, 10)}}
	k.aged.Store(now)
	return now.header
}

type aged struct {
	seconds int64
	header  []string
}

var gzipped = []string{"gzip"}

// known returns the entity tag by which a reader says that he has the answer
// already: to the byte, compressed, or but for what it cost him. It is compared as
// RFC 9110, section 13.1.2, asks: a weak one is as good as a strong one.
func (k *kept) known(header []string) string {
	for tag := range elements(header) {
		if tag == "*" {
			return k.tag
		}
		bare, other := strings.TrimPrefix(tag, "W/"), k.other.Load()
		if bare == k.tag || other != nil && bare == *other {
			return tag
		}
	}
	return ""
}

// packs is how long an answer must be for compressing it to pay.
const packs = 1024

// prepare works out what only some clients need, at the first of them.
func (k *kept) prepare() {
	k.once.Do(func() {
		k.tag = tagOf(k.body)
		k.weak = "W/" + k.tag
		if len(k.body) >= packs {
			k.packed = pack(k.body)
		}
	})
}

// tagOf returns the entity tag of bytes. It is the same in every process.
func tagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`
}

// given counts how often an answer was given since its last line in the log, which
// there is once in tellEvery at most.
type given struct {
	times atomic.Int64
	last  atomic.Int64 // when the line was written, by Unix, in nanoseconds
}

const tellEvery = time.Second

// gave notes that an answer was given once more.
func (a *answers) gave(k *kept, now time.Time) {
	if !a.log.Enabled(context.Background(), slog.LevelInfo) || k.told.times.Add(1) > 1 {
		return // whoever was first tells of all
	}
	wait := tellEvery - time.Duration(now.UnixNano()-k.told.last.Load())
	if wait <= 0 {
		a.tell(k)
		return
	}
	time.AfterFunc(wait, func() { a.tell(k) })
}

func (a *answers) tell(k *kept) {
	k.told.last.Store(time.Now().UnixNano())
	n := k.told.times.Swap(0)
	a.log.LogAttrs(context.Background(), slog.LevelInfo, "operation", slog.String("name", k.name), slog.Int64("kept", n))
}

var packers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// pack compresses bytes, or returns nil where they do not become less.
func pack(body []byte) []byte {
	out := &limitedBuffer{b: make([]byte, 0, len(body)/4), most: len(body)}
	w, _ := packers.Get().(*gzip.Writer)
	defer packers.Put(w)
	w.Reset(out)
	if _, err := w.Write(body); err != nil {
		return nil
	}
	if w.Close() != nil {
		return nil
	}
	return out.b
}

// limitedBuffer takes no more than some bytes.
type limitedBuffer struct {
	b    []byte
	most int
}

func (l *limitedBuffer) Write(p []byte) (int, error) {
	if len(l.b)+len(p) > l.most {
		return 0, http.ErrContentLength
	}
	l.b = append(l.b, p...)
	return len(p), nil
}
