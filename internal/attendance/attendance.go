// Package attendance computes who attended a meeting, from Zoom's rows of its participants.
//
// A row is one stay: a person from joining to leaving, on one device, in one room. A rejoin,
// a second device, a breakout room and the waiting room are rows of their own, and most
// people outside the account have no e-mail address in them. [Persons] merges the stays of one
// person by the evidence in the rows, and [Of] computes how long each person was present, who
// was late, left early or was absent, and how many were present at a time.
//
// # Evidence that two stays are one person's
//
// The evidence, the strongest first: the id of a registration, the customer key that an app
// gave, Zoom's id of the user, the e-mail address, the telephone number, the id within the
// meeting that survives breakout rooms and ends with the connection, and, only if requested,
// the name.
//
// Two people are never merged, so a value that stronger evidence contradicts merges none of
// the stays that have it: whose the stays without other evidence are is unknown.
//
//   - A registration counts as one person, whatever else its stays have. A person who passes
//     on a personal link and those who use it count as one; [Person.Contradicted] is set if
//     several users did.
//   - Two registrations are two people, also under one user id: a room or a family has one
//     account, and the host invited two.
//   - Two customer keys are two people: the app distinguishes its customers.
//   - Two user ids are two people, also under one customer key or e-mail address.
//   - Two e-mail addresses under one user id are one person, who typed another address into
//     the form of registration; under one customer key they are two.
//   - Two calls at the same time from one telephone number are two people behind one
//     switchboard, and two stays at the same time with one name are two people of that name.
//
// Two cases are not detected: different people who call from one number one after the other,
// and several guests who type one e-mail address. Such stays count as one person's, with a
// lower [Confidence].
package attendance

import "time"

// Stay is a row of Zoom's: one person from joining to leaving. A value that the source of
// the row lacks is "".
type Stay struct {
	// RegistrantID is Zoom's id of the registration whose link the person used.
	RegistrantID string
	// CustomerKey is the key that an app of the Meeting SDK set for the person.
	CustomerKey string
	// UserID is Zoom's id of the user, if the person was signed in.
	UserID string
	// Email is the person's address, in upper or lower case.
	Email string
	// Phone is the number that the person called from.
	Phone string
	// ParticipantUUID is the id within the meeting that is the same in its breakout rooms.
	ParticipantUUID string
	// Name is the name that the person joined with.
	Name string
	// Join and Leave are the ends of the stay; zero if unknown.
	Join, Leave time.Time
	// Seconds is the length of the stay by Zoom. It is used only if one end is missing or
	// impossible, since it is 0 until Zoom has computed it.
	Seconds int
	// Waiting says that the stay was in the waiting room.
	Waiting bool
}

// Registrant is a person who has registered.
type Registrant struct {
	// ID is Zoom's id of the registration.
	ID string
	// Email is the address that was registered.
	Email string
	// At is when the registration was made; zero if unknown.
	At time.Time
}

// Meeting has the scheduled and actual times of a meeting; an unknown time is zero.
type Meeting struct {
	// ScheduledStart and ScheduledEnd are when it was scheduled.
	ScheduledStart, ScheduledEnd time.Time
	// Start and End are when it was held. Without an end it is in progress.
	Start, End time.Time
	// Occurrence is Zoom's id of the date if people registered for single dates; "" otherwise, or
	// if it is unknown.
	Occurrence string
	// AsOf is when the rows were read. A person who has not left is present until then.
	AsOf time.Time
}

// Schedule has the scheduled start and end of a meeting; an unknown time is zero.
type Schedule struct {
	Start, End time.Time
	// Occurrence is Zoom's id of the date if people register for single dates; "" otherwise.
	// Undated says that they do, and that the meeting is on none of the dates.
	Occurrence string
	Undated    bool
}

// Rules define attendance. The zero value counts every second outside the waiting room.
type Rules struct {
	// LateAfter is the longest time after the start at which a join is not late.
	LateAfter time.Duration
	// LeftEarlyBefore is the longest time before the end at which a leave is not early.
	LeftEarlyBefore time.Duration
	// Minimum is the shortest presence that counts as attendance.
	Minimum time.Duration
	// MergeGap is the longest gap between two stays of a person that counts as presence.
	MergeGap time.Duration
	// CountWaiting counts time in the waiting room as presence.
	CountWaiting bool
	// ByName merges stays by the name too, as the weakest evidence.
	ByName bool
}

// Attendance is the attendance of one meeting.
type Attendance struct {
	// Persons are those who have a stay, by first join.
	Persons []*Person
	// Peak is the largest number of people at a time, and when it was first reached.
	Peak Point
	// Complete says that the time of every stay is known and the meeting has ended.
	Complete bool
	// Totals sum the persons up.
	Totals Totals
	// Occurrence is that of the meeting.
	Occurrence string

	end   time.Time // of the meeting; zero while it is in progress
	stays []Stay
	curve []Point
}

// Totals sum up an attendance.
type Totals struct {
	// Persons are all who have a stay, Attended those who were there for long enough.
	Persons, Attended int
	// Stays are the rows.
	Stays int
	// Late and LeftEarly count those who attended and were late or left early.
	Late, LeftEarly int
	// Seconds are those of all persons together.
	Seconds int64
}

// Of computes the attendance of a meeting. It takes n log n time in the number of stays, which
// it retains.
func Of(m Meeting, stays []Stay, rules Rules) *Attendance {
	a := &Attendance{Persons: Persons(stays, rules.ByName), Complete: !m.End.IsZero(), Occurrence: m.Occurrence, end: m.End, stays: stays}
	for _, p := range a.Persons {
		if !p.measure(m, stays, rules) {
			a.Complete = false
		}
	}
	sortByJoin(a.Persons)
	for _, p := range a.Persons {
		a.Totals.add(p)
	}
	a.curve = curveOf(a.Persons)
	a.Peak = peakOf(a.curve)
	return a
}

func (t *Totals) add(p *Person) {
	t.Persons++
	t.Stays += len(p.Stays)
	t.Seconds += int64(p.Seconds)
	if !p.Attended {
		return
	}
	t.Attended++
	if p.Late == Yes {
		t.Late++
	}
	if p.LeftEarly == Yes {
		t.LeftEarly++
	}
}

// Absent returns the indices of the registrants who did not attend: no person who attended
// has the registration or its e-mail address. A registrant who registered after the end of
// the meeting is not absent.
func (a *Attendance) Absent(registrants []Registrant) []int {
	var came []*Person
	for _, p := range a.Persons {
		if p.Attended {
			came = append(came, p)
		}
	}
	return absentFrom(came, a.stays, registrants, a.end)
}

// absentFrom returns the indices of the registrants who are none of those who came, and who had
// registered by the end, unless that is zero.
func absentFrom(came []*Person, stays []Stay, registrants []Registrant, end time.Time) []int {
	ids, emails := map[string]bool{}, map[string]bool{}
	for _, p := range came {
		for _, i := range p.Stays {
			ids[stays[i].value(RegistrantID)] = true
			emails[stays[i].value(Email)] = true
		}
	}
	var out []int
	for i, r := range registrants {
		if !end.IsZero() && r.At.After(end) {
			continue
		}
		r := Stay{RegistrantID: r.ID, Email: r.Email}
		id, email := r.value(RegistrantID), r.value(Email)
		if (id == "" || !ids[id]) && (email == "" || !emails[email]) {
			out = append(out, i)
		}
	}
	return out
}
