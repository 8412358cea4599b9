// Package day simulates a day of an account, in simulated time, and counts the calls at Zoom of
// several servers: the gateway with events, the gateway with lifetimes only, and a plain gqlgen
// server with dataloaders (package baseline), each with its own sandbox of the same seed. "make day"
// prints them as a table; the package's test runs one dashboard of each kind for less than an hour.
//
// This file is the model of the day: what happens at Zoom, which events arrive, and what dashboards
// query. Each figure has its source, or is marked as assumed. The same seed yields the same day.
package day

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Model is a day.
type Model struct {
	Seed uint64
	// Users is the number of users of the account. Each holds two meetings a day: 10,000 users
	// hold 20,000 meetings.
	Users int
	// From and Until are the simulated part of the day, since midnight UTC.
	From, Until time.Duration
	// Open and Closed are when dashboards begin and end to send queries, since midnight UTC.
	Open, Closed time.Duration
	// Warm is the time after Open in which calls are not counted.
	Warm time.Duration
	// Few limits the dashboards to one of each kind.
	Few bool
	// Late and Lost are the shares of events that arrive lateBy later, and that never arrive.
	Late, Lost float64
}

// meetingsEach is how many meetings a user holds on the day. Assumed: Zoom publishes no figure.
const meetingsEach = 2

// Meetings is the number of meetings that are held.
func (m Model) Meetings() int { return meetingsEach * m.Users }

// Walls is the number of dashboards of live meetings. Assumed: one for about 400 users.
func (m Model) Walls() int { return m.dashboards(3, 400) }

// Boards is the number of dashboards of scheduled meetings. Assumed: one for about 200 users.
func (m Model) Boards() int { return m.dashboards(4, 200) }

// Trainings is the number of dashboards of attendance. Assumed: one for about 500 users.
func (m Model) Trainings() int { return m.dashboards(2, 500) }

func (m Model) dashboards(least, users int) int {
	if m.Few {
		return 1
	}
	return max(least, m.Users/users)
}

// hours has the weight of each hour of the day, in which meetings begin. Half of the meetings begin
// from 9 to 11 and from 13 to 15 o'clock.
//
// Source: Microsoft, Work Trend Index, "Breaking down the infinite workday" (2025). The
// distribution of the other half is assumed; some are at night, since an account of this size has
// users in other time zones.
var hours = [24]int{4, 4, 4, 4, 4, 6, 10, 25, 70, 125, 125, 80, 40, 125, 125, 80, 60, 40, 25, 18, 10, 8, 4, 4}

// start picks when a meeting begins: two of three up to two minutes before or after a full or half
// hour, and the others at any time. Assumed.
func start(rng *rand.Rand) time.Duration {
	sum := 0
	for _, weight := range hours {
		sum += weight
	}
	at := rng.IntN(sum)
	hour := 0
	for at >= hours[hour] {
		at -= hours[hour]
		hour++
	}
	within := time.Duration(rng.Int64N(int64(time.Hour)))
	if rng.IntN(3) > 0 {
		within = time.Duration(rng.IntN(2))*30*time.Minute + time.Duration(rng.Int64N(int64(4*time.Minute))) - 2*time.Minute
	}
	return max(0, time.Duration(hour)*time.Hour+within).Truncate(time.Second)
}

// The participants follow from the sandbox (stays.go): two to ten people, who join late, leave and
// rejoin, use a second device, or are in the waiting room; one meeting in ten has one participant.

// What else changes. Assumed.
const (
	// renamed is the share of meetings whose topic is changed up to two hours before the start.
	renamed = 0.3
	// scheduled is the share of users who schedule a meeting during the day, and cancelled the
	// share of these meetings that are deleted two hours later.
	scheduled, cancelled = 0.2, 0.5
	// recorded is the share of meetings with a recording, which is available ten minutes after
	// the end.
	recorded = 0.3
	// registerEvery is the average time between two registrations for a training.
	registerEvery = 30 * time.Minute
)

// How events arrive: each takes between promptly and delayed; one in a hundred arrives twice, one
// in a hundred up to 20 seconds later, and the share [Model.Late] is later by lateBy. The share
// [Model.Lost] never arrives: Zoom retries failed deliveries after 5, 20 and 60 minutes, so the
// endpoint was unavailable for longer, or Zoom has lost the event. Zoom guarantees neither order
// nor that an event arrives once (https://developers.zoom.us/docs/api/webhooks/), and publishes no
// shares: these are assumed.
const (
	promptly, delayed = 300 * time.Millisecond, 3 * time.Second
	twice             = 0.01
	lateBy            = 5 * time.Minute
	// usuallyLate and usuallyLost are the default shares for a whole day.
	usuallyLate, usuallyLost = 0.001, 0.001
)

// What dashboards query, and how often. Assumed: dashboards refresh every 10 to 60 seconds.
const (
	wallEvery     = 10 * time.Second
	boardEvery    = 30 * time.Second
	trainingEvery = 30 * time.Second
	// boardUsers is the number of users on a board, and trainingMeetings that of the meetings of
	// a trainer.
	boardUsers, trainingMeetings = 8, 5
)

// wallQuery queries the participants of a live meeting. A wall shows one until it ends, and then the
// latest that no other wall shows.
func wallQuery(uuid string) string {
	return fmt.Sprintf(`{ account { dashboard { meeting(by: {uuid: %q}) { participants(first: 300) { nodes { inMeetingId name leaveTime } } } } } }`, uuid)
}

// wallSubscription subscribes to the same, if the schema has subscriptions.
func wallSubscription(number int64) string {
	return fmt.Sprintf(`subscription { participants(meeting: {number: "%d"}) { live participants { inMeetingId name } } }`, number)
}

// boardQuery queries the scheduled meetings of a team, of which a page shows the upcoming ones. It
// does not query Zoom's list of upcoming meetings, which meetings leave without an event.
func boardQuery(users []string) string {
	var b strings.Builder
	b.WriteString("{")
	for i, id := range users {
		fmt.Fprintf(&b, " u%d: user(by: {zoomId: %q}) { meetings(first: 300) { nodes { number topic startTime } } }", i, id)
	}
	return b.String() + " }"
}

// trainingQuery queries the attendees and the absent registrants of the latest instance of each
// meeting.
func trainingQuery(numbers []int64) string {
	var b strings.Builder
	b.WriteString("{")
	for i, number := range numbers {
		fmt.Fprintf(&b, ` m%d: meeting(by: {number: "%d"}) { registrants(first: 300) { totalCount } latestInstance { uuid attendance { totals { attended } absentees(first: 300) { totalCount } } } }`, i, number)
	}
	return b.String() + " }"
}

// plainTrainingQuery queries the data from which attendance is computed, for a server that does not
// compute it.
func plainTrainingQuery(numbers []int64) string {
	var b strings.Builder
	b.WriteString("{")
	for i, number := range numbers {
		fmt.Fprintf(&b, ` m%d: meeting(by: {number: "%[2]d"}) { startTime registrants(first: 300) { nodes { zoomId email } } } i%[1]d: meetingInstance(by: {latestOf: "%[2]d"}) { uuid participants(first: 300) { nodes { zoomId email joinTime durationSeconds } } }`, i, number)
	}
	return b.String() + " }"
}
