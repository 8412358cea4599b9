package rosters

import (
	"math/bits"
	"testing"
	"time"

	"zoomql/internal/zoom/types"
)

// monday is a time at which the tests begin.
var monday = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// TestKey_nextMoment checks that the times of longer intervals are among those of shorter ones, and
// that different rosters have different times.
func TestKey_nextMoment(t *testing.T) {
	phases := map[time.Duration]bool{}
	for i := range 50 {
		key := Key{Account: "A", Number: types.MeetingNumber(i)}
		first := key.NextMoment(monday, CompareEvery)
		phases[first.Sub(monday)] = true
		for _, after := range []time.Duration{0, time.Second, CompareEvery - time.Second} {
			if next := key.NextMoment(first.Add(after), CompareEvery); !next.Equal(first.Add(CompareEvery)) {
				t.Errorf("after %v it is %v, want %v", after, next, first.Add(CompareEvery))
			}
		}
		rare := key.NextMoment(monday, 8*CompareEvery)
		if off := rare.Sub(first); off < 0 || off%CompareEvery != 0 || off > 8*CompareEvery {
			t.Errorf("a time of a longer interval is %v after one of the shortest", off)
		}
	}
	if len(phases) < 40 {
		t.Errorf("50 rosters have %d different times", len(phases))
	}
}

// TestPaceOf spaces comparisons by the day's remaining budget.
func TestPaceOf(t *testing.T) {
	for _, c := range []struct {
		left, calls int
		untilReset  time.Duration
		want        int
	}{
		{60_000, 1, 24 * time.Hour, 1},
		{60_000, 50, 24 * time.Hour, 1},
		{60_000, 1000, 24 * time.Hour, 32},
		{1000, 1, 24 * time.Hour, 2},
		{1000, 1, time.Hour, 1},
		{0, 1, time.Hour, maxPace},
		{-5, 1, time.Hour, maxPace},
		{1, 1_000_000, 24 * time.Hour, maxPace},
	} {
		got := paceOf(c.left, c.calls, c.untilReset)
		if got != c.want || bits.OnesCount(uint(got)) != 1 {
			t.Errorf("%d calls with %d left for %v: %d, want %d", c.calls, c.left, c.untilReset, got, c.want)
		}
	}
}

// TestListedOf takes the user of a row from either of Zoom's fields.
func TestListedOf(t *testing.T) {
	at := types.Time{Time: monday}
	for _, c := range []struct {
		row  types.DashboardParticipant
		want string
	}{
		{types.DashboardParticipant{InMeetingID: "1", JoinTime: at, ZoomID: "host"}, "host"},
		{types.DashboardParticipant{InMeetingID: "1", JoinTime: at, ZoomID: "old", ParticipantUserID: "new"}, "new"},
		{types.DashboardParticipant{InMeetingID: "1", JoinTime: at}, ""},
	} {
		if got := listedOf(&c.row); got == nil || got.UserID != c.want {
			t.Errorf("%+v: %+v, want the user %q", c.row, got, c.want)
		}
	}
	if listedOf(&types.DashboardParticipant{InMeetingID: "1"}) != nil {
		t.Error("a row without a time is listed")
	}
}
