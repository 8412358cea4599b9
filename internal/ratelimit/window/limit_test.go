package window_test

import (
	"testing"
	"time"

	"zoomql/internal/ratelimit/window"
)

func TestSpan(t *testing.T) {
	for _, c := range []struct {
		why  string
		l    window.Limit
		want time.Duration
	}{
		{"the guard is 4 % by default", window.Limit{Window: time.Second}, 1040 * time.Millisecond},
		{"the guard is given", window.Limit{Window: time.Second, Guard: time.Minute}, 61 * time.Second},
		{"no guard", window.Limit{Window: time.Second, Guard: -1}, time.Second},
		{"a day begins 2 s after midnight", window.Limit{Daily: true}, 2 * time.Second},
	} {
		if got := c.l.Span(); got != c.want {
			t.Errorf("%s: the span is %v, want %v", c.why, got, c.want)
		}
	}
}

// TestEffective_neverMoreFrequent: the calls that are left to competing usage replace
// the guard but for an eighth, and never allow calls to start more often than without any.
func TestEffective_neverMoreFrequent(t *testing.T) {
	for _, l := range []window.Limit{
		{Calls: 80, Window: time.Second},
		{Calls: 80, Window: time.Second, Guard: time.Second},
		{Calls: 1, Window: time.Second},
		{Calls: 30, Window: time.Minute, Guard: -1},
	} {
		for competing := range l.Calls {
			effective := l.Effective(competing)
			if effective > l.Span() || effective < l.Window+l.Margin()/8 {
				t.Errorf("%+v, %d competing: %v", l, competing, effective)
			}
			if ours := float64(l.Calls-competing) / effective.Seconds(); ours > float64(l.Calls)/l.Span().Seconds() {
				t.Errorf("%+v, %d competing: %v calls a second", l, competing, ours)
			}
		}
	}
}

func TestShare(t *testing.T) {
	for _, c := range []struct {
		why  string
		l    window.Limit
		n    int
		want window.Limit
	}{
		{"one replica has all", window.Limit{Calls: 80, Window: time.Second}, 1, window.Limit{Calls: 80, Window: time.Second}},
		{"a part is rounded down", window.Limit{Calls: 80, Window: time.Second}, 3, window.Limit{Calls: 26, Window: time.Second}},
		{"a burst is rounded up", window.Limit{Calls: 80, Window: time.Second, Burst: 40}, 3, window.Limit{Calls: 26, Window: time.Second, Burst: 14}},
		{"less than one each is one in a longer window", window.Limit{Calls: 2, Window: time.Second, Guard: -1}, 6, window.Limit{Calls: 1, Window: 3 * time.Second, Guard: -1}},
		{"the guard grows with the window", window.Limit{Calls: 1, Window: time.Second}, 2, window.Limit{Calls: 1, Window: 2 * time.Second, Guard: 80 * time.Millisecond}},
		{"a day", window.Limit{Calls: 1000, Daily: true}, 4, window.Limit{Calls: 250, Daily: true}},
		{"less than one a day is one", window.Limit{Calls: 3, Daily: true}, 4, window.Limit{Calls: 1, Daily: true}},
	} {
		if got := c.l.Share(c.n); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.why, got, c.want)
		}
	}
}

func TestPortion(t *testing.T) {
	for _, c := range []struct {
		why        string
		l          window.Limit
		present, n int
		want       window.Limit
	}{
		{"a third is left to a missing replica", window.Limit{Calls: 80, Window: time.Second, Burst: 40}, 2, 3, window.Limit{Calls: 53, Window: time.Second, Burst: 27}},
		{"at least one call", window.Limit{Calls: 1, Window: time.Second}, 1, 2, window.Limit{Calls: 1, Window: time.Second}},
		{"a day is not divided", window.Limit{Calls: 1000, Daily: true}, 1, 2, window.Limit{Calls: 1000, Daily: true}},
	} {
		if got := c.l.Portion(c.present, c.n); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.why, got, c.want)
		}
	}
}
