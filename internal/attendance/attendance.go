// Package attendance works out who attended a meeting from the rows that Zoom has of it.
//
// A row is one stay: a person from joining to leaving, on one device, in one room. A rejoin
// is another row, so is a second device, a breakout room and the waiting room, and most
// people outside the account have no e-mail address there. [Persons] merges the stays of one
// person by what the rows prove, and [Of] works out for how long each person was there, who
// was late, who left early, who did not come, and how many were there at a time.
//
// # What proves that two stays are one person's
//
// The evidence, the strongest first: the id of a registration, the customer key that an app
// gave, Zoom's id of the user, the e-mail address, the telephone number, the id within the
// meeting that survives breakout rooms and ends with the connection, and, only where the
// caller asks for it, the name.
//
// Two people are never merged, so a value proves nothing where stronger evidence contradicts
// it: then it merges none of the stays that have it, since nobody can tell whose the stays
// are that have nothing else.
//
//   - A registration counts as one person whatever its stays say besides. Who passes a
//     personal link on is counted with those who use it; [Person.Contradicted] tells when
//     several users did.
//   - Two registrations are two people, also under one user id: a room or a family has one
//     account, and the host invited two.
//   - Two customer keys are two people: the app tells its customers apart.
//   - Two user ids are two people, also under one customer key or e-mail address.
//   - Two e-mail addresses under one user id are one person, who typed another address into
//     the form of registration; under one customer key they are two.
//   - Two calls at the same time from one telephone number are two people behind one
//     switchboard, and two stays at the same time with one name are two people of that name.
//
// What cannot be told: one number that different people call from one after the other, and
// an e-mail address that several guests type. Such stays count as one person's, with a
// [Confidence] that says how much that is worth.
package attendance

import "time"

// Stay is a row of Zoom's: one person from joining to leaving. What the source of the row
// does not tell is "".
type Stay struct {
	// RegistrantID is Zoom's id of the registration whose link the person came by.
	RegistrantID string
	// CustomerKey is what an app of the Meeting SDK gave to the person.
	CustomerKey string
	// UserID is Zoom's id of the user, of who was signed in.
	UserID string
	// Email is the person's address, in any case.
	Email string
	// Phone is the number that the person called from.
	Phone string
	// ParticipantUUID is the id within the meeting that is the same in its breakout rooms.
	ParticipantUUID string
	// Name is the name that the person joined with.
	Name string
	// Join and Leave are the ends of the stay; zero where Zoom does not tell.
	Join, Leave time.Time
	// Seconds is how long Zoom says that the stay was. It counts only where one end is
	// missing or impossible: it is 0 while Zoom works it out.
	Seconds int
	// Waiting says that the stay was in the waiting room.
	Waiting bool
}

// Registrant is somebody who registered and may come.
type Registrant struct {
	// ID is Zoom's id of the registration.
	ID string
	// Email is the address that was registered.
	Email string
	// At is when the registration was made; zero where it is not known.
	At time.Time
}

// Meeting is when a meeting was to be and was; a time that is not known is zero.
type Meeting struct {
	// ScheduledStart and ScheduledEnd are when it was scheduled.
	ScheduledStart, ScheduledEnd time.Time
	// Start and End are when it was held. Without an end it is going on.
	Start, End time.Time
	// Occurrence is Zoom's id of the date if people registered for single dates; "" otherwise, or
	// if it is unknown.
	Occurrence string
	// AsOf is when the rows were read. A person who has not left is there until then.
	AsOf time.Time
}

// Schedule is when a meeting was to begin and end; a time that is not known is zero.
type Schedule struct {
	Start, End time.Time
	// Occurrence is Zoom's id of the date if people register for single dates; "" otherwise. Undated
	// says that they do, and that it is none of the dates.
	Occurrence string
	Undated    bool
}

// Rules say what counts. The zero value counts every second outside the waiting room.
type Rules struct {
	// LateAfter is how long after the start somebody may join and not be late.
	LateAfter time.Duration
	// LeftEarlyBefore is how long before the end somebody may leave and not be early.
	LeftEarlyBefore time.Duration
	// Minimum is how long somebody has to be there to have attended.
	Minimum time.Duration
	// MergeGap is the longest gap between two stays of a person that counts as presence.
	MergeGap time.Duration
	// CountWaiting counts time in the waiting room as presence.
	CountWaiting bool
	// ByName merges stays by the name too, where nothing else tells whose they are.
	ByName bool
}

// Attendance is who attended a meeting.
type Attendance struct {
	// Persons are those who have a stay, by the time at which they came.
	Persons []*Person
	// Peak is the largest number of people at a time, and when it was first reached.
	Peak Point
	// Complete says that the time of every stay is known and the meeting has ended.
	Complete bool
	// Totals sum the persons up.
	Totals Totals
	// Occurrence is that of the meeting.
	Occurrence string

	end   time.Time // of the meeting; zero while it goes on
	stays []Stay
	curve []Point
}

// Totals sum up who attended.
type Totals struct {
	// Persons are all who have a stay, Attended those who were there for long enough.
	Persons, Attended int
	// Stays are the rows.
	Stays int
	// Late and LeftEarly count those who attended and were that.
	Late, LeftEarly int
	// Seconds are those of all persons together.
	Seconds int64
}

// Of works out who attended. It takes n log n time in the number of stays, which it keeps.
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

// Absent returns the places of the registrants who did not attend: none of those who
// attended came by the registration, or has its e-mail address. Nobody can miss a meeting who
// registered after its end.
func (a *Attendance) Absent(registrants []Registrant) []int {
	var came []*Person
	for _, p := range a.Persons {
		if p.Attended {
			came = append(came, p)
		}
	}
	return absentFrom(came, a.stays, registrants, a.end)
}

// absentFrom returns the places of the registrants who are none of those who came, and who had
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
