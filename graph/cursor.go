package graph

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"zoomql/graph/endpoint"
	"zoomql/internal/zoom/types"
)

// place is where an item stands in a list: in which window, on the page that a
// token of Zoom's leads to, and how far down. A cursor is a place in opaque
// form. Tokens end after 15 minutes; mark finds the item again when that has
// happened, in a list read anew.
type place struct {
	window uint16
	size   uint16 // of the pages: a token is good for its own size only
	index  uint16 // how many items of the page are behind
	offset uint32 // how many items of the window are behind
	mark   uint32
	day    day // that the list was cut into windows on
	// since and until are the days of the window that Zoom has left out of an answer
	// on all of it, and is asked for again; 0 where the whole window is asked for.
	since, until day
	token        string
}

const (
	placeSize = 2 + 2 + 2 + 4 + 4 + 2
	restSize  = 2 + 2   // of since and until, which follow only if they are there
	ofRest    = 1 << 15 // the bit of window that says so
)

// day counts the days since 1970, by UTC.
type day uint16

func dayOf(t time.Time) day { return day(t.Unix() / (24 * 60 * 60)) }

func (d day) time() time.Time { return time.Unix(int64(d)*24*60*60, 0).UTC() }

type fingerprint [8]byte

// fingerprintOf names a list: whose it is, and what is asked.
func fingerprintOf(t types.Tenant, question string) fingerprint {
	sum := sha256.Sum256(append(t[:], question...))
	return fingerprint(sum[:8])
}

var (
	errCursor     = invalid("after: not a cursor of this list; take one from its own pageInfo or edges")
	errCursorGone = &inputError{code: types.ErrorCodeCursorExpired, message: "after: the item that the cursor points behind is not in the list any more; begin again without it"}
)

func (p place) encode(fp fingerprint) string {
	b := append(make([]byte, 0, len(fp)+placeSize+restSize+len(p.token)), fp[:]...)
	if p.until != 0 {
		p.window |= ofRest
	}
	b = binary.BigEndian.AppendUint16(b, p.window)
	b = binary.BigEndian.AppendUint16(b, p.size)
	b = binary.BigEndian.AppendUint16(b, p.index)
	b = binary.BigEndian.AppendUint32(b, p.offset)
	b = binary.BigEndian.AppendUint32(b, p.mark)
	b = binary.BigEndian.AppendUint16(b, uint16(p.day))
	if p.until != 0 {
		b = binary.BigEndian.AppendUint16(b, uint16(p.since))
		b = binary.BigEndian.AppendUint16(b, uint16(p.until))
	}
	return base64.RawURLEncoding.EncodeToString(append(b, p.token...))
}

func decodePlace(cursor string, fp fingerprint) (place, error) {
	if len(cursor) > endpoint.MaxCursor {
		return place{}, errCursor
	}
	p, of, err := readPlace(cursor)
	if err != nil || of != fp {
		return place{}, errCursor
	}
	return p, nil
}

// readPlace reads a cursor, and of which list it is.
func readPlace(cursor string) (p place, of fingerprint, err error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) < len(of)+placeSize {
		return place{}, of, errCursor
	}
	of, b = fingerprint(b[:len(of)]), b[len(of):]
	p = place{
		window: binary.BigEndian.Uint16(b),
		size:   binary.BigEndian.Uint16(b[2:]),
		index:  binary.BigEndian.Uint16(b[4:]),
		offset: binary.BigEndian.Uint32(b[6:]),
		mark:   binary.BigEndian.Uint32(b[10:]),
		day:    day(binary.BigEndian.Uint16(b[14:])),
	}
	b = b[placeSize:]
	if p.window&ofRest != 0 {
		if len(b) < restSize {
			return place{}, of, errCursor
		}
		p.window &^= ofRest
		p.since, p.until = day(binary.BigEndian.Uint16(b)), day(binary.BigEndian.Uint16(b[2:]))
		if b = b[restSize:]; p.until == 0 || p.since > p.until {
			return place{}, of, errCursor
		}
	}
	p.token = string(b)
	if p.size == 0 || p.offset < uint32(p.index) { // a page may hold more than was asked for
		return place{}, of, errCursor
	}
	p.offset -= uint32(p.index) // of the page's first item
	return p, of, nil
}

// markOf returns a few bytes by which an item is found again.
func markOf(item any) uint32 {
	var key string
	switch x := item.(type) {
	case interface{ Mark() string }:
		key = x.Mark()
	case types.Node:
		key = x.ID().Key
	}
	sum := sha256.Sum256([]byte(key))
	return binary.BigEndian.Uint32(sum[:])
}
