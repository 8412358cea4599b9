// Package events takes what Zoom tells of changes, and says which answers it makes stale.
//
// An event comes as a webhook (see [Webhook]), is read into an [Event], and the table
// [Rows] names the tags of what it concerns: the tags that the rows of package zoom carry
// their answers by. Zoom promises neither an order nor that an event comes once: an
// eviction is the same whenever and however often it is done.
//
// Source: https://developers.zoom.us/docs/api/webhooks/
package events

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"zoomql/internal/zoom/types"
)

// Event is one event of Zoom's.
type Event struct {
	// Name is its name, such as "meeting.ended".
	Name string
	// Time is when it happened, by Zoom's clock, to the millisecond.
	Time time.Time
	// AccountID is the account in which it happened.
	AccountID string
	// Key names the event: two deliveries of one event have the same key.
	Key string

	// Person is who an event of a participant tells of; nil for other events, and where
	// the stream keeps nobody.
	Person *Person
	// Gap is set of what is no event, but tells that some may have been missed: it has a time
	// and an account beside, and nothing else.
	Gap Gap

	values  map[variable][]string
	payload *Payload // nil where the stream has kept the rest alone
}

// Gap tells that events may have been missed, at its place in the stream.
type Gap string

const (
	// GapBegan says that events are missed from now on.
	GapBegan Gap = "began"
	// GapEnded says that they come again, or that one was missed: of what happened before, not
	// all was told.
	GapEnded Gap = "ended"
)

// AllGaps are the kinds of gaps.
var AllGaps = []Gap{GapBegan, GapEnded}

// variable is what a tag in the table has in braces.
type variable string

// The variables: ids of the objects that an event is about, some of which may be several.
const (
	meetingVar  variable = "meeting"  // the number of a meeting or webinar
	instanceVar variable = "instance" // its number, and the UUID of what happened
	hostVar     variable = "host"     // Zoom's id of the host, and of the one before
	userVar     variable = "user"     // Zoom's id of a user, or of several
)

// maxValue is the number of bytes of an id that is taken for one. Zoom's are shorter.
const maxValue = 256

// maxValues is the number of ids that an event may tell of one kind. Above it, the event
// counts as one that names none.
const maxValues = 1000

// errNoEvent is the error of a body that is none of Zoom's events.
var errNoEvent = errors.New("the body is no event of Zoom's")

// message is an event as Zoom writes it.
type message struct {
	Event   string `json:"event"`
	Time    int64  `json:"event_ts"`
	Payload struct {
		Payload
		AccountID  types.Text `json:"account_id"`
		PlainToken string     `json:"plainToken"`
	} `json:"payload"`
}

// Parse reads an event. A part of it that is not as Zoom documents it is left out, and a time that
// it cannot have, such as one of the future, is the time when it was received; a body without a name
// or an account is an error, which quotes nothing of it.
func Parse(body []byte, received time.Time) (*Event, error) {
	m, err := decode(body)
	if err != nil {
		return nil, err
	}
	return m.parsed(received)
}

func decode(body []byte) (*message, error) {
	m := &message{}
	if types.Unmarshal(body, m) != nil {
		return nil, errNoEvent
	}
	return m, nil
}

func (m *message) parsed(received time.Time) (*Event, error) {
	if m.Event == "" || len(m.Event) > maxValue || m.Payload.AccountID == "" || len(m.Payload.AccountID) > maxValue {
		return nil, errNoEvent
	}
	at := time.UnixMilli(m.Time)
	if m.Time <= 0 || at.Sub(received) > maxAhead {
		at = received
	}
	o, old := cmp.Or(m.Payload.Object, &Object{}), cmp.Or(m.Payload.OldObject, &Key{})
	e := &Event{Name: m.Event, Time: at, AccountID: string(m.Payload.AccountID), values: map[variable][]string{}, payload: &m.Payload.Payload}
	kind, _, _ := strings.Cut(m.Event, ".")
	if kind == "user" {
		e.add(userVar, o.ID)
	} else if kind != "group" && kind != "account" && kind != "information_barriers" {
		e.add(meetingVar, o.ID, o.MeetingID, o.MeetingNumber, o.WebinarID)
		e.add(instanceVar, o.UUID, o.MeetingUUID, o.WebinarUUID)
		e.add(hostVar, o.HostID, o.MeetingHost, old.HostID)
		for _, each := range o.Meetings {
			if each == nil {
				continue
			}
			e.add(meetingVar, each.ID, each.MeetingID)
			e.add(instanceVar, each.UUID, each.MeetingUUID)
			e.add(hostVar, each.HostID)
		}
		e.add(instanceVar, o.MeetingUUIDs...)
	}
	for _, member := range o.Members {
		if member != nil {
			e.add(userVar, member.ID)
		}
	}
	for _, number := range e.values[meetingVar] { // answers about the latest one are filed by the number
		e.add(instanceVar, types.Text(number))
	}
	key := []string{e.Name, e.AccountID, e.Time.UTC().Format(time.RFC3339Nano)}
	key = append(key, e.values[instanceVar]...)
	key = append(key, e.values[userVar]...)
	if p := o.Participant; p != nil {
		key = append(key, string(p.UUID), string(p.Stay))
	}
	if r := o.Registrant; r != nil {
		key = append(key, string(r.ID))
	}
	e.Key = strings.Join(append(key, string(o.ID)), "\x00")
	e.Person = personOf(e)
	return e, nil
}

func (e *Event) add(v variable, ids ...types.Text) {
	for _, one := range ids {
		if one != "" && len(one) <= maxValue && len(e.values[v]) <= maxValues {
			e.values[v] = append(e.values[v], string(one))
		}
	}
}
