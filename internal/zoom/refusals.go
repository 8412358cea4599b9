package zoom

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// refusalRule maps refusals to a kind: by operation, status and code, and by the message
// if a code has many meanings.
type refusalRule struct {
	on     string // regular expression of the operation's pattern; "" is any
	status int    // 0 is any
	codes  []int  // nil is any
	words  string // regular expression of the message, case-insensitive; "" is any
	kind   error
}

// codes returns the codes of one rule.
func codes(c ...int) []int { return c }

// vague are the codes that Zoom uses for any failure: the message decides.
var vague = codes(120, 200, 300, 400, 404, 2039, 3000)

const (
	bad      = http.StatusBadRequest
	notFound = http.StatusNotFound

	createAccount = `^POST /accounts$`
	changeUser    = `^(PATCH|DELETE) /users/\{userId\}$`
	registrants   = `/registrants`
	ofMeetings    = `/(past_)?meetings\b|/meeting_templates$`
	reads         = `^GET `
)

// refusalRules map refusals to kinds. The first rule that matches decides: first the codes
// that mean the same wherever they are documented, then codes of one operation, then
// messages of the vague codes, and last such a code, or the status, alone. A single word
// never decides: "already" or "disabled" occurs in messages of any meaning.
//
// Source: the "Error Codes" page of Zoom's API documents, the documented pairs of the
// operations themselves, and answers that users of the API have published.
var refusalRules = compiled([]refusalRule{
	{"", 0, codes(124), ``, ErrUnauthenticated},
	{"", 0, codes(4700, 4711), ``, ErrMissingScope},
	// Zoom has no such path: the base URL is wrong, or the operation was removed.
	{"", 0, codes(2300), ``, ErrNotZoom},

	// Refusals about a meeting or webinar that exists.
	{registrants, 0, codes(300, 404, 3000), `registration has not been enabled|(does not|doesn.t) have registration`, ErrNotEnabled},
	{"/(past_)?webinars", bad, vague, `(does not|doesn.t) have registration`, ErrNotEnabled},
	{ofMeetings, 0, vague, `cannot access webinar info|(became|converted to|is) an? webinar`, ErrConflict},
	{"/(past_)?webinars", 0, vague, `(became|converted to|is) an? meeting\b`, ErrConflict},
	{reads, 0, vague, `\b(last|recent|past|previous) (\d+|one|six|twelve|fifteen) (days|months?|years?)\b|\b(a|one|six|\d+) (months?|years?) ago\b|\bolder than\b`, ErrExpired},

	{"", 0, codes(3001), `not end`, ErrNotReady},
	{"", 0, codes(1001, 1010, 1034, 1120, 2001, 3001, 3079), ``, ErrNotFound},
	{"", 0, codes(12702), ``, ErrExpired},
	{"", 0, codes(3003), ``, ErrNotHost},
	{"", 0, codes(3161, 4400, 12700), ``, ErrNotEnabled},
	{"", 0, codes(3043), ``, ErrCapacity},
	{"", 0, codes(2033, 2034, 2038, 3412), ``, ErrCapacity},
	{"", bad, codes(3038), ``, ErrConflict},

	{"^(POST|PATCH|PUT|DELETE) /users", bad, codes(1000, 1009, 1117, 2036, 2037, 4100), ``, ErrConflict},
	{changeUser, bad, codes(1107), `disassociate`, ErrConflict},
	{"^(POST|PATCH) /users", bad, codes(1108), ``, ErrForbidden},
	{"^(POST|PATCH) /users", 0, codes(1109), ``, ErrPlanRequired},
	{changeUser, bad, codes(2039), `licenses`, ErrCapacity},
	{changeUser, bad, codes(2039), ``, ErrForbidden},
	{"^POST /users$", 0, codes(1102), ``, ErrCapacity},
	{"^POST /users$", 0, codes(2002), ``, ErrNotEnabled},
	{"^POST /users$", bad, codes(2016, 2035), ``, ErrForbidden},
	{"^POST /users$", 0, codes(2032), ``, ErrPlanRequired},
	{"/pac$", 0, codes(2024), ``, ErrNotEnabled},
	{"/roles", bad, codes(1224), ``, ErrConflict},
	{"/roles", bad, codes(200), `role not found`, ErrNotFound},
	{"^DELETE /groups/", bad, codes(200), `cannot be deleted`, ErrConflict},
	{"^DELETE /accounts/", 0, codes(2000), ``, ErrConflict},
	{"/accounts/.*/options$", bad, codes(200), `already has`, ErrConflict},
	{"/accounts/.*/options$", bad, codes(2100), ``, ErrConflict},
	{"/accounts/.*/options$", bad, codes(2115), ``, ErrNotFound},
	{createAccount, bad, codes(11101), ``, ErrNotEnabled},
	{createAccount, bad, codes(11103), ``, ErrNotFound},
	{createAccount, bad, codes(11107, 11108, 11109, 11110, 11111, 11112), ``, ErrConflict},
	{"/information_barriers/", bad, codes(7001), ``, ErrNotFound},
	{"/information_barriers/", bad, codes(7002), ``, ErrConflict},
	{"^DELETE /meetings/", bad, codes(3018, 3037), ``, ErrConflict},
	{"^PUT /meetings/.*/status$", bad, codes(3063), ``, ErrConflict},
	{"/livestream/status$", bad, codes(4927), ``, ErrConflict},
	{registrants, bad, codes(3027), ``, ErrConflict},

	{"", bad, vague, `next.page.token`, ErrPageToken},
	// Refusals because of the plan, a setting or a reached maximum come with any status.
	{"", 0, vague, `only available for (the )?(paid|zmp)|business or higher|not available for this account|must be a paid account|\bpaid (account|user)s?\b|webinar (subscription )?plan|(plan|subscription) is missing`, ErrPlanRequired},
	{"", bad, codes(300, 3000), `not support|only available for scheduled meetings`, ErrInvalid},
	{"", 0, vague, `to use this feature, enable|(survey|polls?|feature|registration|livestream\w*|streaming) (is |are |has been )?disabled\b|has not (been )?enabled|is not enabled`, ErrNotEnabled},
	{"^POST ", 0, vague, `only create up to|reached the (limit|maximum)`, ErrCapacity},
	{"/virtual_backgrounds$", bad, codes(120), `maximum of`, ErrCapacity},
	{registrants, bad, codes(3000), `as a panelist`, ErrConflict},
	{"/meeting_templates$", bad, codes(3000), `already exists`, ErrConflict},
	{changeUser, bad, codes(200, 300), `cannot be (changed|deleted)|(cannot|unable to) (change|delete|unlink)`, ErrConflict},
	{"", bad, vague, `\b(does|do) not exist\b|\bdoesn.t exist\b|cannot be found`, ErrNotFound},
	{"", bad, vague, `no permission|cannot access|(do|does) ?n.t have (the )?(right )?permission|do not have (the )?(right )?permission`, ErrForbidden},

	{"", notFound, codes(300, 404), ``, ErrNotFound},
	{"", bad, codes(200, 3000), ``, ErrForbidden},
	{"", http.StatusUnauthorized, nil, ``, ErrUnauthenticated},
	{"", http.StatusForbidden, nil, ``, ErrForbidden},
	{"", notFound, nil, ``, ErrNotFound},
	{"", http.StatusConflict, nil, ``, ErrConflict},
})

// compiledRule is a refusalRule with its regular expressions compiled.
type compiledRule struct {
	refusalRule
	pattern, sentence *regexp.Regexp
}

func compiled(rules []refusalRule) []compiledRule {
	list := make([]compiledRule, len(rules))
	for i, r := range rules {
		list[i] = compiledRule{r, regexp.MustCompile(r.on), regexp.MustCompile(`(?i)` + r.words)}
	}
	return list
}

// kindOf returns the kind of a refusal; [ErrInvalid] if no rule matches.
func kindOf(pattern string, status, code int, message string) error {
	if said := (&refusalBody{code: code, message: message}); status == http.StatusUnauthorized && !said.aboutToken() {
		status = said.ownStatus()
	}
	message = ownWords(message)
	for _, r := range refusalRules {
		if r.fits(pattern, status, code, message) {
			return r.kind
		}
	}
	return ErrInvalid
}

// aboutTokens matches messages under HTTP 401 that are about the credentials.
var aboutTokens = regexp.MustCompile(`(?i)\b(tokens?|credentials?|apps?|client|signature|authenticat\w*|authori[sz]\w*|unauthori[sz]ed|revoked|jwt)\b`)

// aboutToken reports whether a refusal under HTTP 401 is about the credentials. Zoom's codes
// for that are 124 and those from 4700 on. Any other code with a message of its own is not:
// the token must not be dropped for it, nor a write be sent twice.
func (said *refusalBody) aboutToken() bool {
	switch c := said.code; {
	case c == 0, c == 124, c == http.StatusUnauthorized, c >= 4700 && c < 4800:
		return true
	}
	return said.message == "" || aboutTokens.MatchString(ownWords(said.message))
}

// statusOfCode are codes that are documented with one status.
var statusOfCode = map[int]int{
	1005: http.StatusConflict, 4132: http.StatusConflict,
	3301: notFound, 3322: notFound, 4130: notFound, 4131: notFound,
}

var (
	saysNone   = regexp.MustCompile(`(?i)\bnot found\b|\bthere (is|are) no\b|\b(does|do) not exist\b|\bdoesn.t exist\b`)
	saysBarred = regexp.MustCompile(`(?i)\bis restricted\b|(\bno|\bnot have|n.t have) (the )?(right )?permissions?\b|\bnot (authorized|permitted|allowed)\b`)
)

// ownStatus returns the status that a refusal under HTTP 200, or under one that does not fit,
// has by itself: that of its code, or else that of its message. Messages of the vague codes have
// rules under HTTP 400.
func (said *refusalBody) ownStatus() int {
	switch said.code {
	case http.StatusUnauthorized, http.StatusForbidden, notFound, http.StatusConflict, http.StatusTooManyRequests:
		return said.code
	}
	if status := statusOfCode[said.code]; status != 0 {
		return status
	}
	switch words := ownWords(said.message); {
	case slices.Contains(vague, said.code):
	case saysNone.MatchString(words):
		return notFound
	case saysBarred.MatchString(words):
		return http.StatusForbidden
	}
	return bad
}

// quoted matches quotations of several words: they are not Zoom's own words, but those of a
// topic or a name. The name of a field is one word, and an apostrophe follows a letter.
var quoted = regexp.MustCompile(`(^|[\s(\[:=,])(?:"[^"]*\s[^"]*"|“[^”]*\s[^”]*”|‘[^’]*\s[^’]*’|'[^']*\s[^']*')`)

// ownWords returns Zoom's message without its quotations.
func ownWords(message string) string { return quoted.ReplaceAllString(message, "$1") }

func (r *compiledRule) fits(pattern string, status, code int, message string) bool {
	if r.status != 0 && r.status != status || r.codes != nil && !slices.Contains(r.codes, code) {
		return false
	}
	return r.pattern.MatchString(pattern) && r.sentence.MatchString(message)
}

// limitReached matches messages about a rate limit under other statuses than 429.
//
// Source: answers under HTTP 403 that users of the API have published.
var limitReached = regexp.MustCompile(`(?i)maximum number of (\S+ ){0,4}api requests|maximum (per-second|daily) rate limit|exceeded the daily rate limit`)

// throttles reports whether a refusal is about a rate limit.
func throttles(status int, said refusalBody) bool {
	return status == http.StatusTooManyRequests || status < 500 && (said.code == http.StatusTooManyRequests || limitReached.MatchString(ownWords(said.message)))
}

// byDay reports whether a refusal is about a daily limit.
func byDay(words string, header http.Header) bool {
	words = strings.ToLower(words)
	return strings.Contains(words, "daily") || strings.Contains(words, "every day") || strings.EqualFold(header.Get("X-Ratelimit-Type"), "Daily-limit")
}
