package answers

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/cache"
	"zoomql/internal/identity"
	"zoomql/internal/negotiation"
	"zoomql/internal/zoom"
)

// keyOf returns the key of a request.
func keyOf(c *Cache, method, url, request string) Key {
	return keyAs(c, identity.New(identity.View{App: "app"}, nil), method, url, request)
}

func keyAs(c *Cache, as *identity.Credential, method, url, request string) Key {
	var buf bytes.Buffer
	c.Begin(&buf, httptest.NewRequest(method, url, nil), as)
	begun := buf.Len()
	buf.WriteString(request)
	return c.Key(begun, buf.Bytes())
}

// Keys differ for requests that differ in any byte, of any length, and by method, base URL,
// schema and view.
func TestKey_distinct(t *testing.T) {
	a, long := &Cache{schema: "schema"}, strings.Repeat("x", maxRequest+1)
	seen := map[string]int{}
	for i, w := range []Key{
		keyOf(a, http.MethodPost, "http://one/", "x"), keyOf(a, http.MethodGet, "http://one/", "x"),
		keyOf(a, http.MethodPost, "https://one/", "x"), keyOf(a, http.MethodPost, "http://two/", "x"),
		keyOf(a, http.MethodPost, "http://one/", long), keyOf(a, http.MethodPost, "http://one/", long+"x"),
		keyOf(a, http.MethodPost, "http://one/", "y"+long),
		keyOf(&Cache{schema: "other schema"}, http.MethodPost, "http://one/", "x"),
		keyAs(a, identity.New(identity.View{App: "other app"}, nil), http.MethodPost, "http://one/", "x"),
	} {
		if before, ok := seen[string(w.bytes)]; ok {
			t.Errorf("the keys %d and %d are equal", before, i)
		}
		seen[string(w.bytes)] = i
		if len(w.bytes) > maxRequest+100 {
			t.Errorf("the key %d has %d bytes", i, len(w.bytes))
		}
	}
	if w := keyOf(a, http.MethodPost, "http://one/", long); !bytes.Equal(w.bytes, keyOf(a, http.MethodPost, "http://one/", long).bytes) {
		t.Error("the same request has two keys")
	}
}

// Two keys with the same hash have different answers.
func TestGet_hashCollision(t *testing.T) {
	a := &Cache{store: cache.NewMemory(1 << 20)}
	now := time.Now()
	e := cache.Decoded(&Answer{key: "one", validity: zoom.Validity{Expires: now.Add(time.Hour)}}, nil)
	e.Stored, e.Expires = now, now.Add(time.Hour)
	one, other := Key{[]byte("one"), 7}, Key{[]byte("other"), 7}
	_, ticket := a.store.Get(t.Context(), one.storeKey())
	a.store.Set(t.Context(), one.storeKey(), ticket, e)
	if a.Get(t.Context(), one, now) == nil {
		t.Error("the key has no answer")
	}
	if a.Get(t.Context(), other, now) != nil {
		t.Error("the key got the answer of another key")
	}
}

// The answer to the first reader, whose tail differs from the cached one, has the length and
// entity tag of the bytes written, plain and compressed.
func TestServeFirst(t *testing.T) {
	const same, cached, tail = `{"data":"`, `cached"}`, `first reader's"}`
	long := same + strings.Repeat("text ", negotiation.MinGzip)
	for _, c := range []struct {
		same, encoding string
	}{{same, ""}, {long, ""}, {long, "gzip"}} {
		a := &Answer{body: []byte(c.same + cached), length: []string{strconv.Itoa(len(c.same + cached))}}
		r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
		r.Header.Set("Accept-Encoding", c.encoding)
		a.ServeFirst(w, r, Request{Media: negotiation.JSON, Get: true, Start: time.Now()}, len(c.same), []byte(tail))
		length, want := w.Header().Get("Content-Length"), strconv.Itoa(w.Body.Len())
		if length != want && w.Body.Len() > buffered {
			t.Errorf("Content-Length is %s, want %s", length, want)
		}
		tag, body := w.Header().Get("Etag"), w.Body.Bytes()
		if c.encoding != "" {
			reader, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			if body, err = io.ReadAll(reader); err != nil {
				t.Fatal(err)
			}
		}
		if string(body) != c.same+tail {
			t.Errorf("the answer ends in %q", body[max(len(body)-40, 0):])
		}
		if want := entityTag([]byte(c.same + tail)); strings.TrimPrefix(tag, "W/") != want {
			t.Errorf("the entity tag is %s, want %s", tag, want)
		}
	}
}

// arriving is a Coverage by events that arrive, or do not.
type arriving struct{ on bool }

// Kinds implements [zoom.Coverage].
func (*arriving) Kinds(*zoom.Spec) zoom.EventKinds { return 1 }

// Since implements [zoom.Coverage].
func (a *arriving) Since(zoom.EventKinds, time.Time) time.Time {
	if a.on {
		return time.Unix(1, 0)
	}
	return time.Time{}
}

// Missed implements [zoom.Coverage].
func (*arriving) Missed(zoom.EventKinds) {}

// L1 serves an answer exactly as long as the store would.
func TestGet_l1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := cache.NewMemory(1 << 20)
		events := &arriving{}
		a := New(Config{Store: store, Coverage: events})
		q := keyOf(a, http.MethodPost, "http://one/", "x")
		put := func(text string) {
			_, ticket := store.Get(t.Context(), q.storeKey(), "tag")
			now := time.Now()
			v := zoom.Validity{Stored: now, Expires: now.Add(time.Minute), Extended: now.Add(time.Hour), Kinds: 1}
			k := &Answer{key: string(q.bytes), body: []byte(text), validity: v}
			e := cache.Decoded(k, func() ([]byte, error) { return k.body, nil })
			e.Stored, e.Expires, e.StaleUntil, e.Size = v.Stored, v.Expires, v.Extended, len(text)
			store.Set(t.Context(), q.storeKey(), ticket, e)
		}
		// gives reads so often that both L1 and the store are read with near certainty.
		gives := func(why, want string) {
			t.Helper()
			for range 300 {
				got := ""
				if k := a.Get(t.Context(), q, time.Now()); k != nil {
					got = string(k.body)
				}
				if got != want {
					t.Fatalf("%s: got %q, want %q", why, got, want)
				}
			}
		}
		gives("nothing is stored", "")
		put("first")
		gives("stored", "first")
		if a.l1[q.hash%uint64(len(a.l1))].Load() == nil {
			t.Error("it is not in L1")
		}
		same := q
		q = Key{[]byte("another key with the same hash"), q.hash}
		gives("another key", "")
		if a.l1[q.hash%uint64(len(a.l1))].Load() == nil {
			t.Error("a miss removed another key's answer from L1")
		}
		q = same
		gives("the first key again", "first")
		store.Evict(t.Context(), "other tag")
		gives("another tag evicted", "first")
		store.Evict(t.Context(), "tag")
		gives("evicted", "")
		put("second")
		gives("stored again", "second")
		time.Sleep(time.Minute)
		gives("expired", "")
		events.on = true
		gives("extended while events arrive", "second")
		events.on = false
		gives("events have stopped", "")
		events.on = true
		time.Sleep(time.Hour)
		gives("expired also with events", "")
		put(strings.Repeat("long", maxL1))
		gives("too long", strings.Repeat("long", maxL1))
		if a.l1[q.hash%uint64(len(a.l1))].Load() != nil {
			t.Error("a long answer is in L1")
		}

		put("third")
		gives("stored", "third")
		q = Key{[]byte("another key with the same hash"), q.hash}
		put("another answer") // replaces it in the store
		q = same
		for range 300 {
			a.Get(t.Context(), q, time.Now())
		}
		gives("replaced", "")
	})
}
