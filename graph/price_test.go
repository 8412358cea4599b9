package graph

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
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

// bounded fails the test where an operation costs more than its price.
func (r *rig) bounded(store *emptiedStore, body string, seen *ratios) {
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
