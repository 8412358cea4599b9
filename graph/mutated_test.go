package graph

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zoomql/cache"
	"zoomql/graph/endpoint"
	"zoomql/internal/mutate"
	"zoomql/internal/operations"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
)

var (
	mutatedAnswers = flag.Int("mutations", 1500, "how many answers TestMutatedAnswers changes in one place")
	mutationSeed   = flag.Uint64("mutations.seed", 1, "the seed of TestMutatedAnswers")
)

// TestMutatedAnswers changes one place in an answer of Zoom's: a field is dropped, null, doubled,
// emptied or of another type. That loses this field at most or, if it identifies the object, the
// object. The answers are those of Zoom's documents, or the sandbox's if these are not
// available.
func TestMutatedAnswers(t *testing.T) {
	t.Parallel()
	corpus := documentedAnswers(t)
	if len(corpus) == 0 {
		t.Logf("Zoom's documents are not at %s: the sandbox's answers are changed instead", documents)
	} else {
		t.Logf("the answers of %d operations are made of the examples of Zoom's documents", len(corpus))
	}
	var asked []*mutatedQuestion
	for _, s := range zoom.Specs() {
		if s == zoom.CreateRole.Spec { // its answer has nothing that could be changed
			continue
		}
		if len(corpus) == 0 || corpus[s.Pattern] != nil {
			asked = append(asked, &mutatedQuestion{Spec: s, body: corpus[s.Pattern], seed: *mutationSeed})
		}
	}
	each := (*mutatedAnswers + len(asked) - 1) / len(asked)
	t.Run("operations", func(t *testing.T) {
		for _, q := range asked {
			t.Run(q.Pattern, func(t *testing.T) {
				t.Parallel()
				inRig(t, setup{
					Options: sandbox.Options{Plan: sandbox.PlanNone, Latency: time.Nanosecond}, store: noStore{}, limits: endless,
					before: q.answer,
				}, func(r *rig) { q.play(r, each) })
			})
		}
	})
	made, bad := 0, map[string]int{}
	for _, q := range asked {
		made += q.made
		for what, n := range q.bad {
			bad[what] += n
		}
	}
	lost := 0
	for _, what := range slices.Sorted(keysOf(bad)) {
		lost += bad[what]
		t.Logf("%d × %s", bad[what], what)
	}
	share := 100 * float64(made-lost) / float64(max(made, 1))
	t.Logf("%d of %d mutations cost at most their field (%.3f %%), -mutations.seed=%d", made-lost, made, share, *mutationSeed)
	if share < 99.9 || made < *mutatedAnswers/2 {
		t.Errorf("99.9 %% are asked, of %d", *mutatedAnswers)
	}
}

func keysOf(m map[string]int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// endless are limits that no query reaches.
var endless = endpoint.Limits{
	Bytes: 1 << 22, Tokens: 1 << 20, NameBytes: 256, Variables: 200, Values: 1 << 20, Nesting: 100, Depth: 100, Aliases: 1 << 20, RootFields: 20,
	Directives: 1000, Nodes: 1 << 20, Merged: 1 << 20, Comparisons: 1 << 24,
}

// noStore is a cache that stores nothing.
type noStore struct{}

func (noStore) Get(context.Context, string, ...cache.Tag) (*cache.Entry, cache.Ticket) {
	return nil, cache.Ticket{}
}
func (noStore) Set(context.Context, string, cache.Ticket, *cache.Entry) {}
func (noStore) Evict(context.Context, ...cache.Tag) bool                { return true }
func (noStore) Watch(func(cache.Eviction))                              {}

// mutatedQuestion sends the query of an operation, widened, with a different answer each time.
type mutatedQuestion struct {
	*zoom.Spec
	body  *mutate.Value // the right answer; nil means the sandbox's
	seed  uint64
	query string

	mu     sync.Mutex
	status int
	now    []byte // what is answered; nil is the sandbox's
	seen   []byte // what the sandbox answered
	box    http.Handler
	others int // calls of other operations

	made int
	bad  map[string]int
}

// answer answers instead of the sandbox.
func (q *mutatedQuestion) answer(w http.ResponseWriter, req *http.Request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.box == nil || !strings.HasPrefix(req.URL.Path, "/v2/") {
		return false
	}
	w.Header().Set("Content-Type", "application/json")
	switch rec := httptest.NewRecorder(); {
	case !q.isOwn(req):
		q.others++
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"code":300,"message":"Another operation."}`))
	case q.now == nil:
		q.box.ServeHTTP(rec, req)
		q.seen, q.status = rec.Body.Bytes(), rec.Code
		w.WriteHeader(rec.Code)
		_, _ = w.Write(q.seen)
	default:
		w.WriteHeader(q.status)
		_, _ = w.Write(q.now)
	}
	return true
}

// isOwn reports whether a call is one of the operation.
func (q *mutatedQuestion) isOwn(req *http.Request) bool {
	if req.Method != q.Method() {
		return false
	}
	got := strings.Split(strings.TrimPrefix(req.URL.EscapedPath(), "/v2"), "/")
	return slices.ContainsFunc(q.Paths(), func(path string) bool {
		want := strings.Split(path, "/")
		return len(want) == len(got) && !slices.ContainsFunc(want, func(s string) bool {
			i := slices.Index(want, s)
			return !strings.HasPrefix(s, "{") && s != got[i]
		})
	})
}

// ask sends the query with an answer of Zoom's; nil means the sandbox's.
func (q *mutatedQuestion) ask(r *rig, body []byte) *answer {
	r.t.Helper()
	q.mu.Lock()
	q.now = body
	q.mu.Unlock()
	a := r.askForBy(q.Spec, q.query)
	time.Sleep(15 * time.Second) // a breaker that opened is closed again, and no day ends
	return a
}

// play changes answers and compares.
func (q *mutatedQuestion) play(r *rig, times int) {
	q.bad = map[string]int{}
	q.box = r.Sandbox
	raw, err := os.ReadFile(filepath.Join("..", operations.Question(q.Spec)))
	if err != nil {
		r.t.Fatal(err)
	}
	q.query = string(raw)
	if a := q.ask(r, nil); a.Errors != nil || q.seen == nil && q.status == 0 {
		r.t.Fatalf("the sandbox's answer: %s", a.body)
	}
	if q.body == nil {
		if q.body, err = mutate.Parse(q.seen); err != nil {
			return // it has no body
		}
	}
	q.body = q.withRange(q.body)
	whole := q.widen(r)
	sites := 0
	for _, s := range q.body.Sites() {
		if !q.ofPages(s) {
			sites++
		}
	}
	if sites == 0 {
		return
	}
	rng := rand.New(rand.NewPCG(q.seed, seedOf(q.Pattern)))
	for range times {
		doc := q.body.Clone()
		all := slices.DeleteFunc(doc.Sites(), q.ofPages)
		site, m := all[rng.IntN(len(all))], mutate.Mutations[rng.IntN(len(mutate.Mutations))]
		if !site.Apply(m, rng) {
			continue
		}
		q.made++
		text := doc.Bytes()
		a := q.ask(r, text)
		if wrong := q.judge(whole, a, m, site); wrong != "" {
			what := fmt.Sprintf("%s: %s of %s: %s", q.Pattern, m, withoutNumbers(site), wrong)
			if q.bad[what]++; q.bad[what] == 1 && testing.Verbose() {
				r.t.Logf("%s\n\tZoom's answer %s\n\tthe answer %s", what, near(text, site), short(a.body))
			}
		}
	}
}

// withRange sets the days of an answer to those of the query.
func (q *mutatedQuestion) withRange(v *mutate.Value) *mutate.Value {
	var sandbox *mutate.Value
	if sandbox, _ = mutate.Parse(q.seen); sandbox == nil {
		return v
	}
	for _, name := range []string{"from", "to"} {
		if own := sandbox.Member(name); own != nil && v.Member(name) != nil {
			v.Set(name, own)
		}
	}
	return v
}

// widen widens the query as far as that needs no other call and causes no errors, and returns
// the answer.
func (q *mutatedQuestion) widen(r *rig) *answer {
	narrow, without := q.query, map[string]bool{}
	text := q.body.Bytes()
	for range 12 {
		var err error
		if q.query, err = widened(q.Spec, r.fill(dated(narrow)), without); err != nil {
			r.t.Fatal(err)
		}
		q.others = 0
		a := q.ask(r, text)
		if a.Errors == nil && q.others == 0 {
			return a
		}
		before := len(without)
		for _, e := range a.Errors {
			without[fieldPath(e.Path)] = true
		}
		if len(without) == before && q.others == 0 {
			return a // its errors are those of the original query
		}
	}
	q.query = narrow
	a := q.ask(r, text)
	r.t.Logf("%s: the question is not widened: %s", q.Pattern, short(a.body))
	return a
}

// pageFields are fields of a list's pages, or repeat parameters of the request: other tests
// change them.
var pageFields = []string{"next_page_token", "total_records", "page_count", "page_number", "page_size", "from", "to"}

func (q *mutatedQuestion) ofPages(s mutate.Site) bool {
	return q.Array != "" && len(s.Path) <= 1+strings.Count(q.Array, ".") && slices.Contains(pageFields, s.Path[len(s.Path)-1])
}

// judge returns what a mutation loses beyond its field.
func (q *mutatedQuestion) judge(whole, a *answer, m mutate.Mutation, site mutate.Site) string {
	for _, code := range a.codes() {
		if code == "" || code == "INTERNAL" {
			return "the code " + code
		}
	}
	root := "Query"
	if !q.Reads() {
		root = "Mutation"
	}
	for _, d := range differences(dataOf(whole.Data), dataOf(a.Data), nil) {
		if meansNone[q.Pattern+" "+site.String()] == "" && !q.mayCost(root, d, m, site, a) {
			return "it costs " + fieldPath(d)
		}
	}
	return ""
}

func (q *mutatedQuestion) mayCost(root string, d spot, m mutate.Mutation, site mutate.Site, a *answer) bool {
	path := site.Path
	array := strings.Split(q.Array, ".")
	ofList := q.Array != "" && len(path) <= len(array) && slices.Equal(path, array[:len(path)])
	switch {
	case ofList && m != mutate.Empty && m != mutate.Null: // without its list an answer is none; null is Zoom's "no value"
		return a.told(d)
	case slices.Contains(wholeAnswers, q.Pattern+" "+site.String()) && a.told(d):
		return true
	case ofList:
		return true
	case !site.IsMember() && q.isAlone(site) && a.told(d): // a list of which nothing can be read is none
		return true
	case !site.IsMember(): // an item
		list, isList := a.value(d).([]any)
		name := fmt.Sprint(d[len(d)-1])
		return name == "totalCount" || name == "hasNextPage" || isList && len(list) > 0 ||
			hasNumber(d) && (len(numbersOf(path)) == 1 || inItem(wireNames(root, d), numbersOf(path))) || costsAtMost(root, d, path[:len(path)-1])
	}
	return costsAtMost(root, d, path)
}

// isAlone reports whether an item is the only one of its list in Zoom's answer.
func (q *mutatedQuestion) isAlone(item mutate.Site) bool {
	list := item.Path[:len(item.Path)-1]
	return !slices.ContainsFunc(q.body.Sites(), func(s mutate.Site) bool {
		return !s.IsMember() && len(s.Path) == len(item.Path) && slices.Equal(s.Path[:len(list)], list) && !slices.Equal(s.Path, item.Path)
	})
}

func numbersOf(path []string) []string {
	return slices.DeleteFunc(slices.Clone(path), func(p string) bool { return !strings.HasPrefix(p, "[") })
}

func hasNumber(at spot) bool {
	return slices.ContainsFunc(at, func(p any) bool { _, ok := p.(int); return ok })
}

func withoutNumbers(s mutate.Site) string {
	var b strings.Builder
	for _, p := range s.Path {
		if strings.HasPrefix(p, "[") {
			b.WriteString("[]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(p)
	}
	return b.String()
}

// near returns the part of an answer around a place.
func near(text []byte, s mutate.Site) string {
	name := s.Path[len(s.Path)-1]
	i := max(bytes.Index(text, []byte(`"`+name+`"`)), 0)
	return s.String() + ": …" + string(text[max(i-20, 0):min(i+160, len(text))]) + "…"
}
