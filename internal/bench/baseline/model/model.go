// Package model holds the types of the baseline: structs that encoding/json decodes
// Zoom's answers into.
package model

import (
	"fmt"
	"io"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
)

// Text is a string of Zoom's; "" is null.
type Text string

// MarshalGQL writes the string, or null.
func (t Text) MarshalGQL(w io.Writer) {
	if t == "" {
		graphql.Null.MarshalGQL(w)
		return
	}
	graphql.MarshalString(string(t)).MarshalGQL(w)
}

// UnmarshalGQL reads a string.
func (t *Text) UnmarshalGQL(v any) error {
	s, err := graphql.UnmarshalString(v)
	*t = Text(s)
	return err
}

// Number is the number of a meeting, text in the graph.
type Number int64

func (n Number) String() string { return strconv.FormatInt(int64(n), 10) }

// MarshalGQL writes the digits as a string.
func (n Number) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(n.String())) }

// UnmarshalGQL reads digits.
func (n *Number) UnmarshalGQL(v any) error {
	i, err := strconv.ParseInt(fmt.Sprint(v), 10, 64)
	*n = Number(i)
	return err
}

// Account has no fields of its own.
type Account struct{}

// UserBy names a user.
type UserBy struct {
	ZoomID *string
	Email  *string
}

// User is a user, from a list or alone.
type User struct {
	ZoomID      Text `json:"id"`
	Email       Text `json:"email"`
	FirstName   Text `json:"first_name"`
	LastName    Text `json:"last_name"`
	DisplayName Text `json:"display_name"`
	Timezone    Text `json:"timezone"`
	Department  Text `json:"dept"`
	JobTitle    Text `json:"job_title"`
}

// UserConnection is a list of users.
type UserConnection struct{ Nodes []*User }

// MeetingBy names a meeting.
type MeetingBy struct{ Number *Number }

// Meeting is a meeting, from a list or alone.
type Meeting struct {
	Number          Number `json:"id"`
	Topic           Text   `json:"topic"`
	StartTime       Text   `json:"start_time"`
	DurationMinutes *int   `json:"duration"`
	Timezone        Text   `json:"timezone"`
	HostID          string `json:"host_id"`
}

// MeetingConnection is a list of meetings.
type MeetingConnection struct{ Nodes []*Meeting }

// Registrant is a registrant from a list.
type Registrant struct {
	ZoomID    Text `json:"id"`
	Email     Text `json:"email"`
	FirstName Text `json:"first_name"`
	LastName  Text `json:"last_name"`
}

// RegistrantConnection is a list of registrants.
type RegistrantConnection struct{ Nodes []*Registrant }

// MeetingInstanceBy names an instance of a meeting.
type MeetingInstanceBy struct{ LatestOf *Number }

// MeetingInstance is an instance of a meeting.
type MeetingInstance struct {
	UUID  Text `json:"uuid"`
	Topic Text `json:"topic"`
}

// Participant is one attendance of an instance.
type Participant struct {
	ZoomID          Text `json:"id"`
	Name            Text `json:"name"`
	Email           Text `json:"user_email"`
	JoinTime        Text `json:"join_time"`
	DurationSeconds *int `json:"duration"`
}

// ParticipantConnection is a list of participants.
type ParticipantConnection struct{ Nodes []*Participant }

// Dashboard has no fields of its own.
type Dashboard struct{}

// DashboardRunBy names a run.
type DashboardRunBy struct{ UUID *string }

// DashboardMeeting is a run that goes on. Its rows tell all that is asked of it, so it is
// its name alone.
type DashboardMeeting struct{ UUID string }

// DashboardParticipant is a stay in a run, as the dashboard shows it.
type DashboardParticipant struct {
	InMeetingID Text `json:"user_id"`
	Name        Text `json:"user_name"`
	LeaveTime   Text `json:"leave_time"`
}

// DashboardParticipantConnection is a list of such stays.
type DashboardParticipantConnection struct{ Nodes []*DashboardParticipant }

// UserStatus is the state of a user.
type UserStatus string

// MeetingListType selects which meetings to list.
type MeetingListType string

// RegistrantStatus is the state of a registration.
type RegistrantStatus string

// UnmarshalGQL reads the name of a state.
func (s *UserStatus) UnmarshalGQL(v any) error { return readEnum(s, v) }

// MarshalGQL writes the name of the state.
func (s UserStatus) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(string(s))) }

// UnmarshalGQL reads the name of a kind of list.
func (t *MeetingListType) UnmarshalGQL(v any) error { return readEnum(t, v) }

// MarshalGQL writes the name of the kind.
func (t MeetingListType) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(string(t))) }

// UnmarshalGQL reads the name of a state.
func (s *RegistrantStatus) UnmarshalGQL(v any) error { return readEnum(s, v) }

// MarshalGQL writes the name of the state.
func (s RegistrantStatus) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(string(s))) }

func readEnum[T ~string](into *T, v any) error {
	s, err := graphql.UnmarshalString(v)
	*into = T(s)
	return err
}
