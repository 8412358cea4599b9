package directory

import (
	"slices"
	"testing"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// TestFoundBefore_namesAskedTwice asks for a user once who is wanted by one key, and
// whole by another; and by the name that is asked for in the place of his own.
func TestFoundBefore_namesAskedTwice(t *testing.T) {
	l := &Directory{other: map[string]otherName{"c@x.example": {"c", 0}, "d@x.example": {"d", 0}}}
	keys := []Key{{"a", false}, {"b", false}, {"a", true}, {"c@x.example", false}, {"c", false}, {"d@x.example", false}}
	_, places, ask := l.foundBefore(keys, 1)
	if want := []int{0, 1, 0, 2, 2, 3}; !slices.Equal(places, want) {
		t.Errorf("the places are %v, want %v", places, want)
	}
	if want := []Key{{"a", true}, {"b", false}, {"c", false}, {"d@x.example", false}}; !slices.Equal(ask.keys, want) {
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
