package attendance

import (
	"fmt"
	"testing"
	"time"
)

// TestOfAll makes one person of those of several meetings, with the values of all; ids that are good
// within a meeting merge nothing across meetings.
func TestOfAll(t *testing.T) {
	day := func(n int, s Stay) Stay {
		s.Join, s.Leave = s.Join.AddDate(0, 0, n), s.Leave.AddDate(0, 0, n)
		return s
	}
	meeting := func(n int) Meeting {
		return Meeting{ScheduledStart: at(0).AddDate(0, 0, n), ScheduledEnd: at(60).AddDate(0, 0, n), Start: at(0).AddDate(0, 0, n), End: at(60).AddDate(0, 0, n)}
	}
	held := []Held{
		{meeting(0), []Stay{during(0, 60, Stay{UserID: "U"}), during(0, 30, Stay{RegistrantID: "R", Email: "r@x.y"}), during(0, 60, Stay{ParticipantUUID: "1"})}},
		{meeting(7), []Stay{day(7, during(20, 60, Stay{RegistrantID: "R"})), day(7, during(0, 60, Stay{ParticipantUUID: "1"}))}},
		{meeting(14), nil},
		{meeting(21), []Stay{day(21, during(0, 10, Stay{UserID: "U"})), day(21, during(5, 60, Stay{UserID: "U"})), day(21, during(0, 60, Stay{Email: "R@x.y"}))}},
	}
	a := OfAll(held, Rules{Minimum: 31 * time.Minute})
	var got []byte
	for _, p := range a.Persons {
		got = fmt.Appendf(got, "%v in %v: %d s, %d of %d", p.Stays, p.Meetings, p.Seconds, p.AttendedCount, len(p.Presences))
		for _, there := range p.Presences {
			if there.Late == Yes {
				got = append(got, " late"...)
			}
			if there.LeftEarly == Yes {
				got = append(got, " early"...)
			}
		}
		got = append(got, "; "...)
	}
	const want = "[0 5 6] in [0 3]: 7200 s, 2 of 2; [1 3 7] in [0 1 3]: 7800 s, 2 of 3 early late; [2] in [0]: 3600 s, 1 of 1; [4] in [1]: 3600 s, 1 of 1; "
	if string(got) != want {
		t.Errorf("the persons are\n%s, want\n%s", got, want)
	}
	if fmt.Sprint(a.Attended) != "[2 2 0 2]" || !a.Complete {
		t.Errorf("attended are %v, complete is %v", a.Attended, a.Complete)
	}
	if absent := a.Absent([]Registrant{{ID: "R"}, {ID: "S"}, {Email: "R@X.Y"}}); fmt.Sprint(absent) != "[1]" {
		t.Errorf("absent are %v", absent)
	}
	registered := []Registrant{{ID: "S", At: at(60).AddDate(0, 0, 21)}, {ID: "T", At: at(61).AddDate(0, 0, 21)}}
	if absent := a.Absent(registered); fmt.Sprint(absent) != "[0]" {
		t.Errorf("absent of those who registered late are %v", absent)
	}
	held[2].Stays, held[2].End = []Stay{{UserID: "U", Join: at(0)}}, time.Time{}
	if OfAll(held, Rules{}).Complete {
		t.Error("a meeting that goes on is complete")
	}
}
