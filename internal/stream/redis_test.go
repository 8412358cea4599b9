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
	"zoomql/internal/redisname"
	"zoomql/internal/stream"
)

// open returns a stream whose claimed messages another replica may claim at once.
func open(client redis.UniversalClient, options ...stream.Option) *stream.Redis {
	return stream.NewRedis(client, "events", append([]stream.Option{stream.WithClaimAfter(0)}, options...)...)
}

func appendTo(t *testing.T, s *stream.Redis, key, body string, pending bool) {
	t.Helper()
	if err := s.Append(t.Context(), &stream.Message{Key: key, Body: []byte(body), Pending: pending}); err != nil {
		t.Fatal(err)
	}
}

// claim claims messages, and returns their joined bodies and their ids.
func claim(t *testing.T, s *stream.Redis) (bodies string, ids []string) {
	t.Helper()
	claimed, err := s.Claim(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, m := range claimed {
		all.Write(m.Body)
		ids = append(ids, m.ID)
	}
	return all.String(), ids
}

// TestClaim expects a pending message to be claimed by another replica until it is done, and
// no other message to be claimed, on one server and in a cluster.
func TestClaim(t *testing.T) {
	for name, client := range map[string]redis.UniversalClient{"server": redistest.Start(t).Client(), "cluster": redistest.Cluster(t)} {
		t.Run(name, func(t *testing.T) {
			a, b := open(client), open(client)
			if got, _ := claim(t, b); got != "" {
				t.Errorf("an empty stream has %q", got)
			}
			appendTo(t, a, "1", "x", false)
			appendTo(t, a, "2", "y", true)
			appendTo(t, a, "3", "z", true)
			for range 2 {
				if got, _ := claim(t, b); got != "yz" {
					t.Errorf("claimed was %q, want yz", got)
				}
			}
			_, ids := claim(t, a)
			if err := b.Done(t.Context(), ids[:1]...); err != nil {
				t.Fatal(err)
			}
			if err := b.Done(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got, _ := claim(t, a); got != "z" {
				t.Errorf("after one is done, claimed was %q", got)
			}
		})
	}
}

// TestClaim_oneReplicaAtATime expects no claim of a message that a replica may still finish.
func TestClaim_oneReplicaAtATime(t *testing.T) {
	client := redistest.Start(t).Client()
	s := stream.NewRedis(client, "events", stream.WithClaimAfter(time.Hour))
	appendTo(t, s, "1", "x", true)
	if got, _ := claim(t, s); got != "" {
		t.Errorf("claimed was %q, which is another's", got)
	}
}

// TestAppend_once expects a message to be stored once, by its key.
func TestAppend_once(t *testing.T) {
	client := redistest.Start(t).Client()
	for _, s := range []*stream.Redis{open(client), open(client)} {
		appendTo(t, s, "1", "x", false)
		appendTo(t, s, "2", "y", false)
	}
	if n := client.XLen(t.Context(), only(t, client, "*:stream")).Val(); n != 2 {
		t.Errorf("%d are stored, want 2", n)
	}
}

// TestAppend_many appends several messages in one step: each is stored once, by its key, with
// its marks, those that are pending can be claimed, and none is stored if one is too long.
func TestAppend_many(t *testing.T) {
	client := redistest.Start(t).Client()
	s := open(client)
	message := func(key string, pending bool, marks ...string) *stream.Message {
		m := &stream.Message{Key: key, Body: []byte(key), Pending: pending}
		for _, name := range marks {
			m.Marks = append(m.Marks, stream.Mark{Name: name, Gap: time.Hour})
		}
		return m
	}
	if err := s.Append(t.Context(), message("1", true, "a", "b"), message("2", false), message("1", true, "a"), message("3", true, "c")); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context()); err != nil {
		t.Error("of none:", err)
	}
	if err := s.Append(t.Context(), message("4", true), &stream.Message{Body: make([]byte, stream.MaxBody+1)}); !errors.Is(err, stream.ErrTooLong) {
		t.Errorf("with a long one: %v", err)
	}
	if n := client.XLen(t.Context(), only(t, client, "*:stream")).Val(); n != 3 {
		t.Errorf("%d are stored, want 3", n)
	}
	if got, _ := claim(t, s); got != "13" {
		t.Errorf("pending are %q", got)
	}
	for i, span := range spansOf(t, s, "a", "b", "c", "d") {
		if noted := !span.Last.IsZero(); noted != (i < 4) {
			t.Errorf("mark %d is noted: %v", i, noted)
		}
	}
}

// TestForget expects a mark to begin a new span after it was removed.
func TestForget(t *testing.T) {
	client := redistest.Start(t).Client()
	for name, s := range map[string]interface {
		Append(context.Context, ...*stream.Message) error
		Forget(context.Context, ...string) error
		Note(context.Context, stream.Mark, ...string) ([]stream.Span, error)
	}{"redis": open(client), "memory": &stream.Memory{}} {
		if err := s.Append(t.Context(), &stream.Message{Key: "1", Marks: []stream.Mark{{Name: "a", Gap: time.Hour}, {Name: "b", Gap: time.Hour}}}); err != nil {
			t.Fatal(name, err)
		}
		if err := errors.Join(s.Forget(t.Context(), "a", "never noted"), s.Forget(t.Context())); err != nil {
			t.Error(name, err)
		}
		if spans := spansOf(t, s, "a", "b"); spans[1] != (stream.Span{}) || spans[2] == (stream.Span{}) {
			t.Errorf("%s: the spans are %v", name, spans)
		}
	}
}

// TestNote_anew expects a mark with a negative gap to begin a new span at each note.
func TestNote_anew(t *testing.T) {
	client := redistest.Start(t).Client()
	for name, s := range map[string]interface {
		Note(context.Context, stream.Mark, ...string) ([]stream.Span, error)
	}{"redis": open(client), "memory": &stream.Memory{}} {
		note := func(gap time.Duration) stream.Span {
			t.Helper()
			spans, err := s.Note(t.Context(), stream.Mark{Name: "a", Gap: gap})
			if err != nil {
				t.Fatal(err)
			}
			return spans[0]
		}
		note(time.Hour)
		time.Sleep(20 * time.Millisecond)
		if span := note(-time.Millisecond); !span.Since.Equal(span.Last) {
			t.Errorf("%s: begun anew, it is %v", name, span)
		}
		time.Sleep(20 * time.Millisecond)
		if span := note(time.Hour); span.Last.Sub(span.Since) < 20*time.Millisecond {
			t.Errorf("%s: then it is %v", name, span)
		}
	}
}

// TestHold expects one of two holders to have a lease, until it releases it or the lease ends.
func TestHold(t *testing.T) {
	for name, s := range map[string]interface {
		Hold(ctx context.Context, name, holder string, life time.Duration) (bool, error)
		Release(ctx context.Context, name, holder string) error
	}{"redis": open(redistest.Start(t).Client()), "cluster": open(redistest.Cluster(t)), "memory": &stream.Memory{}} {
		t.Run(name, func(t *testing.T) {
			hold := func(name, holder string, life time.Duration) bool {
				t.Helper()
				ok, err := s.Hold(t.Context(), name, holder, life)
				if err != nil {
					t.Fatal(err)
				}
				return ok
			}
			release := func(holder string) {
				t.Helper()
				if err := s.Release(t.Context(), "x", holder); err != nil {
					t.Fatal(err)
				}
			}
			if !hold("x", "a", time.Hour) || hold("x", "b", time.Hour) || !hold("x", "a", time.Hour) || !hold("y", "b", time.Hour) {
				t.Error("the lease is not of one holder alone")
			}
			if release("b"); hold("x", "b", time.Hour) {
				t.Error("another holder has released the lease")
			}
			if release("a"); !hold("x", "b", 20*time.Millisecond) {
				t.Error("a released lease cannot be acquired")
			}
			for end := time.Now().Add(time.Minute); !hold("x", "a", time.Hour); time.Sleep(5 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("a lease that has ended cannot be acquired")
				}
			}
		})
	}
}

// only returns the only key in Redis that matches a pattern.
func only(t *testing.T, client *redis.Client, pattern string) string {
	t.Helper()
	keys, err := client.Keys(t.Context(), pattern).Result()
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	return keys[0]
}

// TestAppend_isBounded expects old messages and old keys to be dropped, long messages to be
// refused, and keys in Redis to expire.
func TestAppend_isBounded(t *testing.T) {
	client := redistest.Start(t).Client()
	s := open(client)
	appendTo(t, s, "0", "x", true)
	key, seen := only(t, client, "*:stream"), only(t, client, "*:seen")
	for _, k := range []string{key, seen} {
		if ttl := client.PTTL(t.Context(), k).Val(); ttl <= 0 || ttl > 2*time.Hour {
			t.Errorf("%s lasts %v", k, ttl)
		}
	}
	pipe := client.Pipeline()
	for i := range 1000 { // older than all others
		pipe.ZAdd(t.Context(), seen, redis.Z{Score: 1, Member: "old" + strconv.Itoa(i)})
	}
	client.Del(t.Context(), key)
	for i := range 1000 {
		pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: key, ID: strconv.Itoa(i+1) + "-0", Values: []string{"b", "x"}})
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	appendTo(t, s, "1", "x", false)
	if n := client.XLen(t.Context(), key).Val(); n > 200 { // "~" leaves a node of 100 entries
		t.Errorf("%d old messages are kept", n)
	}
	if n := client.ZCard(t.Context(), seen).Val(); n != 2 {
		t.Errorf("%d keys are remembered, want 2", n)
	}
	if err := s.Append(t.Context(), &stream.Message{Key: "2", Body: make([]byte, stream.MaxBody+1)}); !errors.Is(err, stream.ErrTooLong) {
		t.Errorf("a long message: %v", err)
	}
}

// TestAppend_isBoundedInNumber appends to a stream with more messages than its bound.
func TestAppend_isBoundedInNumber(t *testing.T) {
	client := redistest.Start(t).Client()
	s := open(client)
	appendTo(t, s, "0", "x", false)
	key, seen := only(t, client, "*:stream"), only(t, client, "*:seen")
	now := float64(time.Now().UnixMilli())
	pipe := client.Pipeline()
	for i := range 101_000 {
		pipe.ZAdd(t.Context(), seen, redis.Z{Score: now, Member: strconv.Itoa(i)})
		pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: key, Values: []string{"b", "x"}})
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	appendTo(t, s, "1", "x", false)
	if n, m := client.XLen(t.Context(), key).Val(), client.ZCard(t.Context(), seen).Val(); n > 100_200 || m > 100_000 {
		t.Errorf("%d messages and %d keys are kept", n, m)
	}
}

// TestRedis_hidesWhatItKeeps looks for the name of the stream, and the key and the body of a
// message, in all data in Redis.
func TestRedis_hidesWhatItKeeps(t *testing.T) {
	client := redistest.Start(t).Client()
	keys, err := cache.ParseKeys("1:" + strings.Repeat("A", 43) + "=")
	if err != nil {
		t.Fatal(err)
	}
	sealed := open(client, stream.WithKeys(keys), stream.WithNames(redisname.New(strings.Repeat("n", 32))))
	appendTo(t, sealed, "the-key", "the-body", true)
	for _, name := range client.Keys(t.Context(), "*").Val() {
		dump, err := client.Dump(t.Context(), name).Result()
		if err != nil || strings.Contains(name+dump, "the-") || strings.Contains(name, "events") {
			t.Errorf("%s: %q %v", name, dump, err)
		}
	}
	if got, _ := claim(t, sealed); got != "the-body" {
		t.Errorf("claimed was %q", got)
	}
	if got, _ := claim(t, open(client, stream.WithNames(redisname.New(strings.Repeat("n", 32))))); strings.Contains(got, "the-body") {
		t.Error("without the key it can be read")
	}
}

// spansOf notes the mark "self", and returns its span, followed by those of other marks.
func spansOf(t *testing.T, s interface {
	Note(context.Context, stream.Mark, ...string) ([]stream.Span, error)
}, names ...string) []stream.Span {
	t.Helper()
	spans, err := s.Note(t.Context(), stream.Mark{Name: "self", Gap: time.Hour}, names...)
	if err != nil || len(spans) != 1+len(names) {
		t.Fatal(len(spans), err)
	}
	return spans
}

// TestNote expects the spans of marks that are noted with a message, also with one that is
// stored already, and without one.
func TestNote(t *testing.T) {
	client := redistest.Start(t).Client()
	type noting interface {
		Append(context.Context, ...*stream.Message) error
		Note(context.Context, stream.Mark, ...string) ([]stream.Span, error)
	}
	for name, s := range map[string]noting{"redis": open(client), "memory": &stream.Memory{}} {
		t.Run(name, func(t *testing.T) {
			near := func(a, b time.Time) bool { return a.Sub(b).Abs() < time.Minute } // a busy machine takes seconds
			began := time.Now()
			if got := spansOf(t, s, "a"); !near(got[0].Since, began) || !near(got[0].Last, began) || got[1] != (stream.Span{}) {
				t.Errorf("at first: %v", got)
			}
			note := func(key string, gap time.Duration) stream.Span {
				t.Helper()
				if err := s.Append(t.Context(), &stream.Message{Key: key, Marks: []stream.Mark{{Name: "a", Gap: gap}}}); err != nil {
					t.Fatal(err)
				}
				return spansOf(t, s, "a")[1]
			}
			if first := note("1", time.Hour); !first.Since.Equal(first.Last) {
				t.Errorf("once noted, it is %v", first)
			}
			time.Sleep(20 * time.Millisecond) // spans are in milliseconds
			if again := note("1", time.Hour); again.Last.Sub(again.Since) < 20*time.Millisecond {
				t.Errorf("again %v", again)
			}
			time.Sleep(20 * time.Millisecond)
			if anew := note("2", 5*time.Millisecond); !anew.Since.Equal(anew.Last) {
				t.Errorf("after a gap %v", anew)
			}
		})
	}
	ttl := client.PTTL(t.Context(), only(t, client, "*:spans")).Val()
	if ttl <= 0 || ttl > 48*time.Hour {
		t.Errorf("spans last %v", ttl)
	}
}
