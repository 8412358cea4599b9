package graph

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/cache"
	"zoomql/internal/negotiation"
	"zoomql/internal/sandbox"
)

const meetingQuery = `{ meeting(by: {number: "${MeetingNumber}"}) { topic host { displayName } } }`

// costs fails the test unless an answer reports this cost.
func (a *answer) costs(t *testing.T, want string) {
	t.Helper()
	if raw, err := json.Marshal(a.Extensions["cost"]); err != nil || string(raw) != want {
		t.Errorf("it says that it cost %s, want %s", raw, want)
	}
}

// given returns how many answers were served whole from the cache, according to the log, since
// the last call of given.
func (r *rig) given() int {
	time.Sleep(2 * time.Second) // by the bubble's clock
	n := 0
	for line := range strings.Lines(r.log.String()) {
		var told struct{ Kept int }
		if err := json.Unmarshal([]byte(line), &told); err != nil {
			r.t.Fatal(err)
		}
		n += told.Kept
	}
	r.log.reset()
	return n
}

// gives fails the test unless this many answers were served whole from the cache.
func (r *rig) gives(want int) {
	r.t.Helper()
	if n := r.given(); n != want {
		r.t.Errorf("%d answers were given whole, want %d", n, want)
	}
}

// A repeated query is answered without a call, with the same bytes except for the cost.
func TestAnswer_cached(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		first := r.ask(meetingQuery, nil)
		r.spends(2)
		first.costs(t, `{"actual":{"LIGHT":2},"cached":0,"requested":{"LIGHT":2},"waitedMs":0}`)
		r.gives(0)
		for range 5 {
			again := r.ask(meetingQuery, nil)
			if string(again.Data) != string(first.Data) || again.status != first.status {
				t.Errorf("the answers differ:\n%s\n%s", first.body, again.body)
			}
			again.costs(t, `{"actual":{},"cached":2,"requested":{"LIGHT":2},"waitedMs":0}`)
		}
		r.spends(0)
		r.gives(5)
		// With another text or other variables, the answer is made of cached parts.
		r.ask(meetingQuery+" ", nil).costs(t, `{"actual":{},"cached":2,"requested":{"LIGHT":2},"waitedMs":0}`)
		r.ask(meetingQuery, map[string]any{"x": 1}).costs(t, `{"actual":{},"cached":2,"requested":{"LIGHT":2},"waitedMs":0}`)
		r.spends(0)
		r.gives(0)
	})
}

// The answers of both media types have the same bytes.
func TestAnswer_cachedForBothMediaTypes(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		r.ask(meetingQuery, nil)
		for _, media := range []string{negotiation.GraphQLResponse, negotiation.JSON} {
			req := r.request(http.MethodPost, "", `{"query":`+quoted(r.fill(meetingQuery))+`,"variables":null}`)
			req.Header.Set("Accept", media)
			if a := r.send(req); a.header.Get("Content-Type") != media+"; charset=utf-8" || a.header.Get("Cache-Control") != "private, no-store" {
				t.Errorf("%s: %v", media, a.header)
			}
		}
		r.gives(2)
	})
}

func quoted(text string) string {
	raw, _ := json.Marshal(text) // text
	return string(raw)
}

// request returns a request with a given method, query and body.
func (r *rig) request(method, query, body string) *http.Request {
	r.t.Helper()
	target := "http://gateway.test/graphql"
	if query != "" {
		target += "?query=" + url.QueryEscape(r.fill(query))
	}
	req, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", negotiation.JSON)
	}
	return req
}

// A change of a part evicts the whole answer at once, also if the values are in two tiers and
// the answers in the first of them.
func TestAnswerEvicted(t *testing.T) {
	t.Parallel()
	near := cache.NewMemory(1 << 20)
	for name, s := range map[string]setup{
		"one tier":  {},
		"two tiers": {shared: cache.NewTiered(near, l2{cache.NewMemory(1 << 20)}), answers: near},
	} {
		t.Run(name, func(t *testing.T) {
			inRig(t, s, func(r *rig) {
				r.ask(meetingQuery, nil)
				r.ask(meetingQuery, nil)
				r.gives(1)
				const rename = `mutation { updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {topic: "Renamed"}}) { userErrors { message } meeting { topic } } }`
				for range 2 {
					if a := r.ask(rename, nil); len(a.Errors) > 0 {
						t.Fatal(a.body)
					}
				}
				r.gives(0)
				r.spent()
				if a := r.ask(meetingQuery, nil); a.at(t, "meeting.topic") != "Renamed" {
					t.Errorf("an old answer: %s", a.body)
				}
				r.gives(0)
				r.ask(meetingQuery, nil)
				r.gives(1)
			})
		})
	}
}

// l2 is a second tier that is not shared with other processes.
type l2 struct{ *cache.Memory }

func (s l2) GetOrLease(ctx context.Context, key string, want cache.Want, tags ...cache.Tag) (*cache.Entry, cache.Ticket, *cache.Lease) {
	e, ticket := s.Get(ctx, key, tags...)
	if e != nil && !want.Acceptable(e) {
		e = nil
	}
	return e, ticket, nil
}

func (s l2) SetLeased(ctx context.Context, key string, ticket cache.Ticket, e *cache.Entry) bool {
	s.Set(ctx, key, ticket, e)
	return true
}

func (l2) TagName(tag cache.Tag) string { return string(tag) }

// A cached answer is not served for another credential.
func TestAnswerOfAnotherView(t *testing.T) {
	t.Parallel()
	store := cache.NewMemory(1 << 20)
	inRig(t, setup{store: store, answers: store}, func(r *rig) {
		r.ask(meetingQuery, nil)
		r.spends(2)
		other := newRig(t, setup{store: store, answers: store, view: "another"})
		defer other.close()
		other.ask(meetingQuery, nil)
		other.spends(2)
		other.gives(0)
		r.ask(meetingQuery, nil)
		r.gives(1)
	})
}

// What must not be cached is requested each time.
func TestAnswer_notCached(t *testing.T) {
	t.Parallel()
	for why, query := range map[string]string{
		"a secret":             `{ meeting(by: {number: "${MeetingNumber}"}) { topic startUrl } }`,
		"a secret of a list":   `{ meeting(by: {number: "${MeetingNumber}"}) { topic registrants(first: 2) { nodes { joinUrl } } } }`,
		"scopes":               `{ viewer { scopes } meeting(by: {number: "${MeetingNumber}"}) { topic } }`,
		"a field that failed":  `{ meeting(by: {number: "${MeetingNumber}"}) { topic } user(by: {zoomId: " "}) { email } }`,
		"nothing of Zoom's":    `{ account { zoomId } }`,
		"a query that is none": `{ nothing }`,
		"a mutation":           `mutation { updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {topic: "T"}}) { userErrors { message } } }`,
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			inRig(t, setup{}, func(r *rig) {
				for range 3 {
					a := r.ask(query, nil)
					if got := a.header.Get("Cache-Control"); got != "private, no-store" {
						t.Errorf("Cache-Control: %q", got)
					}
				}
				r.gives(0)
			})
		})
	}
}

// A failure is not cached.
func TestAnswerAfterFailure(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		r.Fault(sandbox.Fault{Pattern: "GET /users/{userId}", Status: http.StatusForbidden, Times: 1})
		if a := r.ask(meetingQuery, nil); len(a.Errors) != 1 {
			t.Fatalf("no failure: %s", a.body)
		}
		if a := r.ask(meetingQuery, nil); len(a.Errors) > 0 {
			t.Errorf("it failed again: %s", a.body)
		}
	})
}

// An answer is cached as long as its shortest-lived part.
func TestAnswerExpires(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why, query string
		known      time.Duration // still
		asked      time.Duration // again
		calls      int
	}{
		{"a meeting and its host", meetingQuery, 50 * time.Second, 62 * time.Second, 1},
		{"a user and then his meetings", `{ user(by: {zoomId: "${HostID}"}) { jobTitle meetings(first: 1) { nodes { topic } } } }`, 50 * time.Second, 62 * time.Second, 1},
		{"that there is no such user", `{ meeting(by: {number: "${MeetingNumber}"}) { topic } registrant: node(id: "${User StrangerID}") { id } }`, 5 * time.Second, 12 * time.Second, 1},
	} {
		t.Run(c.why, func(t *testing.T) {
			inRig(t, setup{}, func(r *rig) {
				query := strings.ReplaceAll(c.query, "${User StrangerID}", r.id("User", "stranger"))
				began := time.Now()
				if a := r.ask(query, nil); len(a.Errors) > 0 {
					t.Fatal(a.body)
				}
				r.spent()
				time.Sleep(c.known - time.Since(began))
				r.ask(query, nil)
				r.gives(1)
				r.spends(0)
				time.Sleep(c.asked - time.Since(began))
				r.ask(query, nil)
				r.gives(0)
				r.spends(c.calls)
			})
		})
	}
}

// An answer that depends on the date is not served after midnight.
func TestAnswerOfToday(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		const query = `{ account { reports { daily { month } } } }`
		april := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
		time.Sleep(time.Until(april.Add(-20 * time.Second)))
		if a := r.ask(query, nil); a.at(t, "account.reports.daily.month") != "3" {
			t.Fatal(a.body)
		}
		r.ask(query, nil)
		r.gives(1)
		time.Sleep(time.Until(april.Add(time.Second)))
		if a := r.ask(query, nil); a.at(t, "account.reports.daily.month") != "4" {
			t.Errorf("an answer of yesterday: %s", a.body)
		}
	})
}

// raw sends a request and returns the raw answer.
func (r *rig) raw(req *http.Request) (*http.Response, string) {
	r.t.Helper()
	way := r.front.transport()
	way.DisableCompression = true
	res, err := way.RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res, string(body)
}

// The client may cache the answer to a GET, and revalidate it with its ETag.
func TestAnswerToGet(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		const query = `{ account { users(first: 30) { nodes { displayName email } } } }`
		first, _ := r.raw(r.request(http.MethodGet, query, ""))
		time.Sleep(10 * time.Second)
		second, body := r.raw(r.request(http.MethodGet, query, ""))
		for name, want := range map[string]string{
			"Cache-Control": `^private, no-cache$`, "Age": `^10$`, "Etag": `^"[\w-]{20}"$`,
			"Vary": "^Accept, Accept-Encoding, Authorization, Origin, X-Zoom-Account$", "Content-Type": "^" + negotiation.JSON,
		} {
			if got := second.Header.Get(name); !regexp.MustCompile(want).MatchString(got) {
				t.Errorf("%s: %q, want %s", name, got, want)
			}
		}
		if first.Header.Get("Age") != "0" || first.Header.Get("Cache-Control") != "private, no-cache" {
			t.Errorf("the first answer: %v", first.Header)
		}
		if first.Header.Get("Etag") == second.Header.Get("Etag") {
			t.Error("answers that differ in their cost have one strong tag")
		}

		req := r.request(http.MethodGet, query, "")
		req.Header.Set("Accept-Encoding", "br, gzip")
		packed, small := r.raw(req)
		plain, err := gzip.NewReader(bytes.NewReader([]byte(small)))
		if err != nil || packed.Header.Get("Content-Encoding") != "gzip" || packed.Header.Get("Etag") != "W/"+second.Header.Get("Etag") {
			t.Fatalf("not compressed: %v, %v", err, packed.Header)
		}
		if text, err := io.ReadAll(plain); err != nil || string(text) != body {
			t.Errorf("compressed, it is another: %v, %s", err, text)
		}

		head, nothing := r.raw(r.request(http.MethodHead, query, ""))
		if head.StatusCode != http.StatusOK || nothing != "" || head.Header.Get("Etag") != second.Header.Get("Etag") {
			t.Errorf("HEAD: %d, %q, %v", head.StatusCode, nothing, head.Header)
		}

		for tag, status := range map[string]int{
			first.Header.Get("Etag"): 304, second.Header.Get("Etag"): 304, packed.Header.Get("Etag"): 304,
			"W/" + second.Header.Get("Etag"): 304, `"x", ` + second.Header.Get("Etag"): 304, "*": 304,
			`"x"`: 200, "": 200, `""`: 200, `W/"x"`: 200,
		} {
			req := r.request(http.MethodGet, query, "")
			req.Header.Set("If-None-Match", tag)
			res, body := r.raw(req)
			if res.StatusCode != status || (body == "") != (status == 304) || res.Header.Get("Etag") == "" || res.Header.Get("Cache-Control") != "private, no-cache" {
				t.Errorf("If-None-Match %s: %d, %d bytes, %v", tag, res.StatusCode, len(body), res.Header)
			}
		}
		r.spends(1)
	})
}

// An answer that is not cached is compressed, too, and only with a coding that every client
// that offers it can decode: some offer zstd without decoding it.
func TestCompressed(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		const query = `{ __schema { types { name description } } }`
		_, whole := r.raw(r.request(http.MethodGet, query, ""))
		for accept, coding := range map[string]string{
			"gzip, deflate, br, zstd": "gzip", "zstd, gzip;q=0.1": "gzip", "*": "gzip", "zstd": "", "br": "", "gzip;q=0": "",
		} {
			req := r.request(http.MethodGet, query, "")
			req.Header.Set("Accept-Encoding", accept)
			res, body := r.raw(req)
			if got := res.Header.Get("Content-Encoding"); got != coding || !strings.Contains(res.Header.Get("Vary"), "Accept-Encoding") {
				t.Errorf("Accept-Encoding %s: %v", accept, res.Header)
			}
			if coding != "" {
				plain, err := gzip.NewReader(strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(plain)
				if body = string(text); err != nil {
					t.Error(err)
				}
			}
			if body != whole {
				t.Errorf("Accept-Encoding %s: another answer", accept)
			}
		}
	})
}

// Answers from the cache are logged in one line a second.
func TestAnswers_sampledLog(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		r.ask(meetingQuery, nil)
		r.log.reset()
		for range 100 {
			r.ask(meetingQuery, nil)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if lines := strings.Count(r.log.String(), "\n"); lines != 2 || !strings.Contains(r.log.String(), `"kept":99`) {
			t.Errorf("%d lines: %s", lines, r.log.String())
		}
	})
}

// Queries that do not repeat do not fill the cache: after many of them, an answer is cached only
// when it is requested again. Repeated queries end this restriction.
func TestAnswers_doorkeeper(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		r.ask(meetingQuery, nil)
		for i := range 500 + 50 {
			r.ask(meetingQuery, map[string]any{"i": i})
			if i%100 == 0 {
				r.ask(`{ meeting(by: {number: "${MeetingNumber}"}) { topic } }`, map[string]any{"i": i})
			}
		}
		r.gives(0)
		for _, want := range []int{0, 0, 1} {
			r.ask(meetingQuery, map[string]any{"last": true})
			r.gives(want)
		}
	})
}
