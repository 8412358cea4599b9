package main

import (
	"fmt"

	"zoomql/internal/lab/upstream"
)

// The queries of the table. Each runs on the gateway and on the baseline.

// The fields that are selected of the user of each registrant and participant. Lists of
// users hold the first ones; of the second ones, the job title is in GET
// /users/{userId} alone.
const (
	listedFields = "zoomId displayName email department timezone"
	wholeFields  = "zoomId displayName email jobTitle"
)

// usersQuery is users → their meetings → the hosts of these.
func usersQuery(first int) string {
	return fmt.Sprintf(`{ account { users(first: %d) { nodes { zoomId displayName email meetings(first: 30) { nodes { number topic startTime durationMinutes host { displayName email } } } } } } }`, first)
}

// crowdQuery is one meeting → its registrants, and the participants of its latest
// instance → the user of each.
func crowdQuery(meeting int64, fields string) string {
	return fmt.Sprintf(`{ meeting(by: {number: "%[1]d"}) { registrants(first: 300) { nodes { email firstName user { %[2]s } } } } meetingInstance(by: {latestOf: "%[1]d"}) { participants(first: 300) { nodes { name joinTime user { %[2]s } } } } }`, meeting, fields)
}

// crowdsQuery is like crowdQuery for two meetings that NewWorld made: they have no past
// instances, so both halves are registrants.
func crowdsQuery(one, other string) string {
	return fmt.Sprintf(`{ one: meeting(by: {number: %[1]q}) { registrants(first: 300) { nodes { email firstName user { %[3]s } } } } other: meeting(by: {number: %[2]q}) { registrants(first: 300) { nodes { email firstName user { %[3]s } } } } }`, one, other, wholeFields)
}

// userQuery is the small query of the hot rows.
func userQuery(id string) string {
	return fmt.Sprintf(`{ user(by: {zoomId: %q}) { displayName email timezone department firstName lastName } }`, id)
}

// warmUps are queries that make a server run the code of the queries above and open its
// connections to Zoom, for other objects: their cached answers do not serve those,
// which the count of calls proves.
func warmUps(m *upstream.Landmarks) []string {
	return []string{
		`{ account { users(first: 50, roleId: "2") { nodes { zoomId displayName email meetings(first: 30, type: UPCOMING) { nodes { number topic startTime durationMinutes host { displayName email } } } } } } }`,
		fmt.Sprintf(`{ meeting(by: {number: "%d"}) { registrants(first: 5, status: DENIED) { nodes { email firstName user { %s } } } } }`, m.BigMeeting, listedFields),
		fmt.Sprintf(`{ meetingInstance(by: {latestOf: "%d"}) { participants(first: 100) { nodes { name joinTime } } } }`, m.MeetingNumber),
		fmt.Sprintf(`{ user(by: {zoomId: %q}) { %s } }`, m.InactiveUserID, wholeFields),
	}
}
