package window_test

import (
	"testing"
	"time"

	"zoomql/internal/ratelimit/window"
)

func TestGuard(t *testing.T) {
	for _, test := range []struct {
		why  string
		l    window.Limit
		want time.Duration
	}{
		{"4 % unless told otherwise", window.Limit{Window: time.Second}, 1040 * time.Millisecond},
		{"as told", window.Limit{Window: time.Second, Guard: time.Minute}, 61 * time.Second},
		{"none", window.Limit{Window: time.Second, Guard: -1}, time.Second},
	} {
		if got := test.l.Span(); got != test.want {
			t.Errorf("%s: span is %v, want %v", test.why, got, test.want)
		}
	}
	if got := (window.Limit{Daily: true}).Margin(); got != 2*time.Second {
		t.Errorf("a day begins %v after midnight", got)
	}
}

// TestBeside: what is left to others makes up for the guard but for an eighth, and
// that never makes calls more frequent than they would be without others.
func TestBeside(t *testing.T) {
	for _, l := range []window.Limit{
		{Calls: 80, Window: time.Second},
		{Calls: 80, Window: time.Second, Guard: time.Second},
		{Calls: 1, Window: time.Second},
		{Calls: 30, Window: time.Minute, Guard: -1},
	} {
		for others := range l.Calls {
			is := l.Effective(others)
			if is > l.Span() || is < l.Window+l.Margin()/8 {
				t.Errorf("%+v, %d others: %v", l, others, is)
			}
			if ours := float64(l.Calls-others) / is.Seconds(); ours > float64(l.Calls)/l.Span().Seconds() {
				t.Errorf("%+v, %d others: %v calls a second", l, others, ours)
			}
		}
	}
}

func TestShare(t *testing.T) {
	for _, test := range []struct {
		why  string
		l    window.Limit
		n    int
		want window.Limit
	}{
		{"alone: all", window.Limit{Calls: 80, Window: time.Second}, 1, window.Limit{Calls: 80, Window: time.Second}},
		{"a part, rounded down", window.Limit{Calls: 80, Window: time.Second}, 3, window.Limit{Calls: 26, Window: time.Second}},
		{"less than one each: one in a longer window", window.Limit{Calls: 2, Window: time.Second, Guard: -1}, 6, window.Limit{Calls: 1, Window: 3 * time.Second, Guard: -1}},
		{"the guard grows with it", window.Limit{Calls: 1, Window: time.Second}, 2, window.Limit{Calls: 1, Window: 2 * time.Second, Guard: 80 * time.Millisecond}},
		{"a day", window.Limit{Calls: 1000, Daily: true}, 4, window.Limit{Calls: 250, Daily: true}},
		{"less than one a day: one all the same", window.Limit{Calls: 3, Daily: true}, 4, window.Limit{Calls: 1, Daily: true}},
	} {
		if got := test.l.Share(test.n); got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.why, got, test.want)
		}
	}
}
