package zoom

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zoomql/cache"
	"zoomql/internal/zoom/types"
)

func TestPasscodes_seal(t *testing.T) {
	for _, c := range []struct{ why, body, rest string }{
		{"no link", `{"topic":"a"}`, `{"topic":"a"}`},
		{"a link", `{"join_url":"https://zoom.us/j/7?pwd=S3CRET.1"}`, `{"join_url":"https://zoom.us/j/7"}`},
		{"among others", `"https://zoom.us/j/7?a=b&pwd=S3CRET&c=d"`, `"https://zoom.us/j/7?a=b&c=d"`},
		{"at the beginning", `"https://zoom.us/j/7?pwd=S3CRET&c=d"`, `"https://zoom.us/j/7?c=d"`},
		{"at the end", `"https://zoom.us/j/7?c=d&pwd=S3CRET"`, `"https://zoom.us/j/7?c=d"`},
		{"twice", `"https://zoom.us/j/7?pwd=S3CRET&pwd=S3CRET"`, `"https://zoom.us/j/7"`},
		{"before a fragment", `"https://zoom.us/j/7?pwd=S3CRET#success"`, `"https://zoom.us/j/7#success"`},
		{"with an escaped separator", `"https://zoom.us/j/7?a=b\u0026pwd=S3CRET\u0026c=d"`, `"https://zoom.us/j/7?a=b\u0026c=d"`},
		{"in a text", `"agenda":"at zoom.us/j/7?pwd=S3CRET, 5 pm\n"`, `"agenda":"at zoom.us/j/7 5 pm\n"`},
		{"several", `["x?pwd=S3CRET","y?pwd=S3CRET2"]`, `["x","y"]`},
		{"none", `"x?pwd="`, `"x"`},
	} {
		body := append([]byte{packedValue}, c.body...)
		if got := (passcodes{}).seal(body); string(got[1:]) != c.rest {
			t.Errorf("%s: without a secret: %s, want %s", c.why, got, c.rest)
		}
		p := newPasscodes("hush")
		sealed := p.seal(body)
		if bytes.Contains(sealed, []byte("S3CRET")) || bytes.Contains(sealed, []byte("pwd=")) {
			t.Errorf("%s: it is stored as %q", c.why, sealed)
		}
		if got := p.open(sealed); !bytes.Equal(got, body) {
			t.Errorf("%s: it comes back as %s", c.why, got)
		}
		if got := newPasscodes("other").open(sealed); string(got[1:]) != c.rest {
			t.Errorf("%s: for another secret: %s, want %s", c.why, got, c.rest)
		}
	}
}

// open reverses seal for any body, and does not panic on bodies that seal did not write.
func TestPasscodes_open(t *testing.T) {
	p := newPasscodes("hush")
	piece := rapid.SampledFrom([]string{"a", "?", "&", "pwd=", "zoomql-sealed=", "0", "1", `\u0026`, `"`, " ", `\n`, "x.Y_z-"})
	rapid.Check(t, func(t *rapid.T) {
		body := append([]byte{packedValue}, strings.Join(rapid.SliceOfN(piece, 0, 30).Draw(t, "body"), "")...)
		sealed := p.seal(body)
		if got := p.open(sealed); !bytes.Equal(got, body) && !bytes.Contains(body, marker) {
			t.Fatalf("%q comes back as %q", body, got)
		}
	})
	for _, bad := range []string{"s", "s\xff\xff\xff\xff", "s\x00\x00\x00\x09abc", "s\x00\x00\x00\x00?zoomql-sealed=99999999999999999999"} {
		if got := p.open([]byte(bad)); bytes.Contains(got, []byte("sealed")) {
			t.Errorf("%q is %q", bad, got)
		}
	}
}

// bodies is a store that records the encoded entries.
type bodies struct {
	cache.Store
	t      *testing.T
	stored []string
}

func (s *bodies) Set(ctx context.Context, key string, ticket cache.Ticket, e *cache.Entry) {
	body, err := e.Body()
	if err != nil {
		s.t.Error(err)
	}
	s.stored = append(s.stored, string(body))
	s.Store.Set(ctx, key, ticket, e)
}

func TestPasscodes_packedAnswer(t *testing.T) {
	store := &bodies{Store: cache.NewMemory(1 << 20), t: t}
	a := &answerStore{store: store, passcodes: newPasscodes("hush")}
	value := json.RawMessage(`{"join_url":"https://zoom.us/j/7?pwd=S3CRET"}`)
	req := &Request{Spec: GetMeeting.Spec, encode: func(v any) ([]byte, error) { return v.(json.RawMessage), nil }, decode: func(b []byte, _ *types.Oddities) (any, error) { return json.RawMessage(b), nil }}
	_, ticket := store.Get(t.Context(), a.key(req))
	a.set(t.Context(), req, ticket, value, storage{fresh: absent, stale: absent})
	if len(store.stored) != 1 || strings.Contains(store.stored[0], "S3CRET") {
		t.Fatalf("it is stored as %q", store.stored)
	}
	// Another process reads the entry, with the whole link.
	entry := cache.Encoded([]byte(store.stored[0]))
	resp, err := a.read(req, entry, cache.Ticket{})
	if err != nil || resp == nil || string(resp.Value.(json.RawMessage)) != string(value) {
		t.Errorf("%+v, %v", resp, err)
	}
}
