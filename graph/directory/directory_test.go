package directory

import (
	"slices"
	"testing"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// A user with several keys is requested once: whole if one of them is, and by one of the
// names.
func TestFoundBefore_severalKeysOfOneUser(t *testing.T) {
	l := &Directory{other: map[string]otherName{"c@x.example": {"c", 0}, "d@x.example": {"d", 0}}}
	keys := []Key{{"a", false}, {"b", false}, {"a", true}, {"c@x.example", false}, {"c", false}, {"d@x.example", false}}
	_, places, ask := l.foundBefore(keys, 1)
	if want := []int{0, 1, 0, 2, 2, 3}; !slices.Equal(places, want) {
		t.Errorf("the places are %v, want %v", places, want)
	}
	if want := []Key{{"a", true}, {"b", false}, {"c", false}, {"d@x.example", false}}; !slices.Equal(ask.keys, want) {
		t.Errorf("the requested keys are %v, want %v", ask.keys, want)
	}
	ask.found = make([]zoom.Found[types.User], len(ask.keys))
	for name, want := range map[string]bool{"a": true, "c": true, "c@x.example": false, "e": false} {
		if _, got := ask.get(name, false); got != want {
			t.Errorf("the round has found %s: %v, want %v", name, got, want)
		}
	}
	if _, got := ask.get("b", true); got {
		t.Error("a user that was not requested whole was found whole")
	}
}
