// Package negotiation implements proactive content negotiation (RFC 9110, section
// 12.1): it selects the media type and the content coding of an answer.
package negotiation

import (
	"io"
	"iter"
	"mime"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// The media types of an answer. With the first, a status other than 200 means that
// nothing was executed; with the second, which older clients accept, the status is 200
// whenever the request could be read.
//
// Spec: https://graphql.github.io/graphql-over-http/draft/
const (
	GraphQLResponse = "application/graphql-response+json"
	JSON            = "application/json"
)

// Header values that are the same in many answers. They are shared and MUST NOT be
// changed.
var (
	// Vary names the request headers that an answer depends on.
	Vary = []string{"Accept, Accept-Encoding, Authorization, Origin, X-Zoom-Account"}
	// Unstored is the Cache-Control of an answer that must not be stored.
	Unstored = []string{"private, no-store"}
	// Gzip is the Content-Encoding of a body compressed by gzip.
	Gzip = []string{"gzip"}

	contentTypeGraphQLResponse = []string{GraphQLResponse + "; charset=utf-8"}
	contentTypeJSON            = []string{JSON + "; charset=utf-8"}
)

// ContentType returns the Content-Type of an answer of a media type.
func ContentType(media string) []string {
	if media == GraphQLResponse {
		return contentTypeGraphQLResponse
	}
	return contentTypeJSON
}

// MediaType selects the media type of the answer by the lines of Accept, "" if none is
// acceptable. The one with the higher weight is selected; with equal weights,
// GraphQLResponse if it is named, or else JSON, which every client can read.
//
// Spec: RFC 9110, section 12.5.1.
func MediaType(accept []string) string {
	if len(accept) == 0 {
		return JSON
	}
	if len(accept) == 1 {
		switch accept[0] { // a single element
		case "", "*/*", JSON:
			return JSON
		case GraphQLResponse:
			return GraphQLResponse
		}
	}
	var modern, plain rated
	for part := range Elements(accept) {
		name, attrs, err := mime.ParseMediaType(part)
		if err != nil || !isUTF8(attrs["charset"]) {
			continue
		}
		q := Weight(attrs["q"])
		switch name {
		case GraphQLResponse:
			modern.rate(3, q)
		case JSON:
			plain.rate(3, q)
		case "application/*":
			modern.rate(2, q)
			plain.rate(2, q)
		case "*/*":
			modern.rate(1, q)
			plain.rate(1, q)
		}
	}
	switch {
	case modern.q > plain.q, modern.q > 0 && modern.q == plain.q && modern.exact == 3:
		return GraphQLResponse
	case plain.q > 0:
		return JSON
	}
	return ""
}

// rated is the weight of one option in a list: that of the most specific element which
// matches it.
type rated struct {
	exact int
	q     float64
}

func (r *rated) rate(exact int, q float64) {
	if exact > r.exact {
		*r = rated{exact, q}
	} else if exact == r.exact {
		r.q = max(r.q, q)
	}
}

// TakesGzip reports whether gzip is acceptable by the lines of Accept-Encoding, and the client
// prefers no answer without a coding: one that is not listed has no weight.
//
// Spec: RFC 9110, section 12.5.3.
func TakesGzip(accept []string) bool {
	var gzip, identity rated
	for part := range Elements(accept) {
		name, attrs, _ := strings.Cut(part, ";")
		q := 1.0
		if key, value, ok := strings.Cut(attrs, "="); ok && strings.EqualFold(strings.TrimSpace(key), "q") {
			q = Weight(strings.TrimSpace(value))
		}
		switch name = strings.TrimSpace(name); {
		case strings.EqualFold(name, "gzip"), strings.EqualFold(name, "x-gzip"):
			gzip.rate(2, q)
		case strings.EqualFold(name, "identity"):
			identity.rate(2, q)
		case name == "*":
			gzip.rate(1, q)
			identity.rate(1, q)
		}
	}
	return gzip.q > 0 && gzip.q >= identity.q
}

// Weight reads a qvalue; an invalid one is 1, as a missing one is. With 0, the element is not acceptable.
//
// Spec: RFC 9110, section 12.4.2.
func Weight(q string) float64 {
	if q == "" {
		return 1
	}
	w, err := strconv.ParseFloat(q, 64)
	if err != nil || w < 0 || w > 1 {
		return 1
	}
	return w
}

// Flag reads the lines of a header that is true or false: "true" and "1", in any case, are true; "false",
// "0" and "" are false, and so is a header that was not sent. ok is false for other values, and for
// several lines.
func Flag(lines []string) (on, ok bool) {
	if len(lines) == 0 {
		return false, true
	}
	switch strings.ToLower(lines[0]) {
	case "true", "1":
		return true, len(lines) == 1
	case "false", "0", "":
		return false, len(lines) == 1
	}
	return false, false
}

// Elements yields the elements of a list, which may be in several lines. A comma
// between quotes is part of its element.
//
// Spec: RFC 9110, sections 5.3 and 5.6.1.
func Elements(lines []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range lines {
			for line != "" {
				n := elementEnd(line)
				if part := strings.TrimSpace(line[:n]); part != "" && !yield(part) {
					return
				}
				line = line[min(n+1, len(line)):]
			}
		}
	}
}

func elementEnd(line string) int {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return i
		}
	}
	return len(line)
}

// IsJSON reports whether a Content-Type is JSON in UTF-8.
func IsJSON(contentType string) bool {
	if contentType == JSON {
		return true
	}
	media, attrs, err := mime.ParseMediaType(contentType)
	return err == nil && media == JSON && isUTF8(attrs["charset"])
}

// isUTF8 reports whether a charset is UTF-8, the charset of JSON, so "" is, too.
// Without the hyphen it is no registered name, but some clients send it.
func isUTF8(charset string) bool {
	return charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}

// IsIdentity reports whether a body is not compressed, by the lines of Content-Encoding.
func IsIdentity(coding []string) bool {
	for name := range Elements(coding) {
		if !strings.EqualFold(name, "identity") {
			return false
		}
	}
	return true
}

// MinGzip is the size in bytes from which compressing an answer pays.
const MinGzip = 1024

var gzipWriters = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// WriteGzip calls a function with a writer that compresses into w. The error is that of
// the function, or of w.
func WriteGzip(w io.Writer, write func(io.Writer) error) error {
	gz, _ := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(gz)
	gz.Reset(w)
	if err := write(gz); err != nil {
		return err
	}
	return gz.Close()
}
