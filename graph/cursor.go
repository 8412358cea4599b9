package graph

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"

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
	offset uint32 // how many items of the list are behind
	mark   uint32
	token  string
}

const placeSize = 2 + 2 + 2 + 4 + 4

type fingerprint [8]byte

// fingerprintOf names a list: whose, which operation, which filters.
func fingerprintOf(t types.Tenant, op string, windows any) fingerprint {
	h := sha256.New()
	h.Write(t[:])
	fmt.Fprintf(h, "\x00%s\x00%+v", op, windows)
	return fingerprint(h.Sum(nil)[:8])
}

var (
	errCursor     = invalid("after: not a cursor of this list; take one from its own pageInfo or edges")
	errCursorGone = &inputError{code: codeCursorExpired, message: "after: the item that the cursor points behind is not in the list any more; begin again without it"}
)

func (p place) encode(fp fingerprint) string {
	b := append(make([]byte, 0, len(fp)+placeSize+len(p.token)), fp[:]...)
	b = binary.BigEndian.AppendUint16(b, p.window)
	b = binary.BigEndian.AppendUint16(b, p.size)
	b = binary.BigEndian.AppendUint16(b, p.index)
	b = binary.BigEndian.AppendUint32(b, p.offset)
	b = binary.BigEndian.AppendUint32(b, p.mark)
	return base64.RawURLEncoding.EncodeToString(append(b, p.token...))
}

func decodePlace(cursor string, fp fingerprint) (place, error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) < len(fp)+placeSize || fingerprint(b[:len(fp)]) != fp {
		return place{}, errCursor
	}
	b = b[len(fp):]
	p := place{
		window: binary.BigEndian.Uint16(b),
		size:   binary.BigEndian.Uint16(b[2:]),
		index:  binary.BigEndian.Uint16(b[4:]),
		offset: binary.BigEndian.Uint32(b[6:]),
		mark:   binary.BigEndian.Uint32(b[10:]),
		token:  string(b[placeSize:]),
	}
	if p.size == 0 || p.index > p.size || p.offset < uint32(p.index) {
		return place{}, errCursor
	}
	p.offset -= uint32(p.index) // of the page's first item
	return p, nil
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
