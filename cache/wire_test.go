package cache

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// An entry is decoded as it was encoded, whatever its length and those of its tags.
func TestDecodeEntry_roundTrip(t *testing.T) {
	for _, tag := range []int{1, 24, 60, 300} {
		for tags := range 6 {
			ticket := &Ticket{versions: make([]version, tags+1)}
			for i := range tags {
				ticket.names = append(ticket.names, tagName(strings.Repeat("t", tag+i)))
			}
			for _, length := range []int{0, 1, compressFrom - 1, compressFrom, 1000, 100_000} {
				body := bytes.Repeat([]byte("abcdefghij"), length/10+1)[:length]
				data, ok := encodeEntry(Encoded(body), ticket)
				if !ok {
					t.Fatal("not written")
				}
				e, got, ok := decodeEntry(data)
				if !ok {
					t.Fatalf("%d tags of %d bytes, body of %d: not read", tags, tag, length)
				}
				back, err := e.Body()
				if err != nil || !bytes.Equal(back, body) || !slices.Equal(got.names, ticket.names) {
					t.Fatalf("%d tags of %d bytes, body of %d: read as %d bytes, %v", tags, tag, length, len(back), err)
				}
			}
		}
	}
}
