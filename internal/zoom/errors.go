package zoom

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"zoomql/internal/zoom/types"
)

// The kinds of failure, for errors.Is. What a caller may do about each differs;
// that two operations use different numbers for one kind does not.
var (
	ErrNotFound        = errors.New("Zoom knows no such object")
	ErrInvalid         = errors.New("Zoom refused the input")
	ErrForbidden       = errors.New("the credential may not do this")
	ErrMissingScope    = errors.New("the Zoom app lacks a scope")
	ErrUnauthenticated = errors.New("Zoom refused the credentials")
	ErrNotHost         = errors.New("only the host may do this")
	ErrPlanRequired    = errors.New("the Zoom account's plan does not include this")
	ErrNotEnabled      = errors.New("the feature is switched off in Zoom's settings")
	ErrCapacity        = errors.New("the meeting is full")
	ErrConflict        = errors.New("the object's state does not allow this")
	ErrExpired         = errors.New("Zoom does not keep these data any more")
	ErrNotReady        = errors.New("Zoom does not have these data yet")
	ErrPageToken       = errors.New("Zoom's page token has expired")
	ErrRateLimited     = errors.New("Zoom's rate limit leaves no room in time")
	ErrDailyLimit      = errors.New("today's allowance at Zoom is used up")
	ErrUnavailable     = errors.New("Zoom does not answer")
	ErrBadAnswer       = errors.New("Zoom's answer cannot be read")
	ErrNotZoom         = errors.New("the answer is not one of Zoom's API")
	ErrNoID            = errors.New("the object has no id at Zoom")
)

// Refuser is the party that ended a call without what it was made for.
type Refuser uint8

const (
	// ByGateway is of a call that is never sent, since its input is invalid or a scope is
	// missing, say; and of what the gateway concludes from other answers.
	ByGateway Refuser = iota + 1
	// ByOAuth is of a token that Zoom's OAuth server did not give.
	ByOAuth
	// ByBreaker is of an operation that is left alone for a while.
	ByBreaker
	// ByLimiter is of a call that the budget has no room for in time.
	ByLimiter
	// ByNetwork is of a call that no answer came to. Zoom may have seen it.
	ByNetwork
	// ByZoom is of an answer: a refusal, or one that cannot be used, of Zoom's API or of
	// what answers in its place.
	ByZoom
)

// Error is a call that did not bring what it was made for. It holds nothing
// personal: Zoom's words are kept without the addresses that may stand in them.
type Error struct {
	By         Refuser
	Kind       error  // one of the kinds above
	Op         string // the operation's pattern
	Status     int    // HTTP status; 0 when no answer came
	Code       int    // Zoom's number, which means different things on different operations
	Message    string // Zoom's words, scrubbed
	Fields     []FieldError
	TrackingID string    // what Zoom's support asks for
	RetryAt    time.Time // when the same call may succeed; zero when not known
	Cause      error     // what went wrong below, for the log only
	// ContentType is the media type that the answer says it has.
	ContentType string

	unsure bool // it is of a write, which Zoom may have done

	told  allowance // what the headers say of the budget
	dated bool      // Zoom itself said RetryAt
}

// OutcomeUnknown reports whether an error leaves open what Zoom has done: the call
// was sent, and what came back, if anything, does not say. To make such a write
// again may do it twice.
func OutcomeUnknown(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.unsure
}

// Unsent reports whether Zoom never saw the call: its input is none.
func (e *Error) Unsent() bool {
	return errors.Is(e.Kind, ErrInvalid) && e.By == ByGateway && e.Message != ""
}

// InvalidInput is the error of an input that an operation cannot be asked with, and
// of the field that is to blame, if there is one.
func InvalidInput(op string, err error) *Error {
	e := &Error{By: ByGateway, Op: op, Kind: ErrInvalid, Message: err.Error(), Cause: err}
	if item, ok := errors.AsType[*types.ItemError](err); ok {
		e.Fields = []FieldError{{item.Path, item.Error()}}
	}
	return e
}

// FieldError is one field of a body that Zoom refused.
type FieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Error says the operation, the kind and Zoom's numbers.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Op, e.Kind)
	if e.Status != 0 {
		fmt.Fprintf(&b, " (HTTP %d, code %d)", e.Status, e.Code)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	return b.String()
}

// Unwrap returns the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Cause != nil {
		return []error{e.Kind, e.Cause}
	}
	return []error{e.Kind}
}

// maxFields bounds how many fields of a body are told that Zoom refused.
const maxFields = 50

// trackingID returns what Zoom's support asks for.
func trackingID(h http.Header) string {
	id := h.Get("X-Zm-Trackingid")
	return strings.Clone(id[:min(len(id), 128)]) // or all headers stay with it
}

// refusal reads an answer that is no success.
func refusal(s *Spec, status int, header http.Header, body []byte, now time.Time) *Error {
	said := readRefusal(body)
	if x, ok := readXML(body); !said.zooms && ok {
		said = x
	}
	e := &Error{By: ByZoom, Op: s.Pattern, Status: status, ContentType: ContentType(header), TrackingID: trackingID(header)}
	e.fill(s, status, said, header, now)
	return e
}

// fill notes what Zoom has said, and what it means under a status.
func (e *Error) fill(s *Spec, status int, said refusalBody, header http.Header, now time.Time) {
	e.Code, e.Message, e.Fields, e.told = said.code, scrub(said.message), said.fields, readAllowance(header, now)
	switch {
	case throttles(status, said):
		e.throttled(said.message, header, now)
	case status < http.StatusBadRequest: // it could lead anywhere, so it is not followed
		e.Kind, e.unsure = ErrBadAnswer, !s.Reads()
		if e.Message == "" {
			e.Message = "a redirect, which is not followed"
		}
	case status >= http.StatusInternalServerError:
		e.Kind, e.unsure = ErrUnavailable, !s.Reads()
		e.RetryAt = retryAfter(header, now)
	case !said.zooms:
		e.Kind, e.unsure = ErrNotZoom, !s.Reads() && slices.Contains(givenUp, status)
	default:
		e.Kind = kindOf(s.Pattern, status, said.code, said.message)
	}
}

// givenUp are the statuses of proxies that did not wait for the end of a call that was sent on:
// HTTP 408, and 499 of nginx.
var givenUp = []int{http.StatusRequestTimeout, 499}

// throttled tells the kinds of 429 apart. The message decides: the code is 429
// or 4001 for all of them, and the headers are often missing.
func (e *Error) throttled(words string, header http.Header, now time.Time) {
	latest := nextDay(now)
	if byDay(words, header) {
		e.Kind, e.RetryAt = ErrDailyLimit, latest
	} else {
		// Per second, or one write at a time on one object: both pass soon.
		e.Kind, e.RetryAt = ErrRateLimited, now.Add(time.Second)
		latest = now.Add(longestWindow)
	}
	for _, at := range []time.Time{retryAfter(header, now), e.told.reset} {
		if at.After(now) {
			e.RetryAt, e.dated = earlier(at, latest), true
			return
		}
	}
}

// longestWindow is the longest span, the day apart, that Zoom counts calls in. A
// refusal that does not speak of the day is about such a span, whatever the
// headers beside it say: it closes a label for no longer.
const longestWindow = time.Minute

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// Concurrent reports whether Zoom refused because another call on the same
// object was under way.
func (e *Error) Concurrent() bool {
	return e.Status == http.StatusTooManyRequests && strings.Contains(strings.ToLower(e.Message), "concurrent")
}

// ofObject reports whether a daily allowance is used up that Zoom counts for one
// object, such as a host or a registrant, and not for the account.
func (e *Error) ofObject() bool {
	words := strings.ToLower(e.Message)
	return strings.Contains(words, "exceeded the daily rate limit")
}

// longestRetry bounds what is read as a time to come back at: a wrong year says
// nothing.
const longestRetry = 7 * 24 * time.Hour

// retryAfter reads Retry-After in the three forms that are met: Zoom's own, an
// ISO 8601 date-time, and HTTP's two (RFC 9110, section 10.2.3).
func retryAfter(header http.Header, now time.Time) time.Time {
	return instant(header.Get("Retry-After"), now)
}

func instant(v string, now time.Time) time.Time {
	v = strings.TrimSpace(v)
	at, err := time.Parse(time.RFC3339, v)
	if err != nil {
		at, err = http.ParseTime(v)
	}
	if n, bad := strconv.ParseFloat(v, 64); bad == nil && n >= 0 && n < longestRetry.Seconds() {
		at, err = now.Add(time.Duration(n*float64(time.Second))), nil
	}
	if err != nil || at.Sub(now) > longestRetry {
		return time.Time{}
	}
	return earlier(at, nextDay(now)) // all that Zoom counts begins anew then
}

// nextDay returns the next 00:00 UTC, when Zoom's daily counters start anew.
func nextDay(now time.Time) time.Time {
	return now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
}

var (
	addresses = regexp.MustCompile(`[^\s<>(),;:]+@[^\s<>(),;:]+`)
	links     = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://\S*`)
	// Links without a scheme, too, let their owner in.
	keys = regexp.MustCompile(`(?i)\S*[?&](?:pwd|tk|zak|passcode|password)=\S*`)
)

// longestWords bounds what is looked through of Zoom's words, in bytes.
const longestWords = 4 << 10

// scrub takes what may be personal or secret out of Zoom's words, which quote
// registrants' addresses and join links.
func scrub(s string) string {
	if len(s) > longestWords {
		s = s[:longestWords]
		s = s[:strings.LastIndexAny(s, " \n")+1] // no half of an address
	}
	if strings.Contains(s, "://") {
		s = links.ReplaceAllString(s, "[link]")
	}
	if strings.ContainsAny(s, "?&") {
		s = keys.ReplaceAllString(s, "[link]")
	}
	if strings.Contains(s, "@") {
		s = addresses.ReplaceAllString(s, "[e-mail]")
	}
	if len(s) > 300 {
		s = strings.Clone(s[:300]) // or all of an answer stays with it
	}
	return strings.ToValidUTF8(s, "")
}
