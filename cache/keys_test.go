package cache_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"zoomql/cache"
	"zoomql/cache/redistest"
)

// keyText is a key of 32 equal bytes, as it is configured.
func keyText(id string, b byte) string {
	return id + ":" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(b), 32)))
}

func parseKeys(t testing.TB, texts ...string) cache.Keys {
	t.Helper()
	k, err := cache.ParseKeys(strings.Join(texts, ","))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Nothing of an entry can be read in Redis, and a store decrypts it only with its key.
func TestWithKeys_entryIsReadableWithItsKeyOnly(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	open := func(texts ...string) *cache.Redis {
		return openRedis(t, client, cache.WithKeys(parseKeys(t, texts...)))
	}
	one, two := keyText("one", 'a'), keyText("two", 'b')
	ctx := t.Context()
	set := func(r *cache.Redis, body string) {
		t.Helper()
		client.Del(ctx, cache.RedisKey(cache.EntryPrefix, hashed("k")))
		e := cache.Encoded([]byte(body))
		e.Expires, e.Took = time.Now().Add(time.Minute), 300*time.Millisecond
		_, ticket := r.Get(ctx, "k", "tag-of-it")
		r.Set(ctx, "k", ticket, e)
	}
	reads := func(r *cache.Redis) string {
		e, _ := r.Get(ctx, "k", "tag-of-it")
		if e == nil {
			return ""
		}
		body, err := e.Body()
		if err != nil || e.Took != 300*time.Millisecond {
			t.Fatal(err, e.Took)
		}
		return string(body)
	}
	plain := open()
	for _, body := range []string{"short and personal", strings.Repeat("long and personal ", 100)} {
		for _, c := range []struct {
			why    string
			writer *cache.Redis
			reader *cache.Redis
			read   bool
		}{
			{"the same key", open(one), open(one), true},
			{"a new key before it", open(one), open(two, one), true},
			{"an entry of the new key", open(two, one), open(one, two), true},
			{"a key that was removed", open(one), open(two), false},
			{"another key of the same name", open(one), open(keyText("one", 'c')), false},
			{"no key", open(one), plain, false},
			{"no key on either side", plain, plain, true},
			{"an entry that is not encrypted", plain, open(one), false},
		} {
			set(c.writer, body)
			stored := client.Get(ctx, cache.RedisKey(cache.EntryPrefix, hashed("k"))).Val()
			if got := reads(c.reader); (got == body) != c.read || (got != "" && got != body) {
				t.Errorf("%s: read %q", c.why, got)
			}
			if c.writer != plain && (strings.Contains(stored, "personal") || strings.Contains(stored, "tag-of-it")) {
				t.Errorf("%s: it can be read in Redis: %q", c.why, stored)
			}
		}
	}
	t.Run("an entry moved to another key", func(t *testing.T) {
		r := open(one)
		set(r, "of another key")
		client.Copy(ctx, cache.RedisKey(cache.EntryPrefix, hashed("k")), cache.RedisKey(cache.EntryPrefix, hashed("l")), 0, true)
		if e, _ := r.Get(ctx, "l", "tag-of-it"); e != nil {
			t.Error("it is served there")
		}
	})
	t.Run("a broken one", func(t *testing.T) {
		r := open(one)
		set(r, "body")
		good := client.Get(ctx, cache.RedisKey(cache.EntryPrefix, hashed("k"))).Val()
		for i := cache.HeaderSize; i < len(good); i++ {
			bad := []byte(good)
			bad[i] ^= 0x41
			client.Set(ctx, cache.RedisKey(cache.EntryPrefix, hashed("k")), cache.WithChecksum(bad), 0)
			if got := reads(r); got != "" {
				t.Fatalf("byte %d broken: read %q", i, got)
			}
			client.Set(ctx, cache.RedisKey(cache.EntryPrefix, hashed("k")), cache.WithChecksum([]byte(good)[:i]), 0)
			if got := reads(r); got != "" {
				t.Fatalf("cut to %d bytes: read %q", i, got)
			}
		}
	})
}

func TestParseKeys(t *testing.T) {
	secret := strings.TrimPrefix(keyText("", 'a'), ":")
	for _, c := range []struct{ text, err string }{
		{"", ""},
		{" ", ""},
		{"k:" + secret, ""},
		{"k:" + secret + ", other_1-X:" + secret, ""},
		{secret, "key 1: not id:key"},
		{"k:" + secret + ",", "key 2: not id:key"},
		{":" + secret, "key 1: its id"},
		{"käse:" + secret, "key 1: its id"},
		{strings.Repeat("k", 33) + ":" + secret, "key 1: its id"},
		{"k:" + secret[:40], "key 1: not 32 bytes"},
		{"k:" + secret[1:], "key 1: not 32 bytes"},
		{"k:" + secret + ",k:" + secret, "key 2: its id is that of another"},
	} {
		_, err := cache.ParseKeys(c.text)
		switch {
		case err == nil && c.err == "":
		case err == nil || c.err == "" || !strings.HasPrefix(err.Error(), c.err):
			t.Errorf("%q: %v, want %s", c.text, err, c.err)
		case strings.Contains(err.Error(), secret[:8]):
			t.Errorf("the error holds the key: %v", err)
		}
	}
}

func TestKeys_printAsSecret(t *testing.T) {
	k := parseKeys(t, keyText("name", 'a'))
	var printed strings.Builder
	in := struct{ K cache.Keys }{k}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&printed, verb+verb, k, in)
	}
	slog.New(slog.NewJSONHandler(&printed, nil)).Info("start", "keys", k, "in", in)
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	printed.Write(body)
	secret := strings.TrimPrefix(keyText("", 'a'), ":")
	if s := printed.String(); strings.Contains(s, secret) || strings.Contains(s, "97 97") || strings.Contains(s, "6161") || strings.Contains(s, fmt.Sprintf("%x", secret)) {
		t.Errorf("a key is printed: %s", s)
	}
}

// TestShouldRefresh takes the random number as a parameter.
func TestShouldRefresh(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		why    string
		left   time.Duration
		took   time.Duration
		random float64
		want   bool
	}{
		{"the origin's time is unknown", 0, 0, 0.999, false},
		{"at the expiry, every reader", 0, time.Second, 0, true},
		{"a second before, the last 1/e of the readers: not this one", time.Second, time.Second, 0.63, false},
		{"a second before, the last 1/e of the readers: this one", time.Second, time.Second, 0.64, true},
		{"a slower origin, earlier", 2 * time.Second, 2 * time.Second, 0.64, true},
		{"far from the expiry, hardly any", 10 * time.Second, time.Second, 0.9999, false},
		{"one in ten thousand", 9 * time.Second, time.Second, 0.9999, true},
		{"none", time.Hour, time.Second, 1 - 1e-16, false},
	} {
		e := &cache.Entry{Expires: now.Add(c.left), Took: c.took}
		if got := e.ShouldRefresh(e.Expires, now, func() float64 { return c.random }); got != c.want {
			t.Errorf("%s: got %v", c.why, got)
		}
	}
}
