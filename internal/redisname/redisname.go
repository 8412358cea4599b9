// Package redisname hashes the names of keys in Redis, so that a list of the keys, or
// the slow log, reveals no id and no e-mail address.
package redisname

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

// size is how many bytes of a sum are in a name: enough to avoid collisions.
const size = 16

// A Hasher makes names. Replicas that share a Redis MUST have the same: names that
// differ are different keys. The zero value is plain SHA-256, which a dictionary attack
// on addresses reverses; with a secret it is HMAC-SHA-256, which cannot be attacked
// without it.
type Hasher struct{ secret []byte }

// New returns a hasher with a secret; "" is none.
func New(secret string) Hasher { return Hasher{[]byte(secret)} }

// Name returns the name of a text: 22 letters, digits, - and _.
func (h Hasher) Name(text string) string {
	var sum [sha256.Size]byte
	if len(h.secret) == 0 {
		sum = sha256.Sum256([]byte(text))
	} else {
		mac := hmac.New(sha256.New, h.secret)
		mac.Write([]byte(text))
		mac.Sum(sum[:0])
	}
	return base64.RawURLEncoding.EncodeToString(sum[:size])
}
