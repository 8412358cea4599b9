package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"zoomql/internal/zoom"
)

func TestMonths(t *testing.T) {
	for _, c := range []struct{ why, from, to, want string }{
		{"one day", "2026-03-16", "2026-03-16", "03-16…03-16"},
		{"within a month", "2026-03-02", "2026-03-16", "03-02…03-16"},
		{"the longest range that Zoom accepts", "2026-02-16", "2026-03-16", "02-16…03-16"},
		{"one day longer", "2026-02-16", "2026-03-17", "03-01…03-17 02-16…02-28"},
		{"a month from its last day", "2026-01-31", "2026-02-28", "01-31…02-28"},
		{"newest first", "2026-01-31", "2026-03-01", "03-01…03-01 02-01…02-28 01-31…01-31"},
		{"over the year's end, with a leap day", "2023-12-30", "2024-02-29", "02-01…02-29 01-01…01-31 12-30…12-31"},
	} {
		day := func(s string) time.Time {
			at, err := time.Parse(time.DateOnly, s)
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		var got []string
		for _, m := range Months(day(c.from), day(c.to)) {
			got = append(got, fmt.Sprintf("%s…%s", m.From.Format("01-02"), m.To.Format("01-02")))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", c.why, got, c.want)
		}
	}
}

func TestPageSize(t *testing.T) {
	for _, c := range []struct{ first, most, want int }{
		{1, 300, 30}, {30, 300, 30}, {31, 300, 100}, {101, 300, 300}, {3000, 300, 300}, {3000, 5000, 5000}, {1001, 2000, 2000}, {10, 20, 20},
	} {
		if got := PageSize(c.first, c.most); got != c.want {
			t.Errorf("%d items of pages of %d: %d, want %d", c.first, c.most, got, c.want)
		}
	}
}

// TestOldest expects the last day of a month that is too short for the day.
func TestOldest(t *testing.T) {
	for _, c := range []struct{ day, want string }{
		{"2026-08-28", "2026-02-28"}, {"2026-08-29", "2026-02-28"}, {"2026-08-31", "2026-02-28"}, {"2026-09-01", "2026-03-01"},
		{"2026-12-31", "2026-06-30"}, {"2024-08-30", "2024-02-29"},
	} {
		day, err := time.Parse(time.DateOnly, c.day)
		if err != nil {
			t.Fatal(err)
		}
		if got := Oldest(&zoom.Spec{Months: 6}, day).Format(time.DateOnly); got != c.want {
			t.Errorf("on %s it is %s, want %s", c.day, got, c.want)
		}
	}
}

// TestGrownSize expects the cursor's size on all pages except the first one.
func TestGrownSize(t *testing.T) {
	for _, c := range []struct {
		size, before, first, most int
		onFirst                   bool
		want                      int
	}{
		{30, 20, 10, 2000, true, 30}, {30, 20, 20, 2000, true, 100}, {30, 30, 3000, 2000, true, 2000}, {30, 20, 300, 300, true, 300},
		{30, 20, 20, 2000, false, 30}, {300, 0, 20, 2000, true, 300},
	} {
		if got := GrownSize(c.size, c.before, c.first, c.most, c.onFirst); got != c.want {
			t.Errorf("%+v: the size is %d", c, got)
		}
	}
}
