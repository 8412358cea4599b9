package window_test

import (
	"testing"
	"time"

	"zoomql/internal/ratelimit/window"
)

const hour = time.Hour

// held is an estimate of 26 calls from a refusal at a time, which holds for so long.
func held(refused, hold time.Duration) window.Competing {
	return window.Competing{Calls: 26, Until: int64(refused + hold), Hold: int64(hold), Refused: int64(refused)}
}

func TestRefuse(t *testing.T) {
	l := window.Limit{Calls: 80, Window: time.Second}
	var none window.Competing
	for _, c := range []struct {
		why    string
		before window.Competing
		at     time.Duration
		own    int
		calls  int
		hold   time.Duration
		block  time.Duration
	}{
		{"a first refusal: three tenths, for a short hold", none, hour, 70, 26, 5 * time.Second, 0},
		{"a first refusal, nearly all calls are our own: perhaps no other application, so a shorter hold", none, hour, 77, 26, 2080 * time.Millisecond, 0},
		{"another such refusal, later: measured", held(hour, 2*time.Second), hour + 30*time.Second, 77, 8, 5 * time.Second, 0},
		{"another such refusal, within a window: the estimate was too low", held(hour, 2*time.Second), hour + time.Second, 77, 34, 5 * time.Second, 0},
		{"a first refusal, and they have more than three tenths", none, hour, 41, 42, 5 * time.Second, 0},
		{"most of the window is theirs: half of the rest, and nothing starts for a window", none, hour, 3, 40, 2080 * time.Millisecond, time.Second},
		{"a call that was in flight carries no information", held(hour, 5*time.Second), hour + window.InFlight - 1, 60, 26, 5 * time.Second, 0},
		{"within a window of the first: they have not used a full window yet", held(hour, 5*time.Second), hour + time.Second, 54, 34, 5 * time.Second, 0},
		{"a window later: what they have just used", held(hour, 5*time.Second), hour + 1100*time.Millisecond, 54, 29, time.Minute, 0},
		{"while the estimate holds: more than the estimate", held(hour, 5*time.Second), hour + 4*time.Second, 50, 33, time.Minute, 0},
		{"while the estimate decays: measured, with the square root added, and a longer hold", held(hour, 5*time.Second), hour + 8*time.Second, 62, 26, time.Minute, 0},
		{"while the estimate decays: hardly more than the estimate that sufficed", held(hour, 5*time.Second), hour + 8*time.Second, 50, 29, time.Minute, 0},
		{"while a short estimate decays: measured", held(hour, 2*time.Second), hour + 5*time.Second/2, 62, 26, time.Minute, 0},
		{"confirmed, within a window: hardly more than the estimate", held(hour, time.Minute), hour + time.Second, 54, 28, time.Minute, 0},
		{"confirmed, while it holds: hardly more, for twice as long", held(hour, time.Minute), hour + 30*time.Second, 45, 27, 2 * time.Minute, 0},
		{"confirmed, while it decays: for twice as long", held(hour-time.Minute, time.Minute), hour + 2*time.Second, 62, 26, 2 * time.Minute, 0},
		{"the hold is bounded", held(hour-window.HoldMax, window.HoldMax), hour + 2*time.Second, 62, 26, window.HoldMax, 0},
		{"a refusal long ago is forgotten", held(hour, 5*time.Second), 3 * hour, 70, 26, 5 * time.Second, 0},
	} {
		est := c.before
		block := est.Refuse(int64(c.at), c.own, &l)
		if est.Calls != c.calls || time.Duration(est.Hold) != c.hold || block != c.block {
			t.Errorf("%s: %d calls for %v, blocked for %v; want %d for %v, %v", c.why, est.Calls, time.Duration(est.Hold), block, c.calls, c.hold, c.block)
		}
	}
}

func TestRefuse_windowOfOneCall(t *testing.T) {
	l := window.Limit{Calls: 1, Window: time.Second}
	var est window.Competing
	if block := est.Refuse(int64(hour), 1, &l); block != time.Second || est.Calls != 0 {
		t.Errorf("blocked for %v with an estimate of %d; no call can be left to others, so a window is waited for", block, est.Calls)
	}
}

// TestObserve_risesAtOnceFallsByOne reads figures of a limit of 10 calls, one of which
// was counted here.
func TestObserve_risesAtOnceFallsByOne(t *testing.T) {
	l := window.Limit{Calls: 10, Window: time.Second}
	var est window.Competing
	for _, c := range []struct{ left, calls int }{{9, 0}, {4, 5}, {9, 4}, {9, 3}, {5, 4}, {0, 9}} {
		if est.Observe(int64(hour), 1, c.left, &l); est.Calls != c.calls {
			t.Errorf("%d left: the estimate is %d, want %d", c.left, est.Calls, c.calls)
		}
	}
}

func TestAt_decays(t *testing.T) {
	l := window.Limit{Calls: 80, Window: time.Second}
	for _, c := range []struct {
		hold time.Duration
		left map[time.Duration]int
	}{
		{window.HoldFirst, map[time.Duration]int{0: 24, time.Second: 23, 5 * time.Second: 16, 11 * time.Second: 0, 1000 * hour: 0}},
		{window.HoldShort, map[time.Duration]int{0: 24, time.Second / 6: 23, time.Second: 14, 2 * time.Second: 0}},
	} {
		est := window.Competing{Calls: 24, Until: int64(hour), Hold: int64(c.hold)}
		for after, want := range c.left {
			if got := est.At(int64(hour+after), &l); got != want {
				t.Errorf("held for %v, %v later: %d, want %d", c.hold, after, got, want)
			}
		}
	}
}
