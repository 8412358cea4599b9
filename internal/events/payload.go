package events

import (
	"cmp"
	"time"

	"zoomql/internal/zoom/types"
)

// Zoom sends ids as strings in some events and as numbers in others: [types.Text] accepts both.
// Objects are pointers, since [types.Unmarshal] leaves a pointer nil if the object has another
// shape than Zoom documents. All types below are encoded in the form in which they are decoded.

// Payload has the people, objects and times that an event names. It does not have the changed
// values: the object is read again through the API.
//
// Source: https://developers.zoom.us/docs/api/meetings/events/, …/users/events/ and
// …/accounts/events/.
type Payload struct {
	// Operator is the e-mail address of the user who made the change, and OperatorID Zoom's id of
	// that user; empty if Zoom sends none.
	Operator   types.Text `json:"operator,omitzero"`
	OperatorID types.Text `json:"operator_id,omitzero"`
	// Operation is, for a recurring meeting, the occurrences that have changed: "all", "single"
	// or "range"; for an updated user, the kind of update. Some events have it as Scope.
	Operation types.Text `json:"operation,omitzero"`
	Scope     types.Text `json:"scope,omitzero"`
	// ChangedAt is the time of a change, in Unix milliseconds.
	ChangedAt types.Int `json:"time_stamp,omitzero"`
	Object    *Object   `json:"object,omitzero"`
	// OldObject is the key of the object before a change.
	OldObject *Key `json:"old_object,omitzero"`
}

// Key identifies an object.
type Key struct {
	// ID is the number of a meeting or webinar, and Zoom's id of any other object.
	ID     types.Text `json:"id,omitzero"`
	UUID   types.Text `json:"uuid,omitzero"`
	HostID types.Text `json:"host_id,omitzero"`
}

// Object is the object of an event: a meeting, webinar, recording, user, group, account or policy.
// Each event has some of its fields.
type Object struct {
	Key
	MeetingID     types.Text `json:"meeting_id,omitzero"`     // number
	MeetingNumber types.Text `json:"meeting_number,omitzero"` // number
	WebinarID     types.Text `json:"webinar_id,omitzero"`     // number
	MeetingUUID   types.Text `json:"meeting_uuid,omitzero"`
	WebinarUUID   types.Text `json:"webinar_uuid,omitzero"`
	MeetingHost   types.Text `json:"meeting_host_id,omitzero"`
	BreakoutRoom  types.Text `json:"breakout_room_uuid,omitzero"`

	Topic    types.Text `json:"topic,omitzero"`
	Timezone types.Text `json:"timezone,omitzero"`
	// Type is Zoom's code of the type of the meeting, webinar or user.
	Type types.Int `json:"type,omitzero"`
	// Start is when the meeting begins or began, and End when it has ended.
	Start types.Time `json:"start_time,omitzero"`
	End   types.Time `json:"end_time,omitzero"`
	// Duration is the scheduled duration in minutes.
	Duration types.Int `json:"duration,omitzero"`
	// At is when a user signed in or out, or when the presence of a user changed.
	At types.Time `json:"date_time,omitzero"`
	// Email is the address of the user.
	Email types.Text `json:"email,omitzero"`

	Participant *Participant `json:"participant,omitzero"`
	Registrant  *Registrant  `json:"registrant,omitzero"`

	// Meetings, MeetingUUIDs and Members are those of events about several.
	Meetings     []*Meeting   `json:"meetings,omitzero"`
	MeetingUUIDs []types.Text `json:"meeting_uuids,omitzero"`
	Members      []*Member    `json:"members,omitzero"`
}

// Meeting is one of the meetings of an event about several.
type Meeting struct {
	Key
	MeetingID   types.Text `json:"meeting_id,omitzero"`
	MeetingUUID types.Text `json:"meeting_uuid,omitzero"`
}

// Member is one of the members of a group that an event names.
type Member struct {
	ID    types.Text `json:"id,omitzero"`
	Email types.Text `json:"email,omitzero"`
}

// Participant is a person in a meeting or webinar, in its waiting room, or called into it. Fields
// that Zoom does not send are empty, such as the e-mail address of a guest, or the user id of a
// person who has not signed in.
type Participant struct {
	// ID and UserID are Zoom's id of a user; UserID is the newer field. See [Participant.User].
	ID     types.Text `json:"id,omitzero"`
	UserID types.Text `json:"participant_user_id,omitzero"`
	// Stay is the id of a stay in an instance: a person who rejoins has another one. In a
	// breakout room, Parent is the Stay in the meeting.
	Stay   types.Text `json:"user_id,omitzero"`
	Parent types.Text `json:"parent_user_id,omitzero"`
	// UUID is the same for all stays and rooms of an instance.
	UUID types.Text `json:"participant_uuid,omitzero"`
	// BoundStay and BoundUUID are the Stay and UUID of the participant's phone, in the event that
	// binds it to the participant.
	BoundStay types.Text `json:"bind_user_id,omitzero"`
	BoundUUID types.Text `json:"bind_participant_uuid,omitzero"`

	Name         types.Text `json:"user_name,omitzero"`
	Invitee      types.Text `json:"invitee_name,omitzero"`
	Email        types.Text `json:"email,omitzero"`
	Phone        types.Text `json:"phone_number,omitzero"`
	RegistrantID types.Text `json:"registrant_id,omitzero"`
	CustomerKey  types.Text `json:"customer_key,omitzero"`

	Join   types.Time `json:"join_time,omitzero"`
	Leave  types.Time `json:"leave_time,omitzero"`
	At     types.Time `json:"date_time,omitzero"` // of events other than joining and leaving
	Reason types.Text `json:"leave_reason,omitzero"`

	OldRole types.Text `json:"old_role,omitzero"`
	NewRole types.Text `json:"new_role,omitzero"`
}

// User returns Zoom's id of the user, or "" for a person who has not signed in, or is of another
// account.
func (p *Participant) User() string { return string(cmp.Or(p.UserID, p.ID)) }

// Registrant is a person who has registered.
type Registrant struct {
	ID        types.Text `json:"id,omitzero"`
	FirstName types.Text `json:"first_name,omitzero"`
	LastName  types.Text `json:"last_name,omitzero"`
	Email     types.Text `json:"email,omitzero"`
	Status    types.Text `json:"status,omitzero"`
}

// Payload returns the payload of the event, with an Object: both are empty for an event that was
// read from the stream, and never nil. The caller MUST NOT change them.
func (e *Event) Payload() *Payload {
	p := cmp.Or(e.payload, &Payload{})
	if p.Object == nil {
		whole := *p
		whole.Object = &Object{}
		p = &whole
	}
	return p
}

// Participant returns the participant of the event, or nil.
func (e *Event) Participant() *Participant { return e.Payload().Object.Participant }

// Registrant returns the registrant of the event, or nil.
func (e *Event) Registrant() *Registrant { return e.Payload().Object.Registrant }

// maxAfter is how much later than the creation of an event its own time may be, since the clocks
// of Zoom's servers differ. Later times are ignored.
const maxAfter = time.Hour

// At returns when the event happened, by Zoom's clock: when the participant joined or left, or the
// meeting began or ended, if the event has that time, and else Time, when Zoom created it. Events
// arrive in any order, and are ordered by At. An event that was read from the stream has it as
// Person.At alone.
func (e *Event) At() time.Time {
	o := e.Payload().Object
	times := []types.Time{}
	if p := o.Participant; p != nil {
		times = append(times, p.Leave, p.Join, p.At)
	}
	switch e.Name {
	case "meeting.started", "webinar.started":
		times = append(times, o.Start)
	case "meeting.ended", "webinar.ended":
		times = append(times, o.End)
	}
	for _, at := range append(times, o.At) {
		if !at.IsZero() && at.Sub(e.Time) <= maxAfter {
			return at.Time
		}
	}
	return e.Time
}
