package window_test

import (
	"testing"

	"zoomql/internal/ratelimit/window"
)

// TestEarliest_oneLimit is the rule in numbers: at most 2 starts in any span of 10.
func TestEarliest_oneLimit(t *testing.T) {
	for _, c := range []struct {
		why     string
		starts  []int64
		t, want int64
	}{
		{"an empty log forbids nothing", nil, 5, 5},
		{"one start leaves room for another", []int64{0}, 5, 5},
		{"two starts are a full span", []int64{0, 4}, 5, 10},
		{"a gap before a reservation is used", []int64{0, 12}, 1, 1},
		{"a gap between starts a span apart is used", []int64{0, 11}, 5, 5},
		{"a gap with too many starts after it is not used", []int64{0, 9, 12}, 5, 19},
		{"reservations far ahead leave what is before them", []int64{20, 21}, 5, 5},
	} {
		var w window.Log
		for _, start := range c.starts {
			w.Add(start)
		}
		if got := w.Earliest(c.t, 10, 2); got != c.want {
			t.Errorf("%s: a call at %d starts at %d, want %d", c.why, c.t, got, c.want)
		}
	}
}

func TestForget_boundsMemory(t *testing.T) {
	var w window.Log
	for now := range int64(100_000) {
		w.Forget(now, 10)
		w.Add(now)
	}
	if n := len(w.Starts()); n > 11 || cap(w.Starts()) > 100 {
		t.Errorf("%d starts in a slice of %d", n, cap(w.Starts()))
	}
}
