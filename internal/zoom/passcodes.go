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

// packedSealed is what begins the body of an answer whose links hold passcodes:
// the length of what is sealed in four bytes, what is sealed, the rest.
const packedSealed = 's'

// passcodes takes the passcodes out of join links before an answer leaves this
// process, and puts them back. They are sealed under the app's client
// secret, which every replica has: so a link that another one read costs no call. The
// zero value cannot seal, and leaves them out.
type passcodes struct{ aead cipher.AEAD }

// newPasscodes returns what seals under a secret; "" leaves passcodes out.
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

// marker stands in the place of a passcode, before its number. An answer in
// which it stands anyway, in a topic say, has its passcodes left out.
var marker = []byte("zoomql-sealed=")

var (
	// aPasscode is one in a link in JSON: what stands before it, itself, and
	// what stands behind.
	aPasscode = regexp.MustCompile(`(\?|&|\\u0026)pwd=([^"&\\#\s]*)(&|\\u0026)?`)
	// aSeal is what stands in its place: its number.
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
	sealed := p.aead.Seal(nil, nil, bytes.Join(codes, []byte{'\n'}), rest) // no code holds a space
	out := append(make([]byte, 0, 5+len(sealed)+len(rest)), packedSealed)
	out = binary.BigEndian.AppendUint32(out, uint32(len(sealed)))
	return append(append(out, sealed...), rest...)
}

// open undoes seal. Where the secret is another one by now, the links have no
// passcodes.
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

// replaced puts another parameter into the place of one of a link; nil is none.
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
		case before[0] == '?' && at[6] >= 0: // the next one is the first now
			text = append([]byte{'?'}, text[at[7]:]...)
		default:
			text = text[at[5]:] // with the separator of the next one
		}
	}
}
