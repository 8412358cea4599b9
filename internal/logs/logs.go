// Package logs bounds and escapes the texts of callers and of Zoom in lines of the log:
// these texts have any length and any characters.
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
	// maxText is the length of a caller's text in a line, in bytes: enough for a name.
	maxText = 128
	// maxValue is the length of anything else in a line. Errors quote addresses
	// and each other.
	maxValue = 1 << 10
	// maxStack is the length of the stack of a panic.
	maxStack = 16 << 10
	// StackKey is the key of an attribute that holds a stack.
	StackKey = "stack"
)

// Text returns a caller's text for a line: 128 bytes at most,
// valid UTF-8, without characters that move a terminal's cursor or its colours.
//
// Passcodes of join links are redacted.
func Text(s string) string { return cut(s, maxText) }

// Message returns the text of an error, or of a panic, for a line: a kilobyte at most,
// and otherwise like Text. Errors quote their subjects.
func Message(s string) string { return cut(s, maxValue) }

// Bound is the ReplaceAttr of a handler: no value of a line is longer than a kilobyte,
// a stack excepted. It bounds values that were not passed through Text or Message.
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

// text returns how a value is printed.
func text(v any) string {
	if err, ok := v.(error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%+v", v)
}

// passcode matches the passcode of a join link.
var passcode = regexp.MustCompile(`(?i)\b(pwd)=[^\s"&]*`)

func holdsPasscode(s string) bool {
	return strings.Contains(s, "pwd=") || strings.Contains(s, "PWD=")
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

// ellipsis replaces the text that was cut.
const ellipsis = "…"

// truncate cuts a text to limit bytes, between two characters.
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
