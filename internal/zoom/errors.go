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

// The kinds of failure, for errors.Is. Kinds differ in what a caller can do about them;
// operations that use different codes for one failure share its kind.
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

// Refuser is the party that refused or failed a call.
type Refuser uint8

const (
	// ByGateway means that the call was not sent, because its input is invalid or a scope is
	// missing, for example; or that the gateway inferred the error from other answers.
	ByGateway Refuser = iota + 1
	// ByOAuth means that Zoom's OAuth server issued no token.
	ByOAuth
	// ByBreaker means that the operation's circuit breaker is open.
	ByBreaker
	// ByLimiter means that the budget has no room for the call in time.
	ByLimiter
	// ByNetwork means that the call got no answer. Zoom may have received it.
	ByNetwork
	// ByZoom means that Zoom's API, or another server in its place, refused the call or sent an
	// answer that cannot be used.
	ByZoom
)

// Error is the error of a call. It holds no personal data: e-mail addresses and links are
// removed from Zoom's message.
type Error struct {
	By         Refuser
	Kind       error  // one of the kinds above
	Op         string // the operation's pattern
	Status     int    // HTTP status; 0 without an answer
	Code       int    // Zoom's code, whose meaning depends on the operation
	Message    string // Zoom's message, scrubbed
	Fields     []FieldError
	TrackingID string    // Zoom's id of the call, for its support
	RetryAt    time.Time // when the same call may succeed; zero if unknown
	Cause      error     // the underlying error, for the log only
	// ContentType is the media type that the answer's headers name.
	ContentType string

	outcomeUnknown bool // Zoom may have executed the write

	reported allowance // the state of the budget by the answer's headers
	dated    bool      // RetryAt is from the answer's headers
}

// OutcomeUnknown reports whether Zoom may have executed the write that failed with an error:
// the call was sent, and the answer, if any, does not say. Repeating such a write may
// execute it twice.
func OutcomeUnknown(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.outcomeUnknown
}

// Unproven returns the error of a write whose answer does not show that it was done, and that
// nothing else proves either.
func Unproven(s *Spec, message string, cause error) error {
	return &Error{By: ByGateway, Op: s.Pattern, Kind: ErrBadAnswer, Message: message, Cause: cause, outcomeUnknown: true}
}

// Unsent reports whether the call was not sent because its input is invalid.
func (e *Error) Unsent() bool {
	return errors.Is(e.Kind, ErrInvalid) && e.By == ByGateway && e.Message != ""
}

// InvalidInput returns the error of an operation with an invalid input, with the field that
// is at fault if err names one.
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

// Error returns the operation, the kind, and Zoom's status, code and message.
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

// maxFields bounds the refused fields of a body that an error lists.
const maxFields = 50

// trackingID returns Zoom's id of the call.
func trackingID(h http.Header) string {
	id := h.Get("X-Zm-Trackingid")
	return strings.Clone(id[:min(len(id), 128)]) // a substring would retain all headers in memory
}

// refusal returns the error for an answer without a 2xx status.
func refusal(s *Spec, status int, header http.Header, body []byte, now time.Time) *Error {
	said := readRefusal(body)
	if x, ok := readXML(body); !said.fromZoom && ok {
		said = x
	}
	e := &Error{By: ByZoom, Op: s.Pattern, Status: status, ContentType: ContentType(header), TrackingID: trackingID(header)}
	e.fill(s, status, said, header, now)
	return e
}

// fill sets code, message and fields from Zoom's body, and derives the kind from them and the
// status.
func (e *Error) fill(s *Spec, status int, said refusalBody, header http.Header, now time.Time) {
	e.Code, e.Message, e.Fields, e.reported = said.code, scrub(said.message), said.fields, readAllowance(header, now)
	switch {
	case throttles(status, said):
		e.throttled(said.message, header, now)
	case status < http.StatusBadRequest: // a redirect could lead to any host, so it is not followed
		e.Kind, e.outcomeUnknown = ErrBadAnswer, !s.Reads()
		if e.Message == "" {
			e.Message = "a redirect, which is not followed"
		}
	case status >= http.StatusInternalServerError:
		e.Kind, e.outcomeUnknown = ErrUnavailable, !s.Reads()
		e.RetryAt = retryAfter(header, now)
	case !said.fromZoom:
		e.Kind, e.outcomeUnknown = ErrNotZoom, !s.Reads() && slices.Contains(givenUp, status)
	default:
		e.Kind = kindOf(s.Pattern, status, said.code, said.message)
	}
}

// givenUp are the statuses of proxies that stopped waiting for a call that they had
// forwarded: HTTP 408, and 499 of nginx.
var givenUp = []int{http.StatusRequestTimeout, 499}

// throttled distinguishes the kinds of 429. The message decides: the code is 429
// or 4001 for all of them, and the headers are often missing.
func (e *Error) throttled(words string, header http.Header, now time.Time) {
	latest := nextDay(now)
	if byDay(words, header) {
		e.Kind, e.RetryAt = ErrDailyLimit, latest
	} else {
		// Per second, or one write at a time on one object: either ends soon.
		e.Kind, e.RetryAt = ErrRateLimited, now.Add(time.Second)
		latest = now.Add(longestWindow)
	}
	for _, at := range []time.Time{retryAfter(header, now), e.reported.reset} {
		if at.After(now) {
			e.RetryAt, e.dated = earlier(at, latest), true
			return
		}
	}
}

// longestWindow is the longest window, besides the day, in which Zoom counts calls. A
// refusal that does not mention the day is about such a window, whatever its headers
// say: it blocks a label for no longer.
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

// ofObject reports whether the exceeded daily limit is one that Zoom counts per object, such
// as a host or a registrant, and not per account.
func (e *Error) ofObject() bool {
	words := strings.ToLower(e.Message)
	return strings.Contains(words, "exceeded the daily rate limit")
}

// longestRetry bounds the retry times that are accepted: one with a wrong year is ignored.
const longestRetry = 7 * 24 * time.Hour

// retryAfter reads Retry-After in the three forms that occur: Zoom's own, an
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
	return earlier(at, nextDay(now)) // all of Zoom's counters are reset then
}

// nextDay returns the next 00:00 UTC, when Zoom resets its daily counters.
func nextDay(now time.Time) time.Time {
	return now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
}

var (
	addresses = regexp.MustCompile(`[^\s<>(),;:]+@[^\s<>(),;:]+`)
	links     = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://\S*`)
	// Links without a scheme hold passcodes and tokens too.
	keys = regexp.MustCompile(`(?i)\S*[?&](?:pwd|tk|zak|passcode|password)=\S*`)
)

// longestWords bounds how much of Zoom's message is scrubbed and used, in bytes.
const longestWords = 4 << 10

// scrub removes personal and secret data from Zoom's messages, which quote registrants'
// addresses and join links.
func scrub(s string) string {
	if len(s) > longestWords {
		s = s[:longestWords]
		s = s[:strings.LastIndexAny(s, " \n")+1] // cut at a space, so that no part of an address is left
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
		s = strings.Clone(s[:300]) // a substring would retain the whole answer in memory
	}
	return strings.ToValidUTF8(s, "")
}
