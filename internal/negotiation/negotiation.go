package graph

import (
	"iter"
	"mime"
	"strconv"
	"strings"
)

// negotiate picks the media type of the answer by the lines of Accept, "" if none will
// do. The one that weighs more is picked; where both weigh the same, the new one if it
// is named, or else what every client could read before there was the other.
//
// Spec: RFC 9110, section 12.5.1.
func negotiate(accept []string) string {
	if len(accept) == 0 {
		return plainJSON
	}
	if len(accept) == 1 {
		switch accept[0] { // not a word of a list
		case "", "*/*", plainJSON:
			return plainJSON
		case graphqlResponse:
			return graphqlResponse
		}
	}
	var modern, plain rated
	for part := range elements(accept) {
		name, attrs, err := mime.ParseMediaType(part)
		if err != nil || !isUTF8(attrs["charset"]) {
			continue
		}
		q := weight(attrs["q"])
		switch name {
		case graphqlResponse:
			modern.rate(3, q)
		case plainJSON:
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
		return graphqlResponse
	case plain.q > 0:
		return plainJSON
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

// takesGzip reports whether a reader takes what gzip has compressed, by the lines of
// Accept-Encoding.
//
// Spec: RFC 9110, section 12.5.3.
func takesGzip(accept []string) bool {
	var gzip rated
	for part := range elements(accept) {
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

// elements yields the elements of a list, which may stand in several lines. A comma
// between quotes is part of its element.
//
// Spec: RFC 9110, sections 5.3 and 5.6.1.
func elements(lines []string) iter.Seq[string] {
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

// isJSON reports whether a Content-Type is JSON in UTF-8.
func isJSON(contentType string) bool {
	if contentType == plainJSON {
		return true
	}
	media, attrs, err := mime.ParseMediaType(contentType)
	return err == nil && media == plainJSON && isUTF8(attrs["charset"])
}

// isUTF8 reports whether a charset is UTF-8, which JSON always is: not to name it is as
// good. Without the hyphen it is no registered name, but is meant so.
func isUTF8(charset string) bool {
	return charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}

// isPlain reports whether a body comes as it is, by the lines of Content-Encoding.
func isPlain(coding []string) bool {
	for name := range elements(coding) {
		if !strings.EqualFold(name, "identity") {
			return false
		}
	}
	return true
}
