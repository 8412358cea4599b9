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

// keyOf returns the key that an endpoint makes of a request.
func keyOf(c *Cache, method, url, asked string) Key {
	return keyAs(c, identity.New(identity.View{App: "app"}, nil), method, url, asked)
}

func keyAs(c *Cache, as *identity.Credential, method, url, asked string) Key {
	var buf bytes.Buffer
	c.Begin(&buf, httptest.NewRequest(method, url, nil), as)
	begun := buf.Len()
	buf.WriteString(asked)
	return c.Key(begun, buf.Bytes())
}

// Questions differ in each byte, however long they are; what stands in a URL is no
// body, and what was asked at one address is not asked at another.
func TestKey(t *testing.T) {
	a, long := &Cache{schema: "schema"}, strings.Repeat("x", maxAsked+1)
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
			t.Errorf("the keys %d and %d are one", before, i)
		}
		seen[string(w.bytes)] = i
		if len(w.bytes) > maxAsked+100 {
			t.Errorf("the key %d has %d bytes", i, len(w.bytes))
		}
	}
	if w := keyOf(a, http.MethodPost, "http://one/", long); !bytes.Equal(w.bytes, keyOf(a, http.MethodPost, "http://one/", long).bytes) {
		t.Error("the same question has two keys")
	}
}

// Two questions that happen to have one hash are two questions.
func TestGet_anotherKeyOfTheSameHash(t *testing.T) {
	a := &Cache{store: cache.NewMemory(1 << 20)}
	now := time.Now()
	e := cache.Decoded(&Answer{key: "one", validity: zoom.Validity{Expires: now.Add(time.Hour)}}, nil)
	e.Stored, e.Expires = now, now.Add(time.Hour)
	one, other := Key{[]byte("one"), 7}, Key{[]byte("other"), 7}
	_, ticket := a.store.Get(t.Context(), one.storeKey())
	a.store.Set(t.Context(), one.storeKey(), ticket, e)
	if a.Get(t.Context(), one, now) == nil {
		t.Error("the question is not answered")
	}
	if a.Get(t.Context(), other, now) != nil {
		t.Error("a question is answered by what another was")
	}
}

// TestServeFirst writes an answer with another end than the cached one has, plain and
// compressed: its length and its entity tag are those of the bytes written.
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
			t.Errorf("the length is said to be %s, and is %s", length, want)
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

// arriving are events that come, or do not.
type arriving struct{ come bool }

// Kinds implements [zoom.Coverage].
func (*arriving) Kinds(*zoom.Spec) zoom.EventKinds { return 1 }

// Since implements [zoom.Coverage].
func (a *arriving) Since(zoom.EventKinds, time.Time) time.Time {
	if a.come {
		return time.Unix(1, 0)
	}
	return time.Time{}
}

// What stands in front of the store is given as long as the store would give it.
func TestGet_l1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := cache.NewMemory(1 << 20)
		events := &arriving{}
		a := New(Config{Store: store, Coverage: events})
		q := keyOf(a, http.MethodPost, "http://one/", "x")
		keep := func(text string) {
			_, ticket := store.Get(t.Context(), q.storeKey(), "tag")
			now := time.Now()
			v := zoom.Validity{Stored: now, Expires: now.Add(time.Minute), Extended: now.Add(time.Hour), Kinds: 1}
			k := &Answer{key: string(q.bytes), body: []byte(text), validity: v}
			e := cache.Decoded(k, func() ([]byte, error) { return k.body, nil })
			e.Stored, e.Expires, e.StaleUntil, e.Size = v.Stored, v.Expires, v.Extended, len(text)
			store.Set(t.Context(), q.storeKey(), ticket, e)
		}
		// gives asks as often as makes it sure that the front and the store both answer.
		gives := func(why, want string) {
			t.Helper()
			for range 300 {
				got := ""
				if k := a.Get(t.Context(), q, time.Now()); k != nil {
					got = string(k.body)
				}
				if got != want {
					t.Fatalf("%s: it gives %q, want %q", why, got, want)
				}
			}
		}
		gives("nothing is kept", "")
		keep("first")
		gives("kept", "first")
		if a.l1[q.hash%uint64(len(a.l1))].Load() == nil {
			t.Error("it does not stand in front")
		}
		same := q
		q = Key{[]byte("another question at the same place"), q.hash}
		gives("of one hash", "")
		if a.l1[q.hash%uint64(len(a.l1))].Load() == nil {
			t.Error("who is not answered puts another's answer out of the front")
		}
		q = same
		gives("the same again", "first")
		store.Evict(t.Context(), "other tag")
		gives("something else is stale", "first")
		store.Evict(t.Context(), "tag")
		gives("stale", "")
		keep("second")
		gives("kept anew", "second")
		time.Sleep(time.Minute)
		gives("past its time", "")
		events.come = true
		gives("past its time while events come", "second")
		events.come = false
		gives("when they have ended", "")
		events.come = true
		time.Sleep(time.Hour)
		gives("past its time by events", "")
		keep(strings.Repeat("long", maxL1))
		gives("too long", strings.Repeat("long", maxL1))
		if a.l1[q.hash%uint64(len(a.l1))].Load() != nil {
			t.Error("a long answer is in L1")
		}

		keep("third")
		gives("kept", "third")
		q = Key{[]byte("another question at the same place"), q.hash}
		keep("another answer") // puts it out of the store
		q = same
		for range 300 {
			a.Get(t.Context(), q, time.Now())
		}
		gives("put out", "")
	})
}
