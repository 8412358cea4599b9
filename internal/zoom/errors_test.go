package zoom

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// noon is the time of the refusals in these tests, and midnight the next reset of the daily
// counters.
var (
	noon     = time.Date(2026, 3, 16, 12, 0, 0, 0, time.UTC)
	midnight = time.Date(2026, 3, 17, 0, 0, 0, 0, time.UTC)
)

func refusalOf(status int, body string, headers ...string) *Error {
	resp := answer(status, body, headers...)
	return refusal(&Spec{Pattern: "GET /test"}, status, resp.Header, []byte(body), noon)
}

func TestRefusal_kinds(t *testing.T) {
	for _, c := range []struct {
		why    string
		status int
		body   string
		kind   error
		code   int
	}{
		{"an expired token", 401, `{"code":124,"message":"Access token is expired."}`, ErrUnauthenticated, 124},
		{"the same with the other status", 400, `{"code":124,"message":"Invalid access token."}`, ErrUnauthenticated, 124},
		{"a revoked token", 401, `{"code":4741,"message":"The token has been revoked."}`, ErrUnauthenticated, 4741},
		{"a scope that the app lacks", 400, `{"code":4700,"message":"Invalid access token, does not contain scopes."}`, ErrMissingScope, 4700},
		{"the same with the other status", 401, `{"code":4700,"message":"Invalid access token, does not contain scopes."}`, ErrMissingScope, 4700},
		{"the newer number", 400, `{"code":4711,"message":"Invalid access token, does not contain scopes:[user:read:user]."}`, ErrMissingScope, 4711},
		{"no permission", 400, `{"code":200,"message":"No permission."}`, ErrForbidden, 200},
		{"a plan is needed", 400, `{"code":200,"message":"Only available for paid account: abc."}`, ErrPlanRequired, 200},
		{"another plan is needed", 400, `{"code":200,"message":"Webinar plan is missing."}`, ErrPlanRequired, 200},
		{"a meeting's id that is none", 400, `{"code":300,"message":"Invalid meeting ID."}`, ErrInvalid, 300},
		{"an expired page token", 400, `{"code":300,"message":"The next page token is invalid or expired."}`, ErrPageToken, 300},
		{"a field that is none", 400, `{"code":300,"message":"Validation Failed.","errors":[{"field":"from","message":"Invalid field."}]}`, ErrInvalid, 300},
		{"a user of another account", 400, `{"code":1010,"message":"User does not belong to this account."}`, ErrNotFound, 1010},
		{"no user", 404, `{"code":1001,"message":"User does not exist: x."}`, ErrNotFound, 1001},
		{"a user who has not accepted the invitation", 404, `{"code":1120,"message":"No valid invitation to join the Zoom account was found for this user."}`, ErrNotFound, 1120},
		{"no account", 404, `{"code":2001,"message":"Account does not exist."}`, ErrNotFound, 2001},
		{"no meeting", 404, `{"code":3001,"message":"Meeting does not exist: 7."}`, ErrNotFound, 3001},
		{"a meeting that goes on", 400, `{"code":3001,"message":"This meeting has not ended."}`, ErrNotReady, 3001},
		{"no recording", 404, `{"code":3301,"message":"There is no recording for this meeting."}`, ErrNotFound, 3301},
		{"no poll: the code is the status", 404, `{"code":404,"message":"Meeting poll not found."}`, ErrNotFound, 404},
		{"a feature that is off", 400, `{"code":3000,"message":"Cannot access meeting information."}`, ErrForbidden, 3000},
		{"somebody else's meeting", 400, `{"code":3003,"message":"You are not the meeting host."}`, ErrNotHost, 3003},
		{"registration after the end", 400, `{"code":3038,"message":"Meeting is over, you can not register now. If you have any questions, please contact the Meeting host."}`, ErrConflict, 3038},
		{"a full meeting", 400, `{"code":3043,"message":"Meeting has reached maximum attendee capacity."}`, ErrCapacity, 3043},
		{"a user who may not host", 400, `{"code":3161,"message":"Meeting hosting and scheduling capabilities are not allowed for your user account."}`, ErrNotEnabled, 3161},
		{"polls are off", 400, `{"code":4400,"message":"Meeting polls disabled."}`, ErrNotEnabled, 4400},
		{"older than a year", 400, `{"code":12702,"message":"Can not access a meeting a year ago."}`, ErrExpired, 12702},
		{"the same number with another status is another error", 403, `{"code":2305,"message":"Access to meeting summaries is restricted by account settings."}`, ErrForbidden, 2305},
		{"and here it is", 404, `{"code":2305,"message":"Meeting summary not found."}`, ErrNotFound, 2305},
		{"a permission that is missing", 403, `{"code":403,"message":"authenticated user has not permitted access to the targeted resource"}`, ErrForbidden, 403},
		{"an address that is taken", 409, `{"code":1005,"message":"Email has already been used."}`, ErrConflict, 1005},
		{"a role that is none", 400, `{"code":1034,"message":"Provided role_id does not exist."}`, ErrNotFound, 1034},
		{"an unknown code", 400, `{"code":99999,"message":"?"}`, ErrInvalid, 99999},
		{"an unknown status", 418, `{"code":0}`, ErrInvalid, 0},
		{"a redirect, which is not followed", 302, ``, ErrBadAnswer, 0},
		{"a page of a proxy, refused", 401, `<html>Unauthorized</html>`, ErrNotZoom, 0},
		{"a page of a proxy, forbidden", 403, `<html>Forbidden</html>`, ErrNotZoom, 0},
		{"a page of a proxy, not found", 404, `<html>Not Found</html>`, ErrNotZoom, 0},
		{"a text of a proxy", 403, `RBAC: access denied`, ErrNotZoom, 0},
		{"JSON of a proxy", 403, `{"message":"Missing Authentication Token"}`, ErrNotZoom, 0},
		{"XML of a store", 403, `<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`, ErrNotZoom, 0},
		{"Zoom's refusal as XML", 400, `<?xml version="1.0"?><error><code>1010</code><message>User does not belong to this account.</message></error>`, ErrNotFound, 1010},
		{"a path that Zoom does not know", 404, `{"code":2300,"message":"This API endpoint is not recognized."}`, ErrNotZoom, 2300},
		{"an empty answer", 404, ``, ErrNotZoom, 0},
		{"an array", 404, `[]`, ErrNotZoom, 0},
		{"a limit under another status", 403, `{"code":403,"message":"Sorry, the maximum number of api requests are already reached. Please try later."}`, ErrRateLimited, 403},
		{"a limit by the day under another status", 403, `{"code":403,"message":"Sorry, the maximum number of user report api requests every day are already reached."}`, ErrDailyLimit, 403},
		{"a code as a string", 404, `{"code":"3001","message":"x"}`, ErrNotFound, 3001},
		{"a code that is no number", 404, `{"code":{"a":1},"message":"x"}`, ErrNotFound, 0},
		{"errors of another shape", 400, `{"code":300,"errors":"all","message":"x"}`, ErrInvalid, 300},
		{"Zoom is down", 500, `{"code":500,"message":"Internal error"}`, ErrUnavailable, 500},
		{"the edge before Zoom says so", 503, `<html>Service Unavailable</html>`, ErrUnavailable, 0},
		{"a code that means something else on other statuses", 502, `{"code":124}`, ErrUnavailable, 124},
	} {
		e := refusalOf(c.status, c.body, "x-zm-trackingid", "WEB_1")
		if !errors.Is(e, c.kind) || !errors.Is(e.Kind, c.kind) || e.Code != c.code || e.Status != c.status || e.TrackingID != "WEB_1" || e.Op != "GET /test" {
			t.Errorf("%s: got %+v", c.why, e)
		}
		if strings.Contains(e.Error(), "<html>") {
			t.Errorf("%s: the page is quoted: %v", c.why, e)
		}
	}
}

func TestRefusal_fields(t *testing.T) {
	e := refusalOf(400, `{"code":300,"message":"Validation Failed.","errors":[{"field":"user_info.email","message":"Invalid field."},{"field":"x","message":"jo@example.com is taken."}]}`)
	want := []FieldError{{"user_info.email", "Invalid field."}, {"x", "[e-mail] is taken."}}
	if diff := cmp.Diff(want, e.Fields); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// Every known 429 of Zoom's, with its kind and retry time.
//
// Source: facts.md, section 2.
func TestRefusal_throttled(t *testing.T) {
	const (
		second    = `{"code":429,"message":"You have reached the maximum per-second rate limit for this API. Try again later."}`
		daily     = `{"code":429,"message":"You have reached the maximum daily rate limit for this API. Refer to the response header for details on when you can make another request."}`
		host      = `{"code":429,"message":"You have exceeded the daily rate limit (100) of Meeting Create/Update API requests permitted for this particular user. You may resume these requests at GMT 00:00:00."}`
		register  = `{"code":429,"message":"You have exceeded the daily rate limit of (3) for Add a webinar registrant API requests for the registrant (user@example.com). You can resume these API requests at GMT 00:00:00."}`
		older     = `{"code":429,"message":"You have exceeded the daily rate limit (3) of Webinar Batch Registration API requests permitted for (user@example.com) this particular registrant. You may resume these requests at GMT 00:00:00."}`
		status    = `{"code":429,"message":"You have exceeded the daily rate limit of (10) for webinar Update registrant's status API requests for the registrant (user@example.com)."}`
		atOnce    = `{"code":429,"message":"Too many concurrent requests. A request to disassociate this user has already been made."}`
		otherCode = `{"code":4001,"message":"You have reached the maximum per-second rate limit for this API. Try again later."}`
	)
	soon := noon.Add(time.Second)
	for _, c := range []struct {
		why        string
		body       string
		headers    []string
		kind       error
		retryAt    time.Time
		ofObject   bool
		concurrent bool
	}{
		{why: "per second", body: second, kind: ErrRateLimited, retryAt: soon},
		{why: "per second, by its other number", body: otherCode, kind: ErrRateLimited, retryAt: soon},
		{why: "per second, and the headers say so", body: second, headers: []string{"X-RateLimit-Category", "Light", "X-RateLimit-Type", "QPS"}, kind: ErrRateLimited, retryAt: soon},
		{why: "per second with a time", body: second, headers: []string{"Retry-After", "5"}, kind: ErrRateLimited, retryAt: noon.Add(5 * time.Second)},
		{why: "by the day without a header", body: daily, kind: ErrDailyLimit, retryAt: midnight},
		{why: "by the day with Zoom's own date", body: daily, headers: []string{"Retry-After", "2026-03-17T00:00:00Z", "X-RateLimit-Type", "Daily-limit"}, kind: ErrDailyLimit, retryAt: midnight},
		{why: "by the day, by the header alone", body: ``, headers: []string{"X-RateLimit-Type", "Daily-limit"}, kind: ErrDailyLimit, retryAt: midnight},
		{why: "without a message or header", body: ``, kind: ErrRateLimited, retryAt: soon},
		{why: "a page of a proxy", body: `<html>Too Many Requests</html>`, headers: []string{"Retry-After", "Mon, 16 Mar 2026 12:00:30 GMT"}, kind: ErrRateLimited, retryAt: noon.Add(30 * time.Second)},
		{why: "100 a day for a host, with the account's numbers in the headers", body: host, headers: []string{"X-RateLimit-Category", "Light", "X-RateLimit-Limit", "6000", "X-RateLimit-Remaining", "5893"}, kind: ErrDailyLimit, retryAt: midnight, ofObject: true},
		{why: "3 a day for a registrant", body: register, headers: []string{"X-RateLimit-Limit", "3"}, kind: ErrDailyLimit, retryAt: midnight, ofObject: true},
		{why: "3 a day, in older words", body: older, kind: ErrDailyLimit, retryAt: midnight, ofObject: true},
		{why: "10 a day for a registrant's status", body: status, kind: ErrDailyLimit, retryAt: midnight, ofObject: true},
		{why: "in other letters", body: strings.ReplaceAll(daily, "daily", "DAILY"), kind: ErrDailyLimit, retryAt: midnight},
		{why: "one write at a time", body: atOnce, kind: ErrRateLimited, retryAt: soon, concurrent: true},
		{why: "a time in the past is ignored", body: daily, headers: []string{"Retry-After", "2020-05-31T00:00:00Z"}, kind: ErrDailyLimit, retryAt: midnight},
		{why: "nor one of another year", body: daily, headers: []string{"Retry-After", "2062-03-17T00:00:00Z"}, kind: ErrDailyLimit, retryAt: midnight},
		{why: "nor what is no time", body: second, headers: []string{"Retry-After", "soon"}, kind: ErrRateLimited, retryAt: soon},
	} {
		e := refusalOf(429, c.body, c.headers...)
		if !errors.Is(e.Kind, c.kind) || !e.RetryAt.Equal(c.retryAt) || e.ofObject() != c.ofObject || e.Concurrent() != c.concurrent {
			t.Errorf("%s: got %v, again at %v, of an object %v, concurrent %v", c.why, e.Kind, e.RetryAt, e.ofObject(), e.Concurrent())
		}
		if strings.Contains(e.Error(), "user@example.com") {
			t.Errorf("%s: the error holds a registrant's address: %v", c.why, e)
		}
	}
	if refusalOf(400, atOnce).Concurrent() {
		t.Error("only a 429 is about calls at once")
	}
}

func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		why, value string
		want       time.Time
	}{
		{"Zoom's form", "2026-03-17T00:00:00Z", midnight},
		{"with an offset", "2026-03-17T01:00:00+01:00", midnight},
		{"HTTP's date", "Tue, 17 Mar 2026 00:00:00 GMT", midnight},
		{"HTTP's old date", "Tuesday, 17-Mar-26 00:00:00 GMT", midnight},
		{"seconds", "90", noon.Add(90 * time.Second)},
		{"parts of a second", " 0.5 ", noon.Add(500 * time.Millisecond)},
		{"at once", "0", noon},
		{"in the past: accepted here", "2026-03-15T00:00:00Z", noon.Add(-36 * time.Hour)},
		{"below zero", "-5", time.Time{}},
		{"more than a week of seconds", "604801", time.Time{}},
		{"not a number", "NaN", time.Time{}},
		{"infinite", "Inf", time.Time{}},
		{"a year too far", "2027-03-16T12:00:00Z", time.Time{}},
		{"an HTTP date too far", "Tue, 16 Mar 2027 12:00:00 GMT", time.Time{}},
		{"no time", "tomorrow", time.Time{}},
		{"empty", "", time.Time{}},
	} {
		if got := retryAfter(answer(429, "", "Retry-After", c.value).Header, noon); !got.Equal(c.want) {
			t.Errorf("%s: %q is %v, want %v", c.why, c.value, got, c.want)
		}
	}
	if got := retryAfter(http.Header{}, noon); !got.IsZero() {
		t.Errorf("no header is %v", got)
	}
	if e := refusalOf(503, "", "Retry-After", "30"); !e.RetryAt.Equal(noon.Add(30 * time.Second)) {
		t.Errorf("an outage says when it may be over: %v", e.RetryAt)
	}
}

func TestNextDay(t *testing.T) {
	for _, c := range []struct{ why, now, want string }{
		{"in the middle of a day", "2026-03-16T12:00:00Z", "2026-03-17T00:00:00Z"},
		{"just before its end", "2026-03-16T23:59:59Z", "2026-03-17T00:00:00Z"},
		{"just after its begin", "2026-03-17T00:00:00Z", "2026-03-18T00:00:00Z"},
		{"where it is another day already", "2026-03-17T01:00:00+02:00", "2026-03-17T00:00:00Z"},
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := nextDay(now).Format(time.RFC3339); got != c.want {
			t.Errorf("%s: got %s, want %s", c.why, got, c.want)
		}
	}
}

func TestScrub(t *testing.T) {
	for _, c := range []struct{ why, words, want string }{
		{"nothing personal", "User does not exist.", "User does not exist."},
		{"an address", "User jo@example.com does not exist.", "User [e-mail] does not exist."},
		{"in brackets", "for the registrant (user@example.com).", "for the registrant ([e-mail])."},
		{"in angle brackets", "Jo <jo@example.com>;", "Jo <[e-mail]>;"},
		{"in quotes", `"jo@example.com" is taken`, `[e-mail] is taken`},
		{"several", "jo@example.com, al@example.com", "[e-mail], [e-mail]"},
		{"with an apostrophe", "o'brien@example.com", "[e-mail]"},
		{"of another script", "用户@例え.テスト exists", "[e-mail] exists"},
		{"with a quoted part", `"very odd"@example.com`, `"very [e-mail]`},
		{"a join link", "Join at https://zoom.us/w/7?tk=SECRET&pwd=x now", "Join at [link] now"},
		{"in capitals", "HTTPS://ZOOM.US/W/7?TK=SECRET", "[link]"},
		{"a link that opens the app", "zoommtg://zoom.us/join?pwd=SECRET", "[link]"},
		{"a link without a scheme", "Join at zoom.us/j/7?pwd=SECRET now", "Join at [link] now"},
		{"a part of one", "invalid query: uname=x&PWD=SECRET", "invalid query: [link]"},
		{"a link with an address", "http://x/?email=jo@example.com", "[link]"},
		{"a link in quotes", `"https://zoom.us/w/7?tk=SECRET"`, `"[link]`},
		{"invalid UTF-8", "a\xffb", "ab"},
	} {
		if got := scrub(c.words); got != c.want {
			t.Errorf("%s: %q became %q, want %q", c.why, c.words, got, c.want)
		}
	}
	if got := scrub(strings.Repeat("日", 200)); len(got) > 300 || !strings.HasPrefix(got, "日") {
		t.Errorf("a long text became %d bytes", len(got))
	}
}

func TestScrub_leavesNoAddress(t *testing.T) {
	name := rapid.StringMatching(`[a-z0-9][a-z0-9.+_'-]{0,20}`)
	around := rapid.StringMatching(`[a-z ]{0,10}[ (<,;:"]?`)
	rapid.Check(t, func(t *rapid.T) {
		local, domain := name.Draw(t, "local"), name.Draw(t, "domain")
		got := scrub(around.Draw(t, "before") + local + "@" + domain + around.Draw(t, "after"))
		if strings.Contains(got, "@") || strings.Contains(got, domain) && len(domain) > 10 {
			t.Fatalf("%s@%s is left in %q", local, domain, got)
		}
	})
}

func TestErrorText(t *testing.T) {
	for _, c := range []struct {
		err  *Error
		want string
	}{
		{&Error{Op: "GET /users", Kind: ErrNotFound}, "GET /users: Zoom knows no such object"},
		{&Error{Op: "GET /users", Kind: ErrNotFound, Status: 404, Code: 1001, Message: "User does not exist."}, "GET /users: Zoom knows no such object (HTTP 404, code 1001): User does not exist."},
		{&Error{Op: "GET /users", Kind: ErrUnavailable, Cause: context.DeadlineExceeded}, "GET /users: Zoom does not answer"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	e := fmt.Errorf("wrapped: %w", &Error{Kind: ErrUnavailable, Cause: context.DeadlineExceeded})
	if !errors.Is(e, ErrUnavailable) || !errors.Is(e, context.DeadlineExceeded) || errors.Is(e, ErrNotFound) {
		t.Error("the kind and the cause are found, and nothing else")
	}
}

// FuzzRefusal reads arbitrary answers: the error always has a kind, and holds no personal
// data.
func FuzzRefusal(f *testing.F) {
	f.Add(404, `{"code":1001,"message":"User jo@example.com does not exist."}`, "1")
	f.Add(429, `{"code":"x","errors":[{"field":1}]}`, "2026-03-17T00:00:00Z")
	f.Add(500, "<html>", "Inf")
	f.Add(0, "\xff", "-1")
	f.Fuzz(func(t *testing.T, status int, body, after string) {
		e := refusalOf(status, body, "Retry-After", after, "X-RateLimit-Type", after)
		if e.Kind == nil || e.Error() == "" || len(e.Message) > 300 {
			t.Fatalf("got %+v", e)
		}
		if e.RetryAt.Sub(noon) > longestRetry {
			t.Fatalf("the retry time is %v", e.RetryAt)
		}
		for _, said := range []string{e.Message, e.Error()} {
			if links.MatchString(said) || addresses.MatchString(said) {
				t.Fatalf("the error holds %q", said)
			}
		}
	})
}
