package zoom

import (
	"errors"
	"net/url"
	"strings"
)

// segment writes a value as one segment of a path, whatever it holds. What a
// path cannot carry is refused: "." and ".." would name another operation.
func segment(value string) (string, error) {
	switch value {
	case "":
		return "", errors.New("an id is not empty")
	case ".", "..":
		return "", errors.New("an id is not a path")
	}
	return escape(value), nil
}

// uuidSegment writes a meeting's UUID as Zoom wants it in a path: percent-
// encoded, and twice so when it begins with "/" or holds "//".
//
// Source: the parameter meetingId of GET /past_meetings/{meetingId}.
func uuidSegment(uuid string) (string, error) {
	s, err := segment(uuid)
	if err == nil && (strings.HasPrefix(uuid, "/") || strings.Contains(uuid, "//")) {
		s = escape(s)
	}
	return s, err
}

// escape leaves only RFC 3986's unreserved characters as they are.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
