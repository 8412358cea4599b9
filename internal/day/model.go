// Package day runs a day of an account in simulated time and counts what it costs at Zoom:
// the gateway with events on, the same gateway with lifetimes only, and a plain gqlgen server
// with dataloaders (package baseline of the bench), all before the same sandbox. "make day"
// prints one table; the package's test runs one dashboard of each kind for less than an hour.
//
// This file is the model of the day: what happens at Zoom, what of it is told, and who asks
// what. Each figure has its source, or says that it is assumed. The same seed is the same
// day.
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
	// Users is the size of the account. Each has two meetings that the day holds: 10,000
	// users are 20,000 meetings.
	Users int
	// From and Until are the part of the day that is run, since midnight UTC.
	From, Until time.Duration
	// Open and Closed are when dashboards begin and end to ask.
	Open, Closed time.Duration
	// Warm is for how long after Open calls are not counted.
	Warm time.Duration
	// Few has one dashboard of each kind, however many users there are.
	Few bool
	// Late and Lost are the shares of events that come late, and that never come.
	Late, Lost float64
}

// meetingsEach is how many meetings a user holds on the day. Assumed: Zoom tells no figure.
const meetingsEach = 2

// Meetings is how many the day holds.
func (m Model) Meetings() int { return meetingsEach * m.Users }

// Walls is how many dashboards show live meetings. Assumed: one for about 400 people.
func (m Model) Walls() int { return m.dashboards(3, 400) }

// Boards is how many dashboards show what is scheduled. Assumed: one for about 200 people.
func (m Model) Boards() int { return m.dashboards(4, 200) }

// Trainings is how many trainers follow attendance. Assumed: one for about 500 people.
func (m Model) Trainings() int { return m.dashboards(2, 500) }

func (m Model) dashboards(least, users int) int {
	if m.Few {
		return 1
	}
	return max(least, m.Users/users)
}

// hours weighs the hours of the day by how many meetings begin in them. Half of them begin
// from 9 to 11 and from 13 to 15 o'clock.
//
// Source: Microsoft, Work Trend Index, "Breaking down the infinite workday" (2025). How the
// other half is spread is assumed; some are at night, since an account of this size has
// people in other time zones.
var hours = [24]int{4, 4, 4, 4, 4, 6, 10, 25, 70, 125, 125, 80, 40, 125, 125, 80, 60, 40, 25, 18, 10, 8, 4, 4}

// start picks when a meeting begins: two in three at a full or half hour, people being up
// to two minutes early or late, the others whenever. Assumed.
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

// Who comes, when and for how long follows from the sandbox (stays.go): two to ten people,
// who come late, leave and come back, join on a second device, or wait at the door; one
// meeting in ten is of one person.

// What changes beside. Assumed.
const (
	// renamed is the share of meetings whose topic is changed up to two hours before.
	renamed = 0.3
	// scheduled is the share of users who schedule a meeting in the course of the day, and
	// cancelled the share of these that are deleted two hours after.
	scheduled, cancelled = 0.2, 0.5
	// recorded is the share of meetings of which a recording is there ten minutes after
	// the end.
	recorded = 0.3
	// registerEvery is how often somebody registers for a training, on average.
	registerEvery = 30 * time.Minute
)

// How events come: each takes from promptly to delayed, one in a hundred comes twice, one in
// a hundred up to 20 seconds later, and the share [Model.Late] by lateBy later. [Model.Lost]
// never come: Zoom repeats what nobody took 5, 20 and 60 minutes after, so that is where an
// endpoint was away for longer, or where Zoom itself lost one. Zoom does not promise order or
// exactly once (https://developers.zoom.us/docs/api/webhooks/) and tells no shares: these are
// assumed.
const (
	promptly, delayed = 300 * time.Millisecond, 3 * time.Second
	twice             = 0.01
	lateBy            = 5 * time.Minute
	// usuallyLate and usuallyLost are the shares of a whole day.
	usuallyLate, usuallyLost = 0.001, 0.001
)

// What dashboards ask, and how often. Assumed: pages that people look at ask again every
// 10 to 60 seconds.
const (
	wallEvery     = 10 * time.Second
	boardEvery    = 30 * time.Second
	trainingEvery = 30 * time.Second
	// boardUsers and trainingMeetings are how many stand on one board, or are one
	// trainer's.
	boardUsers, trainingMeetings = 8, 5
)

// wallQuery asks who is in a meeting that goes on: a wall shows one until it ends, then the
// next that begins.
func wallQuery(uuid string) string {
	return fmt.Sprintf(`{ account { dashboard { meeting(by: {uuid: %q}) { participants(first: 300) { nodes { inMeetingId name leaveTime } } } } } }`, uuid)
}

// wallSubscription has the gateway tell it, where the schema has subscriptions.
func wallSubscription(number int64) string {
	return fmt.Sprintf(`subscription { participants(meeting: {number: "%d"}) { live participants { inMeetingId name } } }`, number)
}

// boardQuery asks for the meetings of a team, from which a page shows those to come. The
// list of all that are scheduled is asked for, which the clock does not change: of the
// lists of upcoming ones no event tells that a meeting has left them.
func boardQuery(users []string) string {
	var b strings.Builder
	b.WriteString("{")
	for i, id := range users {
		fmt.Fprintf(&b, " u%d: user(by: {zoomId: %q}) { meetings(first: 300) { nodes { number topic startTime } } }", i, id)
	}
	return b.String() + " }"
}

// trainingQuery asks who attended the latest run of each meeting, and who of those who have
// registered did not.
func trainingQuery(numbers []int64) string {
	var b strings.Builder
	b.WriteString("{")
	for i, number := range numbers {
		fmt.Fprintf(&b, ` m%d: meeting(by: {number: "%d"}) { registrants(first: 300) { totalCount } latestInstance { uuid attendance { totals { attended } absentees(first: 300) { totalCount } } } }`, i, number)
	}
	return b.String() + " }"
}

// plainTrainingQuery asks a server that does not work out attendance for what it follows
// from.
func plainTrainingQuery(numbers []int64) string {
	var b strings.Builder
	b.WriteString("{")
	for i, number := range numbers {
		fmt.Fprintf(&b, ` m%d: meeting(by: {number: "%[2]d"}) { startTime registrants(first: 300) { nodes { zoomId email } } } i%[1]d: meetingInstance(by: {latestOf: "%[2]d"}) { uuid participants(first: 300) { nodes { zoomId email joinTime durationSeconds } } }`, i, number)
	}
	return b.String() + " }"
}
