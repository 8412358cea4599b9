// Package negotiation picks the form of an answer by what its reader takes: the media
// type and the coding.
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

// The media types of an answer. Under the first, a status other than 200 says that
// nothing was executed; under the second, which older clients ask for, the status is 200
// whenever the request could be read.
//
// Spec: https://graphql.github.io/graphql-over-http/draft/
const (
	GraphQLResponse = "application/graphql-response+json"
	JSON            = "application/json"
)

// Header values that are the same in many answers. They are shared: whoever writes them
// MUST NOT change them.
var (
	// Vary names the request headers that an answer depends on.
	Vary = []string{"Accept, Accept-Encoding, Authorization, Origin, X-Zoom-Account"}
	// Unstored is the Cache-Control of an answer that no one may store.
	Unstored = []string{"private, no-store"}
	// Gzip is the Content-Encoding of what gzip has compressed.
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

// MediaType picks the media type of the answer by the lines of Accept, "" if none will
// do. The one that weighs more is picked; where both weigh the same, the new one if it
// is named, or else what every client could read before there was the other.
//
// Spec: RFC 9110, section 12.5.1.
func MediaType(accept []string) string {
	if len(accept) == 0 {
		return JSON
	}
	if len(accept) == 1 {
		switch accept[0] { // not a word of a list
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
		q := weight(attrs["q"])
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

// rated is what a list says of one thing that it may name: the element that names it
// most exactly counts.
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

// TakesGzip reports whether a reader takes what gzip has compressed, by the lines of
// Accept-Encoding.
//
// Spec: RFC 9110, section 12.5.3.
func TakesGzip(accept []string) bool {
	var gzip rated
	for part := range Elements(accept) {
		name, attrs, _ := strings.Cut(part, ";")
		q := 1.0
		if key, value, ok := strings.Cut(attrs, "="); ok && strings.EqualFold(strings.TrimSpace(key), "q") {
			q = weight(strings.TrimSpace(value))
		}
		switch name = strings.TrimSpace(name); {
		case strings.EqualFold(name, "gzip"), strings.EqualFold(name, "x-gzip"):
			gzip.rate(2, q)
		case name == "*":
			gzip.rate(1, q)
		}
	}
	return gzip.q > 0
}

// weight reads a q; what is none weighs as much as none at all does.
func weight(q string) float64 {
	if q == "" {
		return 1
	}
	w, err := strconv.ParseFloat(q, 64)
	if err != nil || w < 0 || w > 1 {
		return 1
	}
	return w
}

// Elements yields the elements of a list, which may stand in several lines. A comma
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

// isUTF8 reports whether a charset is UTF-8, which JSON always is: not to name it is as
// good. Without the hyphen it is no registered name, but is meant so.
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

// MinGzip is how many bytes an answer must have for compressing it to pay.
const MinGzip = 1024

var gzipWriters = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// WriteGzip calls a function with a writer that compresses into w. The error is that of
// the function, or of w.
func WriteGzip(w io.Writer, write func(io.Writer) error) error {
	packer, _ := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(packer)
	packer.Reset(w)
	if err := write(packer); err != nil {
		return err
	}
	return packer.Close()
}
