package cache

import (
	"errors"
	"math"
	"sync/atomic"
	"time"
)

// An Entry is one remembered answer: its times, and the answer in decoded
// form, encoded form, or both. Make it with [Decoded] or [Encoded], fill in the
// times and the size, then Set it; from there on it is shared by all its
// readers and MUST NOT be changed.
type Entry struct {
	Stored  time.Time // when the origin was asked
	Expires time.Time // when it stops being fresh
	Keep    time.Time // until when it may still be had, stale; zero means Expires
	Size    int       // rough bytes of the decoded form in memory; zero means unknown

	// Took is how long the origin took: what costs more is asked for again
	// earlier, see [Entry.Due].
	Took time.Duration

	encode func() ([]byte, error)
	form   atomic.Pointer[form]
}

// form is replaced as a whole, never changed.
type form struct {
	value any
	body  []byte
}

// Decoded returns an entry of a value that is not nil. A store that writes
// outside this process calls encode, which MUST be safe for concurrent use and
// may never be called; a nil encode keeps the entry in this process.
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

// Fresh reports whether the entry need not be asked for again at now.
func (e *Entry) Fresh(now time.Time) bool { return now.Before(e.Expires) }

// Due reports whether a fresh entry had better be asked for again at now, so that
// nobody has to wait when it is stale. Its readers decide each for himself and at
// random, the likelier the nearer the end and the longer the origin takes, so that
// one of them begins in time and hardly ever two (XFetch, beta 1). random returns
// a number in [0, 1).
//
// Source: Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede
// Prevention", VLDB 2015.
func (e *Entry) Due(now time.Time, random func() float64) bool {
	if e.Took <= 0 {
		return false
	}
	// Logarithms of random numbers are rarely beyond 40: most readers are told
	// by one comparison.
	left := e.Expires.Sub(now)
	return left < 40*e.Took && float64(left) <= -float64(e.Took)*math.Log(1-random())
}

// Value returns the decoded form, shared by all readers: it MUST NOT be
// changed. decode makes it where the entry holds bytes only (it came from
// another process), once for all later readers; its error is returned, and the
// caller had better treat the entry as a miss.
//
// The bytes are let go then, so readers of one key use either Value or Body.
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

// errNoBody is the error of an entry that was not meant to leave the process.
var errNoBody = errors.New("cache: entry has no encoded form")

// Body returns the encoded form, shared by all readers: it MUST NOT be changed.
func (e *Entry) Body() ([]byte, error) {
	if f := e.form.Load(); f.body != nil {
		return f.body, nil
	}
	if e.encode == nil {
		return nil, errNoBody
	}
	return e.encode()
}

// until returns when the entry is of no use to anyone.
func (e *Entry) until() time.Time {
	if e.Keep.After(e.Expires) {
		return e.Keep
	}
	return e.Expires
}
