package redisname

import (
	"regexp"
	"testing"
)

func TestName(t *testing.T) {
	form := regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`)
	seen := map[string]bool{}
	for _, secret := range []string{"", "a", "b"} {
		for _, text := range []string{"", "ada@example.com", "{}", "\x00"} {
			name := New(secret).Name(text)
			if !form.MatchString(name) || seen[name] || name != New(secret).Name(text) {
				t.Errorf("%q with the secret %q has the name %q", text, secret, name)
			}
			seen[name] = true
		}
	}
	// Replicas of different versions share the names, so they must not change.
	if got := (Hasher{}).Name("ada@example.com"); got != "tfyF5VdV-eDQMKEKtEKbaw" {
		t.Error(got)
	}
	if got := New("hush").Name("ada@example.com"); got != "8aVgGYMCQsOgCokOj1pTwA" {
		t.Error(got)
	}
}
