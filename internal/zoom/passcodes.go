package zoom

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"regexp"
	"slices"
	"strconv"
)

// packedSealed begins the stored body of an answer whose links hold passcodes: four bytes
// with the length of the ciphertext, the ciphertext, and the rest of the answer.
const packedSealed = 's'

// passcodes removes the passcodes from join links before an answer is stored outside this
// process, and restores them. They are encrypted with a key derived from the app's client
// secret, which every replica has, so a link that another replica has read costs no call.
// The zero value has no key and only removes them.
type passcodes struct{ aead cipher.AEAD }

// newPasscodes derives the key from a secret; "" returns the zero value.
func newPasscodes(secret string) passcodes {
	if secret == "" {
		return passcodes{}
	}
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "zoomql passcodes of join links", 32)
	if err != nil {
		return passcodes{}
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return passcodes{}
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return passcodes{}
	}
	return passcodes{aead}
}

// marker precedes the index of a passcode that was removed. The passcodes of an answer that
// contains the marker itself, in a topic for example, are removed permanently.
var marker = []byte("zoomql-sealed=")

var (
	// aPasscode matches a passcode in a link in JSON: the separator before it, the
	// passcode, and the separator after it.
	aPasscode = regexp.MustCompile(`(\?|&|\\u0026)pwd=([^"&\\#\s]*)(&|\\u0026)?`)
	// aSeal matches the index in place of a passcode.
	aSeal = regexp.MustCompile(`(\?|&|\\u0026)zoomql-sealed=([0-9]+)(&|\\u0026)?`)
)

// seal returns a packed answer without the passcodes in its links.
func (p passcodes) seal(body []byte) []byte {
	if len(body) == 0 || body[0] != packedValue || !bytes.Contains(body, []byte("pwd=")) {
		return body
	}
	if p.aead == nil || bytes.Contains(body, marker) {
		return replaced(aPasscode, body, func([]byte) []byte { return nil })
	}
	var codes [][]byte
	rest := replaced(aPasscode, body[1:], func(code []byte) []byte {
		codes = append(codes, code)
		return strconv.AppendInt(slices.Clone(marker), int64(len(codes)-1), 10)
	})
	sealed := p.aead.Seal(nil, nil, bytes.Join(codes, []byte{'\n'}), rest) // no passcode holds white space
	out := append(make([]byte, 0, 5+len(sealed)+len(rest)), packedSealed)
	out = binary.BigEndian.AppendUint32(out, uint32(len(sealed)))
	return append(append(out, sealed...), rest...)
}

// open reverses seal. If the secret has changed since, the links have no passcodes.
func (p passcodes) open(body []byte) []byte {
	if len(body) < 5 || body[0] != packedSealed {
		return body
	}
	n := int(binary.BigEndian.Uint32(body[1:]))
	if n > len(body)-5 {
		return nil
	}
	sealed, rest := body[5:5+n], body[5+n:]
	var codes [][]byte
	if p.aead != nil {
		if text, err := p.aead.Open(nil, nil, sealed, rest); err == nil {
			codes = bytes.Split(text, []byte{'\n'})
		}
	}
	return append([]byte{packedValue}, replaced(aSeal, rest, func(number []byte) []byte {
		if i, err := strconv.Atoi(string(number)); err == nil && i < len(codes) {
			return append([]byte("pwd="), codes[i]...)
		}
		return nil
	})...)
}

// replaced replaces a query parameter in links; other returns nil to remove it.
func replaced(param *regexp.Regexp, text []byte, other func(value []byte) []byte) []byte {
	out := make([]byte, 0, len(text))
	for {
		at := param.FindSubmatchIndex(text)
		if at == nil {
			return append(out, text...)
		}
		before, with := text[at[2]:at[3]], other(text[at[4]:at[5]])
		out = append(out, text[:at[2]]...)
		switch {
		case with != nil:
			out = append(append(out, before...), with...)
			text = text[at[5]:]
		case before[0] == '?' && at[6] >= 0: // the next parameter is now the first
			text = append([]byte{'?'}, text[at[7]:]...)
		default:
			text = text[at[5]:] // it begins with the next parameter's separator
		}
	}
}
