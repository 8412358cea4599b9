package graph

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zoomql/cache"
	"zoomql/graph/generated"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
)

var (
	optima      = flag.Int("optima", 40, "of how many queries TestNearOptimum looks for the cheapest way")
	optimumSeed = flag.Uint64("optima.seed", 1, "the seed of TestNearOptimum")
)

// way is a combination of the plan's choices: which objects are looked up in lists, and what a
// source is read from.
type way struct {
	name string
	// lists are the lists that are read whenever several objects are requested; the others are
	// never read. Nil leaves the choice to the plan.
	lists  map[*zoom.Spec]bool
	source string
}

// listedIn are the lists in which objects are looked up, and the operations that return one of them.
var listedIn = []struct{ list, one *zoom.Spec }{
	{zoom.ListUsers.Spec, zoom.GetUser.Spec},
	{zoom.ListGroups.Spec, zoom.GetGroup.Spec},
	{zoom.ListRegistrants.Spec, zoom.GetRegistrant.Spec},
	{zoom.ListWebinarRegistrants.Spec, zoom.GetWebinarRegistrant.Spec},
}

// listsIn returns the lists of listedIn that have objects which some calls have read.
func listsIn(calls []sandbox.Call) (lists []*zoom.Spec) {
	for _, in := range listedIn {
		if slices.ContainsFunc(calls, func(c sandbox.Call) bool { return c.Pattern == in.list.Pattern || c.Pattern == in.one.Pattern }) {
			lists = append(lists, in.list)
		}
	}
	return lists
}

// combinations returns all ways of a query with these lists. In the first, no list is read.
func combinations(query string, lists []*zoom.Spec) []way {
	sources := []string{""}
	if strings.Contains(query, sourceMark) {
		sources = []string{"source: PAST_MEETING", "source: REPORT"}
	}
	var ways []way
	for _, source := range sources {
		for set := range 1 << len(lists) {
			w := way{source: source, lists: map[*zoom.Spec]bool{}}
			for i, s := range lists {
				w.lists[s] = set&(1<<i) != 0
			}
			w.name = fmt.Sprintf("%0*b %s", len(lists), set, source)
			ways = append(ways, w)
		}
	}
	return ways
}

// sourceMark stands in a query where a source can be given.
const sourceMark = "SOURCE"

// weigh returns the price of calls: of each label, in seconds of its budget.
func weigh(p zoom.Plan, calls []sandbox.Call) (price float64) {
	for _, c := range calls {
		price += p.Price(c.Rate)
	}
	return price
}

// trial is a query, and the queries before it, whose results are cached.
type trial struct {
	query  string
	before []string
}

// run runs a trial in one way, and returns the data and the calls of the query alone.
func (tr trial) run(t *testing.T, w way) (data string, calls []sandbox.Call) {
	t.Helper()
	var forced map[*zoom.Spec]bool // while the cache is filled, the plan chooses
	rigged := setup{Options: sandbox.Options{Plan: sandbox.PlanBusiness}, timeout: 5 * time.Minute}
	rigged.store = cache.NewMemory(64 << 20)
	rigged.lists = func(list *zoom.Spec, keys int) (read, ok bool) {
		read, ok = forced[list]
		return read && keys > 1, ok
	}
	inRig(t, rigged, func(r *rig) {
		for _, query := range tr.before {
			r.ask(strings.ReplaceAll(query, sourceMark, ""), nil)
			time.Sleep(20 * time.Second)
		}
		r.spent()
		forced = w.lists
		a := r.ask(strings.ReplaceAll(tr.query, sourceMark, w.source), nil)
		calls = r.spent()
		text, err := json.Marshal(map[string]any{"data": a.Data, "errors": len(a.Errors)})
		if err != nil {
			t.Fatal(err)
		}
		data = string(text)
	})
	return data, calls
}

// trialOf returns a random query: half of them are from the whole schema, and half from the parts
// with many choices.
func trialOf(rng *rand.Rand) trial {
	schema := generated.NewExecutableSchema(generated.Config{}).Schema()
	one := func() string {
		if rng.IntN(2) == 0 {
			q := &asker{Rand: rng, schema: schema}
			return word(q, q.root(), nil).text
		}
		return choosing(rng)
	}
	tr := trial{query: one()}
	for range rng.IntN(3) {
		tr.before = append(tr.before, one())
	}
	return tr
}

// choosing returns a query of fields that can be read in several ways.
func choosing(rng *rand.Rand) string {
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	user := pick("email", "displayName department", "jobTitle", "email role { name }", "id", "type")
	first := rng.IntN(40) + 1
	switch rng.IntN(7) {
	case 0:
		return fmt.Sprintf("{ account { users(first: %d) { nodes { %s } } } }", first, user)
	case 1:
		return fmt.Sprintf("{ meetingInstance(by: {uuid: \"${BigInstance}\"}) { participants(first: %d, "+sourceMark+") { nodes { name %s user { %s } } } } }", first, pick("", "email", "leaveReason", "joinTime"), user)
	case 2:
		return fmt.Sprintf("{ meeting(by: {number: \"${BigMeeting}\"}) { topic host { %s } registrants(first: %d) { nodes { email %s } } } }", user, first, pick("", "status", "phone", "customQuestions { title }"))
	case 3:
		return fmt.Sprintf("{ account { role(by: {zoomId: \"2\"}) { members(first: %d) { nodes { %s } } } } }", first, user)
	case 4:
		var aliases []string
		for i := range 1 + rng.IntN(8) {
			aliases = append(aliases, fmt.Sprintf("u%d: meeting(by: {number: %q}) { host { %s } }", i, pick("${MeetingNumber}", "${BigMeeting}"), user))
		}
		return "{ " + strings.Join(aliases, " ") + " }"
	case 5:
		return fmt.Sprintf("{ account { users(first: %d) { nodes { %s groups { %s } } } } }", first, user, pick("name", "zoomId totalMembers", "name members(first: 3) { nodes { email } }"))
	}
	return fmt.Sprintf("{ webinar(by: {number: \"${WebinarNumber}\"}) { host { %s } registrants(first: %d) { nodes { email %s } } } }", user, first, pick("", "phone", "status"))
}

// TestNearOptimum asks queries by chance, with what other queries have left in the cache, and
// asks each again in all ways that the plan has: with the same data, the cheapest of them costs
// little less than what the plan has chosen, and a call for each object never does.
func TestNearOptimum(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var ratios []float64
	chosen := 0
	t.Cleanup(func() {
		sum, worst := 0.0, 0.0
		for _, r := range ratios {
			sum, worst = sum+r, max(worst, r)
		}
		mean := sum / float64(max(len(ratios), 1))
		t.Logf("%d queries with calls, %d of them with a choice: price ÷ optimum is %.3f on average, and %.2f at worst (-optima.seed=%d)", len(ratios), chosen, mean, worst, *optimumSeed)
		if mean > 1.1 || chosen < *optima/20 {
			t.Errorf("1.1 on average is asked, and %d queries with a choice", *optima/20)
		}
	})
	inParts(t, *optima, 10, func(t *testing.T, from, to int) {
		for n := from; n < to; n++ {
			tr := trialOf(rand.New(rand.NewPCG(*optimumSeed, uint64(n))))
			data, calls := tr.run(t, way{})
			price := weigh(zoom.Business, calls)
			if price == 0 {
				continue
			}
			lists := listsIn(calls)
			best, by, several := price, "the plan's own", len(lists) > 0 || strings.Contains(tr.query, sourceMark)
			if several {
				for i, w := range combinations(tr.query, lists) {
					other, others := tr.run(t, w)
					if other != data {
						continue // it lacks a selected field
					}
					if p := weigh(zoom.Business, others); p < best && p > 0 {
						best, by = p, w.name
					}
					if naive := weigh(zoom.Business, others); i == 0 && price > naive+1e-9 {
						t.Errorf("query %d: its price is %.4f, and that of a call for each object %.4f: %s after %q\n%q\n%q", n, price, naive, tr.query, tr.before, patterns(calls), patterns(others))
					}
				}
			}
			mu.Lock()
			if ratios = append(ratios, price/best); several {
				chosen++
			}
			mu.Unlock()
			if price/best > 2 {
				t.Logf("query %d: %.2f × the optimum, %s: %s after %q: %q", n, price/best, by, tr.query, tr.before, patterns(calls))
			}
		}
	})
}
