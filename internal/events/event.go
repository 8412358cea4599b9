// Package events receives Zoom's events, evicts the cached answers that they make stale, and
// delivers them to subscriptions.
//
// An event arrives by a webhook ([Webhook]) or over a WebSocket ([Socket]), and is parsed into
// an [Event]. The table [Rows] has the tags that it evicts: those that operations of package
// zoom give to their answers. An [Inbox] evicts them and stores the event in a stream, and a
// [Bus] reads that stream for the subscriptions of a replica. [Liveness] reports whether events
// arrive, so that answers which they keep up to date may live longer.
//
// Zoom guarantees neither order nor that an event arrives once, so evictions are idempotent and
// do not depend on order.
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

// Event is an event of Zoom's, or a gap in the events of an account.
type Event struct {
	// Name is its name, such as "meeting.ended".
	Name string
	// Time is when Zoom created it, by Zoom's clock, to the millisecond. [Event.At] is when it
	// happened.
	Time time.Time
	// AccountID is Zoom's id of the account in which it happened.
	AccountID string
	// Key identifies it: all deliveries of an event have the same key. Events that were read
	// from the stream have none.
	Key string

	// Person is the participant of the event, if it has one with an id in the instance.
	Person *Person
	// Gap is set for a gap, which has otherwise only Time and AccountID.
	Gap Gap

	values  map[variable][]string
	payload *Payload // nil for events that were read from the stream
}

// Gap marks a position in the stream at which events may be missing.
type Gap string

const (
	// GapBegan means that events are missing from here on.
	GapBegan Gap = "began"
	// GapEnded means that events arrive again, or that a single one was missed: events before
	// it may be missing.
	GapEnded Gap = "ended"
)

// AllGaps are the kinds of gaps.
var AllGaps = []Gap{GapBegan, GapEnded}

// variable is the name in the braces of a tag in the table.
type variable string

// The variables. Each stands for ids of objects that an event names, one or several.
const (
	meetingVar  variable = "meeting"  // numbers of meetings and webinars
	instanceVar variable = "instance" // UUIDs of instances, and the numbers of their meetings
	hostVar     variable = "host"     // Zoom's ids of hosts, before and after a change
	userVar     variable = "user"     // Zoom's ids of users
	groupVar    variable = "group"    // Zoom's ids of groups
	accountVar  variable = "account"  // Zoom's ids of accounts
)

// maxValue is the longest accepted id, in bytes. Zoom's are shorter.
const maxValue = 256

// maxValues is the largest number of ids of a variable. An event with more counts as one that
// names none.
const maxValues = 1000

// errNoEvent is the error of a body that is not an event of Zoom's.
var errNoEvent = errors.New("the body is not an event of Zoom's")

// message is an event as Zoom sends it.
type message struct {
	Event   string `json:"event"`
	Time    int64  `json:"event_ts"`
	Payload struct {
		Payload
		AccountID  types.Text `json:"account_id"`
		PlainToken string     `json:"plainToken"`
	} `json:"payload"`
}

// Parse parses an event. It omits parts that differ from Zoom's documentation, and replaces a
// missing time, or one in the future, by received. A body without a name or an account is an
// error, which does not quote the body.
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
	switch e.kindOf() {
	case "user":
		e.add(userVar, o.ID)
	case "account":
		e.add(accountVar, o.ID)
	case "group":
		e.add(groupVar, o.ID)
	case "information_barriers": // they name nobody
	default:
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
	for _, number := range e.values[meetingVar] { // answers about the latest instance have its number in their tags
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
