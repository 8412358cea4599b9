package window_test

import (
	"testing"

	"zoomql/internal/ratelimit/window"
)

func TestWindowForgets(t *testing.T) {
	var w window.Log
	for now := range int64(100_000) {
		w.Forget(now, 10)
		w.Add(now)
	}
	if n := len(w.Starts()); n > 11 || cap(w.Starts()) > 100 {
		t.Errorf("remembers %d starts in %d places", n, cap(w.Starts()))
	}
}
