package events

import (
	"slices"
	"time"

	"zoomql/internal/zoom/types"
)

// Person is a person who has joined or left a meeting, as in an event. Fields that the event lacks
// are "".
type Person struct {
	// StayID is the id within the run, which changes with each rejoin.
	StayID string `json:"stay,omitempty"`
	// ParentID is the StayID in the meeting of a person in a breakout room.
	ParentID string `json:"parent,omitempty"`
	// UUID is the id within the run that is the same in breakout rooms.
	UUID string `json:"uuid,omitempty"`
	// UserID is Zoom's id of the user, if the person is signed in.
	UserID string `json:"user,omitempty"`
	// RegistrantID is Zoom's id of the person's registration.
	RegistrantID string `json:"registrant,omitempty"`
	// Room is the UUID of the breakout room.
	Room string `json:"room,omitempty"`
	// At is the time, to the second.
	At time.Time `json:"at,omitzero"`

	// The names of the person, which only a stream without other readers has.
	Name        string `json:"name,omitempty"`
	Email       string `json:"email,omitempty"`
	Phone       string `json:"phone,omitempty"`
	CustomerKey string `json:"key,omitempty"`
}

// NamesOfPerson are the fields of [Person] that only a stream without other readers has.
var NamesOfPerson = []string{"name", "email", "phone", "customerKey"}

// unnamed returns the person without names, for a stream with other readers.
func (p *Person) unnamed() *Person {
	if p == nil {
		return nil
	}
	kept := *p
	kept.Name, kept.Email, kept.Phone, kept.CustomerKey = "", "", "", ""
	return &kept
}

// personOf returns the person of an event.
func personOf(e *Event) *Person {
	p := e.Participant()
	if p == nil || p.Stay == "" || len(p.Stay) > maxValue {
		return nil
	}
	short := func(t types.Text) string {
		if len(t) > maxValue {
			return ""
		}
		return string(t)
	}
	return &Person{
		StayID: string(p.Stay), ParentID: short(p.Parent), UUID: short(p.UUID), UserID: short(types.Text(p.User())),
		RegistrantID: short(p.RegistrantID), Room: short(e.Payload().Object.BreakoutRoom), At: e.At(),
		Name: short(p.Name), Email: short(p.Email), Phone: short(p.Phone), CustomerKey: short(p.CustomerKey),
	}
}

// Meetings returns the numbers of the meetings or webinars that the event names.
func (e *Event) Meetings() []string { return e.values[meetingVar] }

// Users returns Zoom's ids of the users that it names, but for hosts.
func (e *Event) Users() []string { return e.values[userVar] }

// Hosts returns Zoom's ids of the hosts of the objects that it names.
func (e *Event) Hosts() []string { return e.values[hostVar] }

// Instances returns the UUIDs of the runs that it names.
func (e *Event) Instances() []string {
	var uuids []string
	for _, name := range e.values[instanceVar] {
		if !slices.Contains(e.values[meetingVar], name) {
			uuids = append(uuids, name)
		}
	}
	return uuids
}

// OfWebinar reports whether it names webinars.
func (e *Event) OfWebinar() bool { return e.kindOf() == "webinar" }
