package stream_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"zoomql/cache"
	"zoomql/cache/redistest"
	"zoomql/internal/stream"
)

// readable is a stream that tests append to and read.
type readable interface {
	Append(ctx context.Context, messages ...*stream.Message) error
	Now(ctx context.Context) (string, error)
	After(ctx context.Context, cursor string) ([]stream.Entry, error)
	Wait(ctx context.Context, cursor string) ([]stream.Entry, error)
	Renew(ctx context.Context, cursor string) (string, error)
}

func eachStream(t *testing.T, test func(t *testing.T, s readable)) {
	t.Helper()
	keys, err := cache.ParseKeys("1:" + strings.Repeat("A", 43) + "=")
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]readable{
		"memory": &stream.Memory{}, "server": open(redistest.Start(t).Client()), "cluster": open(redistest.Cluster(t)), "sealed": open(redistest.Start(t).Client(), stream.WithKeys(keys)),
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
}

func put(t *testing.T, s readable, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if err := s.Append(t.Context(), &stream.Message{Key: body, Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
}

// bodiesOf joins the bodies of entries. It fails the test if their cursors are not in order.
func bodiesOf(t *testing.T, entries []stream.Entry) string {
	t.Helper()
	var all strings.Builder
	for i, e := range entries {
		all.Write(e.Body)
		if i > 0 && !stream.Before(entries[i-1].Cursor, e.Cursor) {
			t.Errorf("%s is not before %s", entries[i-1].Cursor, e.Cursor)
		}
	}
	return all.String()
}

// TestAfter reads after the cursors of the last message, of one in the middle, of a moment
// before the first one, and of the beginning.
func TestAfter(t *testing.T) {
	eachStream(t, func(t *testing.T, s readable) {
		first, err := s.Now(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		after := func(cursor string) []stream.Entry {
			t.Helper()
			entries, err := s.After(t.Context(), cursor)
			if err != nil {
				t.Fatal(cursor, err)
			}
			return entries
		}
		if got := after(first); len(got) > 0 {
			t.Errorf("nothing was stored, and after it comes %v", got)
		}
		put(t, s, "a", "b", "c")
		all := after(first)
		if got := bodiesOf(t, all); got != "abc" {
			t.Errorf("after the first moment come %q", got)
		}
		if got := bodiesOf(t, after(stream.Oldest)); got != "abc" {
			t.Errorf("from the beginning come %q", got)
		}
		if got := bodiesOf(t, after(all[0].Cursor)); got != "bc" {
			t.Errorf("after a come %q", got)
		}
		last, err := s.Now(t.Context())
		if err != nil || last != all[2].Cursor {
			t.Errorf("the last is %s, want %s, %v", last, all[2].Cursor, err)
		}
		if got := after(last); len(got) > 0 {
			t.Errorf("after the last come %v", got)
		}
		if stream.Before(last, first) || !stream.Before(first, last) || stream.Before(last, last) {
			t.Errorf("%s and %s are out of order", first, last)
		}
	})
}

// TestRenew renews the cursor of the last message, and one with a message after it.
func TestRenew(t *testing.T) {
	eachStream(t, func(t *testing.T, s readable) {
		renewed := func(cursor string) string {
			t.Helper()
			anew, err := s.Renew(t.Context(), cursor)
			if err != nil {
				t.Fatal(cursor, err)
			}
			return anew
		}
		put(t, s, "a")
		old, err := s.Now(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		last := renewed(old)
		if _, ok := s.(*stream.Redis); ok {
			for i := 0; last == old && i < 10_000; i++ { // in the millisecond of the message
				last = renewed(old)
			}
			if last == old {
				t.Errorf("%s is not renewed", old)
			}
		}
		if entries, err := s.After(t.Context(), last); len(entries) > 0 || err != nil {
			t.Errorf("after the last come %v, %v", entries, err)
		}
		put(t, s, "b")
		if got := renewed(last); got != last {
			t.Errorf("%s has a message after it, and is renewed as %s", last, got)
		}
		entries, err := s.After(t.Context(), last)
		if got := bodiesOf(t, entries); got != "b" || err != nil {
			t.Errorf("after the last come %q, %v", got, err)
		}
	})
}

// TestAppend_repeated expects a message that is appended again, as by a second source, to be stored once.
func TestAppend_repeated(t *testing.T) {
	eachStream(t, func(t *testing.T, s readable) {
		put(t, s, "a", "b", "a")
		entries, err := s.After(t.Context(), stream.Oldest)
		if got := bodiesOf(t, entries); got != "ab" || err != nil {
			t.Errorf("%q is stored, %v", got, err)
		}
	})
}

// TestAfter_expired reads after cursors of messages that are not stored.
func TestAfter_expired(t *testing.T) {
	eachStream(t, func(t *testing.T, s readable) {
		put(t, s, "a")
		for _, cursor := range []string{"1-0", "99999999999999-0", "@1", "none", "", "x.1", "1.99999"} {
			if _, err := s.After(t.Context(), cursor); !errors.Is(err, stream.ErrExpired) {
				t.Errorf("%q: %v", cursor, err)
			}
		}
	})
}

// TestAfter_trimmed reads after a message that was dropped because there were too many.
func TestAfter_trimmed(t *testing.T) {
	client := redistest.Start(t).Client()
	s := open(client)
	put(t, s, "a")
	first, err := s.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	key := only(t, client, "*:stream")
	pipe := client.Pipeline()
	for range 101_000 {
		pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: key, Values: []string{"b", "x"}})
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	put(t, s, "b")
	if _, err := s.After(t.Context(), first); !errors.Is(err, stream.ErrExpired) {
		t.Error(err)
	}
}

// TestMemory_isBounded appends more bytes than a Memory stores.
func TestMemory_isBounded(t *testing.T) {
	s, body := &stream.Memory{}, make([]byte, stream.MaxBody)
	first, _ := s.Now(t.Context())
	for i := range 300 { // 18 MiB
		if err := s.Append(t.Context(), &stream.Message{Key: strconv.Itoa(i), Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.After(t.Context(), first); !errors.Is(err, stream.ErrExpired) {
		t.Errorf("after a cursor whose messages were dropped: %v, want %v", err, stream.ErrExpired)
	}
	entries, err := s.After(t.Context(), stream.Oldest)
	if n := len(entries); err != nil || n < 200 || n > 256 {
		t.Errorf("%d are kept, %v", n, err)
	}
	if _, err := s.After(t.Context(), entries[0].Cursor); err != nil {
		t.Error(err)
	}
}

// TestWait expects Wait to return with a message, or when its context ends.
func TestWait(t *testing.T) {
	eachStream(t, func(t *testing.T, s readable) {
		at, err := s.Now(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, body := range []string{"a", "b"} {
			got := make(chan []stream.Entry)
			go func() {
				for {
					entries, err := s.Wait(t.Context(), at)
					if len(entries) > 0 || err != nil {
						got <- entries
						return
					}
				}
			}()
			put(t, s, body)
			entries := <-got
			if text := bodiesOf(t, entries); text != body {
				t.Fatalf("%q, want %q", text, body)
			}
			at = entries[0].Cursor
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if entries, err := s.Wait(ctx, at); len(entries) > 0 || err == nil {
			t.Errorf("%v %v", entries, err)
		}
	})
}
