// Package logs bounds and escapes texts of callers and of Zoom for the log, since they may have any
// length and any characters. It also bounds the number of lines that strangers can cause
// ([Recurring]).
package logs

import (
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxText bounds a caller's text, such as a name, in bytes.
	maxText = 128
	// maxValue bounds any other value of a line, in bytes. Errors quote addresses and other
	// errors.
	maxValue = 1 << 10
	// maxStack bounds the stack of a panic, in bytes.
	maxStack = 16 << 10
	// StackKey is the key of an attribute with a stack.
	StackKey = "stack"
)

// Text returns a caller's text for the log: at most 128 bytes of valid UTF-8, in which characters
// that are not printable are escaped, since they might control a terminal, and passcodes of join
// links are redacted.
func Text(s string) string { return cut(s, maxText) }

// Message returns the text of an error or a panic for the log: at most a kilobyte, and otherwise
// like Text.
func Message(s string) string { return cut(s, maxValue) }

// Bound is the ReplaceAttr of the log's handler. It cuts values to a kilobyte, and a stack to 16
// KiB, and redacts passcodes, in values that were not passed through Text or Message.
func Bound(_ []string, a slog.Attr) slog.Attr {
	limit := maxValue
	if a.Key == StackKey {
		limit = maxStack
	}
	if a.Key == slog.LevelKey {
		return a
	}
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		if s := v.String(); len(s) > limit || holdsPasscode(s) {
			return slog.String(a.Key, truncate(scrub(s), limit))
		}
	case slog.KindAny:
		if s := text(v.Any()); len(s) > limit || holdsPasscode(s) {
			return slog.String(a.Key, truncate(scrub(s), limit))
		}
	default: // numbers, times and levels are short
	}
	return a
}

// text returns the text of a value, as a handler writes it.
func text(v any) string {
	if err, ok := v.(error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%+v", v)
}

// passcode matches the passcode of a join link.
var passcode = regexp.MustCompile(`(?i)\b(pwd)=[^\s"&]*`)

// holdsPasscode reports whether a text may hold a passcode. It costs less than passcode, which
// few texts match.
func holdsPasscode(s string) bool {
	for at := 0; ; at++ {
		i := strings.IndexByte(s[at:], '=')
		if i < 0 {
			return false
		}
		if at += i; at >= len("pwd") && strings.EqualFold(s[at-len("pwd"):at], "pwd") {
			return true
		}
	}
}

func scrub(s string) string {
	if !holdsPasscode(s) {
		return s
	}
	return passcode.ReplaceAllString(s, "$1=[secret]")
}

func cut(s string, limit int) string {
	s = scrub(s)
	if plain(s) && len(s) <= limit {
		return s
	}
	var b strings.Builder
	for _, r := range truncate(s, limit) {
		if r == utf8.RuneError || unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		if b.Len() > limit {
			break
		}
	}
	return truncate(b.String(), limit)
}

// plain reports whether a text is printable ASCII.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// ellipsis replaces the end of a text that was cut.
const ellipsis = "…"

// truncate cuts a text to at most limit bytes, at the boundary of a character, and replaces invalid
// UTF-8.
func truncate(s string, limit int) string {
	if len(s) <= limit {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	end := limit - len(ellipsis)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return strings.ToValidUTF8(s[:end], "\uFFFD") + ellipsis
}
