package graph

import (
	"strings"
	"testing"
	"time"

	"zoomql/internal/sandbox"
)

// What nobody knows of is not done again, also by one gateway alone, until the key
// is forgotten; what was refused, or never left, may be tried again.
func TestRepeatsOfWhatFailed(t *testing.T) {
	const create = "POST /users/{userId}/meetings"
	const query = `mutation { createMeeting(input: { idempotencyKey: "k", host: { zoomId: "${HostID}" }, meeting: { topic: "T" } }) { meeting { topic } userErrors { code message } } }`
	for _, c := range []struct {
		why   string
		fault sandbox.Fault
		gone  bool   // there is no connection
		code  string // of the first attempt
		again string // of the repeat; "" for success
	}{
		{"the answer was lost", sandbox.Fault{CloseConnection: true}, false, "ZOOM_UNAVAILABLE", "CONFLICT"},
		{"the answer was cut off", sandbox.Fault{BrokenJSON: true}, false, "BAD_ANSWER", "CONFLICT"},
		{"Zoom broke", sandbox.Fault{Status: 500}, false, "ZOOM_UNAVAILABLE", "CONFLICT"},
		{"it took too long", sandbox.Fault{Hang: true}, false, "TIMEOUT", "CONFLICT"},
		{"Zoom refused", sandbox.Fault{Status: 400, Code: 300}, false, "INVALID", ""},
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
