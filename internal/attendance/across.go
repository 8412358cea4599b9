package attendance

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Held is one of several meetings, with its stays.
type Held struct {
	Meeting
	Stays []Stay
}

// Across is the attendance of several meetings, such as the dates of a recurring one. Stays
// are merged across all of them.
type Across struct {
	// Persons are those who have a stay, by first join.
	Persons []*Regular
	// Complete says that the time of every stay is known and all meetings have ended.
	Complete bool
	// Attended counts the persons who attended each meeting.
	Attended []int

	end   time.Time // of the last meeting; zero while one is in progress
	stays []Stay
}

// Regular is a person of several meetings.
type Regular struct {
	*Person
	// Meetings are the indices of the meetings in which the person has a stay, and
	// Presences the presence in each.
	Meetings  []int
	Presences []Presence
	// Seconds are those of all meetings, and AttendedCount counts those that the person
	// attended.
	Seconds, AttendedCount int
}

// OfAll computes the attendance of several meetings. Indices of stays continue from meeting
// to meeting. It takes n log n time in the number of all stays.
func OfAll(held []Held, rules Rules) *Across {
	a := &Across{Complete: true, Attended: make([]int, len(held))}
	var of []int // the meeting of each stay
	for n, h := range held {
		if n == 0 || !a.end.IsZero() && (h.End.IsZero() || h.End.After(a.end)) {
			a.end = h.End
		}
		a.Complete = a.Complete && (len(h.Stays) == 0 || !h.End.IsZero())
		for _, s := range h.Stays {
			if s.ParticipantUUID != "" { // unique only within its meeting
				s.ParticipantUUID = strconv.Itoa(n) + " " + s.ParticipantUUID
			}
			a.stays, of = append(a.stays, s), append(of, n)
		}
	}
	for _, p := range Persons(a.stays, rules.ByName) {
		a.Persons = append(a.Persons, a.regular(p, held, of, rules))
	}
	slices.SortStableFunc(a.Persons, func(x, y *Regular) int {
		return cmp.Or(compareKnown(a.stays[x.Stays[0]].Join, a.stays[y.Stays[0]].Join), cmp.Compare(x.Stays[0], y.Stays[0]))
	})
	return a
}

// regular computes the meetings of a person, and the presence in each.
func (a *Across) regular(p *Person, held []Held, of []int, rules Rules) *Regular {
	r := &Regular{Person: p}
	byMeeting := map[int][]int{}
	for _, i := range p.Stays {
		byMeeting[of[i]] = append(byMeeting[of[i]], i)
	}
	r.Meetings = slices.Sorted(maps.Keys(byMeeting))
	for _, n := range r.Meetings {
		there := Person{Stays: byMeeting[n]}
		if !there.measure(held[n].Meeting, a.stays, rules) {
			a.Complete = false
		}
		r.Presences = append(r.Presences, there.Presence)
		r.Seconds += there.Seconds
		if there.Attended {
			r.AttendedCount++
			a.Attended[n]++
		}
	}
	return r
}

// Absent returns the indices of the registrants who attended none of the meetings, and had
// registered by the end of the last one.
func (a *Across) Absent(registrants []Registrant) []int {
	var came []*Person
	for _, r := range a.Persons {
		if r.AttendedCount > 0 {
			came = append(came, r.Person)
		}
	}
	return absentFrom(came, a.stays, registrants, a.end)
}
