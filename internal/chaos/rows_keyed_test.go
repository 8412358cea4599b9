package main

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"zoomql/internal/lab/upstream"
)

// Each way in which keyed creates may fail is detected.
func TestJudgeCreates(t *testing.T) {
	made := func(number string) *reply {
		return &reply{data: json.RawMessage(fmt.Sprintf(`{"createMeeting":{"meeting":{"number":%q},"userErrors":[]}}`, number))}
	}
	refused := &reply{code: refusedCode, retryAt: "2026-01-02T03:04:05Z", data: json.RawMessage("null")}
	conflict := &reply{code: "OUTCOME_UNKNOWN", data: json.RawMessage(`{"createMeeting":null}`)}
	for _, test := range []struct {
		name    string
		replies []*reply
		last    *reply
		made    int // at Zoom
		want    createVerdict
	}{
		{"made, and returned again", []*reply{made("1"), made("1")}, made("1"), 1, createVerdict{created: 1, again: 2}},
		{"refused, and made afterwards", []*reply{refused, refused}, made("1"), 1, createVerdict{created: 1, refused: 2}},
		{"refused without a time", []*reply{{code: refusedCode}}, made("1"), 1, createVerdict{created: 1, refused: 1, withoutTime: 1}},
		{"made twice", []*reply{made("1"), made("2")}, made("1"), 2, createVerdict{created: 1, again: 2, twice: 1}},
		{"made once more at the end", []*reply{made("1")}, made("2"), 2, createVerdict{created: 1, twice: 1, unknown: 1}},
		{"an unknown outcome while it stalls", []*reply{made("1"), conflict}, made("1"), 1, createVerdict{created: 1, again: 1, conflicts: 1}},
		{"an unknown outcome afterwards", []*reply{made("1")}, conflict, 1, createVerdict{created: 1, unknown: 1}},
		{"refused afterwards", []*reply{refused}, refused, 0, createVerdict{refused: 1, unknown: 1}},
		{"no answer", []*reply{{code: "NO_ANSWER"}}, made("1"), 1, createVerdict{created: 1, failed: 1}},
	} {
		var calls []upstream.Call
		for range test.made {
			calls = append(calls, upstream.Call{Pattern: createCall, Path: "/v2/users/h/meetings", Status: 201})
		}
		calls = append(calls,
			upstream.Call{Pattern: createCall, Path: "/v2/users/h/meetings", Status: 429},
			upstream.Call{Pattern: createCall, Path: "/v2/users/other/meetings", Status: 201},
			upstream.Call{Pattern: "GET /users/{userId}/meetings", Path: "/v2/users/h/meetings", Status: 200})
		got := judgeCreates([]*keyedCreate{{key: "k", host: "h", replies: test.replies, last: test.last}}, calls)
		if diff := cmp.Diff(test.want, *got, cmp.AllowUnexported(createVerdict{}), cmpopts.IgnoreFields(createVerdict{}, "first")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
