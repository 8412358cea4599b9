package sandbox

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"time"
)

// defaultPage is the page size of a call without page_size.
const defaultPage = 30

// page is a part of a list. Its items are made when they are encoded. An item that is a
// json.RawMessage is written as it is.
type page struct {
	fields []field
	array  string
	from   int
	to     int
	item   func(int) any
}

// field is a counter or a parameter next to the items.
type field struct {
	name  string
	value any
}

// page returns the part of a list of total items that a call requests. The name of the array
// and the largest page are those of the operation's row. Extra fields follow the counters.
//
// Source: https://developers.zoom.us/docs/api/pagination/
func (c *call) page(total int, item func(int) any, extra ...field) (*page, error) {
	size, from, err := c.place()
	if err != nil {
		return nil, err
	}
	from = min(from, total)
	p := &page{array: c.route.spec.Array, from: from, to: min(from+size, total), item: item}
	token := ""
	if p.to < total {
		token = c.pageToken(p.to)
	}
	p.fields = append([]field{
		{"next_page_token", token},
		{"page_count", (total + size - 1) / size},
		{"page_size", size},
		{"total_records", total},
	}, extra...)
	return p, nil
}

// without removes counters that an operation does not document.
func (p *page) without(names ...string) *page {
	p.fields = slices.DeleteFunc(p.fields, func(f field) bool { return slices.Contains(names, f.name) })
	return p
}

// place parses page_size, next_page_token and the legacy page_number. A page_size above the
// maximum is refused, not reduced.
func (c *call) place() (size, from int, err error) {
	largest := orElse(c.route.spec.MaxPage, 300)
	if size, err = c.number("page_size", min(defaultPage, largest), 1, largest); err != nil {
		return 0, 0, err
	}
	if token := c.query.Get("next_page_token"); token != "" {
		from, err = c.readToken(token)
		return size, from, err
	}
	n, err := c.number("page_number", 1, 1, 1<<30)
	return size, (n - 1) * size, err
}

// pageNumber returns the legacy counter, for the operations that still return it.
func (c *call) pageNumber() field {
	n, err := strconv.Atoi(c.query.Get("page_number"))
	if err != nil {
		n = 1
	}
	return field{"page_number", n}
}

// A token contains the position, its expiry and a hash of the other parameters, so that it is
// valid for the same request alone. The sandbox stores no state for it.
func (c *call) pageToken(from int) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(from))
	b = binary.BigEndian.AppendUint64(b, uint64(c.now.Add(c.opt.PageTokenTTL).UnixMilli()))
	b = binary.BigEndian.AppendUint64(b, c.querySum(b))
	return base64.RawURLEncoding.EncodeToString(b)
}

func (c *call) readToken(token string) (int, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	wrong := badRequest(300, "The next page token is invalid or expired.")
	if err != nil || len(b) != 20 || binary.BigEndian.Uint64(b[12:]) != c.querySum(b[:12]) {
		return 0, wrong
	}
	expires := time.UnixMilli(int64(binary.BigEndian.Uint64(b[4:])))
	if !c.now.Before(expires) {
		return 0, wrong
	}
	return int(binary.BigEndian.Uint32(b)), nil
}

// querySum returns a hash of the operation and its parameters, except the token.
func (c *call) querySum(salt []byte) uint64 {
	h := fnv.New64a()
	write := func(s string) { _, _ = h.Write(append([]byte(s), 0)) } // never fails
	_, _ = h.Write(salt)
	write(c.route.pattern)
	for _, v := range c.values {
		write(v)
	}
	for _, name := range slices.Sorted(maps.Keys(c.query)) {
		if name != "next_page_token" {
			write(name)
			write(c.query.Get(name))
		}
	}
	return mix(h.Sum64() ^ mix(c.opt.Seed))
}

// MarshalJSON encodes a page that is part of a larger answer.
func (p *page) MarshalJSON() ([]byte, error) {
	var buf bytes.Buffer
	p.encode(&buf)
	return buf.Bytes(), nil
}

func (p *page) encode(buf *bytes.Buffer) {
	enc := newEncoder(buf)
	buf.WriteByte('{')
	for _, f := range p.fields {
		buf.WriteString(strconv.Quote(f.name) + ":")
		enc.append(f.value)
		buf.WriteByte(',')
	}
	buf.WriteString(strconv.Quote(p.array) + ":[")
	for i := p.from; i < p.to; i++ {
		if i > p.from {
			buf.WriteByte(',')
		}
		enc.append(p.item(i))
	}
	buf.WriteString("]}")
}
