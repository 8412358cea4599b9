package plan

import (
	"time"

	"zoomql/internal/zoom"
)

// Report is a plan as JSON, with the scopes that were granted: extensions.plan of an answer.
type Report struct {
	// AtMost and Expected are numbers of calls by label, without labels that have none.
	AtMost   map[string]int `json:"atMost"`
	Expected map[string]int `json:"expected"`
	// Actual are the calls that were sent, by label; nil if nothing was executed.
	Actual     map[string]int `json:"actual,omitzero"`
	RoundTrips int            `json:"roundTrips"`
	Objects    int            `json:"objects"`
	// CacheKnown reports that Expected excludes the calls that the cache answers.
	CacheKnown bool `json:"cacheKnown"`
	// Days is the number of daily budgets that the expected calls take: 0 if they use none, 1 if
	// today's suffices. If it does not, RetryAt is when a day's budget suffices; it is zero if
	// today's does or none can.
	Days    int        `json:"days"`
	RetryAt time.Time  `json:"retryAt,omitzero"`
	Steps   []Row      `json:"steps"`
	Scopes  []ScopeRow `json:"scopes"`
	// Refused are the operations that the scopes or the account's plan do not allow.
	Refused []Refusal `json:"refused,omitzero"`
}

// Refusal is an operation that is known not to be allowed, before any call.
type Refusal struct {
	Operation string   `json:"operation"`
	Fields    []string `json:"fields"` // paths of fields that are null without it
	Code      string   `json:"code"`   // of its error
	Why       string   `json:"why"`
}

// Row is a step as JSON. It precedes the steps that need its answer.
type Row struct {
	Path      string `json:"path"`
	Operation string `json:"operation"`
	Label     string `json:"label"`
	AtMost    int    `json:"atMost"`
	Expected  int    `json:"expected"`
	// Cached is the number of answers that the cache has or, after the execution, has given. Actual
	// is the number of calls that were sent; nil if nothing was executed.
	Cached int    `json:"cached"`
	Actual *int   `json:"actual,omitzero"`
	Depth  int    `json:"depth"`
	Open   bool   `json:"open,omitzero"`
	Why    string `json:"why"`
}

// ScopeRow has the scopes of an operation, of which any one is enough.
type ScopeRow struct {
	Operation string   `json:"operation"`
	Granular  []string `json:"granular"`
	Classic   []string `json:"classic"`
	// Granted reports whether the credential has one of them; nil if that is unknown.
	Granted *bool `json:"granted,omitzero"`
}

// Report returns the plan as JSON. granted are the scopes of the credential; nil if they are unknown.
// paid reports that the plan has the actual calls: see [Plan.Paid].
func (p *Plan) Report(granted []string, paid bool) *Report {
	r := &Report{AtMost: labels(p.AtMost()), Expected: labels(p.Expected()), RoundTrips: p.Trips, Objects: p.Objects, Steps: []Row{}, Scopes: []ScopeRow{}}
	p.First(func(s *Step) {
		row := Row{s.Path, s.Op.Pattern, s.Op.Rate.String(), s.AtMost, s.Expected, s.Cached, nil, s.Depth, s.Open, s.Why}
		if paid {
			row.Actual = new(s.Actual)
		}
		r.Steps = append(r.Steps, row)
	})
	if paid {
		r.Actual = labels(p.sum(func(s *Step) int { return s.Actual }))
	}
	for _, s := range p.Scopes() {
		row := ScopeRow{s.Op.Pattern, s.Granular, s.Classic, nil}
		if granted != nil {
			row.Granted = new(s.Granted(granted))
		}
		r.Scopes = append(r.Scopes, row)
	}
	return r
}

func labels(counts Counts) map[string]int {
	named := map[string]int{}
	for _, r := range zoom.Rates {
		if n := counts[r]; n > 0 {
			named[r.String()] = n
		}
	}
	return named
}
