package plan

import (
	"time"

	"zoomql/internal/zoom"
)

// Report is a plan, with what the credential was granted, as JSON has it, under extensions.plan of an answer.
type Report struct {
	// AtMost and Expected are calls by label; labels without calls are left out.
	AtMost   map[string]int `json:"atMost"`
	Expected map[string]int `json:"expected"`
	// Actual are the calls that were sent, by label; nil where nothing was carried out.
	Actual     map[string]int `json:"actual,omitzero"`
	RoundTrips int            `json:"roundTrips"`
	Objects    int            `json:"objects"`
	// CacheKnown tells that Expected counts what the cache holds.
	CacheKnown bool `json:"cacheKnown"`
	// Days is how many days' budgets the expected calls take: 0 where no day's pays them, 1
	// where today's holds them. RetryAt is when a day's holds all of them, where today's does
	// not; zero where it does, or no day's can.
	Days    int        `json:"days"`
	RetryAt time.Time  `json:"retryAt,omitzero"`
	Steps   []Row      `json:"steps"`
	Scopes  []ScopeRow `json:"scopes"`
	// Refused are what the scopes, or the account's plan, do not allow.
	Refused []Refusal `json:"refused,omitzero"`
}

// Refusal is an operation that cannot be used, as is known before a call.
type Refusal struct {
	Operation string   `json:"operation"`
	Fields    []string `json:"fields"` // that are null without it
	Code      string   `json:"code"`   // that its error has
	Why       string   `json:"why"`
}

// Row is a step, which stands before those that need its answer.
type Row struct {
	Path      string `json:"path"`
	Operation string `json:"operation"`
	Label     string `json:"label"`
	AtMost    int    `json:"atMost"`
	Expected  int    `json:"expected"`
	// Cached is how many answers the cache has, or has given, and Actual how many calls were
	// sent; nil where nothing was carried out.
	Cached int    `json:"cached"`
	Actual *int   `json:"actual,omitzero"`
	Depth  int    `json:"depth"`
	Open   bool   `json:"open,omitzero"`
	Why    string `json:"why"`
}

// ScopeRow are the scopes of an operation, of which any one is enough.
type ScopeRow struct {
	Operation string   `json:"operation"`
	Granular  []string `json:"granular"`
	Classic   []string `json:"classic"`
	// Granted tells that the credential has one of them; nil where that is not known.
	Granted *bool `json:"granted,omitzero"`
}

// Report returns the plan as JSON has it. granted are the scopes of the credential; nil
// where they are not known. paid tells that the operation was carried out: see [Plan.Paid].
func (p *Plan) Report(granted []string, paid bool) *Report {
	r := &Report{AtMost: labels(p.AtMost()), Expected: labels(p.Expected()), RoundTrips: p.Trips, Objects: p.Objects, Steps: []Row{}, Scopes: []ScopeRow{}}
	p.Told(func(s *Step) {
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
