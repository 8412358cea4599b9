package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"zoomql/internal/zoom"
)

// call is one request with the data that its handler needs.
type call struct {
	*Sandbox
	world   *world // the account of the path; nil if it does not exist
	route   *route
	request *http.Request
	query   url.Values
	body    []byte
	values  []string // of the path's variables
	now     time.Time
	seq     uint64
	token   *grant
	header  http.Header // set on the answer
	locked  []string
	odd     []string // the changes made by faults of a kind
}

// maxBody exceeds every documented body.
const maxBody = 1 << 20

func (s *Sandbox) call(r *http.Request) *call {
	c := &call{Sandbox: s, request: r, now: s.opt.Now().UTC(), header: http.Header{}}
	c.route, c.values = s.routes.match(r.Method, r.URL.EscapedPath())
	c.world = s.worldOf(c)
	c.query, _ = url.ParseQuery(r.URL.RawQuery)
	if r.Body != nil && r.Method != http.MethodGet {
		c.body, _ = io.ReadAll(io.LimitReader(r.Body, c.maxBody()))
	}
	return c
}

// maxBody bounds the body of a call: files may be larger than documents.
func (c *call) maxBody() int64 {
	if c.route != nil && c.route.upload {
		return maxUpload
	}
	return maxBody
}

func (c *call) pattern() string {
	if c.route == nil {
		return ""
	}
	return c.route.pattern
}

func (c *call) spec() *zoom.Spec {
	if c.route == nil {
		return nil
	}
	return c.route.spec
}

// path returns the value of a variable of the path, or "".
func (c *call) path(name string) string {
	if i := slices.Index(c.route.vars, name); i >= 0 {
		return c.values[i]
	}
	return ""
}

// decode decodes the body into v. Fields that the body does not contain keep their values.
func (c *call) decode(v any) error {
	err := json.Unmarshal(c.body, v)
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) && kind.Field != "" {
		return invalid(kind.Field)
	}
	if err != nil {
		return &zoomError{http.StatusBadRequest, 300, "Request Body should be a valid JSON object.", nil}
	}
	return nil
}

// choice returns a query parameter that must be one of a few words. The first is the
// default.
func (c *call) choice(name string, words ...string) (string, error) {
	v := c.query.Get(name)
	switch {
	case v == "":
		return words[0], nil
	case !slices.Contains(words, v):
		return "", invalid(name)
	}
	return v, nil
}

// number returns a query parameter that is an integer within bounds.
func (c *call) number(name string, missing, low, high int) (int, error) {
	v := c.query.Get(name)
	if v == "" {
		return missing, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < low || n > high {
		return 0, invalid(name)
	}
	return n, nil
}

// days returns the from and to of a query. It returns an error for a range that no report
// accepts: longer than a month, or older than the operation's Months.
//
// Source: GET /report/users/{userId}/meetings and similar operations.
func (c *call) days() (from, to time.Time, err error) {
	if from, err = day(c.query.Get("from")); err != nil {
		return from, to, invalid("from")
	}
	if to, err = day(c.query.Get("to")); err != nil || to.Before(from) {
		return from, to, invalid("to")
	}
	switch {
	case to.After(from.AddDate(0, 1, 0)):
		err = badRequest(300, "The time range of this report is limited to one month.")
	case c.route.spec.Months > 0 && from.Before(c.oldest()):
		err = badRequest(300, fmt.Sprintf("This report can only be provided for a month that falls within the recent %d months.", c.route.spec.Months))
	}
	return from, to, err
}

// oldest returns the day before the oldest one of which there are data, since Zoom's time zone may be
// another one: the same day of an earlier month, or the last day of that month if it is shorter.
func (c *call) oldest() time.Time {
	at := c.now.AddDate(0, -c.route.spec.Months, 0)
	if at.Day() != c.now.Day() {
		at = at.AddDate(0, 0, -at.Day())
	}
	return at.AddDate(0, 0, -1)
}

func day(s string) (time.Time, error) { return time.Parse(time.DateOnly, s) }

// within reports whether t is on one of the days from…to, UTC.
func within(t, from, to time.Time) bool {
	return !t.Before(from) && t.Before(to.AddDate(0, 0, 1))
}

const zoomTime = "2006-01-02T15:04:05Z"

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(zoomTime)
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func lower(s string) string { return strings.ToLower(s) }
