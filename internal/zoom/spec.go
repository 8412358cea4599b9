package zoom

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Rate is the Rate Limit Label that Zoom puts on an operation: which of the
// account's budgets a call is paid from.
//
// Source: https://developers.zoom.us/docs/api/rate-limits/
type Rate uint8

// The four labels, cheapest first.
const (
	Light Rate = iota + 1
	Medium
	Heavy
	ResourceIntensive
)

// Rates lists the labels, cheapest first.
var Rates = []Rate{Light, Medium, Heavy, ResourceIntensive}

// String returns the label as the graph and the logs spell it.
func (r Rate) String() string {
	switch r {
	case Light:
		return "LIGHT"
	case Medium:
		return "MEDIUM"
	case Heavy:
		return "HEAVY"
	case ResourceIntensive:
		return "RESOURCE_INTENSIVE"
	}
	return fmt.Sprintf("Rate(%d)", uint8(r))
}

// Life is how long an answer may be cached: a class of facts, not a number
// of seconds, so that one table (lifetimes) holds every figure.
type Life uint8

const (
	// Never marks writes, and answers that are secrets.
	Never Life = iota
	// Live facts change by the second: a meeting that is going on.
	Live
	// Scheduled facts change when people plan: meetings, registrants.
	Scheduled
	// Slow facts change when an administrator acts: users, settings.
	Slow
	// Closed facts do not change any more: an instance that has ended.
	Closed
)

// lifetime is how long the answers of a class are of use (RFC 5861). Evictions by writes and
// events end each of these at once; they are for changes that no write and no event tells of.
// While events come that tell of each change, fresh is [CoveredLife] instead: see [Validity].
type lifetime struct {
	fresh                time.Duration // no call is made
	staleWhileRevalidate time.Duration // so much longer it is given while it is asked for again
	staleIfError         time.Duration // so much longer it is given while it cannot be asked for
}

// What is closed stays true, so any age is better than no answer; it ends within
// the week that a store keeps anything. Of what is going on, an error is a better answer
// than what was true a minute ago.
var lifetimes = map[Life]lifetime{
	Live:      {fresh: 5 * time.Second, staleWhileRevalidate: 0, staleIfError: 10 * time.Second},
	Scheduled: {fresh: time.Minute, staleWhileRevalidate: 30 * time.Second, staleIfError: time.Hour},
	Slow:      {fresh: 5 * time.Minute, staleWhileRevalidate: 5 * time.Minute, staleIfError: 12 * time.Hour},
	Closed:    {fresh: 24 * time.Hour, staleWhileRevalidate: 24 * time.Hour, staleIfError: 5 * 24 * time.Hour},
}

// TTL returns how long an answer of this class is fresh; 0 for Never.
func (l Life) TTL() time.Duration { return lifetimes[l].fresh }

// StaleWhileRevalidate returns how old an answer of this class may be that is given without
// asking Zoom first; Zoom is asked at the same time.
func (l Life) StaleWhileRevalidate() time.Duration {
	return lifetimes[l].fresh + lifetimes[l].staleWhileRevalidate
}

// StaleIfError returns how old an answer of this class may be that is given when Zoom
// cannot be asked: no budget is left, or it does not answer.
func (l Life) StaleIfError() time.Duration { return lifetimes[l].fresh + lifetimes[l].staleIfError }

// Spec is what is known of an operation apart from the Go types of its input
// and answer: one row of the table of operations.
type Spec struct {
	// Pattern names the operation everywhere: in the sandbox's routes, in
	// logs, in metrics, in golden files, in @zoom. "GET /users/{userId}".
	Pattern string
	// Rate is the label that Zoom charges a call under.
	Rate Rate
	// Scopes lists the OAuth scopes, classic and granular, any one of which
	// lets a token use the operation, separated by spaces.
	Scopes string
	// Array is the name of the array that a page carries; "" when the answer
	// is one object.
	Array string
	// Key names the fields of which an answer has one at least, where these are not
	// its array or its id; empty but not nil where it may have none of them.
	Key []string
	// Unset tells that an object without any field is an answer too: nothing is set.
	Unset bool
	// MaxPage is the largest page_size that Zoom takes; 0 when the operation
	// has no pages.
	MaxPage int
	// Beside names what stands beside the array on each page and is of interest:
	// sums over all pages, say.
	Beside []string
	// Months is how many months back Zoom answers; 0 where it does not say.
	Months int
	// Ahead tells that a range of days may lie in the future.
	Ahead bool
	// Numbered tells that Zoom takes the number of a page and no token. What is
	// inserted or deleted between two pages then shifts the pages behind it.
	Numbered bool
	// Life says how long an answer may be kept.
	Life Life
	// LifeOf says it where it depends on the question or the answer; nil where
	// it does not.
	LifeOf func(req *Request, answer any) Life
	// ByClock tells that the answer to a request becomes another by the clock alone, of
	// which no event tells; nil where none does.
	ByClock func(req *Request) bool
	// Tags names what an answer is about, with path variables in braces:
	// "user:{userId}". Evicting a tag makes the answer stale.
	Tags []string
	// Evicts names what a successful write makes stale. One with a "^" before it
	// is the own account's, whichever account is written to.
	Evicts []string
	// Quotas names the daily allowances beyond the label's that a call
	// counts against.
	Quotas []Quota
	// Exclusive names the variable of the path for each value of which Zoom takes
	// one write at a time; "" when it takes any number.
	Exclusive string
	// Aliases returns the names by which the answer's object may also be asked
	// for in the place of the path's variable; nil when there is one name.
	Aliases func(answer any) []string
	// OwnOnly tells that Zoom has no form of the path for sub accounts.
	OwnOnly bool
	// Phone tells that the call is paid from the budgets of Zoom Phone, which
	// has a table of its own.
	Phone bool
	// AcceptsUUID tells that the {meetingId} or {webinarId} of the path may be
	// a UUID.
	AcceptsUUID bool

	input    *input
	answer   reflect.Type
	required required
}

// Answer returns the Go type that answers are decoded into; struct{} where Zoom
// answers without a body. For a list it is a Page of the items.
func (s *Spec) Answer() reflect.Type { return s.answer }

// Body returns the Go type of the body that the operation takes as JSON; nil where it
// takes none.
func (s *Spec) Body() reflect.Type {
	if s.input.body == nil {
		return nil
	}
	return s.input.of.FieldByIndex(s.input.body).Type
}

// Quota is a daily allowance that Zoom counts apart from the labels, for each
// value of a few path or body variables.
type Quota struct {
	// Name says what is counted, in words for people and for keys.
	Name string
	// PerDay is how many calls one value may make from 00:00 UTC to the next.
	PerDay int
	// PerPlan is PerDay where it depends on the account's plan.
	PerPlan map[Plan]int
	// By names the variables whose values are counted apart.
	By []string
	// Only names a variable and the value that it has in the calls that count;
	// zero when all of them do.
	Only struct{ Var, Value string }
}

// counts reports whether a call draws on the allowance.
func (q *Quota) counts(req *Request) bool {
	return q.Only.Var == "" || req.Vars[q.Only.Var] == q.Only.Value
}

// perDay returns the allowance on a plan.
func (q *Quota) perDay(p Plan) int { return cmp.Or(q.PerPlan[p], q.PerDay) }

// vars returns the variables that say which calls are counted together.
func (q *Quota) vars() []string {
	if q.Only.Var == "" {
		return q.By
	}
	return append([]string{q.Only.Var}, q.By...)
}

// Method returns the HTTP method of the operation.
func (s *Spec) Method() string {
	m, _, _ := strings.Cut(s.Pattern, " ")
	return m
}

// Path returns the path pattern, such as "/users/{userId}".
func (s *Spec) Path() string {
	_, p, _ := strings.Cut(s.Pattern, " ")
	return p
}

// Paths returns every form of the path: for the own account, and, where Zoom has
// one, for a sub account of a master account.
func (s *Spec) Paths() []string {
	own, sub := s.Path(), s.subPath()
	if sub == "" || sub == own {
		return []string{own}
	}
	return []string{own, sub}
}

// accountVar is the variable of the account, which callers never fill: the own
// account is "me" there, and a sub account its id.
const accountVar = "{accountId}"

func (s *Spec) subPath() string {
	switch {
	case s.OwnOnly:
		return ""
	case strings.Contains(s.Path(), accountVar):
		return s.Path()
	}
	return "/accounts/" + accountVar + s.Path()
}

// pathIn returns the path with the account in it; "" is the own account.
func (s *Spec) pathIn(account string) (string, error) {
	if account == "" {
		return strings.Replace(s.Path(), accountVar, "me", 1), nil
	}
	path := s.subPath()
	if path == "" {
		return "", errors.New("Zoom has no such operation for sub accounts")
	}
	id, err := segment(account)
	return strings.Replace(path, accountVar, id, 1), err
}

// Reads reports whether the operation changes nothing at Zoom.
func (s *Spec) Reads() bool { return s.Method() == "GET" }

// ScopesIn lists the scopes, any one of which lets a token use the operation on
// an account: "" is the own, and all others are sub accounts.
func (s *Spec) ScopesIn(account string) string {
	if account == "" {
		return s.Scopes
	}
	return s.subScopes()
}

// subScopes lists the scopes of the form for sub accounts. Zoom derives them from
// the own account's: what is granted for an account by ":admin" is granted for its
// sub accounts by ":master". Rows whose only path names the account list both, and
// the classic ones of these count as they stand.
//
// Source: the scopes in Zoom's documents of the master account APIs.
func (s *Spec) subScopes() string {
	both := strings.Contains(s.Path(), accountVar)
	var scopes []string
	for scope := range strings.FieldsSeq(s.Scopes) {
		name, isAdmin := strings.CutSuffix(scope, ":admin")
		resource, _, _ := strings.Cut(name, ":")
		classic := strings.Count(name, ":") == 1
		switch {
		case strings.HasSuffix(scope, ":master"), both && classic:
			scopes = append(scopes, scope)
		case isAdmin && classic:
			scopes = append(scopes, resource+":master", name+":master")
		case isAdmin:
			scopes = append(scopes, name+":master")
		}
	}
	slices.Sort(scopes)
	return strings.Join(slices.Compact(scopes), " ")
}

// Allows reports whether a token with the granted scopes may use the operation on
// an account. Any one of its scopes is enough; where it has none, none is needed.
func (s *Spec) Allows(account string, granted []string) bool {
	enough := s.ScopesIn(account)
	for scope := range strings.FieldsSeq(enough) {
		if slices.Contains(granted, scope) {
			return true
		}
	}
	return enough == ""
}

var specs = map[string]*Spec{}

// Specs returns the table of operations, ordered by path and method.
func Specs() []*Spec {
	rows := make([]*Spec, 0, len(specs))
	for _, s := range specs {
		rows = append(rows, s)
	}
	slices.SortFunc(rows, func(a, b *Spec) int {
		return cmp.Or(cmp.Compare(a.Path(), b.Path()), cmp.Compare(a.Method(), b.Method()))
	})
	return rows
}

// Lookup returns the row of a pattern, or nil.
func Lookup(pattern string) *Spec { return specs[pattern] }

// register files a row. A pattern that is there twice is a mistake of ours
// that no test needs to find: the program does not start.
func register(s *Spec) *Spec {
	if specs[s.Pattern] != nil {
		panic("zoom: operation registered twice: " + s.Pattern)
	}
	specs[s.Pattern] = s
	return s
}
