// Package types holds the schema's types, as Go structs that Zoom's answers
// are decoded into and that GraphQL serves: one struct from wire to answer.
//
// Objects, inputs and enums are generated from graph/schema; types with
// behaviour are written by hand. The scalars are tolerant when they read
// from Zoom, because Zoom is not consistent: an id comes as a number or as a
// string, a missing date comes as null, as "" or not at all, and a
// value may have another type than documented. They are strict when
// they read from a GraphQL caller, who can correct the input.
package types

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"zoomql/internal/drift"
)

// Text is a string of Zoom's. Zoom does not distinguish missing, null and "",
// so "" is null in the graph.
type Text string

// UnmarshalJSONFrom accepts a string, a number or a boolean as text; any other value is "".
func (t *Text) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	*t = Text(scalarText(v))
	if kind := v.Kind(); kind == '{' || kind == '[' {
		note(dec, drift.Unreadable, "")
	}
	return nil
}

// AppendGQL appends a JSON string, or null for "".
func (t Text) AppendGQL(to []byte) []byte { return appendText(to, string(t)) }

// MarshalGQL writes the same.
func (t Text) MarshalGQL(w io.Writer) { write(w, t.AppendGQL) }

// UnmarshalGQL reads a caller's string.
func (t *Text) UnmarshalGQL(v any) error {
	s, err := callerText(v)
	*t = Text(s)
	return err
}

// Secret is a credential: a start URL, a passcode, a registrant's own join
// link. It is served to a query that selects its field, and never stored: not in
// a cache (see [Strip]), not in a log.
type Secret string

// UnmarshalJSONFrom reads like Text.
func (s *Secret) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return (*Text)(s).UnmarshalJSONFrom(dec)
}

// MarshalJSONTo writes the credential itself, for Zoom.
func (s Secret) MarshalJSONTo(enc *jsontext.Encoder) error {
	return enc.WriteToken(jsontext.String(string(s)))
}

// MarshalJSON hides the credential from encoding/json, by which slog's JSON
// handler writes structs.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"[secret]"`), nil }

// AppendGQL appends the credential itself, or null for none.
func (s Secret) AppendGQL(to []byte) []byte { return appendText(to, string(s)) }

// MarshalGQL writes the same.
func (s Secret) MarshalGQL(w io.Writer) { write(w, s.AppendGQL) }

// UnmarshalGQL reads a credential that a caller sets.
func (s *Secret) UnmarshalGQL(v any) error { return (*Text)(s).UnmarshalGQL(v) }

// String hides the credential from fmt.
func (s Secret) String() string { return "[secret]" }

// GoString hides the credential from %#v.
func (s Secret) GoString() string { return "[secret]" }

// LogValue hides the credential from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// Int is a number that may be absent.
type Int struct {
	N     int64
	Valid bool
}

// UnmarshalJSONFrom accepts a number, or a string that holds one. A duration of
// the form hh:mm:ss, as dashboards write it, is converted to seconds.
func (i *Int) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	*i = Int{}
	s := scalarText(v)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		*i = Int{n, true}
	} else if f, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(f) < 1<<63 {
		*i = Int{int64(f), true}
	} else if n, ok := clock(s); ok {
		*i = Int{n, true}
	} else {
		noteUnless(dec, v, s)
	}
	return nil
}

// clock returns the seconds of "hh:mm:ss" or "mm:ss".
func clock(s string) (seconds int64, ok bool) {
	parts := strings.Split(s, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return 0, false
	}
	for _, part := range parts {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return 0, false
		}
		seconds = 60*seconds + int64(n)
	}
	return seconds, true
}

// MarshalJSONTo writes the number, or null.
func (i Int) MarshalJSONTo(enc *jsontext.Encoder) error {
	if !i.Valid {
		return enc.WriteToken(jsontext.Null)
	}
	return enc.WriteToken(jsontext.Int(i.N))
}

// AppendGQL appends the number, or null.
func (i Int) AppendGQL(to []byte) []byte {
	if !i.Valid {
		return append(to, null...)
	}
	return strconv.AppendInt(to, i.N, 10)
}

// MarshalGQL writes the same.
func (i Int) MarshalGQL(w io.Writer) { write(w, i.AppendGQL) }

// UnmarshalGQL reads a caller's number.
func (i *Int) UnmarshalGQL(v any) error {
	n, err := strconv.ParseInt(fmt.Sprint(v), 10, 64)
	*i = Int{n, err == nil}
	return err
}

// Float is a floating-point number that may be absent. Zoom writes figures of
// quality with their units, "27.15 kbps", "126 ms", "0.03%"; they are converted to
// kbit/s, milliseconds, percent and frames per second.
type Float struct {
	N     float64
	Valid bool
}

// units maps the units of Zoom's figures to their factors to Float's units. A figure in an
// unknown unit is absent: a wrong number is worse than none.
var units = map[string]float64{"": 1, "%": 1, "ms": 1, "s": 1000, "bps": 0.001, "kbps": 1, "mbps": 1000, "fps": 1}

// UnmarshalJSONFrom accepts a number, or a string that holds one with its unit.
func (f *Float) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	*f = Float{}
	s := strings.TrimSpace(scalarText(v))
	number := strings.TrimRight(s, "% abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	factor, known := units[strings.ToLower(strings.TrimSpace(s[len(number):]))]
	if n, err := strconv.ParseFloat(number, 64); err == nil && known && !math.IsInf(n*factor, 0) {
		*f = Float{n * factor, true}
	} else {
		noteUnless(dec, v, s)
	}
	return nil
}

// MarshalJSONTo writes the number, or null.
func (f Float) MarshalJSONTo(enc *jsontext.Encoder) error {
	if !f.Valid {
		return enc.WriteToken(jsontext.Null)
	}
	return enc.WriteToken(jsontext.Float(f.N))
}

// AppendGQL appends the number, or null.
func (f Float) AppendGQL(to []byte) []byte {
	if !f.Valid {
		return append(to, null...)
	}
	return strconv.AppendFloat(to, f.N, 'f', -1, 64)
}

// MarshalGQL writes the same.
func (f Float) MarshalGQL(w io.Writer) { write(w, f.AppendGQL) }

// UnmarshalGQL reads a caller's number.
func (f *Float) UnmarshalGQL(v any) error {
	n, err := strconv.ParseFloat(fmt.Sprint(v), 64)
	*f = Float{n, err == nil}
	return err
}

// Bool is a boolean that may be absent. Zoom also writes 1 and 0.
type Bool struct{ Value, Valid bool }

// UnmarshalJSONFrom accepts a boolean, 1, 0, or a string that holds one of these.
func (b *Bool) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	s := scalarText(v)
	t, err := strconv.ParseBool(s)
	*b = Bool{t, err == nil}
	if err != nil {
		noteUnless(dec, v, s)
	}
	return nil
}

// MarshalJSONTo writes the value, or null.
func (b Bool) MarshalJSONTo(enc *jsontext.Encoder) error {
	if !b.Valid {
		return enc.WriteToken(jsontext.Null)
	}
	return enc.WriteToken(jsontext.Bool(b.Value))
}

// AppendGQL appends the value, or null.
func (b Bool) AppendGQL(to []byte) []byte {
	if !b.Valid {
		return append(to, null...)
	}
	return strconv.AppendBool(to, b.Value)
}

// MarshalGQL writes the same.
func (b Bool) MarshalGQL(w io.Writer) { write(w, b.AppendGQL) }

// UnmarshalGQL reads a caller's boolean.
func (b *Bool) UnmarshalGQL(v any) error {
	t, ok := v.(bool)
	if !ok {
		return errors.New("true or false is wanted")
	}
	*b = Bool{t, true}
	return nil
}

// MeetingNumber is Zoom's number of a meeting or webinar: int64 at Zoom, a
// string in the graph, because it exceeds what a GraphQL Int and a JavaScript
// number can hold. The zero value is "none".
type MeetingNumber int64

// spaced removes the separators that people write between digits.
var spaced = strings.NewReplacer(" ", "", "-", "", "\u00a0", "")

// ParseMeetingNumber reads a number as people write it: "123 4567 8901" and
// "123-4567-8901" are 12345678901.
func ParseMeetingNumber(s string) (MeetingNumber, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		n, err = strconv.ParseInt(spaced.Replace(s), 10, 64)
	}
	if err != nil || n <= 0 || strings.IndexAny(strings.TrimSpace(s), "+-") == 0 {
		return 0, errors.New("a meeting number is 9 to 12 digits, such as 123 4567 8901")
	}
	return MeetingNumber(n), nil
}

// String returns the digits.
func (n MeetingNumber) String() string { return strconv.FormatInt(int64(n), 10) }

// UnmarshalJSONFrom accepts a number or a string that holds one.
func (n *MeetingNumber) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	s := digits(v, scalarText(v))
	if *n, err = ParseMeetingNumber(s); err != nil && s != "0" {
		noteUnless(dec, v, s)
	}
	return nil
}

// MarshalJSONTo writes a number.
func (n MeetingNumber) MarshalJSONTo(enc *jsontext.Encoder) error {
	return enc.WriteToken(jsontext.Int(int64(n)))
}

// AppendGQL appends the digits as a string, or null for none.
func (n MeetingNumber) AppendGQL(to []byte) []byte {
	if n == 0 {
		return append(to, null...)
	}
	return append(strconv.AppendInt(append(to, '"'), int64(n), 10), '"')
}

// MarshalGQL writes the same.
func (n MeetingNumber) MarshalGQL(w io.Writer) { write(w, n.AppendGQL) }

// UnmarshalGQL reads a number that a caller wrote, as a string or an Int.
func (n *MeetingNumber) UnmarshalGQL(v any) (err error) {
	*n, err = ParseMeetingNumber(fmt.Sprint(v))
	return err
}

// UUID is Zoom's id of one instance of a meeting: base64, which may hold "/", "+"
// and "=". It is raw here and in the graph; the client escapes it in a path.
type UUID string

// UnmarshalJSONFrom reads like Text.
func (u *UUID) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return (*Text)(u).UnmarshalJSONFrom(dec)
}

// AppendGQL appends the UUID, or null for none.
func (u UUID) AppendGQL(to []byte) []byte { return appendText(to, string(u)) }

// MarshalGQL writes the same.
func (u UUID) MarshalGQL(w io.Writer) { write(w, u.AppendGQL) }

// UnmarshalGQL reads the UUID that a caller wrote.
func (u *UUID) UnmarshalGQL(v any) error {
	s, err := callerText(v)
	s = strings.TrimSpace(s)
	if err == nil && (s == "" || s == "." || s == "..") {
		err = errors.New("a meeting UUID is neither empty nor a path")
	}
	*u = UUID(s)
	return err
}

// Time is an instant, in UTC. The zero value is "none".
type Time struct{ time.Time }

// timeLayouts are the forms in which Zoom writes instants. A form without a zone
// is UTC: Zoom answers in UTC; only its inputs have local times.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05 Z0700"}

// UnmarshalJSONFrom accepts any of timeLayouts; any other value is the zero Time.
func (t *Time) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	s := scalarText(v)
	if t.Time, err = parseTime(s); err != nil {
		noteUnless(dec, v, s)
	}
	return nil
}

func parseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, errors.New("no time")
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("not a time: write it as 2026-01-31T09:30:00Z")
}

// MarshalJSONTo writes the instant as Zoom reads it, yyyy-MM-ddTHH:mm:ssZ, with
// the fraction of a second if there is one.
func (t Time) MarshalJSONTo(enc *jsontext.Encoder) error {
	if t.IsZero() {
		return enc.WriteToken(jsontext.String(""))
	}
	return enc.WriteToken(jsontext.String(t.UTC().Format(time.RFC3339Nano)))
}

// AppendGQL appends RFC 3339 in UTC, or null for none.
func (t Time) AppendGQL(to []byte) []byte {
	if t.IsZero() {
		return append(to, null...)
	}
	return append(t.UTC().AppendFormat(append(to, '"'), time.RFC3339Nano), '"')
}

// MarshalGQL writes the same.
func (t Time) MarshalGQL(w io.Writer) { write(w, t.AppendGQL) }

// UnmarshalGQL reads RFC 3339; the zone is required. Zoom accepts no fractions of
// a second, so they are truncated.
func (t *Time) UnmarshalGQL(v any) error {
	s, err := callerText(v)
	if err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339Nano, s)
	if at = at.UTC().Truncate(time.Second); err != nil || at.IsZero() { // the zero value means "none"
		return errors.New("a DateTime is written as 2026-01-31T09:30:00Z or 2026-01-31T09:30:00+01:00")
	}
	t.Time = at
	return nil
}

// Date is a day. The zero value is "none".
type Date struct{ time.Time }

// UnmarshalJSONFrom accepts any of timeLayouts and truncates it to the day.
func (d *Date) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	err := (*Time)(d).UnmarshalJSONFrom(dec)
	d.Time = d.Truncate(24 * time.Hour)
	return err
}

// MarshalJSONTo writes yyyy-mm-dd.
func (d Date) MarshalJSONTo(enc *jsontext.Encoder) error {
	return enc.WriteToken(jsontext.String(d.String()))
}

// String returns yyyy-mm-dd, or "" for none: the form of Zoom's from and to.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return d.Format(time.DateOnly)
}

// AppendGQL appends yyyy-mm-dd, or null for none.
func (d Date) AppendGQL(to []byte) []byte {
	if d.IsZero() {
		return append(to, null...)
	}
	return append(d.AppendFormat(append(to, '"'), time.DateOnly), '"')
}

// MarshalGQL writes the same.
func (d Date) MarshalGQL(w io.Writer) { write(w, d.AppendGQL) }

// UnmarshalGQL reads yyyy-mm-dd.
func (d *Date) UnmarshalGQL(v any) error {
	s, err := callerText(v)
	if err != nil {
		return err
	}
	d.Time, err = time.Parse(time.DateOnly, s)
	if err != nil || d.IsZero() { // the zero value means "none"
		return errors.New("a Date is written as 2026-01-31")
	}
	return nil
}

// AppendGQL appends the item.
func (i CommaItem) AppendGQL(to []byte) []byte { return appendText(to, string(i)) }

// MarshalGQL writes the same.
func (i CommaItem) MarshalGQL(w io.Writer) { write(w, i.AppendGQL) }

// UnmarshalGQL reads a caller's item.
func (i *CommaItem) UnmarshalGQL(v any) error { return (*Text)(i).UnmarshalGQL(v) }

// AppendGQL appends the item.
func (i SemicolonItem) AppendGQL(to []byte) []byte { return appendText(to, string(i)) }

// MarshalGQL writes the same.
func (i SemicolonItem) MarshalGQL(w io.Writer) { write(w, i.AppendGQL) }

// UnmarshalGQL reads a caller's item.
func (i *SemicolonItem) UnmarshalGQL(v any) error { return (*Text)(i).UnmarshalGQL(v) }

// noteUnless records a value that could not be read, unless it stands for "none": null, "",
// or the dash of a table.
func noteUnless(dec *jsontext.Decoder, v jsontext.Value, text string) {
	if v.Kind() != 'n' && (text != "" && text != "-" || v.Kind() == '{' || v.Kind() == '[') {
		note(dec, drift.Unreadable, "")
	}
}

// scalarText returns the text of a JSON scalar: the string's content, or the
// literal of a number or boolean; "" for null, objects and arrays.
func scalarText(v jsontext.Value) string {
	switch v.Kind() {
	case '"':
		b, _ := jsontext.AppendUnquote(nil, v) // only invalid UTF-8 is an error, and it is replaced
		return string(b)
	case '0', 't', 'f':
		return string(v)
	}
	return ""
}

// digits returns a JSON number with a fraction or exponent in integer notation, if it is an
// integer that a float64 holds exactly; otherwise text unchanged.
func digits(v jsontext.Value, text string) string {
	const exact = 1 << 53 // above it a float64 may have been rounded
	if v.Kind() != '0' || !strings.ContainsAny(text, ".eE") {
		return text
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= exact {
		return text
	}
	return strconv.FormatInt(int64(f), 10)
}

func callerText(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", errors.New("a string is wanted")
	}
	return s, nil
}

// null is the JSON of an absent value.
const null = "null"

// appendText appends a JSON string, or null for "".
func appendText(to []byte, s string) []byte {
	if s == "" {
		return append(to, null...)
	}
	if !isPlainASCII(s) {
		to, _ = jsontext.AppendQuote(to, s) // only invalid UTF-8 is an error, and it is replaced
		return to
	}
	return append(append(append(to, '"'), s...), '"')
}

// isPlainASCII reports whether a string needs no escaping in JSON. It tests eight bytes
// at once, because most text of an answer is such.
func isPlainASCII(s string) bool {
	const each = 0x0101010101010101 // 1 in each byte
	for ; len(s) >= 8; s = s[8:] {
		x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		quote, backslash := x^'"'*each, x^'\\'*each // a byte is 0 if x has the character there
		if (x|(x-' '*each)|(quote-each)|(backslash-each))&(utf8.RuneSelf*each) != 0 {
			return false
		}
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// write appends to the buffer in which gqlgen collects an answer, without a copy. A failed
// write is reported when the answer is sent.
func write(w io.Writer, appendTo func([]byte) []byte) {
	if buf, ok := w.(*bytes.Buffer); ok {
		_, _ = buf.Write(appendTo(buf.AvailableBuffer()))
		return
	}
	_, _ = w.Write(appendTo(nil))
}
