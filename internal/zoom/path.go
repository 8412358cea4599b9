package zoom

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// MaxID bounds the ids that callers pass, in bytes. Zoom's own have a few dozen,
// and an e-mail address has at most 254 (RFC 5321): a longer id names no object,
// and would only fill URLs, caches and tags.
const MaxID = 256

// errLongID reports a value that is too long for an id.
var errLongID = fmt.Errorf("an id is at most %d bytes long", MaxID)

// segment escapes a value as one segment of a path (RFC 3986). It rejects "." and "..",
// which would name another operation.
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

// uuidSegment escapes a meeting's UUID as Zoom requires in a path: percent-
// encoded, and twice so if it begins with "/" or holds "//".
//
// Source: the parameter meetingId of GET /past_meetings/{meetingId}.
func uuidSegment(uuid string) (string, error) {
	s, err := segment(uuid)
	if err == nil && (strings.HasPrefix(uuid, "/") || strings.Contains(uuid, "//")) {
		s = escape(s)
	}
	return s, err
}

// escape percent-encodes all but RFC 3986's unreserved characters.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
