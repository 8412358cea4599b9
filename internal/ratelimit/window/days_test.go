package window_test

import (
	"testing"
	"time"

	"zoomql/internal/ratelimit/window"
)

func TestDays_midnight(t *testing.T) {
	l := window.Limit{Calls: 2, Daily: true}
	midnight := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	today := l.DayOf(midnight.Add(-time.Minute).UnixNano())
	if got := time.Unix(0, l.DayStart(today+1)).UTC(); !got.Equal(midnight.Add(2 * time.Second)) {
		t.Errorf("the next day begins at %v, want 2 s after midnight: the origin's clock may be behind", got)
	}
	for at, day := range map[time.Duration]int64{-time.Hour: today, time.Second: today, 2 * time.Second: today + 1, 12 * time.Hour: today + 1} {
		if got := l.DayOf(midnight.Add(at).UnixNano()); got != day {
			t.Errorf("%v from midnight is day %d, want %d", at, got, day)
		}
	}
}

func TestDays_countsAndForgets(t *testing.T) {
	var ds window.Days
	ds.Add(8, 2)
	ds.Add(7, 3)
	ds.Add(7, -1)
	ds.Add(8, -5)
	ds.Add(9, -1)
	if got := [3]int{ds.Used(7), ds.Used(8), ds.Used(9)}; got != [3]int{2, 0, 0} {
		t.Errorf("used %v, want 2 on the first day: a count is never below zero", got)
	}
	ds.Forget(8)
	if ds.Used(7) != 0 || len(ds) != 1 {
		t.Errorf("%d days are counted, with %d calls of a day that is over", len(ds), ds.Used(7))
	}
}
