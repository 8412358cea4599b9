package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zoomql/cache"
	"zoomql/graph/session"
	"zoomql/internal/sandbox"
)

// cycle queries users, their meetings, the hosts of these, their meetings and so on. It needs
// one list of users and one list of meetings for each user.
func cycle(users, meetings, levels int) string {
	below := "number"
	for range levels {
		below = fmt.Sprintf("host { meetings(first: %d) { nodes { %s } } }", meetings, below)
	}
	return fmt.Sprintf("{ account { users(first: %d) { nodes { meetings(first: %d) { nodes { %s } } } } } }", users, meetings, below)
}

// refused fails the test unless an answer is a single error of an exceeded bound.
func (a *answer) refused(t *testing.T, status int, part string) {
	t.Helper()
	if a.status != status || len(a.Errors) != 1 || a.Errors[0].code() != "LIMIT_EXCEEDED" || !strings.Contains(a.Errors[0].Message, part) || len(a.Data) > 0 && string(a.Data) != "null" {
		t.Errorf("status %d, want %d and LIMIT_EXCEEDED with %q: %.500s", a.status, status, part, a.body)
	}
}

// TestBudgetOfObjects requests more cached objects than the budget allows.
func TestBudgetOfObjects(t *testing.T) {
	t.Parallel()
	inRig(t, setup{budget: Budget{Objects: 3000, Bytes: 1 << 20}}, func(r *rig) {
		if a := r.ask(cycle(20, 20, 0), nil); len(a.Errors) > 0 {
			t.Fatalf("%.300s", a.body)
		}
		r.spent()
		r.ask(cycle(20, 20, 2), nil).refused(t, http.StatusOK, "3000 objects (one with edges below it counts as 4)")
		r.spends(0)
		// The budget of an answer that is rendered directly is larger.
		if a := r.ask(`{ account { users(first: 40) { nodes { email displayName } } } }`, nil); len(a.Errors) > 0 {
			t.Errorf("%.300s", a.body)
		}
	})
}

// TestBudgetOfEdges requests edges, which count as objects in addition to their nodes. Both are
// rendered directly.
func TestBudgetOfEdges(t *testing.T) {
	t.Parallel()
	inRig(t, setup{budget: Budget{Objects: 60, Bytes: 1 << 20}}, func(r *rig) {
		if a := r.ask(`{ account { users(first: 25) { edges { cursor node { email } } } } }`, nil); len(a.Errors) > 0 {
			t.Errorf("%.300s", a.body)
		}
		r.ask(`{ account { users(first: 30) { edges { cursor node { email } } } } }`, nil).refused(t, http.StatusOK, "60 objects")
		r.ask(`{ account { users(first: 15) { edges { cursor node { email role { zoomId } } } } } }`, nil).refused(t, http.StatusOK, "60 objects")
	})
}

// TestBudgetOfObjectsBelow requests an object that contains a list of plain objects, which is
// rendered directly: its items count as well.
func TestBudgetOfObjectsBelow(t *testing.T) {
	t.Parallel()
	inRig(t, setup{budget: Budget{Objects: 5, Bytes: 1 << 20}}, func(r *rig) {
		if a := r.ask(`{ meeting(by: {number: "${MeetingNumber}"}) { topic settings { hostVideo } recurrence { type } } }`, nil); len(a.Errors) > 0 {
			t.Errorf("%.300s", a.body)
		}
		r.ask(`{ meeting(by: {number: "${MeetingNumber}"}) { topic occurrences { startTime } } }`, nil).refused(t, http.StatusOK, "5 objects")
	})
}

// TestBudgetByFirst requests implausibly many items: the query is refused before execution, with
// literals, variables and defaults alike.
func TestBudgetByFirst(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		r.ask(cycle(40, 99, 5), nil).refused(t, http.StatusBadRequest, "200000 objects")
		r.ask(`query ($n: Int!) { account { users(first: $n) { nodes { meetings(first: $n) { nodes { host { meetings(first: $n) { nodes { topic } } } } } } } } }`, map[string]any{"n": 3000}).
			refused(t, http.StatusBadRequest, "200000 objects")
		r.ask(strings.ReplaceAll(cycle(1, 1, 5), "(first: 1)", ""), nil).refused(t, http.StatusBadRequest, "200000 objects")
		r.ask(`{ account { ...f } } fragment f on Account { users(first: 3000) { ...g } } fragment g on UserConnection { edges { node { meetings(first: 3000) { edges { node { host { meetings(first: 3000) { nodes { number } } } } } } } } }`, nil).
			refused(t, http.StatusBadRequest, "200000 objects")
		r.spends(0)
		// The maximum of a list does not tell its length.
		if a := r.ask(`{ account { users(first: 3000) { nodes { meetings(first: 3000) { nodes { topic } } } } } }`, nil); len(a.Errors) > 0 {
			t.Errorf("%.300s", a.body)
		}
	})
}

// TestBudgetOfBytes requests long answers: rendered directly, and by the executor.
func TestBudgetOfBytes(t *testing.T) {
	t.Parallel()
	inRig(t, setup{budget: Budget{Objects: 100_000, Bytes: 20_000}}, func(r *rig) {
		long := strings.Repeat("x", 200)
		fields := func(n int) string {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, "%s%d: email ", long, i)
			}
			return b.String()
		}
		for how, items := range map[string]string{
			"at once":         "nodes { " + fields(5) + "}",
			"as edges":        "edges { node { " + fields(5) + "} }",
			"by the executor": "nodes { role { zoomId } " + fields(5) + "}",
		} {
			t.Log(how)
			r.ask(`{ account { users(first: 40) { `+items+` } } }`, nil).refused(t, http.StatusOK, "20000 bytes")
		}
		if a := r.ask(`{ account { users(first: 10) { nodes { `+fields(5)+` } } } }`, nil); len(a.Errors) > 0 {
			t.Errorf("%.300s", a.body)
		}
	})
}

// TestBudgetOfWrites exceeds the budget in the first of two writes: its result is reported, and
// the second is not executed.
func TestBudgetOfWrites(t *testing.T) {
	t.Parallel()
	inRig(t, setup{budget: Budget{Objects: 300, Bytes: 1 << 20}}, func(r *rig) {
		r.ask(cycle(20, 20, 0), nil)
		r.spent()
		a := r.ask(`mutation { a: createMeeting(input: {host: {zoomId: "${HostID}"}, meeting: {topic: "x"}}) { meeting { number host { account { users(first: 40) { nodes { meetings(first: 20) { nodes { host { email } } } } } } } } userErrors { code } }
			b: createMeeting(input: {host: {zoomId: "${HostID}"}, meeting: {topic: "y"}}) { meeting { number } userErrors { code } } }`, nil)
		if number := a.at(t, "a.meeting.number"); number == "<nil>" || a.at(t, "b") != "<nil>" {
			t.Errorf("%.500s", a.body)
		}
		codes := map[string]string{}
		for _, e := range a.Errors {
			codes[e.path()] = e.code()
		}
		if codes["b"] != "LIMIT_EXCEEDED" || codes["a"]+codes["a.meeting"]+codes["a.userErrors"] != "" {
			t.Errorf("errors %v: %.500s", codes, a.body)
		}
		writes := 0
		for _, call := range r.spent() {
			if strings.HasPrefix(call.Pattern, "POST ") {
				writes++
			}
		}
		if writes != 1 {
			t.Errorf("%d meetings were made, want 1", writes)
		}
	})
}

// slowStore is a cache with a delay, and counts its reads.
type slowStore struct {
	cache.Store
	takes atomic.Int64 // nanoseconds
	gets  atomic.Int64
}

func (s *slowStore) Get(ctx context.Context, key string, tags ...cache.Tag) (*cache.Entry, cache.Ticket) {
	s.gets.Add(1)
	time.Sleep(time.Duration(s.takes.Load()))
	return s.Store.Get(ctx, key, tags...)
}

// TestTimeoutOfKnownParts requests parts that are all cached, each of which takes a while: the
// operation ends at its timeout, with the parts read so far.
func TestTimeoutOfKnownParts(t *testing.T) {
	t.Parallel()
	store := &slowStore{Store: cache.NewMemory(64 << 20)}
	inRig(t, setup{store: store, timeout: time.Second}, func(r *rig) {
		r.timeoutOf(store, func() {
			began := time.Now()
			a := r.ask(cycle(3, 3, 6), nil)
			if took := time.Since(began); took > time.Second+900*time.Millisecond || took < time.Second {
				t.Errorf("it took %s", took)
			}
			if len(a.Errors) == 0 || len(a.Errors) > session.MaxErrors+1 || a.Errors[0].code() != "TIMEOUT" {
				t.Errorf("%d errors: %.300s", len(a.Errors), a.body)
			}
		})
	})
}

// TestCancel_cachedParts cancels in the middle: no more parts are read from the cache.
func TestCancel_cachedParts(t *testing.T) {
	t.Parallel()
	store := &slowStore{Store: cache.NewMemory(64 << 20)}
	inRig(t, setup{store: store}, func(r *rig) {
		r.timeoutOf(store, func() {
			ctx, leave := context.WithTimeout(r.t.Context(), time.Second)
			defer leave()
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://gateway.test/graphql", strings.NewReader(`{"query": "`+cycle(3, 3, 6)+`"}`))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			if _, err := r.http.Do(req); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("the caller got %v", err)
			}
			time.Sleep(300 * time.Millisecond) // what is being looked up
			before := store.gets.Load()
			time.Sleep(time.Minute)
			if after := store.gets.Load(); after != before {
				t.Errorf("%d parts were looked up for nobody", after-before)
			}
		})
	})
}

// TestTimeout_betweenMutations has the first of two changes take until the timeout: the arguments of
// the second are not read, although one contains an invalid id.
func TestTimeout_betweenMutations(t *testing.T) {
	t.Parallel()
	slow := sandbox.Options{Latency: 2 * time.Second}
	inRig(t, setup{Options: slow, timeout: time.Second}, func(r *rig) {
		a := r.ask(`mutation {
			a: endMeeting(input: {meeting: {number: "${LiveMeeting}"}}) { userErrors { code } }
			b: deleteMeeting(input: {meeting: {id: "garbage"}}) { userErrors { code } }
		}`, nil)
		if n := len(a.Errors); n != 2 || a.Errors[1].path() != "b" || a.Errors[1].code() != "TIMEOUT" {
			t.Errorf("%s", a.body)
		}
		if log := r.log.String(); !strings.Contains(log, `"field":"deleteMeeting","kind":"Meeting","outcome":"TIMEOUT"`) {
			t.Errorf("the audit log does not tell that it was not done: %s", log)
		}
	})
}

// timeoutOf makes the cache slow after all parts of cycle(20, 20) are cached.
func (r *rig) timeoutOf(store *slowStore, test func()) {
	r.t.Helper()
	if a := r.ask(cycle(20, 20, 0), nil); len(a.Errors) > 0 {
		r.t.Fatalf("%.300s", a.body)
	}
	store.takes.Store(int64(200 * time.Millisecond))
	test()
	store.takes.Store(0)
}

// TestErrorsAreCounted causes more failures than an answer lists.
func TestErrorsAreCounted(t *testing.T) {
	t.Parallel()
	none := func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/meetings") {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"code": 1001, "message": "There is none."}`))
		return true
	}
	inRig(t, setup{Options: sandbox.Options{Users: 600}, before: none}, func(r *rig) {
		a := r.ask(`{ account { users(first: 600) { nodes { a: meetings(first: 1) { totalCount } b: meetings(first: 1, type: LIVE) { totalCount } } } } }`, nil)
		if len(a.Errors) != session.MaxErrors+1 || !strings.Contains(a.Errors[session.MaxErrors].Message, "more are left out") {
			t.Errorf("%d errors, and at the end: %v", len(a.Errors), a.Errors[len(a.Errors)-1])
		}
	})
}

// TestIntrospectionIsWithinTheBudget sends the introspection query of tools, which leaves half of
// the budget.
func TestIntrospectionIsWithinTheBudget(t *testing.T) {
	t.Parallel()
	inRig(t, setup{budget: Budget{Objects: DefaultBudget.Objects / 2, Bytes: DefaultBudget.Bytes / 2}}, func(r *rig) {
		deep := "kind name"
		for range 7 {
			deep = "kind name ofType { " + deep + " }"
		}
		a := r.ask(`{ __schema { queryType { name } mutationType { name } subscriptionType { name } types { ...t } directives { name description locations args { ...i } } } }
			fragment t on __Type { kind name description fields(includeDeprecated: true) { name description args { ...i } type { ...r } isDeprecated deprecationReason }
				inputFields { ...i } interfaces { ...r } enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...r } }
			fragment i on __InputValue { name description type { ...r } defaultValue } fragment r on __Type { `+deep+` }`, nil)
		if len(a.Errors) > 0 {
			t.Errorf("%.300s", a.body)
		}
	})
}
