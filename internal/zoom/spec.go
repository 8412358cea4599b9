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

// Rate is the Rate Limit Label that Zoom puts on an operation: it determines which of the
// account's budgets a call counts against.
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

// Life is a class of cache lifetimes. It is not a number of seconds, so that one table
// (lifetimes) holds every figure.
type Life uint8

const (
	// Never is for writes, and answers that are secrets.
	Never Life = iota
	// Live is for data that changes within seconds: a live meeting.
	Live
	// Scheduled is for data that changes when people plan: meetings, registrants.
	Scheduled
	// Slow is for data that administrators change: users, settings.
	Slow
	// Closed is for data that no longer changes: an instance that has ended.
	Closed
)

// lifetime is how long the answers of a class are used (RFC 5861). Evictions by writes and
// events end each of these at once; the lifetimes are for changes that no write or event
// reports. While events report every change, fresh is [CoveredLife] instead: see [Validity].
type lifetime struct {
	fresh                time.Duration // served without a call
	staleWhileRevalidate time.Duration // after fresh: served while a call refreshes it
	staleIfError         time.Duration // after fresh: served if the call fails
}

// Closed data stays true, so an answer of any age is better than none; it ends within
// the week for which a store retains entries. For live data, an error is better than an
// answer that is a minute old.
var lifetimes = map[Life]lifetime{
	Live:      {fresh: 5 * time.Second, staleWhileRevalidate: 0, staleIfError: 10 * time.Second},
	Scheduled: {fresh: time.Minute, staleWhileRevalidate: 30 * time.Second, staleIfError: time.Hour},
	Slow:      {fresh: 5 * time.Minute, staleWhileRevalidate: 5 * time.Minute, staleIfError: 12 * time.Hour},
	Closed:    {fresh: 24 * time.Hour, staleWhileRevalidate: 24 * time.Hour, staleIfError: 5 * 24 * time.Hour},
}

// TTL returns how long an answer of this class is fresh; 0 for Never.
func (l Life) TTL() time.Duration { return lifetimes[l].fresh }

// StaleWhileRevalidate returns the maximum age of an answer of this class that is served
// without waiting for Zoom; a call refreshes it at the same time.
func (l Life) StaleWhileRevalidate() time.Duration {
	return lifetimes[l].fresh + lifetimes[l].staleWhileRevalidate
}

// StaleIfError returns the maximum age of an answer of this class that is served if the call
// fails: no budget is left, or Zoom does not answer.
func (l Life) StaleIfError() time.Duration { return lifetimes[l].fresh + lifetimes[l].staleIfError }

// Spec describes an operation apart from the Go types of its input and answer: it is one
// row of the table of operations.
type Spec struct {
	// Pattern names the operation everywhere: in the sandbox's routes, in
	// logs, in metrics, in golden files, in @zoom. "GET /users/{userId}".
	Pattern string
	// Rate is the label whose budget a call counts against.
	Rate Rate
	// Scopes lists the OAuth scopes, classic and granular, any one of which
	// lets a token use the operation, separated by spaces.
	Scopes string
	// Array is the name of the array of items on a page; "" if the answer is one object.
	Array string
	// Key names the fields of which an answer has at least one, if these are not
	// its array or its id; empty but not nil if an answer may have none.
	Key []string
	// Unset reports that an object without any field is an answer too: nothing is set.
	Unset bool
	// MaxPage is the largest page_size that Zoom accepts; 0 if the operation
	// has no pages.
	MaxPage int
	// Beside names the fields next to the array that [Page.Beside] retains, such as
	// totals over all pages.
	Beside []string
	// Months is how many months back Zoom has data; 0 if it is not documented.
	Months int
	// Ahead reports that a range of days may be in the future.
	Ahead bool
	// Numbered reports that Zoom pages by number instead of by token. Items that are
	// inserted or deleted between two pages then shift those after them.
	Numbered bool
	// Short reports that the list seldom has more than one page, of small items: a page is read
	// instead of a call for each item as soon as it uses less of the budget.
	Short bool
	// Life is the class of an answer's cache lifetime.
	Life Life
	// LifeOf returns the class if it depends on the request or the answer; else nil.
	LifeOf func(req *Request, answer any) Life
	// ByClock reports whether the answer to a request changes with the clock alone, which
	// no event reports; nil means no.
	ByClock func(req *Request) bool
	// Late reports that Zoom completes answers after the event of their change; how long after
	// is not documented. See [Validity].
	Late bool
	// Tags are the cache tags of an answer, with path variables in braces:
	// "user:{userId}". Evicting a tag makes the answer stale.
	Tags []string
	// Evicts are the tags that a successful write evicts. One with the prefix "^"
	// belongs to the own account, whichever account is written to.
	Evicts []string
	// Quotas are the daily quotas, besides the label's limits, that a call
	// counts against.
	Quotas []Quota
	// Exclusive names the path variable for each value of which Zoom accepts
	// one write at a time; "" if it accepts any number.
	Exclusive string
	// Aliases returns the other values of the path variable that name the answer's
	// object; nil if it has one name.
	Aliases func(answer any) []string
	// OwnOnly reports that Zoom has no form of the path for sub accounts.
	OwnOnly bool
	// Phone reports that the call counts against the budgets of Zoom Phone, which
	// has its own table.
	Phone bool
	// AcceptsUUID reports that the {meetingId} or {webinarId} of the path may be
	// a UUID.
	AcceptsUUID bool

	input    *input
	answer   reflect.Type
	required required
}

// Answer returns the Go type that answers are decoded into; struct{} if Zoom
// answers without a body. For a list it is a Page of the items.
func (s *Spec) Answer() reflect.Type { return s.answer }

// Body returns the Go type of the operation's JSON body; nil if it has none.
func (s *Spec) Body() reflect.Type {
	if s.input.body == nil {
		return nil
	}
	return s.input.of.FieldByIndex(s.input.body).Type
}

// Quota is a daily limit that Zoom counts separately from the labels, for each
// combination of values of a few path or body variables.
type Quota struct {
	// Name describes what is counted; it is part of the limiter's keys.
	Name string
	// PerDay is the number of calls for one value from 00:00 UTC to the next.
	PerDay int
	// PerPlan overrides PerDay for an account's plan.
	PerPlan map[Plan]int
	// By names the variables whose values are counted separately.
	By []string
	// Only restricts the quota to calls in which a variable has a value; zero means all
	// calls.
	Only struct{ Var, Value string }
}

// counts reports whether a call counts against the quota.
func (q *Quota) counts(req *Request) bool {
	return q.Only.Var == "" || req.Vars[q.Only.Var] == q.Only.Value
}

// perDay returns the quota's limit on a plan.
func (q *Quota) perDay(p Plan) int { return cmp.Or(q.PerPlan[p], q.PerDay) }

// vars returns the variables that the quota depends on.
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

// Paths returns every form of the path: for the own account, and, if Zoom has
// one, for a sub account of a master account.
func (s *Spec) Paths() []string {
	own, sub := s.Path(), s.subPath()
	if sub == "" || sub == own {
		return []string{own}
	}
	return []string{own, sub}
}

// accountVar is the variable of the account, which inputs have no field for: its value is
// "me" for the own account, and the id for a sub account.
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

// pathIn returns the path for an account; "" is the own account.
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

// ScopesIn returns the scopes, any one of which lets a token use the operation on
// an account: "" is the own account, any other a sub account.
func (s *Spec) ScopesIn(account string) string {
	if account == "" {
		return s.Scopes
	}
	return s.subScopes()
}

// subScopes returns the scopes of the form for sub accounts. Zoom derives them from
// the own account's: ":admin" grants access to an account, ":master" to its sub accounts.
// Rows whose only path has the account list both kinds, and their classic scopes are
// used unchanged.
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
// an account. Any one of the operation's scopes is enough; if it has none, none is needed.
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

// register adds a row to the table. It panics on a duplicate pattern, a mistake in the table
// that keeps the program from starting.
func register(s *Spec) *Spec {
	if specs[s.Pattern] != nil {
		panic("zoom: operation registered twice: " + s.Pattern)
	}
	specs[s.Pattern] = s
	return s
}
