package cache

import (
	"errors"
	"math"
	"sync/atomic"
	"time"
)

// An Entry is one stored answer: its times, and the answer in decoded
// form, encoded form, or both. Make it with [Decoded] or [Encoded], fill in the
// times and the size, then Set it; from there on it is shared by all its
// readers and MUST NOT be changed.
type Entry struct {
	Stored     time.Time // when the origin was called
	Expires    time.Time // when it stops being fresh
	StaleUntil time.Time // until when it may be served stale; zero means Expires
	// Since is since when no tag of the entry has been evicted, including the time of the entries
	// that it has replaced: a caller copies it from one to the next. Zero means Stored.
	Since time.Time
	Size  int // approximate bytes of the decoded form in memory; zero means unknown

	// Took is how long the call to the origin took: the longer, the earlier the
	// entry is refreshed, see [Entry.ShouldRefresh]. Zero means unknown.
	Took time.Duration

	encode func() ([]byte, error)
	form   atomic.Pointer[form]
}

// form is replaced as a whole, never changed.
type form struct {
	value any
	body  []byte
}

// UnchangedSince returns Since, or Stored if Since is zero.
func (e *Entry) UnchangedSince() time.Time {
	if e.Since.IsZero() {
		return e.Stored
	}
	return e.Since
}

// Decoded returns an entry of a value that is not nil. A store that writes
// outside this process calls encode, which MUST be safe for concurrent use and
// may never be called; a nil encode confines the entry to this process.
func Decoded(value any, encode func() ([]byte, error)) *Entry {
	e := &Entry{encode: encode}
	e.form.Store(&form{value: value})
	return e
}

// Encoded returns an entry of bytes, which MUST NOT be changed afterwards.
func Encoded(body []byte) *Entry {
	e := &Entry{}
	e.form.Store(&form{body: body})
	return e
}

// Fresh reports whether the entry may be served at now without calling the origin.
func (e *Entry) Fresh(now time.Time) bool { return now.Before(e.Expires) }

// ShouldRefresh reports whether an entry that is fresh until expires should be refreshed
// at now, so that no reader waits when it is stale. Each reader decides for itself and at
// random, the likelier the nearer the expiry and the longer the origin takes, so that
// one of them begins in time and hardly ever two (XFetch, beta 1). random returns
// a number in [0, 1).
//
// Source: Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede
// Prevention", VLDB 2015.
func (e *Entry) ShouldRefresh(expires, now time.Time, random func() float64) bool {
	if e.Took <= 0 {
		return false
	}
	// Logarithms of random numbers are rarely beyond 40: one comparison decides
	// for most readers.
	left := expires.Sub(now)
	return left < 40*e.Took && float64(left) <= -float64(e.Took)*math.Log(1-random())
}

// Value returns the decoded form, shared by all readers: it MUST NOT be
// changed. If the entry holds bytes only (it came from another process), decode
// makes it, once for all later readers; its error is returned, and the
// caller should treat the entry as a miss.
//
// The bytes are released then, so readers of one key use either Value or Body.
func (e *Entry) Value(decode func(body []byte) (any, error)) (any, error) {
	f := e.form.Load()
	if f.value != nil {
		return f.value, nil
	}
	value, err := decode(f.body)
	if err != nil {
		return nil, err
	}
	if !e.form.CompareAndSwap(f, &form{value: value}) {
		return e.form.Load().value, nil // another reader was first: share its value
	}
	return value, nil
}

// errNoBody is the error of an entry that is confined to this process.
var errNoBody = errors.New("cache: entry has no encoded form")

// Body returns the encoded form, shared by all readers: it MUST NOT be changed. Its
// error is that of encode, or that there is no encode (see [Decoded]).
func (e *Entry) Body() ([]byte, error) {
	if f := e.form.Load(); f.body != nil {
		return f.body, nil
	}
	if e.encode == nil {
		return nil, errNoBody
	}
	return e.encode()
}

// usableUntil returns until when the entry may be served, fresh or stale.
func (e *Entry) usableUntil() time.Time {
	if e.StaleUntil.After(e.Expires) {
		return e.StaleUntil
	}
	return e.Expires
}
