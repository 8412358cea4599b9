package window_test

import (
	"testing"
	"time"

	"zoomql/internal/ratelimit/window"
)

const hour = time.Hour

func TestRefuse(t *testing.T) {
	l := window.Limit{Calls: 80, Window: time.Second}
	for _, c := range []struct {
		why    string
		before window.Competing
		at     time.Duration
		own    int
		calls  int
		hold   time.Duration
		block  time.Duration
	}{
		{"at first: three tenths, and for a moment", window.Competing{}, hour, 70, 26, 5 * time.Second, 0},
		{"at first, when hardly any room is left for others: perhaps there are none", window.Competing{}, hour, 77, 26, 2080 * time.Millisecond, 0},
		{"so again, but measured", window.Competing{Calls: 26, Until: int64(hour + 2*time.Second), Hold: int64(2 * time.Second), Refused: int64(hour)}, hour + 30*time.Second, 77, 8, 5 * time.Second, 0},
		{"so in a moment: they are there", window.Competing{Calls: 26, Until: int64(hour + 2*time.Second), Hold: int64(2 * time.Second), Refused: int64(hour)}, hour + time.Second, 77, 34, 5 * time.Second, 0},
		{"at first, when they are more", window.Competing{}, hour, 41, 42, 5 * time.Second, 0},
		{"most of the window is theirs: half, and a window's wait", window.Competing{}, hour, 3, 40, 2080 * time.Millisecond, time.Second},
		{"another that was under way", window.Competing{Calls: 26, Until: int64(hour + 5*time.Second), Hold: int64(5 * time.Second), Refused: int64(hour)}, hour + window.InFlight - 1, 60, 26, 5 * time.Second, 0},
		{"they are more than it seemed", window.Competing{Calls: 26, Until: int64(hour + 5*time.Second), Hold: int64(5 * time.Second), Refused: int64(hour)}, hour + time.Second, 54, 34, 5 * time.Second, 0},
		{"and a window later: what they have just spent", window.Competing{Calls: 26, Until: int64(hour + 5*time.Second), Hold: int64(5 * time.Second), Refused: int64(hour)}, hour + 1100*time.Millisecond, 54, 29, time.Minute, 0},
		{"more than was enough, if it was not", window.Competing{Calls: 26, Until: int64(hour + 5*time.Second), Hold: int64(5 * time.Second), Refused: int64(hour)}, hour + 4*time.Second, 50, 33, time.Minute, 0},
		{"doubt meets them again: measured, perhaps not at their busiest, and for longer", window.Competing{Calls: 26, Until: int64(hour + 5*time.Second), Hold: int64(5 * time.Second), Refused: int64(hour)}, hour + 8*time.Second, 62, 26, time.Minute, 0},
		{"so, but hardly more than was enough", window.Competing{Calls: 26, Until: int64(hour + 5*time.Second), Hold: int64(5 * time.Second), Refused: int64(hour)}, hour + 8*time.Second, 50, 29, time.Minute, 0},
		{"met by a fast doubt", window.Competing{Calls: 26, Until: int64(hour + 2*time.Second), Hold: int64(2 * time.Second), Refused: int64(hour)}, hour + 5*time.Second/2, 62, 26, time.Minute, 0},
		{"once measured, they are hardly more than it seemed", window.Competing{Calls: 26, Until: int64(hour + time.Minute), Hold: int64(time.Minute), Refused: int64(hour)}, hour + time.Second, 54, 28, time.Minute, 0},
		{"nor later, while it is believed", window.Competing{Calls: 26, Until: int64(hour + time.Minute), Hold: int64(time.Minute), Refused: int64(hour)}, hour + 30*time.Second, 45, 27, 2 * time.Minute, 0},
		{"again, for twice as long", window.Competing{Calls: 26, Until: int64(hour), Hold: int64(time.Minute), Refused: int64(hour - time.Minute)}, hour + 2*time.Second, 62, 26, 2 * time.Minute, 0},
		{"never for longer than this", window.Competing{Calls: 26, Until: int64(hour), Hold: int64(window.HoldMax), Refused: int64(hour - window.HoldMax)}, hour + 2*time.Second, 62, 26, window.HoldMax, 0},
		{"long ago is forgotten", window.Competing{Calls: 26, Until: int64(hour), Hold: int64(5 * time.Second), Refused: int64(hour)}, 3 * hour, 70, 26, 5 * time.Second, 0},
	} {
		est := c.before
		block := est.Refuse(int64(c.at), c.own, &l)
		if est.Calls != c.calls || time.Duration(est.Hold) != c.hold || block != c.block {
			t.Errorf("%s: %d others for %v, blocked for %v", c.why, est.Calls, time.Duration(est.Hold), block)
		}
	}
	single := window.Limit{Calls: 1, Window: time.Second}
	var est window.Competing
	if block := est.Refuse(int64(hour), 1, &single); block != time.Second || est.Calls != 0 {
		t.Errorf("the only call of a window: blocked for %v, %d others", block, est.Calls)
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
				t.Errorf("believed for %v, after %v: %d, want %d", c.hold, after, got, want)
			}
		}
	}
}
