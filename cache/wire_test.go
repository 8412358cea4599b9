package cache

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
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

// An entry has its times after decoding, and one without Since has that of Stored.
func TestDecodeEntry_times(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	for since, want := range map[time.Time]time.Time{{}: now, now.Add(-time.Hour): now.Add(-time.Hour)} {
		e := Encoded([]byte("1"))
		e.Stored, e.Expires, e.StaleUntil, e.Since = now, now.Add(time.Minute), now.Add(time.Hour), since
		data, _ := encodeEntry(e, &Ticket{versions: []version{1}})
		got, _, ok := decodeEntry(data)
		if !ok || !got.Stored.Equal(e.Stored) || !got.Expires.Equal(e.Expires) || !got.StaleUntil.Equal(e.StaleUntil) || !got.UnchangedSince().Equal(want) || !e.UnchangedSince().Equal(want) {
			t.Errorf("%+v, want since %v", got, want)
		}
	}
}

func FuzzDecodeEntry(f *testing.F) {
	e := Encoded([]byte("1"))
	e.Expires = time.Now().Add(time.Minute)
	good, _ := encodeEntry(e, &Ticket{names: []tagName{"a"}, versions: []version{1, 2}})
	f.Add(good[headerSize:])
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x01\xff\x01a"))             // a tag longer than all
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\x01a")) // more tags than bytes
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x01\x01a1234567812345"))    // half a version
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, format := range []byte{formatPlain, formatS2} {
			_, ticket, ok := decodeEntry(withChecksum(append([]byte{format, 0, 0, 0, 0}, b...)))
			if ok && len(ticket.versions) != len(ticket.names)+1 {
				t.Error("a ticket without all versions")
			}
		}
	})
}

func BenchmarkWire(b *testing.B) {
	e, ticket := Encoded(page(30)), &Ticket{names: []tagName{"a", "b"}, versions: []version{1, 2, 3}}
	data, _ := encodeEntry(e, ticket)
	b.Run("Encode", func(b *testing.B) {
		body, _ := e.Body()
		b.SetBytes(int64(len(body)))
		b.ReportMetric(float64(len(body))/float64(len(data)), "ratio")
		for b.Loop() {
			encodeEntry(e, ticket)
		}
	})
	b.Run("Decode", func(b *testing.B) {
		for b.Loop() {
			decodeEntry(data)
		}
	})
}

// page returns JSON such as a list of users.
func page(users int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"users":[`)
	for i := range users {
		fmt.Fprintf(&b, `{"id":"z8yCxjayTi6a%06d","first_name":"First%d","last_name":"Last%d","email":"user%d@example.com","type":2,"status":"active","timezone":"Europe/Berlin","created_at":"2026-01-02T03:04:%02dZ"},`, i*7919, i, i*31, i, i%60)
	}
	b.WriteString(`null]}`)
	return b.Bytes()
}
