package plan

import "zoomql/internal/zoom"

// Report is a plan, with what the credential was granted, as JSON has it, under extensions.plan of an answer.
type Report struct {
	// AtMost and Expected are calls by label; labels without calls are left out.
	AtMost     map[string]int `json:"atMost"`
	Expected   map[string]int `json:"expected"`
	RoundTrips int            `json:"roundTrips"`
	Objects    int            `json:"objects"`
	Steps      []Row          `json:"steps"`
	Scopes     []ScopeRow     `json:"scopes"`
}

// Row is a step, which stands before those that need its answer.
type Row struct {
	Path      string `json:"path"`
	Operation string `json:"operation"`
	Label     string `json:"label"`
	AtMost    int    `json:"atMost"`
	Expected  int    `json:"expected"`
	Depth     int    `json:"depth"`
	Open      bool   `json:"open,omitzero"`
	Why       string `json:"why"`
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
// where they are not known.
func (p *Plan) Report(granted []string) *Report {
	r := &Report{AtMost: labels(p.AtMost()), Expected: labels(p.Expected()), RoundTrips: p.Trips, Objects: p.Objects, Steps: []Row{}, Scopes: []ScopeRow{}}
	p.Told(func(s *Step) {
		r.Steps = append(r.Steps, Row{s.Path, s.Op.Pattern, s.Op.Rate.String(), s.AtMost, s.Expected, s.Depth, s.Open, s.Why})
	})
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
