package main

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"zoomql/internal/bench/upstream"
)

// Each way in which keyed creates may go wrong is seen.
func TestJudgeCreates(t *testing.T) {
	is := func(number string) *reply {
		return &reply{data: json.RawMessage(fmt.Sprintf(`{"createMeeting":{"meeting":{"number":%q},"userErrors":[]}}`, number))}
	}
	refused := &reply{code: refusedCode, retryAt: "2026-01-02T03:04:05Z", data: json.RawMessage("null")}
	conflict := &reply{code: "OUTCOME_UNKNOWN", data: json.RawMessage(`{"createMeeting":null}`)}
	for _, test := range []struct {
		name string
		told []*reply
		last *reply
		made int // at Zoom
		want createVerdict
	}{
		{"made, and told again", []*reply{is("1"), is("1")}, is("1"), 1, createVerdict{created: 1, again: 2}},
		{"refused, and made afterwards", []*reply{refused, refused}, is("1"), 1, createVerdict{created: 1, refused: 2}},
		{"refused without a time", []*reply{{code: refusedCode}}, is("1"), 1, createVerdict{created: 1, refused: 1, vague: 1}},
		{"made twice", []*reply{is("1"), is("2")}, is("1"), 2, createVerdict{created: 1, again: 2, twice: 1}},
		{"made once more at the end", []*reply{is("1")}, is("2"), 2, createVerdict{created: 1, twice: 1, unknown: 1}},
		{"nobody knows while it stalls", []*reply{is("1"), conflict}, is("1"), 1, createVerdict{created: 1, again: 1, conflicts: 1}},
		{"nobody knows afterwards", []*reply{is("1")}, conflict, 1, createVerdict{created: 1, unknown: 1}},
		{"refused afterwards", []*reply{refused}, refused, 0, createVerdict{refused: 1, unknown: 1}},
		{"no answer", []*reply{{code: "NO_ANSWER"}}, is("1"), 1, createVerdict{created: 1, failed: 1}},
	} {
		var calls []upstream.Call
		for range test.made {
			calls = append(calls, upstream.Call{Pattern: createCall, Path: "/v2/users/h/meetings", Status: 201})
		}
		calls = append(calls,
			upstream.Call{Pattern: createCall, Path: "/v2/users/h/meetings", Status: 429},
			upstream.Call{Pattern: createCall, Path: "/v2/users/other/meetings", Status: 201},
			upstream.Call{Pattern: "GET /users/{userId}/meetings", Path: "/v2/users/h/meetings", Status: 200})
		got := judgeCreates([]*keyedCreate{{key: "k", host: "h", told: test.told, last: test.last}}, calls)
		if diff := cmp.Diff(test.want, *got, cmp.AllowUnexported(createVerdict{}), cmpopts.IgnoreFields(createVerdict{}, "first")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
