package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"zoomql/internal/zoom"
)

// seenAs records the numbers of outcomes by "path operation".
func seenAs(of map[string]map[zoom.Outcome]int) *Observed {
	o := &Observed{}
	for at, counts := range of {
		path, op, _ := strings.Cut(at, " ")
		for what, n := range counts {
			for range n {
				o.Note(zoom.Lookup(op), path, what)
			}
		}
	}
	return o
}

// TestCached expects calls for what the cache lacks, and below a missing answer the plan's calls.
func TestCached(t *testing.T) {
	const query = `{ account { users(first: 20) { nodes { jobTitle meetings(first: 1) { nodes { topic } } } } } }`
	for _, c := range []struct {
		why   string
		seen  map[string]map[zoom.Outcome]int
		want  []int // expected calls of each step
		trips int
	}{
		{"nothing is cached", map[string]map[zoom.Outcome]int{"account.users GET /users": {zoom.Missed: 1}}, []int{1, 20, 20}, 3},
		{"the list is", map[string]map[zoom.Outcome]int{
			"account.users GET /users": {zoom.Hit: 1}, "account.users GET /users/{userId}": {zoom.Missed: 20},
			"account.users.nodes.meetings GET /users/{userId}/meetings": {zoom.Missed: 20},
		}, []int{0, 20, 20}, 2},
		{"half of the users are", map[string]map[zoom.Outcome]int{
			"account.users GET /users": {zoom.Hit: 1}, "account.users GET /users/{userId}": {zoom.Hit: 10, zoom.Missed: 10},
			"account.users.nodes.meetings GET /users/{userId}/meetings": {zoom.Hit: 10},
		}, []int{0, 10, 10}, 2},
		{"all of it is, and the list is stale", map[string]map[zoom.Outcome]int{
			"account.users GET /users": {zoom.Stale: 1}, "account.users GET /users/{userId}": {zoom.Hit: 20},
			"account.users.nodes.meetings GET /users/{userId}/meetings": {zoom.Hit: 20},
		}, []int{1, 0, 0}, 1},
		{"recorded at other paths", map[string]map[zoom.Outcome]int{"account GET /users": {zoom.Hit: 1}, "x GET /users/{userId}": {zoom.Hit: 20}, " GET /users/{userId}/meetings": {zoom.Hit: 20}}, []int{0, 0, 0}, 0},
	} {
		p := planned(t, query).Cached(seenAs(c.seen))
		var got []int
		p.All(func(s *Step) { got = append(got, s.Expected) })
		if !slices.Equal(got, c.want) || p.Trips != c.trips {
			t.Errorf("%s: %v in %d round trips, want %v in %d\n%s", c.why, got, p.Trips, c.want, c.trips, p)
		}
	}
}

// TestCached_pages expects calls for the pages after a missing one.
func TestCached_pages(t *testing.T) {
	p := planned(t, `{ meetingInstance(by: {uuid: "a"}) { participants(first: 1200) { nodes { name } } } }`)
	for hits, want := range []int{4, 3, 2, 1} {
		o := seenAs(map[string]map[zoom.Outcome]int{"meetingInstance.participants " + zoom.ListPastParticipants.Pattern: {zoom.Hit: hits, zoom.Missed: 1}})
		if got := p.Cached(o).Expected()[zoom.Medium]; got != want {
			t.Errorf("%d pages of 4 are cached: %d are expected, want %d", hits, got, want)
		}
	}
}

// TestCached_guesses uses an older answer for a missing list: three of four items are on a page of
// another size.
func TestCached_guesses(t *testing.T) {
	p := planned(t, `{ account { users(first: 40) { nodes { jobTitle } } } }`)
	o := seenAs(map[string]map[zoom.Outcome]int{
		"account.users " + zoom.ListUsers.Pattern: {zoom.Missed: 1}, "account.users " + zoom.GetUser.Pattern: {zoom.Hit: 10, zoom.Missed: 20},
	})
	o.Guess(zoom.ListUsers.Spec, "account.users", 0.75)
	if got := p.Cached(o).Expected(); got[zoom.Medium] != 1 || got[zoom.Light] != 20+10 {
		t.Errorf("%v are expected", got)
	}
}

// TestHosts expects one read for the host of a user's meetings, and none if the user was read
// before. The lookup of the host changes the expectation.
func TestHosts(t *testing.T) {
	for _, c := range []struct {
		query string
		light int // expected of hosts
	}{
		{`{ user(by: {zoomId: "u"}) { meetings(first: 30) { nodes { topic host { email } } } } }`, 1},
		{`{ user(by: {zoomId: "u"}) { email meetings(first: 30) { nodes { topic host { email } } } } }`, 1}, // that of the user
		{`{ account { users(first: 3) { nodes { meetings(first: 30) { nodes { host { email } } } } } } }`, 0},
		{`{ account { users(first: 3) { nodes { meetings(first: 30) { nodes { host { jobTitle } } } } } } }`, 3},
	} {
		if got := planned(t, c.query).Expected()[zoom.Light]; got != c.light {
			t.Errorf("%s: %d LIGHT calls are expected, want %d", c.query, got, c.light)
		}
	}
	p := planned(t, `{ user(by: {zoomId: "u"}) { meetings(first: 1) { nodes { topic host { email } } } } }`)
	for what, want := range map[zoom.Outcome]int{zoom.Hit: 0, zoom.Missed: 1} {
		o := seenAs(map[string]map[zoom.Outcome]int{"user.meetings " + zoom.ListMeetings.Pattern: {zoom.Missed: 1}})
		p.All(func(s *Step) {
			if s.Lookup != nil && !o.Has(s) {
				o.Look(s, what)
			}
		})
		if got := p.Cached(o).Expected(); got[zoom.Light] != want || got[zoom.Medium] != 1 {
			t.Errorf("%v are expected, want %d LIGHT calls", got, want)
		}
	}
}

// TestPaid checks the actual calls of steps, and of an operation without a step.
func TestPaid(t *testing.T) {
	p := planned(t, `{ account { users(first: 3) { nodes { jobTitle } } } }`)
	paid := p.Paid(seenAs(map[string]map[zoom.Outcome]int{
		"account.users GET /users": {zoom.Called: 2}, "account.users GET /users/{userId}": {zoom.Hit: 2, zoom.Called: 1}, "x GET /roles": {zoom.Called: 1},
	}))
	var got []string
	paid.All(func(s *Step) { got = append(got, fmt.Sprintf("%s %d %d", s.Op.Pattern, s.Actual, s.Cached)) })
	if want := []string{"GET /users 2 0", "GET /users/{userId} 1 2", "GET /roles 1 0"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if r := paid.Report(nil, true); r.Actual["MEDIUM"] != 3 || r.Actual["LIGHT"] != 1 || *r.Steps[0].Actual != 2 {
		t.Errorf("%+v", r)
	}
	if r := p.Report(nil, false); r.Actual != nil || r.Steps[0].Actual != nil {
		t.Errorf("actual calls without an execution: %+v", r)
	}
}

// TestBatchOfSeveralFields divides the requests of a batch among the fields that they are for.
func TestBatchOfSeveralFields(t *testing.T) {
	p := planned(t, `{ a: user(by: {zoomId: "u"}) { email } b: user(by: {zoomId: "v"}) { email } c: user(by: {zoomId: "w"}) { email } }`)
	var got []string
	p.Cached(seenAs(map[string]map[zoom.Outcome]int{"a GET /users/{userId}": {zoom.Missed: 2, zoom.Hit: 1}})).All(func(s *Step) {
		got = append(got, fmt.Sprintf("%s expected %d cached %d", s.Path, s.Expected, s.Cached))
	})
	p.Paid(seenAs(map[string]map[zoom.Outcome]int{"a GET /users/{userId}": {zoom.Called: 3}})).All(func(s *Step) {
		got = append(got, fmt.Sprintf("%s actual %d", s.Path, s.Actual))
	})
	if want := []string{
		"a expected 0 cached 1", "b expected 1 cached 0", "c expected 1 cached 0", "a actual 1", "b actual 1", "c actual 1",
	}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestLacking checks the fields that are null without an operation: none that another one returns.
func TestLacking(t *testing.T) {
	for _, c := range []struct {
		query  string
		barred []string
		want   string
	}{
		{`{ account { users { nodes { email } } } }`, []string{"GET /users"}, "GET /users: account.users [Account account.users]"},
		{`{ a: account { u: users { edges { node { t: jobTitle } } } } }`, []string{"GET /users/{userId}"}, "GET /users/{userId}: a.u.edges.node.t []"},
		{`{ meeting(by: {number: "1"}) { host { email } } }`, []string{"GET /users/{userId}"}, ""}, // a list may have it
		{`{ meeting(by: {number: "1"}) { host { email } } }`, []string{"GET /users/{userId}", "GET /users"}, "GET /users/{userId}: meeting.host [Meeting meeting.host]"},
		{`{ meeting(by: {number: "1"}) { host { jobTitle } } }`, []string{"GET /users/{userId}"}, "GET /users/{userId}: meeting.host [Meeting meeting.host]"},
		{`{ nodes(ids: []) { id } }`, []string{"GET /users/{userId}"}, ""},
		{`{ account { name number } }`, []string{"GET /accounts/{accountId}"}, "GET /accounts/{accountId}: account.name account.number []"},
		{`{ account { subAccounts { nodes { users { nodes { email } } } } } }`, []string{"GET /users *"}, "GET /users: account.subAccounts.nodes.users [Account account.subAccounts.nodes.users]"},
		{`{ meetingInstance(by: {uuid: "a"}) { w: attendees { nodes { names } } } }`, []string{"GET /past_meetings/{meetingId}/participants"}, "GET /past_meetings/{meetingId}/participants: meetingInstance.w [MeetingInstance meetingInstance.w]"},
		{
			`{ meetingInstance(by: {uuid: "a"}) { attendance { scheduledStart totals { l: late } absentees { nodes { email } } attendees { nodes { customerKey leftEarly } } } } }`,
			[]string{"plan GET /report/meetings/{meetingId}/participants", "GET /meetings/{meetingId}", "GET /meetings/{meetingId}/registrants"},
			"GET /meetings/{meetingId}/registrants: meetingInstance.attendance.absentees [Attendance meetingInstance.attendance.absentees]\n" +
				"GET /meetings/{meetingId}: meetingInstance.attendance.attendees.nodes.leftEarly meetingInstance.attendance.totals.l meetingInstance.attendance.scheduledStart meetingInstance.attendance.absentees []",
		},
		{
			`{ meetingInstance(by: {uuid: "a"}) { attendance { attendees { nodes { customerKey } } } } }`, []string{"GET /report/meetings/{meetingId}/participants"},
			"GET /report/meetings/{meetingId}/participants: meetingInstance.attendance [MeetingInstance meetingInstance.attendance]",
		},
		{
			`{ meeting(by: {number: "1"}) { attendance { attendees { nodes { names } } } } }`, []string{"GET /past_meetings/{meetingId}/instances"},
			"GET /past_meetings/{meetingId}/instances: meeting.attendance [Meeting meeting.attendance]",
		},
		{
			`{ user(by: {zoomId: "u"}) { attended(from: "2026-03-01", to: "2026-03-10") { nodes { presence { attended } } } } }`, []string{"GET /past_meetings/{meetingId}/participants"},
			"", // it may be of a webinar
		},
		{
			`subscription { p: participants(meeting: {number: "1"}) { count } }`, []string{"GET /meetings/{meetingId}"}, "GET /meetings/{meetingId}: p []",
		},
		{`mutation { d: deleteMeeting(input: {meeting: {number: "1"}}) { userErrors { code } } }`, []string{"DELETE /meetings/{meetingId}"}, "DELETE /meetings/{meetingId}: d [Mutation d]"},
	} {
		lacks := planned(t, c.query).Lacking(func(op *zoom.Spec, account string) Bar {
			name := strings.TrimSpace(op.Pattern + " " + account)
			switch {
			case slices.Contains(c.barred, name):
				return NoScope
			case slices.Contains(c.barred, "plan "+name):
				return NotIncluded
			}
			return 0
		})
		var got []string
		for _, l := range lacks {
			var places []string
			for _, at := range l.Places {
				places = append(places, at.On+" "+at.Path)
			}
			got = append(got, fmt.Sprintf("%s: %s %v", l.Op.Pattern, strings.Join(l.Fields, " "), places))
		}
		if strings.Join(got, "\n") != c.want {
			t.Errorf("%s without %q lacks %q, want %q", c.query, c.barred, got, c.want)
		}
	}
}

// TestLooked checks the expected calls of mutations and a subscription whose lookups are cached or
// missing.
func TestLooked(t *testing.T) {
	for _, c := range []struct {
		query, seen     string
		hit             map[zoom.Outcome]int
		trips, expected int
	}{
		{`mutation { createMeeting(input: {host: {email: "A@b"}, meeting: {topic: "x"}}) { userErrors { code } } }`, "createMeeting GET /users/{userId}", map[zoom.Outcome]int{zoom.Hit: 1}, 1, 0},
		{`mutation { createMeeting(input: {host: {email: "A@b"}, meeting: {topic: "x"}}) { userErrors { code } } }`, "createMeeting GET /users/{userId}", map[zoom.Outcome]int{zoom.Missed: 1}, 2, 1},
		{`subscription { meetingChanged(meeting: {number: "1"}) { event } }`, "meetingChanged GET /meetings/{meetingId}", map[zoom.Outcome]int{zoom.Hit: 1}, 0, 0},
	} {
		p := planned(t, c.query)
		looked := p.Looked(seenAs(map[string]map[zoom.Outcome]int{c.seen: c.hit}))
		if first := looked.Steps[0]; first.Lookup == nil || first.Expected != c.expected || looked.Trips != c.trips || p.Steps[0].Expected != 1 {
			t.Errorf("%s: %d calls are expected of the lookup, and %d round trips: %s", c.query, first.Expected, looked.Trips, looked)
		}
	}
}

// TestCheaper checks the changes with which a query fits.
func TestCheaper(t *testing.T) {
	for _, c := range []struct {
		query string
		dear  zoom.Rate
		most  Counts
		want  string
	}{
		{`{ account { users(first: 50) { nodes { jobTitle } } } }`, zoom.Light, Counts{zoom.Light: 10, zoom.Medium: 10, zoom.Heavy: 10}, "[{account.users first 50 10 []}]"},
		{`{ account { users(first: 50) { nodes { meetings(first: 300) { nodes { recurrence { type } } } } } } }`, zoom.Light, Counts{zoom.Light: 100, zoom.Medium: 100}, "[{account.users.nodes.meetings first 300 2 []}]"},
		{`{ account { reports { daily { year } } } }`, zoom.Heavy, Counts{}, "[]"},
		{`{ meetingInstance(by: {uuid: "a"}) { participants(first: 10) { nodes { c: customerKey } } } }`, zoom.Heavy, Counts{zoom.Medium: 9, zoom.Light: 9},
			"[{meetingInstance.participants source <nil> PAST_MEETING [meetingInstance.participants.nodes.c]}]"},
	} {
		op := operation(t, c.query, nil)
		changes := Cheaper(testIndex(), op, testOptions, c.dear, func(p *Plan) bool {
			calls := p.AtMost()
			return calls[zoom.Light] <= c.most[zoom.Light] && calls[zoom.Medium] <= c.most[zoom.Medium] && calls[zoom.Heavy] <= c.most[zoom.Heavy]
		})
		if got := fmt.Sprint(changes); got != c.want {
			t.Errorf("%s: %s, want %s", c.query, got, c.want)
		}
	}
}
