// Package redisname hides what the names of keys in Redis are about: who lists the
// keys, or reads the slow log, learns no id and no e-mail address.
package redisname

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

// size is how many bytes of a sum stand in a name: enough that no two of them meet.
const size = 16

// A Hasher makes names. Replicas that share a Redis MUST have the same: names that
// differ are different keys. The zero value takes plain SHA-256, which hides an
// address from a glance, and not from one who tries out addresses; with a secret
// it is HMAC-SHA-256, and nobody without it can try.
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
