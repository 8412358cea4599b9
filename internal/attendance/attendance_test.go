package attendance

import (
	"fmt"
	"testing"
	"time"
)

// held is a meeting from nine to ten that was planned for that hour.
var held = Meeting{ScheduledStart: at(0), ScheduledEnd: at(60), Start: at(0), End: at(60), AsOf: at(600)}

// summary is what a test compares: of each person the minute of joining and of leaving,
// the seconds, and what the person was.
func summary(a *Attendance) string {
	minute := func(t time.Time) any {
		if t.IsZero() {
			return "?"
		}
		return t.Sub(nine).Minutes()
	}
	var all []byte
	for _, p := range a.Persons {
		all = fmt.Appendf(all, "%v-%v=%d", minute(p.FirstJoin), minute(p.LastLeave), p.Seconds)
		for _, note := range []struct {
			yes  bool
			text string
		}{{!p.Attended, " out"}, {p.Late == Yes, " late"}, {p.Late == Unknown, " late?"}, {p.LeftEarly == Yes, " early"}, {p.LeftEarly == Unknown, " early?"}} {
			if note.yes {
				all = append(all, note.text...)
			}
		}
		all = append(all, "; "...)
	}
	if !a.Complete {
		all = append(all, "incomplete"...)
	}
	return string(all)
}

func TestRules(t *testing.T) {
	u := Stay{UserID: "U"}
	waiting := Stay{UserID: "U", Waiting: true}
	running := held
	running.End, running.AsOf = time.Time{}, at(30)
	unplanned, shorter, longer := held, held, held
	unplanned.ScheduledStart, unplanned.ScheduledEnd, unplanned.Start = time.Time{}, time.Time{}, at(10)
	shorter.End, longer.End = at(40), at(80)
	for _, test := range []struct {
		why   string
		in    Meeting
		stays []Stay
		rules Rules
		want  string
	}{
		{"all of the hour", held, []Stay{during(0, 60, u)}, Rules{}, "0-60=3600; "},
		{"a second device counts once", held, []Stay{during(0, 60, u), during(10, 20, u)}, Rules{}, "0-60=3600; "},
		{"devices that overlap", held, []Stay{during(0, 30, u), during(20, 60, u)}, Rules{}, "0-60=3600; "},
		{"a gap is none of it", held, []Stay{during(0, 20, u), during(30, 60, u)}, Rules{}, "0-60=3000; "},
		{"unless it is short enough", held, []Stay{during(0, 20, u), during(30, 60, u)}, Rules{MergeGap: 10 * time.Minute}, "0-60=3600; "},
		{"a gap that is too long", held, []Stay{during(0, 20, u), during(30, 60, u)}, Rules{MergeGap: 599 * time.Second}, "0-60=3000; "},
		{"late and early", held, []Stay{during(1, 59, u)}, Rules{}, "1-59=3480 late early; "},
		{"neither, with some minutes", held, []Stay{during(1, 59, u)}, Rules{LateAfter: time.Minute, LeftEarlyBefore: time.Minute}, "1-59=3480; "},
		{"too short to have attended", held, []Stay{during(0, 5, u)}, Rules{Minimum: 301 * time.Second, LeftEarlyBefore: time.Hour}, "0-5=300 out; "},
		{"just long enough", held, []Stay{during(0, 5, u)}, Rules{Minimum: 300 * time.Second, LeftEarlyBefore: time.Hour}, "0-5=300; "},
		{"waiting is not being there", held, []Stay{during(0, 6, waiting), during(6, 60, u)}, Rules{LateAfter: 5 * time.Minute}, "6-60=3240 late; "},
		{"or is, by the rule", held, []Stay{during(0, 6, waiting), during(6, 60, u)}, Rules{LateAfter: 5 * time.Minute, CountWaiting: true}, "0-60=3600; "},
		{"nobody let the person in", held, []Stay{during(0, 6, waiting)}, Rules{}, "?-?=0 out late? early?; "},
		{"late against the actual start where nothing was planned", unplanned, []Stay{during(15, 60, u)}, Rules{LateAfter: 4 * time.Minute}, "15-60=2700 late; "},
		{"to the end of a meeting that was shorter", shorter, []Stay{during(0, 40, u)}, Rules{}, "0-40=2400; "},
		{"to the end of the plan of one that was longer", longer, []Stay{during(0, 60, u)}, Rules{}, "0-60=3600; "},
		{"who is there still has not left early", running, []Stay{{UserID: "U", Join: at(0)}}, Rules{}, "0-?=1800 early?; incomplete"},
		{"who is not may come back", running, []Stay{during(0, 10, u)}, Rules{}, "0-10=600 early?; incomplete"},
	} {
		if got := summary(Of(test.in, test.stays, test.rules)); got != test.want {
			t.Errorf("%s: %s, want %s", test.why, got, test.want)
		}
	}
}

// What Zoom should not send crashes nothing, and counts as far as it says something.
func TestBadInput(t *testing.T) {
	u := Stay{UserID: "U"}
	stay := func(join, leave time.Time, seconds int) Stay {
		return Stay{UserID: "U", Join: join, Leave: leave, Seconds: seconds}
	}
	var none time.Time
	for _, test := range []struct {
		why   string
		in    Meeting
		stays []Stay
		want  string
	}{
		{"no rows", held, nil, ""},
		{"no row tells anything", held, []Stay{{}, {}}, "?-?=0 out late? early?; ?-?=0 out late? early?; incomplete"},
		{"left before joining", held, []Stay{stay(at(20), at(10), 0)}, "20-20=0 late early?; incomplete"},
		{"left before joining, and a length", held, []Stay{stay(at(20), at(10), 60)}, "20-21=60 late early; "},
		{"never left", held, []Stay{stay(at(20), none, 0)}, "20-60=2400 late early?; incomplete"},
		{"never left, and came back until the end", held, []Stay{stay(at(0), none, 0), during(20, 60, u)}, "0-60=3600; incomplete"},
		{"never left, and a length", held, []Stay{stay(at(20), none, 60)}, "20-21=60 late early; "},
		{"joined after the end and never left", held, []Stay{stay(at(70), none, 0)}, "70-70=0 late; incomplete"},
		{"never joined", held, []Stay{stay(none, at(10), 0)}, "0-10=600 late? early; incomplete"},
		{"left at the start, and never joined", held, []Stay{stay(none, at(0), 0), during(5, 60, u)}, "0-60=3300; incomplete"},
		{"never joined, and came again late", held, []Stay{{UserID: "U", Leave: at(3)}, during(5, 60, u)}, "0-60=3480 late?; incomplete"},
		{"never joined, and came again in time", held, []Stay{{UserID: "U", Leave: at(3)}, during(0, 60, u)}, "0-60=3600; incomplete"},
		{"a length alone beside a late stay", held, []Stay{{UserID: "U", Seconds: 60}, during(5, 60, u)}, "5-60=3300 late?; incomplete"},
		{"never joined, and a length", held, []Stay{stay(none, at(10), 60)}, "9-10=60 late early; "},
		{"a length alone", held, []Stay{stay(none, none, 60)}, "?-?=60 late? early?; incomplete"},
		{"a length alone beside a stay", held, []Stay{stay(none, none, 60), during(0, 60, u)}, "0-60=3600; incomplete"},
		{"lengths that are not ready yet", held, []Stay{stay(at(0), at(60), 0)}, "0-60=3600; "},
		{"a length that contradicts the times", held, []Stay{stay(at(0), at(60), 7)}, "0-60=3600; "},
		{"a negative length", held, []Stay{stay(at(0), none, -7)}, "0-60=3600 early?; incomplete"},
		{"a length beyond reason", held, []Stay{stay(none, none, 1<<62)}, "?-?=604800 late? early?; incomplete"},
		{"left in another century", held, []Stay{stay(at(0), nine.AddDate(400, 0, 0), 0)}, "0-0=0 early?; incomplete"},
		{"joined in another year", held, []Stay{stay(nine.AddDate(-1, 0, 0), at(10), 60)}, "-525600--525599=60 early; "},
		{"the same person twice at once", held, []Stay{during(0, 60, u), during(0, 60, u)}, "0-60=3600; "},
		{"came and went in one second", held, []Stay{stay(at(0), at(0), 0)}, "0-0=0 early; "},
		{"nothing is known of the meeting", Meeting{}, []Stay{during(0, 10, u), stay(at(20), none, 0), stay(none, at(30), 0)}, "0-?=600 late? early?; incomplete"},
	} {
		a := Of(test.in, test.stays, Rules{})
		if got := summary(a); got != test.want {
			t.Errorf("%s: %s, want %s", test.why, got, test.want)
		}
		if absent := a.Absent([]Registrant{{}, {ID: "R"}}); len(absent) != 2 {
			t.Errorf("%s: absent are %v", test.why, absent)
		}
	}
}

func TestAbsent(t *testing.T) {
	stays := []Stay{
		during(0, 60, Stay{RegistrantID: "A"}), during(0, 60, Stay{Email: "b@x.y"}),
		during(0, 1, Stay{RegistrantID: "C"}), during(0, 60, Stay{RegistrantID: "D", Waiting: true}),
	}
	registrants := []Registrant{{ID: "A", Email: "a@x.y"}, {ID: "B", Email: "B@x.y"}, {ID: "C", Email: "c@x.y"}, {ID: "D", Email: "d@x.y"}, {ID: "E", Email: "e@x.y", At: at(60)}, {ID: "F", Email: "f@x.y", At: at(61)}}
	if got := fmt.Sprint(Of(held, stays, Rules{Minimum: time.Minute}).Absent(registrants)); got != "[3 4]" {
		t.Errorf("absent are %s", got)
	}
	a := Of(held, stays, Rules{Minimum: 2 * time.Minute})
	if got := fmt.Sprint(a.Absent(registrants)); got != "[2 3 4]" {
		t.Errorf("absent are %s", got)
	}
	if want := (Totals{Persons: 4, Attended: 2, Stays: 4, Seconds: 7260}); a.Totals != want {
		t.Errorf("the totals are %+v, want %+v", a.Totals, want)
	}
}

func TestCurve(t *testing.T) {
	stays := []Stay{
		during(0, 10, Stay{UserID: "A"}), during(5, 20, Stay{UserID: "B"}), during(7, 9, Stay{UserID: "B"}),
		during(10, 30, Stay{UserID: "C"}), during(12, 12, Stay{UserID: "D"}), during(25, 26, Stay{UserID: "A"}),
	}
	a := Of(held, stays, Rules{})
	points := func(most int) string {
		var all []byte
		for _, p := range a.Curve(most) {
			all = fmt.Appendf(all, "%.1f:%d ", p.At.Sub(nine).Minutes(), p.Count)
		}
		return string(all)
	}
	for most, want := range map[int]string{
		100: "0.0:1 5.0:2 20.0:1 25.0:2 26.0:1 30.0:0 ",
		6:   "0.0:1 5.0:2 20.0:1 25.0:2 26.0:1 30.0:0 ",
		5:   "0.0:2 7.5:2 15.0:2 22.5:2 30.0:0 ",
		2:   "0.0:2 30.0:0 ",
		1:   "0.0:1 ", 0: "", -1: "",
	} {
		if got := points(most); got != want {
			t.Errorf("%d points are %s, want %s", most, got, want)
		}
	}
	if a.Peak != (Point{at(5), 2}) {
		t.Errorf("the peak is %v", a.Peak)
	}
	if none := Of(held, nil, Rules{}); none.Peak != (Point{}) || len(none.Curve(10)) != 0 {
		t.Errorf("nobody peaks at %v", none.Peak)
	}
}
