package graph

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
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
	priced     = flag.Int("priced", 400, "how many operations TestPriceIsABound prices")
	priceSeed  = flag.Uint64("priced.seed", 1, "the seed of TestPriceIsABound and TestPriceByCacheIsClose")
	closeSeeds = flag.Int("priced.caches", 12, "how many caches TestPriceByCacheIsClose fills")
)

// emptiedStore is a cache that is emptied between operations.
type emptiedStore struct{ guardedStore }

func (s *emptiedStore) empty() { s.Local = cache.NewMemory(64 << 20) }

// dry requests the price of an operation, by the header.
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

// ratios are at most ÷ actual and expected ÷ actual of operations that need calls.
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

// bounded fails the test if an operation costs more than its price. It returns the price and the
// calls.
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

// TestPriceIsABound prices random operations from the schema, executes them with an empty cache,
// and compares the cost with the price.
func TestPriceIsABound(t *testing.T) {
	t.Parallel()
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
				time.Sleep(10 * time.Minute) // budgets are restored
			}
		})
	})
}

// TestPriceOfSubAccounts reads the list of groups of each of many accounts: the pages of one list do not
// bound those of all.
func TestPriceOfSubAccounts(t *testing.T) {
	t.Parallel()
	const accounts = 30
	list := []string{}
	rows := []zoomRow{{"GET", "/accounts", 0, ""}}
	for i := range accounts {
		list = append(list, fmt.Sprintf(`{"id": "a%d", "account_name": "A"}`, i))
		of := fmt.Sprintf("/accounts/a%d", i)
		rows = append(rows,
			zoomRow{"GET", of + "/users", 0, fmt.Sprintf(`{"next_page_token": "", "total_records": 1, "users": [{"id": "u%d", "email": "u%d@example.com", "group_ids": ["g1", "g2"]}]}`, i, i)},
			zoomRow{"GET", of + "/groups", 0, `{"total_records": 2, "next_page_token": "", "groups": [{"id": "g1", "name": "One"}, {"id": "g2", "name": "Two"}]}`},
		)
	}
	rows[0].body = fmt.Sprintf(`{"next_page_token": "", "total_records": %d, "accounts": [%s]}`, accounts, strings.Join(list, ","))
	inZoom(t, rows, func(r *rig, z *zoomSays) {
		const query = `{ account { subAccounts(first: 30) { nodes { users(first: 1) { nodes { groups { name } } } } } } }`
		report := r.dry(func() *answer { return r.ask(query, nil) })
		r.contains(r.ask(query, nil), `{"name":"One"},{"name":"Two"}`)
		calls := len(z.asked())
		if calls != 1+2*accounts {
			t.Errorf("there are %d calls; one list of groups for each account was expected", calls)
		}
		if most, expected := report.AtMost["MEDIUM"], report.Expected["MEDIUM"]; most < calls || most > calls+accounts*zoom.MaxGroups/300 || expected != calls {
			t.Errorf("%d MEDIUM calls: at most %d and %d expected", calls, most, expected)
		}
	})
}

// TestExpectedOnce prices fields of rows that need a call for their list, and none for each.
func TestExpectedOnce(t *testing.T) {
	t.Parallel()
	for _, query := range []string{
		`{ account { dashboard { meeting(by: {uuid: "${BigInstance}"}, type: PAST) { participants(first: 60) { nodes { registrant { email } } } } } } }`,
		`{ webinar(by: {number: "${WebinarNumber}"}) { instances(first: 3) { nodes { participants(first: 30) { nodes { registrant { email } } } } } } }`,
		`{ meeting(by: {number: "${BigMeeting}"}) { registrants(first: 30) { nodes { attendance { attended } } } } }`,
		`{ webinar(by: {number: "${WebinarNumber}"}) { registrants(first: 30) { nodes { attendance { attended } } } } }`,
	} {
		store := &emptiedStore{guardedStore{t: t}}
		store.empty()
		inRig(t, setup{Options: sandbox.Options{Plan: sandbox.PlanBusiness}, timeout: 5 * time.Minute, store: store, answers: store}, func(r *rig) {
			text, _ := json.Marshal(map[string]any{"query": r.fill(query)})
			report, calls := r.bounded(store, string(text), &ratios{})
			expected := 0
			for _, n := range report.Expected {
				expected += n
			}
			if expected < len(calls)/3 || expected > 3*len(calls) {
				t.Errorf("%s: %d calls, %v expected", query, len(calls), report.Expected)
			}
		})
	}
}

// TestPriceOfOneNode names one object where GraphQL takes a list of them: it is a list of one.
func TestPriceOfOneNode(t *testing.T) {
	t.Parallel()
	store := &emptiedStore{guardedStore{t: t}}
	store.empty()
	inRig(t, setup{store: store, answers: store}, func(r *rig) {
		const fields = `{ ... on Account { users(first: 30) { nodes { jobTitle } } } }`
		id := r.fill("${Account AccountID}")
		for _, body := range []map[string]any{
			{"query": `{ nodes(ids: "` + id + `") ` + fields + ` }`},
			{"query": `query ($ids: [ID!]!) { nodes(ids: $ids) ` + fields + ` }`, "variables": map[string]any{"ids": id}},
		} {
			text, _ := json.Marshal(body)
			if _, calls := r.bounded(store, string(text), &ratios{}); len(calls) != 31 {
				t.Errorf("%s: %d calls", text, len(calls))
			}
			time.Sleep(time.Minute)
		}
	})
}

// TestExpectedBelowARead expects the list of users to be read for a deep field, although one user at
// the root could not be in it for less.
func TestExpectedBelowARead(t *testing.T) {
	t.Parallel()
	store := &emptiedStore{guardedStore{t: t}}
	store.empty()
	inRig(t, setup{Options: sandbox.Options{Plan: sandbox.PlanBusiness, Users: 600}, timeout: 5 * time.Minute, store: store, answers: store}, func(r *rig) {
		query := r.fill(`{
			user(by: {zoomId: "${HostID}"}) { timezone }
			account { users(first: 300) { nodes { jobTitle } } role(by: {zoomId: "2"}) { members(first: 300) { nodes { user { timezone } } } } }
		}`)
		report := r.dry(func() *answer { return r.ask(query, nil) })
		r.ask(query, nil)
		calls := byLabel(r.spent())
		if expected := report.Expected["LIGHT"]; expected < calls["LIGHT"]*4/5 || expected > calls["LIGHT"]*5/4 {
			t.Errorf("%d LIGHT calls, and %d expected", calls["LIGHT"], expected)
		}
	})
}

// TestPriceOfQuestions prices the query of each operation, which makes that call alone.
func TestPriceOfQuestions(t *testing.T) {
	t.Parallel()
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

// TestDryRun requests the price of queries: there is no other data, and no call to Zoom.
func TestDryRun(t *testing.T) {
	t.Parallel()
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
			"rateLimit.steps.1.operation": "GET /users/{userId}", "rateLimit.steps.1.depth": "1", "rateLimit.steps.1.why": "each: the list lacks jobTitle",
			"rateLimit.scopes.0.granular.0": "user:read:list_users:admin", "rateLimit.scopes.0.classic.0": "user:read",
		} {
			if got := a.at(t, path); got != want {
				t.Errorf("%s is %s, want %s", path, got, want)
			}
		}
		// Without dryRun the query is executed, and its price is the same.
		a = r.ask(`{ a: account { users(first: 20) { nodes { jobTitle } } } rateLimit { estimated { label calls } } }`, nil)
		if a.at(t, "a.users.nodes.0.jobTitle") == "" || a.at(t, "rateLimit.estimated.0.calls") != "20" || len(r.spent()) != 21 {
			t.Errorf("%.300s", a.body)
		}
	})
}

// TestDryRunHeader requests the price of operations that are executed without the header: a query
// whose answer is cached, and a mutation.
func TestDryRunHeader(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		const query = `{ meeting(by: {number: "${MeetingNumber}"}) { topic host { email } } }`
		r.ask(query, nil)
		r.spent()
		for _, c := range []struct {
			query          string
			most, expected map[string]int
		}{
			{query, map[string]int{"LIGHT": 2}, map[string]int{}},
			{`mutation { deleteMeeting(input: {meeting: {number: "${MeetingNumber}"}}) { userErrors { code } } }`, map[string]int{"LIGHT": 1}, map[string]int{"LIGHT": 1}},
		} {
			report := r.dry(func() *answer { return r.ask(c.query, nil) })
			if !maps.Equal(report.AtMost, c.most) || !maps.Equal(report.Expected, c.expected) || len(report.Steps) == 0 {
				t.Errorf("%s: %+v", c.query, report)
			}
		}
		if a := r.ask(query, nil); a.at(t, "meeting.topic") == "<nil>" {
			t.Errorf("the meeting is deleted: %s", a.body)
		}
		r.dryRun = true
		a := r.ask(`{ account { users(first: 0) { totalCount } } meeting(by: {number: "${MeetingNumber}"}) { topic } }`, nil)
		if steps, _ := a.Extensions["plan"].(map[string]any)["steps"].([]any); len(a.Errors) != 1 || a.Errors[0].path() != "account.users" || a.Errors[0].code() != "BAD_USER_INPUT" || len(steps) != 1 {
			t.Errorf("with a list that is refused: %s", a.body)
		}
		r.spends(0)
		if a := r.ask(`{ none }`, nil); a.status != http.StatusBadRequest || a.Errors[0].code() != "GRAPHQL_VALIDATION_FAILED" {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

// TestPlan_withData requests the plan of one answer, and not of others.
func TestPlan_withData(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		const query = `{"query": "{ meeting(by: {number: \"${MeetingNumber}\"}) { topic } }"`
		for _, c := range []struct {
			extensions string
			plan       bool
		}{{`, "extensions": {"plan": true}}`, true}, {`, "extensions": {"plan": false}}`, false}, {`, "extensions": {"plan": "x"}}`, false}, {`}`, false}} {
			for range 2 { // once without and once with the cache
				a := r.post("application/json", r.fill(query)+c.extensions)
				if told, ok := a.Extensions["plan"].(map[string]any); ok != c.plan || ok && told["atMost"].(map[string]any)["LIGHT"] != 1.0 || a.at(t, "meeting.topic") == "<nil>" {
					t.Errorf("%s: %s", c.extensions, a.body)
				}
			}
		}
	})
}

// TestMaxPrice refuses, before execution, operations that may exceed the maximum price.
func TestMaxPrice(t *testing.T) {
	t.Parallel()
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
		// Its price is still reported.
		if a := r.ask(`{ account { reports { daily { year } } } rateLimit(dryRun: true) { estimated { label } } }`, nil); a.at(t, "rateLimit.estimated.0.label") != "HEAVY" {
			t.Errorf("%s", a.body)
		}
		report := r.dry(func() *answer { return r.ask(`{ account { reports { daily { year } } } }`, nil) })
		if report.AtMost["HEAVY"] != 1 {
			t.Errorf("%+v", report)
		}
	})
}

// TestPriceIsClose prices queries whose lists are all at least as long as "first", when the number
// of the account's users is known: the price is few calls above the cost.
func TestPriceIsClose(t *testing.T) {
	t.Parallel()
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

// TestPriceAfterCursor prices lists that are continued, before and after Zoom's token expires.
func TestPriceAfterCursor(t *testing.T) {
	t.Parallel()
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

// TestPriceByCache prices a query while the cache fills: cached parts cost nothing, and looking
// them up makes no call.
func TestPriceByCache(t *testing.T) {
	t.Parallel()
	inRig(t, setup{Options: sandbox.Options{Plan: sandbox.PlanBusiness}}, func(r *rig) {
		const query = `{ account { users(first: 20) { nodes { jobTitle zoomId } } } }`
		want := func(why string, trips int, expected map[string]int) {
			t.Helper()
			report := r.dry(func() *answer { return r.ask(query, nil) })
			if !maps.Equal(report.Expected, expected) || report.RoundTrips != trips || !report.CacheKnown || report.AtMost["LIGHT"] != 20 {
				t.Errorf("%s: %v are expected in %d round trips, want %v in %d: %+v", why, report.Expected, report.RoundTrips, expected, trips, report.Steps)
			}
		}
		want("nothing is cached", 2, map[string]int{"LIGHT": 20, "MEDIUM": 1})
		a := r.ask(`{ account { users(first: 20) { nodes { email zoomId } } } }`, nil)
		r.spent()
		want("the list is cached", 1, map[string]int{"LIGHT": 20})
		r.ask(`{ user(by: {zoomId: "`+a.at(t, "account.users.nodes.7.zoomId")+`"}) { jobTitle } }`, nil)
		r.spent()
		want("one of them is cached", 1, map[string]int{"LIGHT": 19})
		r.ask(query, nil)
		r.spent()
		want("all of it is cached", 0, map[string]int{})
		time.Sleep(6 * time.Minute)
		want("all of it is stale", 2, map[string]int{"LIGHT": 20, "MEDIUM": 1})
		time.Sleep(time.Hour)
		want("all of it is too old", 2, map[string]int{"LIGHT": 20, "MEDIUM": 1})
		r.spent()

		// The field and the plan in the answer report the same.
		r.ask(query, nil)
		r.spent()
		a = r.ask(`{ account { users(first: 20) { nodes { jobTitle } } } rateLimit(dryRun: true) { cacheKnown days expected { calls } steps { cached expected } } }`, nil)
		if a.at(t, "rateLimit.cacheKnown") != "true" || a.at(t, "rateLimit.expected") != "[]" || a.at(t, "rateLimit.steps.1.cached") != "20" || a.at(t, "rateLimit.days") != "0" {
			t.Errorf("%s", a.body)
		}
		r.spends(0)
	})
}

// TestPriceByCache_months prices a range of months that was read before: only the current month is
// read again.
func TestPriceByCache_months(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		const query = `{ user(by: {zoomId: "${HostID}"}) { pastMeetings(from: "2025-10-01", to: "2026-03-16", first: 300) { nodes { topic } } } }`
		cold := r.dry(func() *answer { return r.ask(query, nil) })
		r.ask(query, nil)
		spent := len(r.spent())
		time.Sleep(2 * time.Hour)
		warm := r.dry(func() *answer { return r.ask(query, nil) })
		r.ask(query, nil)
		if again := len(r.spent()); warm.Expected["HEAVY"] != again || again > 2 || cold.Expected["HEAVY"] != spent {
			t.Errorf("%d and %d calls, %v and %v were told", spent, again, cold.Expected, warm.Expected)
		}
	})
}

// TestPriceByCache_late prices who was late, of instances whose stays are not cached: when these were
// planned is read after the stays.
func TestPriceByCache_late(t *testing.T) {
	t.Parallel()
	store := &emptiedStore{guardedStore{t: t}}
	store.empty()
	inRig(t, setup{Options: sandbox.Options{Plan: sandbox.PlanBusiness}, store: store, answers: store}, func(r *rig) {
		for _, c := range []struct{ before, query string }{
			{
				`{ user(by: {zoomId: "${HostID}"}) { attended(from: "2026-02-16", to: "2026-03-16", first: 30) { nodes { topic } } } }`,
				`{ user(by: {zoomId: "${HostID}"}) { attended(from: "2026-02-16", to: "2026-03-16", first: 30) { nodes { presence { late } } } } }`,
			},
			{
				`{ meetingInstance(by: {uuid: "${BigInstance}"}) { topic } }`,
				`{ meetingInstance(by: {uuid: "${BigInstance}"}) { attendance { totals { late } } } }`,
			},
		} {
			store.empty()
			r.ask(c.before, nil)
			r.spent()
			report := r.dry(func() *answer { return r.ask(c.query, nil) })
			r.ask(c.query, nil)
			if spent := byLabel(r.spent()); spent["LIGHT"] == 0 || !maps.Equal(report.Expected, spent) {
				t.Errorf("%s: %v were spent, and %v told: %+v", c.query, spent, report.Expected, report.Steps)
			}
		}
	})
}

// TestPriceByCache_change prices changes and a subscription by what the cache has of what they read
// first, and holds the price of the change against its calls.
func TestPriceByCache_change(t *testing.T) {
	t.Parallel()
	store := &emptiedStore{guardedStore{t: t}}
	store.empty()
	inRig(t, setup{store: store, answers: store}, func(r *rig) {
		const (
			user    = `{ user(by: {zoomId: "${HostID}"}) { email } }`
			list    = `{ meeting(by: {number: "${BigMeeting}"}) { registrants(first: 300) { nodes { email } } } }`
			change  = `mutation { createMeeting(input: {host: {email: "${HostEmail}"}, meeting: {topic: "x"}}) { userErrors { code } } }`
			follows = `subscription { participants(meeting: {number: "${MeetingNumber}"}) { count meeting { topic } } }`
		)
		email := r.ask(list, nil).at(t, "meeting.registrants.nodes.3.email")
		status := `mutation { updateRegistrantStatus(input: {meeting: {number: "${BigMeeting}"}, action: APPROVE, registrants: [{email: "` + email + `"}]}) { userErrors { code } } }`
		for _, c := range []struct {
			why, before, query string
			expected           map[string]int
			trips              int
		}{
			{"a user who is not known", "", change, map[string]int{"LIGHT": 2}, 2},
			{"a user who is known", user, change, map[string]int{"LIGHT": 1}, 1},
			{"a registrant who is not known", "", status, map[string]int{"MEDIUM": 2}, 2},
			{"a registrant who is known", list, status, map[string]int{"MEDIUM": 1}, 1},
			{"a subscription", "", follows, map[string]int{"LIGHT": 1, "HEAVY": 1}, 2},
			{"the attendance of a run", "", `subscription { attendance(instance: {latestOf: "${MeetingNumber}"}) { totals { attended } } }`, map[string]int{"LIGHT": 1, "HEAVY": 1}, 2},
			{"the attendance of a run, with its date", "", `subscription { attendance(instance: {latestOf: "${MeetingNumber}"}) { totals { late } } }`, map[string]int{"LIGHT": 2, "HEAVY": 1}, 4},
			{"events of a webinar", "", `subscription { events(webinar: {number: "${WebinarNumber}"}) { name } }`, map[string]int{"LIGHT": 1}, 1},
			{"a subscription to a meeting that is known", `{ meeting(by: {number: "${MeetingNumber}"}) { topic } }`, follows, map[string]int{"HEAVY": 1}, 1},
		} {
			store.empty()
			if c.before != "" {
				r.ask(c.before, nil)
			}
			r.spent()
			report := r.dry(func() *answer { return r.ask(c.query, nil) })
			if !maps.Equal(report.Expected, c.expected) || report.RoundTrips != c.trips || !report.CacheKnown {
				t.Errorf("%s: %v are expected in %d round trips, want %v in %d: %+v", c.why, report.Expected, report.RoundTrips, c.expected, c.trips, report.Steps)
			}
			if strings.HasPrefix(c.query, "subscription") {
				continue
			}
			if a := r.ask(c.query, nil); len(a.Errors) > 0 {
				t.Errorf("%s: %s", c.why, a.body)
			}
			if spent := byLabel(r.spent()); !maps.Equal(spent, c.expected) {
				t.Errorf("%s: %v were spent, and %v told", c.why, spent, c.expected)
			}
		}
	})
}

// TestPlanTellsCosts has answers tell what each step did cost, also of a change.
func TestPlanTellsCosts(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		ask := func(query string) *plan.Report {
			t.Helper()
			text, _ := json.Marshal(map[string]any{"query": r.fill(query), "extensions": map[string]any{"plan": true}})
			raw, _ := json.Marshal(r.post("application/json", string(text)).Extensions["plan"])
			report := &plan.Report{}
			if err := json.Unmarshal(raw, report); err != nil {
				t.Fatal(err)
			}
			return report
		}
		const query = `{ account { users(first: 5) { nodes { jobTitle } } } meeting(by: {number: "${MeetingNumber}"}) { topic host { email } } }`
		for _, c := range []struct {
			why            string
			actual, cached int
		}{{"cold", 0, 0}, {"warm", 0, 0}} {
			report := ask(query)
			spent := byLabel(r.spent())
			if !maps.Equal(report.Actual, spent) {
				t.Errorf("%s: %v were told, and %v were made", c.why, report.Actual, spent)
			}
			actual, cached := 0, 0
			for _, s := range report.Steps {
				actual, cached = actual+*s.Actual, cached+s.Cached
			}
			if total := len(spent); c.why == "cold" && (total == 0 || *report.Steps[0].Actual != 1 || report.Steps[0].Operation != "GET /users" || report.Expected["LIGHT"] == 0) ||
				c.why == "warm" && (actual != 0 || cached < 7 || len(report.Expected) > 0) {
				t.Errorf("%s: %+v", c.why, report)
			}
		}
		report := ask(`mutation { updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {topic: "New"}}) { meeting { topic } userErrors { code } } }`)
		if !maps.Equal(report.Actual, byLabel(r.spent())) || !report.CacheKnown || *report.Steps[0].Actual != 1 {
			t.Errorf("%+v", report)
		}
	})
}

// TestMaxPrice_cheaper names an alternative to a refused operation, which is then executed.
func TestMaxPrice_cheaper(t *testing.T) {
	t.Parallel()
	inRig(t, setup{price: MaxPrice{zoom.Light: 10, zoom.Heavy: 0}}, func(r *rig) {
		for _, c := range []struct{ query, way, with string }{
			{
				`{ account { users(first: 50) { nodes { jobTitle } } } }`, "account.users(first: 10)",
				`{ account { users(first: 10) { nodes { jobTitle } } } }`,
			},
			{
				`{ meetingInstance(by: {uuid: "${BigInstance}"}) { participants(first: 10) { nodes { name customerKey } } } }`,
				"meetingInstance.participants(source: PAST_MEETING), which lacks meetingInstance.participants.nodes.customerKey",
				`{ meetingInstance(by: {uuid: "${BigInstance}"}) { participants(first: 10, source: PAST_MEETING) { nodes { name customerKey } } } }`,
			},
		} {
			a := r.ask(c.query, nil)
			a.refused(t, http.StatusBadRequest, "It would be carried out with "+c.way+".")
			if told, _ := a.Errors[0].Extensions["price"].(map[string]any); told["cheaper"] == nil {
				t.Errorf("%s", a.body)
			}
			r.spends(0)
			if a := r.ask(c.with, nil); a.status != http.StatusOK {
				t.Errorf("%s is refused too: %s", c.with, a.body)
			}
			r.spent()
		}
		a := r.ask(`{ account { reports { daily { year } } } }`, nil)
		if told, _ := a.Errors[0].Extensions["price"].(map[string]any); told["cheaper"] != nil {
			t.Errorf("there is no cheaper way: %s", a.body)
		}
	})
}

// TestPriceByCacheIsClose prices questions while the cache holds what others have left there.
// What stands behind an answer that was never known may be cached too, which nothing tells: then
// fewer calls are made than were expected.
func TestPriceByCacheIsClose(t *testing.T) {
	t.Parallel()
	questions := []string{
		`{ user(by: {zoomId: "${HostID}"}) { email department } }`,
		`{ user(by: {zoomId: "${HostID}"}) { meetings(first: 1) { nodes { topic host { email } } } } }`,
		`{ account { users(first: 300) { nodes { email } } } }`,
		`{ account { users(first: 40) { nodes { jobTitle } } } }`,
		`{ account { users(first: 10) { nodes { jobTitle role { name } meetings(first: 1) { nodes { topic } } } } } }`,
		`{ meeting(by: {number: "${MeetingNumber}"}) { topic host { email } registrants(first: 30) { nodes { email } } } }`,
		`{ meeting(by: {number: "${MeetingNumber}"}) { host { jobTitle } } }`,
		`{ meetingInstance(by: {uuid: "${BigInstance}"}) { topic participants(first: 30) { nodes { name } } } }`,
		`{ meetingInstance(by: {uuid: "${BigInstance}"}) { topic participants(first: 300) { nodes { name } } } }`,
		`{ meetingInstance(by: {uuid: "${BigInstance}"}) { topic report { topic } recordings { shareUrl } } }`,
		`{ account { roles { name } reports { daily { year } } } }`,
	}
	within, asked := 0, 0
	for seed := range uint64(*closeSeeds) {
		store := &emptiedStore{guardedStore{t: t}}
		store.empty()
		rigged := setup{Options: sandbox.Options{Plan: sandbox.PlanBusiness, Users: 600, Participants: 400}, timeout: 5 * time.Minute, store: store, answers: store}
		inRig(t, rigged, func(r *rig) {
			rng := rand.New(rand.NewPCG(seed, *priceSeed))
			for range 8 {
				query := questions[rng.IntN(len(questions))]
				report := r.dry(func() *answer { return r.ask(query, nil) })
				r.ask(query, nil)
				actual := len(r.spent())
				expected := 0
				for _, n := range report.Expected {
					expected += n
				}
				asked++
				if ratio := float64(expected) / float64(max(actual, 1)); actual == 0 && expected == 0 || ratio >= 0.8 && ratio <= 1.25 {
					within++
				} else {
					t.Logf("%d calls are expected, and %d made: %s %+v", expected, actual, query, report.Steps)
				}
				time.Sleep(time.Duration(rng.IntN(90)) * time.Second)
			}
		})
	}
	t.Logf("%d of %d are between 0.8 and 1.25", within, asked)
	if 10*within < 9*asked {
		t.Errorf("%d of %d are between 0.8 and 1.25", within, asked)
	}
}

// TestDryRun_executesNothing prices a mutation in each form of an answer: nothing is sent to Zoom,
// and a header that is neither true nor false is refused.
func TestDryRun_executesNothing(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		body := `{"query": "mutation { deleteMeeting(input: {meeting: {number: \"` + r.fill("${MeetingNumber}") + `\"}}) { deletedMeetingId } }"}`
		for _, accept := range []string{"application/json", "text/event-stream", "multipart/mixed;subscriptionSpec=1.0"} {
			for value, want := range map[string]int{"true": 200, "True": 200, "1": 200, "yes": 400} {
				req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, "http://gateway.test/graphql", strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				req.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {accept}, "X-Dry-Run": {value}}
				resp, err := r.http.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(resp.Body)
				if resp.Body.Close(); err != nil || resp.StatusCode != want || strings.Contains(string(text), `"DELETE /meetings/{meetingId}"`) != (want == 200) {
					t.Errorf("%s, %s: %d %s %v", accept, value, resp.StatusCode, text, err)
				}
			}
		}
		if calls := r.Calls(); len(calls) > 0 {
			t.Errorf("Zoom was called: %v", calls)
		}
	})
}
