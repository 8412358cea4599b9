package cache

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// keySize is the length of a key of AES-256.
const keySize = 32

// maxKeyID bounds the id of a key, which is stored before each entry.
const maxKeyID = 32

// Keys encrypt the values that a [Redis] stores, with AES-256-GCM: the first key
// encrypts, and all of them decrypt. So a key is replaced without losing entries: put
// the new one first on every replica, and remove the old one after a week, the longest
// lifetime of an entry. The zero value does not encrypt.
//
// Entries have random nonces, so one key SHOULD encrypt no more than 2³² of them
// (NIST SP 800-38D, section 8.3): at a hundred a second that is more than a year.
//
// Keys print as [secret] wherever they are printed.
type Keys struct{ keys []namedKey }

type namedKey struct {
	id   string
	aead cipher.AEAD
}

// ParseKeys reads keys from "id:key" with commas between: each id has 1 to 32
// letters, digits, - or _, and each key is 32 bytes in base64. Its errors name the
// position of the wrong one and never quote it.
func ParseKeys(s string) (Keys, error) {
	var k Keys
	if strings.TrimSpace(s) == "" {
		return k, nil
	}
	for i, part := range strings.Split(s, ",") {
		key, err := parseKey(strings.TrimSpace(part))
		if err != nil {
			return Keys{}, fmt.Errorf("key %d: %w", i+1, err)
		}
		if k.byID(key.id) != nil {
			return Keys{}, fmt.Errorf("key %d: its id is that of another one", i+1)
		}
		k.keys = append(k.keys, key)
	}
	return k, nil
}

func parseKey(s string) (namedKey, error) {
	id, text, ok := strings.Cut(s, ":")
	if !ok {
		return namedKey{}, errors.New("not id:key")
	}
	if id == "" || len(id) > maxKeyID || strings.ContainsFunc(id, invalidInID) {
		return namedKey{}, fmt.Errorf("its id is not 1 to %d letters, digits, - or _", maxKeyID)
	}
	secret, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(secret) != keySize {
		return namedKey{}, errors.New("not 32 bytes in base64; make one with: openssl rand -base64 32")
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return namedKey{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return namedKey{id, aead}, err
}

func invalidInID(r rune) bool {
	return !strings.ContainsRune("-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", r)
}

// UnmarshalText is [ParseKeys], for configuration.
func (k *Keys) UnmarshalText(text []byte) (err error) {
	*k, err = ParseKeys(string(text))
	return err
}

// Len returns how many keys there are.
func (k Keys) Len() int { return len(k.keys) }

const hidden = "[secret]"

// Format hides the keys from fmt.
func (Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue hides the keys from slog.
func (Keys) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the keys from encoders.
func (Keys) MarshalText() ([]byte, error) { return []byte(hidden), nil }

func (k Keys) byID(id string) *namedKey {
	for i := range k.keys {
		if k.keys[i].id == id {
			return &k.keys[i]
		}
	}
	return nil
}

// Seal returns plain encrypted, for another store that writes it under name in Redis;
// without keys it returns plain itself.
func (k Keys) Seal(plain []byte, name string) []byte {
	if k.Len() == 0 {
		return plain
	}
	return k.seal(nil, plain, name)
}

// Open undoes [Keys.Seal]. It reports false for data that none of the keys sealed for name.
func (k Keys) Open(sealed []byte, name string) ([]byte, bool) {
	if k.Len() == 0 {
		return sealed, true
	}
	return k.open(sealed, name)
}

// seal appends plain to b, encrypted by the first key: the length of its id, the id,
// nonce and ciphertext. name is the key in Redis; it is authenticated too, so that an
// attacker with write access to Redis cannot pass one entry off as another.
func (k Keys) seal(b, plain []byte, name string) []byte {
	key := &k.keys[0]
	b = append(b, byte(len(key.id)))
	b = append(b, key.id...)
	return key.aead.Seal(b, nil, plain, []byte(name))
}

// open undoes seal. It reports false for data that none of the keys sealed for name.
func (k Keys) open(sealed []byte, name string) ([]byte, bool) {
	if len(sealed) == 0 || len(sealed) < 1+int(sealed[0]) {
		return nil, false
	}
	end := 1 + int(sealed[0])
	key := k.byID(string(sealed[1:end]))
	if key == nil {
		return nil, false
	}
	plain, err := key.aead.Open(nil, nil, sealed[end:], []byte(name))
	return plain, err == nil
}
