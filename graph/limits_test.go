package graph

import (
	"net/http"
	"strings"
	"testing"

	"zoomql/graph/endpoint/endpointtest"
	"zoomql/internal/negotiation"
)

// TestHostileDocuments sends all hostile documents. A refused one makes no call, and the message
// names the exceeded bound.
func TestHostileDocuments(t *testing.T) {
	t.Parallel()
	for _, h := range endpointtest.Hostile {
		t.Run(h.Why, func(t *testing.T) {
			t.Parallel()
			inRig(t, setup{}, func(r *rig) {
				r.spent()
				a := r.ask(h.Query, nil)
				if len(a.body) > 100_000 {
					t.Errorf("an answer of %d bytes", len(a.body))
				}
				if h.Refused == "" {
					if a.status != http.StatusOK || len(a.Errors) > 0 {
						t.Errorf("refused: %.300s", a.body)
					}
					return
				}
				r.spends(0)
				if a.status != http.StatusBadRequest || len(a.Errors) == 0 || !strings.Contains(a.Errors[0].Message, h.Refused) {
					t.Fatalf("status %d, want 400 and %q: %.300s", a.status, h.Refused, a.body)
				}
				if code := a.Errors[0].code(); strings.HasPrefix(a.Errors[0].Message, "The query is too large") != (code == "LIMIT_EXCEEDED") {
					t.Errorf("code %s: %.300s", code, a.body)
				}
			})
		})
	}
}

// TestOperationNameBound selects an operation by a name of arbitrary length.
func TestOperationNameBound(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		a := r.post(negotiation.JSON, `{"query": "query A { __typename }", "operationName": "`+strings.Repeat("x", 200_000)+`"}`)
		if len(a.Errors) != 1 || a.Errors[0].code() != "LIMIT_EXCEEDED" || len(a.body) > 1000 {
			t.Errorf("%.300s", a.body)
		}
		if strings.Contains(r.log.String(), "xxx") {
			t.Error("the name stands in the log")
		}
	})
}

// TestSuggestions suggests names of the schema only if introspection is on.
func TestSuggestions(t *testing.T) {
	t.Parallel()
	for _, query := range []string{
		"{ acount { zoomId } }",
		"{ account { users(firs: 1) { totalCount } } }",
		"{ account { users(status: ACTIV) { totalCount } } }",
		"{ account { users(status: \"ACTIVE\") { totalCount } } }",
		"{ user(by: {emial: \"x\"}) { email } }",
		"{ user(by: {email: actve}) { email } }",
		"{ account { ...f } } fragment f on Acount { zoomId }",
		"{ account { zoomId @include(iff: true) } }",
		"{ account }",
		"{ node(id: \"x\") { email } }",
	} {
		for _, closed := range []bool{true, false} {
			inRig(t, setup{closed: closed}, func(r *rig) {
				a := r.ask(query, nil)
				if suggested := strings.Contains(a.body, "Did you mean"); len(a.Errors) == 0 || suggested && closed {
					t.Errorf("introspection closed: %t, suggested: %t: %s", closed, suggested, a.body)
				}
			})
		}
	}
	inRig(t, setup{}, func(r *rig) {
		if a := r.ask("{ account { users(firs: 1) { totalCount } } }", nil); !strings.Contains(a.body, `Did you mean \"first\"?`) {
			t.Errorf("no suggestion: %s", a.body)
		}
	})
}

// TestMistakesAreCounted sends a document with a thousand mistakes, of which some are reported.
func TestMistakesAreCounted(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		a := r.ask("{ account { "+endpointtest.Names("zoomid", 1000)+"} }", nil)
		if len(a.Errors) != 51 || a.Errors[50].Message != "There are 950 more errors." {
			t.Errorf("%d errors: %.300s", len(a.Errors), a.body)
		}
	})
}
