package events

import (
	"slices"
	"time"

	"zoomql/internal/zoom/types"
)

// Person is the participant of an event, as the stream stores it. Fields that the event lacks are
// "".
type Person struct {
	// StayID is the id within the instance, which changes with each rejoin.
	StayID string `json:"stay,omitempty"`
	// ParentID is, for a person in a breakout room, the StayID in the meeting.
	ParentID string `json:"parent,omitempty"`
	// UUID is the id within the instance that is the same in all breakout rooms.
	UUID string `json:"uuid,omitempty"`
	// UserID is Zoom's id of the user, if the person is signed in.
	UserID string `json:"user,omitempty"`
	// RegistrantID is Zoom's id of the person's registration.
	RegistrantID string `json:"registrant,omitempty"`
	// Room is the UUID of the breakout room.
	Room string `json:"room,omitempty"`
	// At is when the event happened: see [Event.At].
	At time.Time `json:"at,omitzero"`

	// These are stored only if [Inbox.Names] is set.
	Name        string `json:"name,omitempty"`
	Email       string `json:"email,omitempty"`
	Phone       string `json:"phone,omitempty"`
	CustomerKey string `json:"key,omitempty"`
}

// NamesOfPerson are the fields of [Person], by their names in the graph, that are stored only if
// [Inbox.Names] is set.
var NamesOfPerson = []string{"name", "email", "phone", "customerKey"}

// unnamed returns a copy without the fields of NamesOfPerson.
func (p *Person) unnamed() *Person {
	if p == nil {
		return nil
	}
	kept := *p
	kept.Name, kept.Email, kept.Phone, kept.CustomerKey = "", "", "", ""
	return &kept
}

// personOf returns the participant of an event, or nil if it has none with a StayID.
func personOf(e *Event) *Person {
	p := e.Participant()
	if p == nil || p.Stay == "" || len(p.Stay) > maxValue {
		return nil
	}
	bounded := func(t types.Text) string {
		if len(t) > maxValue {
			return ""
		}
		return string(t)
	}
	return &Person{
		StayID: string(p.Stay), ParentID: bounded(p.Parent), UUID: bounded(p.UUID), UserID: bounded(types.Text(p.User())),
		RegistrantID: bounded(p.RegistrantID), Room: bounded(e.Payload().Object.BreakoutRoom), At: e.At(),
		Name: bounded(p.Name), Email: bounded(p.Email), Phone: bounded(p.Phone), CustomerKey: bounded(p.CustomerKey),
	}
}

// Meetings returns the numbers of the meetings or webinars that the event names.
func (e *Event) Meetings() []string { return e.values[meetingVar] }

// Users returns Zoom's ids of the users that it names, except hosts.
func (e *Event) Users() []string { return e.values[userVar] }

// Hosts returns Zoom's ids of the hosts of the objects that it names.
func (e *Event) Hosts() []string { return e.values[hostVar] }

// Instances returns the UUIDs of the instances that it names.
func (e *Event) Instances() []string {
	var uuids []string
	for _, name := range e.values[instanceVar] {
		if !slices.Contains(e.values[meetingVar], name) {
			uuids = append(uuids, name)
		}
	}
	return uuids
}

// OfWebinar reports whether it is an event of webinars.
func (e *Event) OfWebinar() bool { return e.kindOf() == "webinar" }
