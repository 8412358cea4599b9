package cache_test

import (
	"testing"

	"zoomql/cache"
)

// Other processes and other versions of the program evict by the same texts.
func TestTag_text(t *testing.T) {
	for _, c := range []struct {
		tag  cache.Tag
		want string
	}{
		{cache.NewTag("users"), "users"},
		{cache.NewTag("user", "u1"), "user:u1"},
		{cache.NewTag("user", "u1", "meetings"), "user:u1:meetings"},
		{cache.NewTag("user", "u1").In("account"), "account|user:u1"},
		{cache.NewTag("user", "u1").In("account|sub"), "account|sub|user:u1"},
		{cache.All, "*"},
	} {
		if string(c.tag) != c.want {
			t.Errorf("got %q, want %q", c.tag, c.want)
		}
	}
}

// An eviction within one scope leaves the same thing in another.
func TestTagIn_otherScopeKeepsEntry(t *testing.T) {
	s, ctx := cache.NewMemory(1<<20), t.Context()
	user := cache.NewTag("user", "u1")
	s.Set(ctx, "a", want(t, s, miss, "a", user.In("a")), entry(1))
	s.Set(ctx, "b", want(t, s, miss, "b", user.In("b")), entry(2))
	s.Evict(ctx, user.In("a"))
	want(t, s, miss, "a", user.In("a"))
	want(t, s, 2, "b", user.In("b"))
}
