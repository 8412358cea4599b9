package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zoomql/cache"
	"zoomql/internal/sandbox"
)

// TestRateLimitedBesideData requests more than the budget allows in time: the answer has the
// data that could be read, and errors with the time for a retry.
func TestRateLimitedBesideData(t *testing.T) {
	t.Parallel()
	inRig(t, setup{Options: sandbox.Options{Plan: sandbox.PlanFree}, timeout: 2 * time.Second}, func(r *rig) {
		const query = `{ account { users(first: 12) { nodes { email jobTitle } } } }`
		a := r.ask(query, nil)
		for _, e := range a.Errors {
			retryAt, err := time.Parse(time.RFC3339, fmt.Sprint(e.Extensions["retryAt"]))
			if e.code() != "RATE_LIMITED" || err != nil || retryAt.Before(monday) || retryAt.After(monday.Add(5*time.Second)) {
				t.Errorf("an error that does not say when to come back: %+v", e)
			}
			if !strings.HasPrefix(e.path(), "account.users.nodes.") || !strings.HasSuffix(e.path(), ".jobTitle") {
				t.Errorf("an error at %s", e.path())
			}
		}
		// Four calls a second: four at once, four after a second, and no time for more.
		if len(a.Errors) != 4 {
			t.Errorf("%d users are not whole, want 4: %s", len(a.Errors), a.body)
		}
		if got := a.at(t, "account.users.nodes.11.email"); got == "<nil>" {
			t.Error("what the list told is lost")
		}
		r.spends(1 + 8)
		time.Sleep(5 * time.Second)
		if a := r.ask(query, nil); len(a.Errors) > 0 {
			t.Errorf("there was time, and yet: %s", a.body)
		}
		r.spends(4)
	})
}

// TestFreePlanWaits requests more than one second's budget, with time to wait.
func TestFreePlanWaits(t *testing.T) {
	t.Parallel()
	inRig(t, setup{Options: sandbox.Options{Plan: sandbox.PlanFree}}, func(r *rig) {
		r.ask(`{ viewer { scopes } }`, nil)
		began := time.Now()
		a := r.ask(`{ account { users(first: 12) { nodes { email jobTitle } } } }`, nil)
		if len(a.Errors) > 0 {
			t.Errorf("it had time: %s", a.body)
		}
		// The list, then four at once, four after a second and four after another.
		if took := time.Since(began); took < 2*time.Second+2*step || took > 2*time.Second+3*step {
			t.Errorf("it took %s", took)
		}
		r.spends(13)
	})
}

// TestDailyLimitIsRemembered makes no more calls for which today's budget is spent.
func TestDailyLimitIsRemembered(t *testing.T) {
	t.Parallel()
	inRig(t, setup{Options: sandbox.Options{Plan: sandbox.PlanPro}, throttles: true}, func(r *rig) {
		const query = `{ account { reports { daily { year } } } }`
		r.Fault(sandbox.Fault{Pattern: "GET /report/daily", Status: 429, Code: 429, Message: "You have reached the maximum daily rate limit for this API."})
		for range 3 {
			a := r.ask(query, nil)
			if len(a.Errors) != 1 || a.Errors[0].code() != "DAILY_LIMIT" || !nextMorning(a.Errors[0].Extensions["retryAt"]) {
				t.Errorf("want DAILY_LIMIT until midnight: %s", a.body)
			}
		}
		r.spends(1)
		if a := r.ask(`{ user(by: {zoomId: "${HostID}"}) { email } }`, nil); len(a.Errors) > 0 {
			t.Errorf("the limit of HEAVY calls stops a LIGHT one: %s", a.body)
		}
		time.Sleep(15 * time.Hour)
		if a := r.ask(query, nil); len(a.Errors) > 0 {
			t.Errorf("it is another day: %s", a.body)
		}
	})
}

// nextMorning reports whether a time is when Zoom resets its counters, or the few seconds later
// that clock differences require.
func nextMorning(retryAt any) bool {
	at, err := time.Parse(time.RFC3339, fmt.Sprint(retryAt))
	late := at.Sub(time.Date(2026, 3, 17, 0, 0, 0, 0, time.UTC))
	return err == nil && late >= 0 && late < 10*time.Second
}

// TestHostQuota creates more meetings for one host than Zoom allows in a day: the gateway refuses
// them without a call, and other hosts have their own quota.
func TestHostQuota(t *testing.T) {
	t.Parallel()
	inRig(t, setup{Options: sandbox.Options{Plan: sandbox.PlanBusiness}}, func(r *rig) {
		create := func(host string) *answer {
			return r.ask(`mutation ($host: String!) { createMeeting(input: {host: {zoomId: $host}, meeting: {topic: "x"}}) { meeting { number } userErrors { code retryAt } } }`, map[string]any{"host": host})
		}
		for n := range 100 {
			if a := create(r.HostID); !strings.Contains(a.body, `"userErrors":[]`) {
				t.Fatalf("meeting %d: %s", n, a.body)
			}
		}
		r.spends(100)
		a := create(r.HostID)
		if a.at(t, "createMeeting.userErrors.0.code") != "DAILY_LIMIT" || !nextMorning(a.at(t, "createMeeting.userErrors.0.retryAt")) {
			t.Errorf("want DAILY_LIMIT until midnight: %s", a.body)
		}
		r.spends(0)
		if a := create(r.OwnerID); !strings.Contains(a.body, `"userErrors":[]`) {
			t.Errorf("another host: %s", a.body)
		}
	})
}

// TestConcurrentQueries_spellings sends one cold query from 64 clients at once, in one spelling and in several:
// it needs the calls of one query, and every client gets the whole answer.
func TestConcurrentQueries_spellings(t *testing.T) {
	t.Parallel()
	for how, words := range map[string]func(int) string{
		"the same words": func(int) string { return "query" },
		"other words":    func(i int) string { return fmt.Sprintf("query Number%d", i) },
	} {
		t.Run(how, func(t *testing.T) {
			inRig(t, setup{}, func(r *rig) {
				bodies := make([]string, 64)
				var wait sync.WaitGroup
				for i := range bodies {
					wait.Go(func() {
						a := r.ask(words(i)+` { account { users(first: 20) { nodes { displayName meetings(first: 5) { nodes { topic host { email } } } } } } }`, nil)
						bodies[i] = string(a.Data) + fmt.Sprint(a.Errors)
					})
				}
				wait.Wait()
				r.spends(21)
				for _, body := range bodies {
					if body != bodies[0] || !strings.HasSuffix(body, "[]") {
						t.Fatalf("answers differ:\n%.300s\n%.300s", body, bodies[0])
					}
				}
			})
		})
	}
}

// TestReadsItsWrite sends a query after a write while others wait for the same query: the answer
// in flight was read before the write, and is not returned.
func TestReadsItsWrite(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		const query = `{ meeting(by: {number: "${MeetingNumber}"}) { topic } }`
		r.ask(`{ viewer { scopes } }`, nil)
		// The old topic is read now, and is returned later.
		r.Fault(sandbox.Fault{Pattern: "GET /meetings/{meetingId}", Delay: 2 * time.Second})
		before := make(chan *answer)
		go func() { before <- r.ask(query, nil) }()
		time.Sleep(time.Millisecond)
		r.ask(`mutation { updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {topic: "New"}}) { userErrors { code } } }`, nil)
		if a := r.ask(query, nil); a.at(t, "meeting.topic") != "New" {
			t.Errorf("the write is not there: %s", a.body)
		}
		r.spends(3)
		<-before
		if a := r.ask(query, nil); a.at(t, "meeting.topic") != "New" {
			t.Errorf("what was asked before the write is filed as if it came after it: %s", a.body)
		}
	})
}

// TestClientLeaves cancels a query in the middle: another client that waits for the same query
// gets its answer, and no goroutine is left (the rig checks that).
func TestClientLeaves(t *testing.T) {
	t.Parallel()
	inRig(t, setup{Options: sandbox.Options{Latency: time.Second}}, func(r *rig) {
		const query = `{ account { users(first: 3) { nodes { email jobTitle } } } }`
		ctx, leave := context.WithCancel(r.t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://gateway.test/graphql", strings.NewReader(`{"query": "`+query+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		left := make(chan error)
		go func() {
			_, err := r.http.Do(req)
			left <- err
		}()
		stays := make(chan *answer)
		go func() { stays <- r.ask(query, nil) }()
		time.Sleep(1500 * time.Millisecond) // the token is cached, and the list in flight
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("the client who left got %v", err)
		}
		if a := <-stays; len(a.Errors) > 0 {
			t.Errorf("the client who stayed: %s", a.body)
		}
		r.spends(4)
	})
}

// badStore is a cache that panics.
type badStore struct{ cache.Store }

func (badStore) Get(context.Context, string, ...cache.Tag) (*cache.Entry, cache.Ticket) {
	panic("a canary for a panic")
}

func (badStore) Watch(func(cache.Eviction)) {}

// TestPanics panics wherever a call begins: each affected field is INTERNAL without details, and
// the gateway continues.
func TestPanics(t *testing.T) {
	t.Parallel()
	for _, query := range []string{
		`{ user(by: {zoomId: "${HostID}"}) { email } account { zoomId } }`,
		`{ user(by: {zoomId: "${HostID}"}) { jobTitle } account { zoomId } }`,
		`{ user(by: {zoomId: "${HostID}"}) { meetings { totalCount } } account { zoomId } }`,
		`{ meeting(by: {number: "${MeetingNumber}"}) { topic } account { zoomId } }`,
		`{ meeting(by: {number: "${MeetingNumber}"}) { registrant(by: {zoomId: "${RegistrantID}"}) { email } } account { zoomId } }`,
		`{ meetingInstance(by: {uuid: "${UUIDPlain}"}) { topic } account { zoomId } }`,
		`{ nodes(ids: ["${User HostID}", "${Meeting MeetingNumber}", "${MeetingInstance UUIDPlain}"]) { id } account { zoomId } }`,
	} {
		inRig(t, setup{store: badStore{}}, func(r *rig) {
			a := r.ask(query, nil)
			if len(a.Errors) == 0 || !strings.HasSuffix(string(a.Data), `"account":{"zoomId":"`+sandbox.AccountID+`"}}`) {
				t.Errorf("%s\nwant errors beside the rest: %s", query, a.body)
			}
			for _, e := range a.Errors {
				if e.code() != "INTERNAL" || strings.Contains(e.Message, "panic") {
					t.Errorf("%s\nwant INTERNAL, and no more: %+v", query, e)
				}
			}
			if log := r.log.String(); !strings.Contains(log, `"level":"ERROR"`) || !strings.Contains(log, "operation_test.go") {
				t.Errorf("%s\nthe log does not say where: %s", query, log)
			}
			r.log.reset() // it holds the canary, as it should
		})
	}
}

// badLog panics once, outside of fields.
type badLog struct {
	slog.Handler
	broke atomic.Bool
}

func (*badLog) Enabled(context.Context, slog.Level) bool { return true }

func (l *badLog) Handle(_ context.Context, line slog.Record) error {
	if line.Message == "operation" && !l.broke.Swap(true) {
		panic("a canary for a panic")
	}
	return nil
}

// TestPanicAround panics around an operation.
func TestPanicAround(t *testing.T) {
	t.Parallel()
	for _, query := range []string{`{ account { zoomId } }`, `mutation { endMeeting(input: {meeting: {number: "1"}}) { userErrors { code } } }`} {
		inRig(t, setup{logs: &badLog{Handler: slog.DiscardHandler}}, func(r *rig) {
			a := r.ask(query, nil)
			if len(a.Errors) != 1 || a.Errors[0].code() != "INTERNAL" || a.Data != nil && string(a.Data) != "null" {
				t.Errorf("%s\nwant INTERNAL and nothing else: %d %s", query, a.status, a.body)
			}
			if a := r.ask(`{ account { zoomId } }`, nil); len(a.Errors) > 0 {
				t.Errorf("it does not live on: %s", a.body)
			}
		})
	}
}

// TestLog reads the one line of an operation: its name, its cost, its errors; neither arguments
// nor data.
func TestLog(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		for _, c := range []struct {
			query string
			want  map[string]any
		}{
			{
				`query Ada { user(by: {zoomId: "${HostID}"}) { email meetings { totalCount } } account { reports { daily { year } } } }`,
				map[string]any{"name": "Ada", "LIGHT": 1.0, "MEDIUM": 1.0, "HEAVY": 1.0, "hits": 0.0, "ms": 300.0, "level": "INFO"},
			},
			{
				`query Again { user(by: {zoomId: "${HostID}"}) { email meetings { totalCount } } }`,
				map[string]any{"name": "Again", "LIGHT": nil, "MEDIUM": nil, "hits": 2.0, "ms": 0.0, "code": nil},
			},
			{
				`query Bad { user(by: {email: "${HostEmail}"}) { email } a: user(by: {email: "x"}) { email } b: user(by: {zoomId: ""}) { email } }`,
				map[string]any{"name": "Bad", "code": "BAD_USER_INPUT", "errors": 2.0},
			},
			{
				`{ nothing(email: "${HostEmail}") }`,
				map[string]any{"code": "GRAPHQL_VALIDATION_FAILED", "errors": 1.0},
			},
		} {
			r.log.reset()
			r.ask(c.query, nil)
			var line map[string]any
			if err := json.Unmarshal([]byte(r.log.String()), &line); err != nil {
				t.Fatalf("not one line: %v\n%s", err, r.log)
			}
			for name, want := range c.want {
				if line[name] != want {
					t.Errorf("%s is %v, want %v: %v", name, line[name], want, line)
				}
			}
			r.clean("the log", r.log.String())
		}
	})
}

// TestLogIsNotForCallers sends strings that must not reach the log.
func TestLogIsNotForCallers(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		for _, body := range []string{
			`{"query": "{", "operationName": "canary@example.com"}`,
			`{"query": "query A { account { zoomId } }", "operationName": "canary@example.com"}`,
			`{"query": "{ canary }"}`,
			`{"query": "query ($a: Int!) { account { users(first: $a) { totalCount } } }", "variables": {"a": "canary@example.com"}}`,
			`{"query": "query ($a: ID!) { node(id: $a) { id } }", "variables": {"a": "canary@example.com"}}`,
			`{"query": "{ account { zoomId } }", "extensions": {"a": "canary@example.com"}}`,
		} {
			res, err := r.http.Post("http://gateway.test/graphql", "application/json", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			r.clean("the log", r.log.String())
		}
		if r.log.String() == "" {
			t.Error("nothing was logged")
		}
	})
}

// TestUnknownError hides the text of an unexpected error, and logs it.
func TestUnknownError(t *testing.T) {
	t.Parallel()
	var log logBuffer
	shown := present(slog.New(slog.NewTextHandler(&log, nil)))(t.Context(), errors.New("a canary"))
	if shown.Extensions["code"] != "INTERNAL" || strings.Contains(shown.Error(), "canary") {
		t.Errorf("it is shown as %v", shown)
	}
	if !strings.Contains(log.String(), "a canary") {
		t.Errorf("it is not logged: %s", &log)
	}
}

// TestDeferredIsWhole sends @defer: the parts are in the same answer.
func TestDeferredIsWhole(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		for _, query := range []string{
			`{ meeting(by: {number: "${MeetingNumber}"}) { topic ... @defer { registrants(first: 1) { nodes { email } } } } }`,
			`{ meeting(by: {number: "${MeetingNumber}"}) { topic ... on Meeting @defer(label: "later") { registrants(first: 1) { nodes { ... @defer { email } } } } } }`,
			`{ meeting(by: {number: "${MeetingNumber}"}) { topic ...Later @defer } } fragment Later on Meeting { registrants(first: 1) { nodes { ... @defer { email } } } }`,
		} {
			a := r.ask(query, nil)
			if email := a.at(t, "meeting.registrants.nodes.0.email"); !strings.Contains(email, "@") || len(a.Errors) > 0 {
				t.Errorf("%s\n%s", query, a.body)
			}
		}
	})
}
