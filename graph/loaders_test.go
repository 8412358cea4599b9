package graph

import (
	"slices"
	"testing"
	"time"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// TestNobodyWaitsForAnIDThatIsNone asks for objects beside some whose ids are none: they
// take no longer than alone.
func TestNobodyWaitsForAnIDThatIsNone(t *testing.T) {
	took := func(declared, beside string) (took time.Duration) {
		inRig(t, setup{}, func(r *rig) {
			began := time.Now()
			a := r.ask(`query `+declared+` { u: user(by: {zoomId: "${HostID}"}) { department role { name } } `+beside+` }`, map[string]any{
				"ids": "garbage", "by": map[string]any{"id": "garbage"},
			})
			if took = time.Since(began); a.at(t, "u.role.name") == "" {
				t.Errorf("%s: %s", beside, a.body)
			}
		})
		return took
	}
	alone := took("", "")
	for _, c := range []struct{ declared, beside string }{
		{"", `user(by: {id: "garbage"}) { department role { name } }`},
		{"", `node(id: "garbage") { ... on User { department } }`},
		{"", `nodes(ids: ["${User HostID}", "garbage"]) { ... on User { department } }`},
		{"($ids: [ID!]!)", `nodes(ids: $ids) { ... on User { department } }`},
		{"($by: UserBy!)", `user(by: $by) { department }`},
		{"", `account { user(by: {id: "garbage"}) { department } }`},
	} {
		if got := took(c.declared, c.beside); got >= alone+time.Second {
			t.Errorf("%s: it took %s, and %s alone", c.beside, got, alone)
		}
	}
}

// TestFoundBefore_namesAskedTwice asks for a user once who is wanted by one key, and
// whole by another; and by the name that is asked for in the place of his own.
func TestFoundBefore_namesAskedTwice(t *testing.T) {
	l := &loaded{other: map[string]otherName{"c@x.example": {"c", 0}, "d@x.example": {"d", 0}}}
	keys := []userKey{{"a", false}, {"b", false}, {"a", true}, {"c@x.example", false}, {"c", false}, {"d@x.example", false}}
	_, places, ask := l.foundBefore(keys, 1)
	if want := []int{0, 1, 0, 2, 2, 3}; !slices.Equal(places, want) {
		t.Errorf("the places are %v, want %v", places, want)
	}
	if want := []userKey{{"a", true}, {"b", false}, {"c", false}, {"d@x.example", false}}; !slices.Equal(ask.keys, want) {
		t.Errorf("asked for are %v, want %v", ask.keys, want)
	}
	ask.found = make([]zoom.Found[types.User], len(ask.keys))
	for name, want := range map[string]bool{"a": true, "c": true, "c@x.example": false, "e": false} {
		if _, got := ask.get(name, false); got != want {
			t.Errorf("the round has found %s: %v, want %v", name, got, want)
		}
	}
	if _, got := ask.get("b", true); got {
		t.Error("what was not asked for whole was found whole")
	}
}
