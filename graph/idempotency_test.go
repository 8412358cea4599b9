package graph

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
)

// A create with an unknown outcome is not repeated, also not by a single gateway, until the key
// expires; one that was refused, or never sent, may be repeated.
func TestIdempotencyKey_repeatAfterFailure(t *testing.T) {
	t.Parallel()
	const create = "POST /users/{userId}/meetings"
	const query = `mutation { createMeeting(input: { idempotencyKey: "k", host: { zoomId: "${HostID}" }, meeting: { topic: "T" } }) { meeting { topic } userErrors { code message } } }`
	for _, c := range []struct {
		why   string
		fault sandbox.Fault
		gone  bool   // there is no connection
		code  string // of the first attempt
		again string // of the repeat; "" for success
	}{
		{"the answer was lost", sandbox.Fault{CloseConnection: true}, false, "OUTCOME_UNKNOWN", "OUTCOME_UNKNOWN"},
		{"the answer was cut off", sandbox.Fault{BrokenJSON: true}, false, "OUTCOME_UNKNOWN", "OUTCOME_UNKNOWN"},
		{"Zoom broke", sandbox.Fault{Status: 500}, false, "OUTCOME_UNKNOWN", "OUTCOME_UNKNOWN"},
		{"it took too long", sandbox.Fault{Hang: true}, false, "OUTCOME_UNKNOWN", "OUTCOME_UNKNOWN"},
		{"Zoom refused", sandbox.Fault{Status: 400, Code: 300}, false, "INVALID", ""},
		{"Zoom refused under 200", sandbox.Fault{Status: 200, Code: 300, Message: "Invalid field."}, false, "INVALID", ""},
		{"there was no connection", sandbox.Fault{}, true, "ZOOM_UNAVAILABLE", ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			inRig(t, setup{}, func(r *rig) {
				r.ask(`{ viewer { scopes } }`, nil) // the token is there
				r.spent()
				if c.gone {
					r.back.disappear()
				} else {
					c.fault.Pattern = create
					r.Fault(c.fault)
				}
				if first := r.ask(query, nil); !strings.Contains(first.body, `"code":"`+c.code+`"`) {
					t.Errorf("the first attempt: %s", first.body)
				}
				r.back.comeBack()
				r.ClearFaults()
				r.spent()
				again := r.ask(query, nil)
				want := `"userErrors":[]`
				if c.again != "" {
					want = `"code":"` + c.again + `"`
				}
				if !strings.Contains(again.body, want) {
					t.Errorf("the repeat: %s, want %s", again.body, want)
				}
				if n := len(r.spent()); n != map[string]int{"": 1}[c.again] {
					t.Errorf("the repeat cost %d calls", n)
				}
				time.Sleep(25 * time.Hour)
				if later := r.ask(query, nil); !strings.Contains(later.body, `"userErrors":[]`) || len(r.spent()) == 0 {
					t.Errorf("a day later: %s", later.body)
				}
			})
		})
	}
}

// TestCreate_unnamed creates objects that Zoom's answer does not name by an id that it has: the outcome
// is unknown, and a repeat with the key sends nothing.
func TestCreate_unnamed(t *testing.T) {
	t.Parallel()
	for path, query := range map[string]string{
		"/meetings":    `createMeeting(input: {KEY host: {zoomId: "${HostID}"}, meeting: {topic: "T"}}) { meeting { topic } userErrors { code } }`,
		"/registrants": `addRegistrant(input: {KEY meeting: {number: "${BigMeeting}"}, registrant: {email: "a@example.org", firstName: "A"}}) { registrant { registrantId } userErrors { code } }`,
		"/polls":       `createPoll(input: {KEY meeting: {number: "${MeetingNumber}"}, poll: {title: "P", questions: [{name: "Q", type: SINGLE, answers: ["a", "b"]}]}}) { poll { title } userErrors { code } }`,
	} {
		for _, key := range []string{"", `idempotencyKey: "k"`} {
			writes := 0
			inRig(t, setup{before: func(w http.ResponseWriter, req *http.Request) bool {
				if req.Method != http.MethodPost || !strings.HasSuffix(req.URL.Path, path) {
					return false
				}
				writes++
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusCreated)
				_, _ = io.WriteString(w, `{"id": {}, "registrant_id": "", "topic": "T", "title": "P"}`)
				return true
			}}, func(r *rig) {
				query := "mutation { " + strings.Replace(query, "KEY", key, 1) + " }"
				for range 2 {
					if a := r.ask(query, nil); !a.tells("OUTCOME_UNKNOWN") {
						t.Errorf("%s %s: %s", path, key, a.body)
					}
				}
				if want := map[string]int{"": 2}[key]; writes != max(want, 1) {
					t.Errorf("%s %s: %d writes", path, key, writes)
				}
			})
		}
	}
}

// The error of a write without an answer says that the outcome is unknown and where to check it,
// with a key and without one, for every write; a repeat with the key gets the same error and
// sends nothing.
func TestWrite_withoutAnAnswer(t *testing.T) {
	t.Parallel()
	for pattern, look := range placesToCheck {
		if s := zoom.Lookup(pattern); s == nil || s.Reads() || look == "" {
			t.Errorf("%s is no write", pattern)
		}
	}
	for _, s := range zoom.Specs() {
		if s.Reads() {
			continue
		}
		if placesToCheck[s.Pattern] == "" {
			t.Errorf("no text says where to look after %s", s.Pattern)
		}
		inRig(t, setup{throttles: true}, func(r *rig) {
			for _, f := range []sandbox.Fault{{Status: http.StatusGatewayTimeout}, {CloseConnection: true}, {Hang: true}} {
				f.Pattern, f.Times = s.Pattern, -1
				r.Fault(f)
				a := r.askFor(s)
				r.ClearFaults()
				if !a.tells("OUTCOME_UNKNOWN") || !strings.Contains(a.body, placesToCheck[s.Pattern]) || strings.Contains(a.body, "again later") || strings.Contains(a.body, "retryAt") {
					t.Errorf("%s after %+v: %s", s.Pattern, f, a.body)
				}
			}
		})
	}
	inRig(t, setup{}, func(r *rig) {
		const query = `mutation { createMeeting(input: { idempotencyKey: "k", host: { zoomId: "${HostID}" }, meeting: { topic: "T" } }) { meeting { topic } userErrors { code message } } }`
		r.Fault(sandbox.Fault{Pattern: "POST /users/{userId}/meetings", Status: http.StatusGatewayTimeout})
		r.ask(query, nil)
		if again := r.ask(query, nil); !again.tells("OUTCOME_UNKNOWN") || !strings.Contains(again.body, "the host's scheduled meetings") || !strings.Contains(again.body, "another key") {
			t.Errorf("the repeat: %s", again.body)
		}
	})
}
