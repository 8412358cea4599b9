package graph

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
)

var (
	faultShare = flag.Float64("faults.share", 0.15, "how much of all operations and kinds of faults TestFaultKinds tries")
	faultSeeds = flag.Int("faults.seeds", 1, "how many seeds TestFaultKinds tries with each")
	faultSeed  = flag.Uint64("faults.seed", 1, "the first seed of TestFaultKinds")
)

// faultExpectation is the expectation for a kind of fault in addition to the general rules.
type faultExpectation struct {
	// with are kinds to combine it with: lists of one page have no second page to change.
	with string
	// codes are the codes with which an answer may report it; nil means any except INTERNAL.
	codes []string
	// field means that only one field is changed, which may be lost, and need not be
	// reported.
	field bool
	// equal means that nothing may be lost.
	equal bool
	// kept means that the answer may be cached: its content is Zoom's, and the gateway does
	// not rely on its end.
	kept bool
}

// emptyAnswers are the operations for which an object without fields is a valid answer, and the
// answer of the graph.
var emptyAnswers = map[string]string{
	"GET /accounts/{accountId}/lock_settings":         "nothing is locked",
	"GET /accounts/{accountId}/settings":              "no setting differs",
	"GET /accounts/{accountId}/settings/registration": "no setting differs",
	"GET /meetings/{meetingId}/livestream":            "there is no stream",
	"GET /meetings/{meetingId}/registrants/questions": "no question is asked",
	"GET /meetings/{meetingId}/survey":                "there is no survey",
}

var saidRefusals = []string{"FORBIDDEN", "PLAN_REQUIRED"}

var faultExpectations = map[string]faultExpectation{
	"refused":        {codes: saidRefusals},
	"refused-xml":    {codes: saidRefusals},
	"html":           {},
	"html-403":       {},
	"unknown-path":   {},
	"no-body":        {},
	"no-fields":      {},
	"no-list":        {},
	"ends-early":     {with: "small-pages", kept: true},
	"fewer-items":    {kept: true},
	"empty-page":     {with: "small-pages", kept: true},
	"small-pages":    {kept: true},
	"same-page":      {with: "small-pages", kept: true},
	"repeated-items": {with: "small-pages", kept: true},
	"repeated-token": {with: "small-pages", kept: true},
	"empty-pages":    {with: "small-pages", kept: true},
	"range":          {kept: true},
	"object-text":    {field: true, kept: true},
	"object-list":    {field: true, kept: true},
	"object-false":   {field: true, kept: true},
	"list-text":      {field: true, kept: true},
	"list-object":    {field: true, kept: true},
	"enum-unknown":   {field: true, kept: true},
	"field-unknown":  {equal: true, kept: true},
	"field-dropped":  {field: true, kept: true},
	"field-null":     {field: true, kept: true},
	"field-doubled":  {equal: true, kept: true},
	"field-empty":    {field: true, kept: true},
	"field-type":     {field: true, kept: true},
	"write-504":      {codes: []string{"OUTCOME_UNKNOWN"}},
	"write-reset":    {codes: []string{"OUTCOME_UNKNOWN"}},
}

// unidentified are the lists of rows that may be equal without being the same, such as the
// answers of anonymous participants: duplicates are not detected.
var unidentified = []string{
	"GET /surveys/{surveyId}/instances", "GET /surveys/channels/{channelId}/instances", "GET /surveys/{surveyId}/answers",
	"GET /metrics/chat", "GET /metrics/issues/zoomrooms/{zoomroomId}", "GET /metrics/client/feedback/{feedbackId}",
	"GET /metrics/webinars/{webinarId}/participants/sharing", "GET /metrics/webinars/{webinarId}/participants/satisfaction",
	"GET /metrics/meetings/{meetingId}/participants/sharing", "GET /metrics/meetings/{meetingId}/participants/satisfaction",
	"GET /report/upcoming_events", "GET /report/operationlogs", "GET /report/telephone", "GET /report/activities",
}

// TestFaultKinds sends the query of each operation with each kind of fault that the sandbox has.
// The answer is correct, or reports by a typed error where it is not; it needs a bounded number
// of calls; and the fault is not cached.
func TestFaultKinds(t *testing.T) {
	t.Parallel()
	for _, k := range sandbox.FaultKinds {
		if _, ok := faultExpectations[k.Name]; !ok {
			t.Errorf("nothing is expected of %s", k.Name)
		}
	}
	var mu sync.Mutex
	hits := map[string]int{}
	t.Run("questions", func(t *testing.T) {
		for _, s := range zoom.Specs() {
			t.Run(s.Pattern, func(t *testing.T) {
				t.Parallel()
				q := &faultQuestion{Spec: s}
				for _, kind := range slices.Sorted(maps.Keys(faultExpectations)) {
					for n := range *faultSeeds {
						seed := *faultSeed + uint64(n)
						if !q.fits(kind) || rand.New(rand.NewPCG(seed, uint64(len(kind))<<32|uint64(len(s.Pattern))^seedOf(kind+s.Pattern))).Float64() >= *faultShare {
							continue
						}
						if q.try(t, kind, seed) {
							mu.Lock()
							hits[kind]++
							mu.Unlock()
						}
					}
				}
			})
		}
	})
	for _, kind := range slices.Sorted(maps.Keys(faultExpectations)) {
		t.Logf("%s: %d answers were odd", kind, hits[kind])
		if hits[kind] == 0 && *faultShare == 1 {
			t.Errorf("%s: no answer was odd", kind)
		}
	}
}

func seedOf(text string) uint64 {
	var h uint64 = 14695981039346656037
	for _, c := range []byte(text) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// faultQuestion is the query of an operation, with its answer without faults.
type faultQuestion struct {
	*zoom.Spec
	whole any
	calls int
}

// fits reports whether a kind can apply to the operation.
func (q *faultQuestion) fits(kind string) bool {
	switch {
	case strings.HasPrefix(kind, "write-"):
		return !q.Reads()
	case kind == "no-list":
		return q.Array != "" && !strings.Contains(q.Array, ".") // of a list within an object, the object's other fields are reported
	case kind == "repeated-items" && (q.Numbered || slices.Contains(unidentified, q.Pattern)):
		return false // pages by number repeat items, too, where a list grows between two pages: nothing is lost
	case faultExpectations[kind].with != "" || kind == "fewer-items" || kind == "small-pages":
		return q.MaxPage > 0
	}
	return true
}

// root returns the type at which the query begins.
func (q *faultQuestion) root() string {
	if q.Reads() {
		return "Query"
	}
	return "Mutation"
}

// askWhole sends the query without faults.
func (q *faultQuestion) askWhole(t *testing.T) {
	if q.whole != nil {
		return
	}
	inRig(t, setup{}, func(r *rig) {
		a := r.askFor(q.Spec)
		if a.Errors != nil {
			t.Fatalf("%s: %s", q.Pattern, a.body)
		}
		q.whole, q.calls = dataOf(a.Data), len(r.spent())
	})
}

// try sends the query with one kind of fault, and reports whether an answer was changed.
func (q *faultQuestion) try(t *testing.T, kind string, seed uint64) (hit bool) {
	t.Helper()
	q.askWhole(t)
	expect := faultExpectations[kind]
	inRig(t, setup{}, func(r *rig) {
		for _, name := range []string{expect.with, kind} {
			if name != "" {
				r.Fault(sandbox.Fault{Kind: name, Times: -1, Seed: seed})
			}
		}
		a := r.askFor(q.Spec)
		calls := r.spent()
		odd := oddOf(calls, kind)
		r.ClearFaults()
		if hit = len(odd) > 0; !hit {
			return
		}
		wrong := q.judge(a, calls, kind, odd)
		if q.Reads() && !expect.kept && (kind != "no-fields" || emptyAnswers[q.Pattern] == "") {
			again := r.askFor(q.Spec)
			if d := differences(q.whole, dataOf(again.Data), nil); len(d) > 0 || again.Errors != nil {
				wrong = append(wrong, fmt.Sprintf("it is kept: asked again, %v differ: %s", d, short(again.body)))
			}
		}
		if wrong != nil {
			t.Errorf("%s under %s, -faults.seed=%d, odd is %q:\n\t%s\n\t%s", q.Pattern, kind, seed, odd, strings.Join(wrong, "\n\t"), short(a.body))
		}
	})
	return hit
}

// oddOf returns the changes that a kind made to the answers of calls.
func oddOf(calls []sandbox.Call, kind string) []string {
	var all []string
	for _, c := range calls {
		for _, o := range c.Odd {
			if name, place, _ := strings.Cut(o, " "); name == kind {
				all = append(all, place)
			}
		}
	}
	return all
}

func short(text string) string {
	if len(text) > 700 {
		return text[:700] + "…"
	}
	return text
}

// judge returns the errors in an answer.
func (q *faultQuestion) judge(a *answer, calls []sandbox.Call, kind string, odd []string) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	expect := faultExpectations[kind]
	if a.status != http.StatusOK {
		say("HTTP %d", a.status)
	}
	for _, code := range a.codes() {
		switch {
		case code == "" || code == "INTERNAL":
			say("an error with the code %q", code)
		case expect.codes != nil && !slices.Contains(expect.codes, code):
			say("the code %s, want %v", code, expect.codes)
		case q.Reads() && strings.HasPrefix(kind, "html") || kind == "unknown-path":
			if slices.Contains([]string{"FORBIDDEN", "NOT_FOUND", "BAD_USER_INPUT"}, code) {
				say("the code %s, which is not what anybody said", code)
			}
		}
	}
	if limit := q.bound(kind); len(calls) > limit {
		say("%d calls, want %d at most", len(calls), limit)
	}
	all := differences(q.whole, dataOf(a.Data), nil)
	for _, d := range all {
		switch {
		case besidesCounts(kind, d, a), kind == "no-fields" && emptyAnswers[q.Pattern] != "", kind == "range" && slices.ContainsFunc(all, namesRange):
		case expect.field && slices.Contains(wholeAnswers, q.Pattern+" "+odd[0]) && a.told(d):
		case expect.field && (meansNone[q.Pattern+" "+odd[0]] != "" || costsAtMost(q.root(), d, siteOf(odd[0]))):
		case expect.field, expect.equal:
			say("it costs %s", d)
		case !a.told(d):
			say("%s is lost silently", d)
		}
	}
	return wrong
}

// bound returns the maximum of calls of a query: three for each call that it needs without
// faults, and for lists one for each smaller page, ten empty pages, and a range that is halved
// repeatedly.
func (q *faultQuestion) bound(kind string) int {
	most := 3*q.calls + 12
	if q.MaxPage > 0 && (faultExpectations[kind].with != "" || kind == "small-pages") {
		most += 50
	}
	return most
}

// codes returns the codes of the errors and of the payloads' userErrors.
func (a *answer) codes() []string {
	var all []string
	for _, e := range a.Errors {
		all = append(all, e.code())
	}
	var payloads map[string]json.RawMessage
	_ = json.Unmarshal(a.Data, &payloads)
	for _, raw := range payloads {
		var p struct{ UserErrors []struct{ Code string } }
		_ = json.Unmarshal(raw, &p) // what is no payload has none
		for _, e := range p.UserErrors {
			all = append(all, e.Code)
		}
	}
	return all
}

// besidesCounts reports whether a difference is in the fields next to a changed list that repeat
// Zoom's: its count, and whether there are more items, as long as Zoom says so.
func besidesCounts(kind string, d spot, a *answer) bool {
	if len(d) == 0 || !faultExpectations[kind].kept || faultExpectations[kind].field {
		return false
	}
	switch fmt.Sprint(d[len(d)-1]) {
	case "totalCount":
		return true
	case "hasNextPage":
		return a.value(d) == true // a query for more reports it
	}
	return false
}

// namesRange reports whether a place contains the range of an answer.
func namesRange(at spot) bool {
	last := at[max(len(at)-1, 0):]
	return len(last) == 1 && (last[0] == "from" || last[0] == "to")
}

// value returns the value at a place of the answer.
func (a *answer) value(at spot) any {
	v := dataOf(a.Data)
	for _, p := range at {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}
