package attendance

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

var nine = time.Date(2026, 3, 16, 9, 0, 0, 0, time.UTC)

// at is a minute after nine.
func at(minute int) time.Time { return nine.Add(time.Duration(minute) * time.Minute) }

// during returns a stay with its times.
func during(from, to int, s Stay) Stay {
	s.Join, s.Leave = at(from), at(to)
	return s
}

func TestPersons(t *testing.T) {
	for _, test := range []struct {
		why    string
		stays  []Stay
		byName bool
		want   string // persons as their stays, evidence and confidence; "!" where contradicted
	}{
		{"nobody", nil, false, ""},
		{"two guests of one name are two", []Stay{{Name: "Ann"}, {Name: "Ann"}}, false, "0:0/0 1:0/0"},
		{"and one where the caller says so", []Stay{during(0, 5, Stay{Name: "Ann"}), during(5, 9, Stay{Name: " ann  "})}, true, "01:1/0"},
		{"but not both at a time", []Stay{during(0, 5, Stay{Name: "Ann"}), during(4, 9, Stay{Name: "Ann"})}, true, "0:0/0! 1:0/0!"},
		{"a name goes with the one user of it", []Stay{during(0, 5, Stay{Name: "Ann", UserID: "U"}), during(5, 9, Stay{Name: "Ann"})}, true, "01:1/0"},
		{"and with neither of two", []Stay{during(0, 5, Stay{Name: "Ann", UserID: "U"}), during(5, 9, Stay{Name: "Ann"}), during(9, 10, Stay{Name: "Ann", UserID: "V"})}, true, "0:5/0! 1:0/0! 2:5/0!"},
		{"a user rejoins", []Stay{{UserID: "U"}, {UserID: "V"}, {UserID: "U"}}, false, "02:5/2 1:5/2"},
		{"a user id is case-sensitive", []Stay{{UserID: "U"}, {UserID: "u"}}, false, "0:5/2 1:5/2"},
		{"an address is not", []Stay{{Email: "A@example.com"}, {Email: " a@Example.com"}}, false, "01:4/1"},
		{"a text that is no address proves nothing", []Stay{{Email: "-"}, {Email: "-"}, {Email: "@"}, {Email: "@"}}, false, "0:0/0 1:0/0 2:0/0 3:0/0"},
		{"a shared link is one person, and says so", []Stay{{RegistrantID: "R", UserID: "U"}, {RegistrantID: "R", UserID: "V"}}, false, "01:7/0!"},
		{"those who share it are not one elsewhere", []Stay{{RegistrantID: "R", UserID: "U"}, {RegistrantID: "R", UserID: "V"}, {UserID: "U"}, {UserID: "V"}}, false, "01:7/0! 2:5/0! 3:5/0!"},
		{"a link and a user lead on to a stay without the link", []Stay{{RegistrantID: "R", UserID: "U"}, {UserID: "U", Email: "a@x.y"}, {Email: "a@x.y"}}, false, "012:5/1"},
		{"two registrations are two people with one account", []Stay{{RegistrantID: "R", UserID: "U"}, {RegistrantID: "S", UserID: "U"}}, false, "0:7/0! 1:7/0!"},
		{"and whose a third stay is, nobody knows", []Stay{{RegistrantID: "R", UserID: "U", Email: "a@x.y"}, {RegistrantID: "S", UserID: "U"}, {UserID: "U", Email: "a@x.y"}}, false, "0:7/0! 1:7/0! 2:5/0!"},
		{"two users are two people with one address", []Stay{{UserID: "U", Email: "a@x.y"}, {UserID: "V", Email: "a@x.y"}, {Email: "a@x.y"}}, false, "0:5/0! 1:5/0! 2:4/0!"},
		{"two addresses of one user are one person", []Stay{{UserID: "U", Email: "a@x.y"}, {UserID: "U", Email: "b@x.y"}, {Email: "b@x.y"}, {Email: "a@x.y"}}, false, "0123:5/1"},
		{"two addresses under one key are two", []Stay{{CustomerKey: "guest", Email: "a@x.y"}, {CustomerKey: "guest", Email: "b@x.y"}}, false, "0:6/0! 1:6/0!"},
		{"a key that an app gives to everybody proves nothing", []Stay{{CustomerKey: "app", UserID: "U"}, {CustomerKey: "app", UserID: "V"}, {CustomerKey: "app"}}, false, "0:6/0! 1:6/0! 2:6/0!"},
		{"two keys are two customers", []Stay{{CustomerKey: "K", UserID: "U"}, {CustomerKey: "L", UserID: "U"}}, false, "0:6/0! 1:6/0!"},
		{"a caller calls again", []Stay{during(0, 5, Stay{Phone: "+1 (202) 555-0101"}), during(6, 9, Stay{Phone: "12025550101"})}, false, "01:3/0"},
		{"two calls at a time from one number are two people", []Stay{during(0, 5, Stay{Phone: "12025550101"}), during(4, 9, Stay{Phone: "12025550101"}), during(10, 12, Stay{Phone: "12025550101"})}, false, "0:3/0! 1:3/0! 2:3/0!"},
		{"a masked number is many people's", []Stay{during(0, 5, Stay{Phone: "1202555****"}), during(6, 9, Stay{Phone: "1202555****"}), during(10, 11, Stay{Phone: "101"}), during(12, 13, Stay{Phone: "101"})}, false, "0:0/0 1:0/0 2:0/0 3:0/0"},
		{"breakout rooms keep the id within the meeting", []Stay{{ParticipantUUID: "P"}, {ParticipantUUID: "P"}}, false, "01:2/1"},
		{"and link what else is known", []Stay{{ParticipantUUID: "P", UserID: "U"}, {ParticipantUUID: "P"}, {UserID: "U", ParticipantUUID: "Q"}, {ParticipantUUID: "Q"}}, false, "0123:5/1"},
		{"two values of a weak kind must not join two people", []Stay{{UserID: "U", Email: "a@x.y"}, {UserID: "U", Email: "b@x.y"}, {Email: "a@x.y", ParticipantUUID: "P"}, {Email: "b@x.y", UserID: "V"}}, false, "01:5/0! 2:4/0! 3:5/0!"},
	} {
		if got := words(Persons(test.stays, test.byName)); got != test.want {
			t.Errorf("%s: %s, want %s", test.why, got, test.want)
		}
	}
}

func words(persons []*Person) string {
	var all []byte
	for _, p := range persons {
		if len(all) > 0 {
			all = append(all, ' ')
		}
		for _, i := range p.Stays {
			all = fmt.Append(all, i)
		}
		all = fmt.Appendf(all, ":%d/%d", p.Evidence, p.Confidence)
		if p.Contradicted {
			all = append(all, '!')
		}
	}
	return string(all)
}

// The order of the rows changes nothing.
func TestOrderOfRows(t *testing.T) {
	stays := []Stay{
		{RegistrantID: "R", UserID: "U"}, {UserID: "U", Email: "a@x.y"}, {Email: "a@x.y"}, {RegistrantID: "S", Email: "a@x.y"},
		{UserID: "V", Email: "v@x.y"}, {Email: "v@x.y", ParticipantUUID: "P"}, {ParticipantUUID: "P"}, {UserID: "W", Email: "v@x.y"},
	}
	want := ""
	for n := range stays {
		turned := append(slices.Clone(stays[n:]), stays[:n]...)
		var sets []string
		for _, p := range Persons(turned, false) {
			set := make([]int, len(p.Stays))
			for k, i := range p.Stays {
				set[k] = (i + n) % len(stays)
			}
			slices.Sort(set)
			sets = append(sets, fmt.Sprint(set, p.Evidence, p.Confidence))
		}
		slices.Sort(sets)
		if got := fmt.Sprint(sets); want == "" {
			want = got
		} else if got != want {
			t.Errorf("turned by %d: %s, want %s", n, got, want)
		}
	}
}
