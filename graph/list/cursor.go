package list

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"zoomql/graph/endpoint"
	"zoomql/graph/errs"
	"zoomql/internal/zoom/types"
)

// Place is the position of an item in a list: the window, the token of the page, and the
// index on the page. A cursor is an encoded place. Tokens expire after 15 minutes; then
// the mark finds the item in the list, which is read from its beginning.
type Place struct {
	Window uint16
	Size   uint16 // of the pages: a token is valid for its own size only
	Index  uint16 // how many items of the page precede the place
	Offset uint32 // how many items of the window precede the place
	Mark   uint32
	Day    Day // on which the list was cut into windows
	// Since and Until are days of the window that Zoom has left out of its answer, and
	// that are requested separately; 0 for the whole window.
	Since, Until Day
	Token        string
}

// OnFirst reports whether a place is on the first page of a window, for which there is no token.
func (p *Place) OnFirst() bool { return p.Token == "" && p.Until == 0 }

// reaches reports whether a place is one that would be read if first items were read behind p and
// nothing had moved: it is in the same listing, and before their end.
func (p *Place) reaches(at Place, first int) bool {
	return at.Window == p.Window && at.Since == p.Since && at.Until == p.Until && at.Offset < p.Offset+uint32(p.Index)+uint32(first)
}

const (
	placeSize = 2 + 2 + 2 + 4 + 4 + 2
	restSize  = 2 + 2   // of since and until, which are optional
	ofRest    = 1 << 15 // the bit of window that is set if they follow
)

// Day counts the days since 1970-01-01, in UTC.
type Day uint16

// DayOf returns the day of a time, in UTC.
func DayOf(t time.Time) Day { return Day(t.Unix() / (24 * 60 * 60)) }

func (d Day) time() time.Time { return time.Unix(int64(d)*24*60*60, 0).UTC() }

// Fingerprint identifies a list in its cursors.
type Fingerprint [8]byte

// FingerprintOf returns the fingerprint of a tenant's list with a request.
func FingerprintOf(t types.Tenant, request string) Fingerprint {
	sum := sha256.Sum256(append(t[:], request...))
	return Fingerprint(sum[:8])
}

var (
	errCursor     = errs.Invalid("after: not a cursor of this list; take one from its own pageInfo or edges")
	errCursorGone = &errs.InputError{Code: types.ErrorCodeCursorExpired, Message: "after: the item that the cursor points behind is not in the list any more, or far behind its place; begin again without it"}
)

// Encode returns the cursor of a place in the list with a fingerprint.
func (p Place) Encode(fp Fingerprint) string {
	b := append(make([]byte, 0, len(fp)+placeSize+restSize+len(p.Token)), fp[:]...)
	if p.Until != 0 {
		p.Window |= ofRest
	}
	b = binary.BigEndian.AppendUint16(b, p.Window)
	b = binary.BigEndian.AppendUint16(b, p.Size)
	b = binary.BigEndian.AppendUint16(b, p.Index)
	b = binary.BigEndian.AppendUint32(b, p.Offset)
	b = binary.BigEndian.AppendUint32(b, p.Mark)
	b = binary.BigEndian.AppendUint16(b, uint16(p.Day))
	if p.Until != 0 {
		b = binary.BigEndian.AppendUint16(b, uint16(p.Since))
		b = binary.BigEndian.AppendUint16(b, uint16(p.Until))
	}
	return base64.RawURLEncoding.EncodeToString(append(b, p.Token...))
}

func decodePlace(cursor string, fp Fingerprint) (Place, error) {
	if len(cursor) > endpoint.MaxCursor {
		return Place{}, errCursor
	}
	p, of, err := ReadPlace(cursor)
	if err != nil || of != fp {
		return Place{}, errCursor
	}
	return p, nil
}

// ReadPlace decodes a cursor into its place and the fingerprint of its list.
func ReadPlace(cursor string) (p Place, of Fingerprint, err error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) < len(of)+placeSize {
		return Place{}, of, errCursor
	}
	of, b = Fingerprint(b[:len(of)]), b[len(of):]
	p = Place{
		Window: binary.BigEndian.Uint16(b),
		Size:   binary.BigEndian.Uint16(b[2:]),
		Index:  binary.BigEndian.Uint16(b[4:]),
		Offset: binary.BigEndian.Uint32(b[6:]),
		Mark:   binary.BigEndian.Uint32(b[10:]),
		Day:    Day(binary.BigEndian.Uint16(b[14:])),
	}
	b = b[placeSize:]
	if p.Window&ofRest != 0 {
		if len(b) < restSize {
			return Place{}, of, errCursor
		}
		p.Window &^= ofRest
		p.Since, p.Until = Day(binary.BigEndian.Uint16(b)), Day(binary.BigEndian.Uint16(b[2:]))
		if b = b[restSize:]; p.Until == 0 || p.Since > p.Until {
			return Place{}, of, errCursor
		}
	}
	p.Token = string(b)
	if p.Size == 0 || p.Offset < uint32(p.Index) { // Index may exceed Size: a page may hold more items than requested
		return Place{}, of, errCursor
	}
	p.Offset -= uint32(p.Index) // of the page's first item
	return p, of, nil
}

// markOf returns a short hash by which an item is found again.
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
