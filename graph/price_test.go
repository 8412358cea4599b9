package graph

import (
	"encoding/json"
	"flag"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"zoomql/cache"
	"zoomql/graph/generated"
	"zoomql/internal/plan"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
)

var (
	priced    = flag.Int("priced", 400, "how many operations TestPriceIsABound prices")
	priceSeed = flag.Uint64("priced.seed", 1, "the seed of TestPriceIsABound")
)

// emptiedStore is a cache that is emptied between operations.
type emptiedStore struct{ guardedStore }

func (s *emptiedStore) empty() { s.Local = cache.NewMemory(64 << 20) }

// dry asks what an operation costs, by the header.
func (r *rig) dry(ask func() *answer) *plan.Report {
	r.t.Helper()
	r.dryRun = true
	a := ask()
	r.dryRun = false
	raw, _ := json.Marshal(a.Extensions["plan"])
	report := &plan.Report{}
	if err := json.Unmarshal(raw, report); err != nil {
		r.t.Fatal(err)
	}
	r.spends(0)
	return report
}

// byLabel counts calls.
func byLabel(calls []sandbox.Call) map[string]int {
	counts := map[string]int{}
	for _, c := range calls {
		counts[c.Rate.String()]++
	}
	return counts
}

// ratios are at-most ÷ actual and expected ÷ actual of operations that cost calls.
type ratios struct {
	mu             sync.Mutex
	most, expected []float64
}

func (r *ratios) add(p *plan.Report, calls int) {
	most, expected := 0, 0
	for label, n := range p.AtMost {
		most += n
		expected += p.Expected[label]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.most = append(r.most, float64(most)/float64(calls))
	r.expected = append(r.expected, float64(expected)/float64(calls))
}

// quantile returns the value below which a share of a list lies.
func quantile(list []float64, share float64) float64 {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[min(int(share*float64(len(list))), len(list)-1)]
}

// bounded fails the test where an operation costs more than its price. It returns the price
// and the calls.
func (r *rig) bounded(store *emptiedStore, body string, seen *ratios) (*plan.Report, []sandbox.Call) {
	r.t.Helper()
	store.empty()
	report := r.dry(func() *answer { return r.post("application/json", body) })
	a := r.post("application/json", body)
	spent := r.spent()
	for label, n := range byLabel(spent) {
		if n > report.AtMost[label] {
			steps, _ := json.MarshalIndent(report.Steps, "", " ")
			r.t.Errorf("%d %s calls, and %d at most were told: %v\n%s\n%s\n%.2000s", n, label, report.AtMost[label], patterns(spent), body, steps, a.body)
		}
	}
	if len(spent) > 0 {
		seen.add(report, len(spent))
	}
	return report, spent
}

// TestPriceIsABound prices operations that are made from the schema by chance, asks them
// with an empty cache, and holds what they cost against what was told.
func TestPriceIsABound(t *testing.T) {
	schema := generated.NewExecutableSchema(generated.Config{}).Schema()
	random, asked := &ratios{}, &ratios{}
	t.Cleanup(func() {
		for what, r := range map[string]*ratios{"random operations": random, "questions": asked} {
			t.Logf("%d %s: at most ÷ actual has the median %.2f, expected ÷ actual %.2f (10%% below %.2f, 10%% above %.2f)", len(r.most), what,
				quantile(r.most, 0.5), quantile(r.expected, 0.5), quantile(r.expected, 0.1), quantile(r.expected, 0.9))
		}
		if n := len(random.most) + len(asked.most); n < *priced/4 {
			t.Errorf("only %d of %d cost anything", n, *priced)
		}
	})
	inParts(t, *priced, 25, func(t *testing.T, from, to int) {
		store := &emptiedStore{guardedStore{t: t}}
		store.empty()
		rigged := setup{Options: sandbox.Options{Plan: sandbox.PlanBusiness}, timeout: 5 * time.Minute, store: store, answers: store}
		inRig(t, rigged, func(r *rig) {
			for n := from; n < to; n++ {
				rng := rand.New(rand.NewPCG(*priceSeed, uint64(n)))
				body, seen := map[string]any{}, random
				if n%2 == 0 {
					body = (&randomizer{Rand: rng, schema: schema, fill: r.fill}).whole()
				} else {
					q := &asker{Rand: rng, schema: schema}
					body["query"], seen = r.fill(word(q, q.root(), nil).text), asked
				}
				text, _ := json.Marshal(body)
				if r.bounded(store, string(text), seen); t.Failed() {
					t.Fatalf("operation %d of -priced.seed=%d (run %s whole: what was changed before counts)", n, *priceSeed, t.Name())
				}
				time.Sleep(10 * time.Minute) // budgets are whole again
			}
		})
	})
}

// TestPriceOfQuestions prices the question of each operation, which makes that call alone.
func TestPriceOfQuestions(t *testing.T) {
	for _, s := range zoom.Specs() {
		t.Run(s.Pattern, func(t *testing.T) {
			t.Parallel()
			inRig(t, setup{}, func(r *rig) {
				report := r.dry(func() *answer { return r.askFor(s) })
				r.askFor(s)
				for label, n := range byLabel(r.spent()) {
					if n > report.AtMost[label] || report.Expected[label] == 0 {
						t.Errorf("%d %s calls; at most %d and %d expected: %+v", n, label, report.AtMost[label], report.Expected[label], report.Steps)
					}
				}
			})
		})
	}
}

// TestDryRun asks for the price of queries: nothing else is answered, and Zoom is not asked.
func TestDryRun(t *testing.T) {
	const price = ` rateLimit(dryRun: true) { waiting estimated { label calls } expected { label calls } roundTrips objects
		steps { path operation label atMost expected depth open why } scopes { operation granular classic } }`
	inRig(t, setup{}, func(r *rig) {
		a := r.ask(`{ a: account { users(first: 20) { nodes { jobTitle } } } viewer { scopes account { zoomId } } nodes(ids: []) { id }`+price+` }`, nil)
		r.spends(0)
		if len(a.Errors) > 0 {
			t.Fatalf("%s", a.body)
		}
		for path, want := range map[string]string{
			"a": "<nil>", "nodes": "<nil>", "viewer.scopes": "<nil>", "viewer.account": "<nil>",
			"rateLimit.estimated.0.label": "LIGHT", "rateLimit.estimated.0.calls": "20",
			"rateLimit.estimated.1.label": "MEDIUM", "rateLimit.estimated.1.calls": "1",
			"rateLimit.expected.0.calls": "20", "rateLimit.roundTrips": "2",
			"rateLimit.steps.0.operation": "GET /users", "rateLimit.steps.0.path": "a.users", "rateLimit.steps.0.open": "false",
			"rateLimit.steps.1.operation": "GET /users/{userId}", "rateLimit.steps.1.depth": "1", "rateLimit.steps.1.why": "each: the list does not tell jobTitle",
			"rateLimit.scopes.0.granular.0": "user:read:list_users:admin", "rateLimit.scopes.0.classic.0": "user:read",
		} {
			if got := a.at(t, path); got != want {
				t.Errorf("%s is %s, want %s", path, got, want)
			}
		}
		// Without dryRun the query is carried out, and its price is the same.
		a = r.ask(`{ a: account { users(first: 20) { nodes { jobTitle } } } rateLimit { estimated { label calls } } }`, nil)
		if a.at(t, "a.users.nodes.0.jobTitle") == "" || a.at(t, "rateLimit.estimated.0.calls") != "20" || len(r.spent()) != 21 {
			t.Errorf("%.300s", a.body)
		}
	})
}

// TestDryRunHeader asks for the price of operations that run without the header: a query
// whose answer is cached, and a mutation.
func TestDryRunHeader(t *testing.T) {
	inRig(t, setup{}, func(r *rig) {
		const query = `{ meeting(by: {number: "${MeetingNumber}"}) { topic host { email } } }`
		r.ask(query, nil)
		r.spent()
		for _, c := range []struct {
			query string
			want  map[string]int
		}{
			{query, map[string]int{"LIGHT": 2}},
			{`mutation { deleteMeeting(input: {meeting: {number: "${MeetingNumber}"}}) { userErrors { code } } }`, map[string]int{"LIGHT": 1}},
		} {
			report := r.dry(func() *answer { return r.ask(c.query, nil) })
			if !maps.Equal(report.AtMost, c.want) || !maps.Equal(report.Expected, c.want) || len(report.Steps) == 0 {
				t.Errorf("%s: %+v", c.query, report)
			}
		}
		if a := r.ask(query, nil); a.at(t, "meeting.topic") == "<nil>" {
			t.Errorf("the meeting is deleted: %s", a.body)
		}
		r.dryRun = true
		if a := r.ask(`{ none }`, nil); a.status != http.StatusBadRequest || a.Errors[0].code() != "GRAPHQL_VALIDATION_FAILED" {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

// TestPlanBesideData has an answer tell its plan, and no other.
func TestPlanBesideData(t *testing.T) {
	inRig(t, setup{}, func(r *rig) {
		const query = `{"query": "{ meeting(by: {number: \"${MeetingNumber}\"}) { topic } }"`
		for _, c := range []struct {
			extensions string
			plan       bool
		}{{`, "extensions": {"plan": true}}`, true}, {`, "extensions": {"plan": false}}`, false}, {`, "extensions": {"plan": "x"}}`, false}, {`}`, false}} {
			for range 2 { // once anew, and once from the cache
				a := r.post("application/json", r.fill(query)+c.extensions)
				if told, ok := a.Extensions["plan"].(map[string]any); ok != c.plan || ok && told["atMost"].(map[string]any)["LIGHT"] != 1.0 || a.at(t, "meeting.topic") == "<nil>" {
					t.Errorf("%s: %s", c.extensions, a.body)
				}
			}
		}
	})
}

// TestMaxPrice refuses what may cost more than is allowed, before it runs.
func TestMaxPrice(t *testing.T) {
	bound := MaxPrice{zoom.Light: 10, zoom.Heavy: 0}
	inRig(t, setup{price: bound}, func(r *rig) {
		a := r.ask(`{ account { a: users(first: 6) { nodes { jobTitle } } b: users(first: 7) { nodes { jobTitle } } } }`, nil)
		a.refused(t, http.StatusBadRequest, "13 LIGHT calls at Zoom, and MAX_PRICE allows 10")
		if told, _ := a.Errors[0].Extensions["price"].(map[string]any); told["label"] != "LIGHT" || told["atMost"] != 13.0 || told["allowed"] != 10.0 ||
			told["dearest"].([]any)[0].(map[string]any)["path"] != "account.b" {
			t.Errorf("%s", a.body)
		}
		r.ask(`{ account { reports { daily { year } } } }`, nil).refused(t, http.StatusBadRequest, "account.reports.daily (1 × GET /report/daily)")
		r.ask(`mutation { a: deleteMeeting(input: {meeting: {number: "1"}}) { userErrors { code } } b: zoomRequest(input: {operation: "GET /report/daily"}) { status } }`, nil).
			refused(t, http.StatusBadRequest, "GET /report/daily")
		r.spends(0)
		if a := r.ask(`{ account { users(first: 10) { nodes { jobTitle } } } }`, nil); len(a.Errors) > 0 {
			t.Errorf("it is within the bound: %s", a.body)
		}
		r.spends(11)
		// What it would cost is told all the same.
		if a := r.ask(`{ account { reports { daily { year } } } rateLimit(dryRun: true) { estimated { label } } }`, nil); a.at(t, "rateLimit.estimated.0.label") != "HEAVY" {
			t.Errorf("%s", a.body)
		}
		report := r.dry(func() *answer { return r.ask(`{ account { reports { daily { year } } } }`, nil) })
		if report.AtMost["HEAVY"] != 1 {
			t.Errorf("%+v", report)
		}
	})
}

// TestPriceIsClose prices questions of which every list is at least as long as "first"
// asks for, once the length of the account's users is known: few calls more are told than
// are made.
func TestPriceIsClose(t *testing.T) {
	seen := &ratios{}
	store := &emptiedStore{guardedStore{t: t}}
	store.empty()
	rigged := setup{Options: sandbox.Options{Plan: sandbox.PlanBusiness, Users: 600, Participants: 400}, timeout: 5 * time.Minute, store: store, answers: store}
	inRig(t, rigged, func(r *rig) {
		r.ask(`{ meetingInstance(by: {uuid: "${BigInstance}"}) { participants(first: 400) { nodes { user { email } } } } }`, nil)
		r.spent()
		for _, query := range []string{
			`{ user(by: {zoomId: "${HostID}"}) { email } }`,
			`{ user(by: {zoomId: "${HostID}"}) { meetings(first: 1) { nodes { topic } } } }`,
			`{ account { users(first: 300) { nodes { email } } } }`,
			`{ account { users(first: 600) { nodes { email } } } }`,
			`{ account { users(first: 40) { nodes { jobTitle } } } }`,
			`{ account { users(first: 20) { nodes { settings: role { name } meetings(first: 1) { nodes { topic } } } } } }`,
			`{ meeting(by: {number: "${MeetingNumber}"}) { topic host { email } registrants(first: 30) { nodes { email } } } }`,
			`{ meeting(by: {number: "${MeetingNumber}"}) { host { jobTitle } } }`,
			`{ meetingInstance(by: {uuid: "${BigInstance}"}) { topic participants(first: 30) { nodes { name } } } }`,
			`{ meetingInstance(by: {uuid: "${BigInstance}"}) { topic participants(first: 400) { nodes { name } } } }`,
			`{ meetingInstance(by: {uuid: "${BigInstance}"}) { topic participants(first: 30, source: REPORT) { nodes { name } } } }`,
			`{ meetingInstance(by: {uuid: "${BigInstance}"}) { topic report { topic } recordings { shareUrl } polls { respondents { name } } } }`,
			`{ account { roles { name } reports { daily { year } } } }`,
			`mutation { updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {topic: "New"}}) { meeting { topic } userErrors { code } } }`,
		} {
			text, _ := json.Marshal(map[string]any{"query": r.fill(query)})
			report, spent := r.bounded(store, string(text), seen)
			if len(spent) == 0 {
				t.Errorf("%s: no call is made", query)
				continue
			}
			if trips := slices.Max(roundTrips(spent)); report.RoundTrips != trips {
				t.Errorf("%s: %d round trips, %d were told: %+v", query, trips, report.RoundTrips, report.Steps)
			}
		}
	})
	within := 0
	for _, ratio := range seen.expected {
		if ratio >= 0.8 && ratio <= 1.25 {
			within++
		}
	}
	t.Logf("at most ÷ actual: median %.2f; expected ÷ actual: %d of %d between 0.8 and 1.25: %.2f", quantile(seen.most, 0.5), within, len(seen.expected), seen.expected)
	if quantile(seen.most, 0.5) > 1.3 || 10*within < 9*len(seen.expected) {
		t.Errorf("at most ÷ actual %.2f, expected ÷ actual %.2f", seen.most, seen.expected)
	}
}

// TestPriceAfterCursor prices lists that are read on, while Zoom's token is good and after
// it has ended.
func TestPriceAfterCursor(t *testing.T) {
	store := &emptiedStore{guardedStore{t: t}}
	store.empty()
	rigged := setup{Options: sandbox.Options{Plan: sandbox.PlanBusiness, Participants: 900}, timeout: 5 * time.Minute, store: store, answers: store}
	inRig(t, rigged, func(r *rig) {
		seen := &ratios{}
		for _, first := range []int{7, 30, 31, 100, 250, 300, 301} {
			ask := func(first int, after any) string {
				text, _ := json.Marshal(map[string]any{
					"query":     r.fill(`query ($first: Int!, $after: String) { meetingInstance(by: {uuid: "${BigInstance}"}) { participants(first: $first, after: $after) { nodes { name } pageInfo { endCursor } } } }`),
					"variables": map[string]any{"first": first, "after": after},
				})
				return string(text)
			}
			after := r.post("application/json", ask(first, nil)).at(t, "meetingInstance.participants.pageInfo.endCursor")
			r.spent()
			for _, wait := range []time.Duration{0, 20 * time.Minute} {
				time.Sleep(wait)
				for _, next := range []int{5, 30, 100, 299, 500} {
					if _, spent := r.bounded(store, ask(next, after), seen); len(spent) == 0 {
						t.Errorf("%d after %d: no call is made", next, first)
					}
				}
			}
		}
		t.Logf("at most ÷ actual: %.2f", seen.most)
	})
}
