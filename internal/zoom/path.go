package zoom

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// MaxID bounds the ids that callers give, in bytes. Zoom's own have a few dozen,
// and an e-mail address has 254 at most (RFC 5321): what is longer names nothing,
// and would only fill addresses, caches and tags.
const MaxID = 256

// errLongID says that a value can be no id.
var errLongID = fmt.Errorf("an id is at most %d bytes long", MaxID)

// segment writes a value as one segment of a path, whatever it holds. What a
// path cannot carry is refused: "." and ".." would name another operation.
func segment(value string) (string, error) {
	switch value {
	case "":
		return "", ErrNoID
	case ".", "..":
		return "", errors.New("an id is not a path")
	}
	if len(value) > MaxID {
		return "", errLongID
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
