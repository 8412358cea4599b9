package plan

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"

	"zoomql/internal/operations"
	"zoomql/internal/selection"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// testIndex returns the index of the gateway's schema.
var testIndex = sync.OnceValue(func() *selection.Index {
	schema, err := operations.Schema("../../graph/schema")
	if err != nil {
		panic(err)
	}
	return selection.NewIndex(schema, map[string][]string{"DashboardMeeting": {"uuid"}, "DashboardWebinar": {"uuid"}, "DashboardZoomRoom": {"zoomId"}})
})

var testOptions = Options{
	Plan: zoom.Business, Account: "own", Tenant: types.TenantOf("own"), Objects: 200_000,
	Now: time.Date(2026, 3, 16, 9, 0, 0, 0, time.UTC),
}

// operation parses the first operation of a document.
func operation(t testing.TB, query string, variables map[string]any) *graphql.OperationContext {
	t.Helper()
	doc, errs := gqlparser.LoadQueryWithRules(testIndex().Schema(), query, nil)
	if errs != nil {
		t.Fatal(errs)
	}
	return &graphql.OperationContext{Doc: doc, Operation: doc.Operations[0], Variables: variables}
}

func planned(t testing.TB, query string) *Plan {
	t.Helper()
	return New(testIndex(), operation(t, query, nil), testOptions)
}

// TestPlans compares plans with trees that were written by hand.
func TestPlans(t *testing.T) {
	for _, c := range []struct{ query, want string }{
		{`{ viewer { scopes } rateLimit(dryRun: true) { waiting } }`, ``},
		{`{ meeting(by: {number: "1"}) { topic } }`, `
1 × LIGHT GET /meetings/{meetingId} at meeting`},
		{`{ meeting(by: {number: "1"}) { registrants { nodes { email } } } }`, `
1 × MEDIUM GET /meetings/{meetingId}/registrants at meeting.registrants`},
		{`{ meeting(by: {number: "1"}) { m: host { email } } }`, `
1 × LIGHT GET /meetings/{meetingId} at meeting.m
  1 × LIGHT GET /users/{userId} at meeting.m`},
		{`{ meeting(by: {number: "1"}) { instances(first: 5, after: "x") { totalCount nodes { uuid startTime } } } }`, `
1 × MEDIUM GET /past_meetings/{meetingId}/instances at meeting.instances`},
		{`{ meeting(by: {number: "1"}) { instances(first: 5) { edges { node { topic } } } } }`, `
1 × MEDIUM GET /past_meetings/{meetingId}/instances at meeting.instances
  5 × LIGHT GET /past_meetings/{meetingId} at meeting.instances`},
		{`{ webinar(by: {number: "1"}) { panelists { name } instances(first: 5) { nodes { uuid host { email } } } } }`, `
1 × MEDIUM GET /webinars/{webinarId}/panelists at webinar.panelists
1 × LIGHT GET /past_webinars/{webinarId}/instances at webinar.instances
  0…5 × HEAVY GET /report/webinars/{webinarId} at webinar.instances.nodes.host
  5 × LIGHT GET /users/{userId} at webinar.instances.nodes.host`},
		{`{ user(by: {zoomId: "u"}) { attended(from: "2026-03-01", to: "2026-03-10", first: 5) { nodes { topic instance { topic } } } } }`, `
1 × HEAVY GET /report/users/{userId}/meetings at user.attended`},
		{`{ account { users(first: 100) { nodes { email } } } }`, `
1 × MEDIUM GET /users at account.users`},
		{`{ account { users(first: 100) { nodes { jobTitle } } } }`, `
1 × MEDIUM GET /users at account.users
  100 × LIGHT GET /users/{userId} at account.users`},
		{`{ user(by: {zoomId: "u"}) { chatChannels(first: 5000) { totalCount } } }`, ``},
		{`{ user(by: {zoomId: "u@users.example"}) { chatChannels(first: 5000) { totalCount } } }`, `
1 × LIGHT GET /users/{userId} at user`},
		{`{ user(by: {zoomId: "u"}) { groups { name } } }`, `
1 × LIGHT GET /users/{userId} at user.groups
  1…17 × MEDIUM GET /groups at user.groups
  0…5000 × LIGHT GET /groups/{groupId} at user.groups`},
		{`{ account { users(first: 3) { nodes { groups { zoomId members(first: 3) { totalCount } } } } } }`, `
1 × MEDIUM GET /users at account.users
  30…5000 × MEDIUM GET /groups/{groupId}/members at account.users.nodes.groups.members`},
		{`{ account { users(first: 3) { nodes { meetings(first: 301) { nodes { topic } } } } } }`, `
1 × MEDIUM GET /users at account.users
  6 × MEDIUM GET /users/{userId}/meetings at account.users.nodes.meetings`},
		{`{ meetingInstance(by: {uuid: "a=="}) { participants(first: 300) { nodes { name } } } }`, `
1 × MEDIUM GET /past_meetings/{meetingId}/participants at meetingInstance.participants
0…1 × LIGHT GET /past_meetings/{meetingId} at meetingInstance.participants`},
		{`{ user(by: {zoomId: "u"}) { pastMeetings(from: "2025-11-20", to: "2026-03-16") { nodes { topic } } } }`, `
5 × HEAVY GET /report/users/{userId}/meetings at user.pastMeetings`},
		{`{ user(by: {zoomId: "u"}) { pastMeetings(from: "2027-11-20", to: "2027-12-16") { nodes { topic } } } }`, ``},
		{`mutation { a: deleteMeeting(input: {meeting: {number: "1"}}) { userErrors { code } } b: updateMeeting(input: {meeting: {number: "1"}, patch: {topic: "x"}}) { meeting { topic } } }`, `
1 × LIGHT DELETE /meetings/{meetingId} at a
1 × LIGHT PATCH /meetings/{meetingId} at b
  1 × LIGHT GET /meetings/{meetingId} at b.meeting`},
		{`subscription { rateLimitChanged { waiting } }`, ``},
		{`subscription { c: meetingChanged(meeting: {number: "1"}) { event meeting { topic } } }`, `
1 × LIGHT GET /meetings/{meetingId} at c
  1 × LIGHT GET /meetings/{meetingId} at c.meeting`},
		{`subscription { participants(meeting: {number: "1"}) { count meeting { topic } } }`, `
1 × LIGHT GET /meetings/{meetingId} at participants
  1…101 × HEAVY GET /metrics/meetings/{meetingId}/participants at participants
    0…1 × LIGHT GET /meetings/{meetingId} at participants.meeting`},
		{`subscription { attendance(webinar: {number: "1"}) { totals { attendees } } }`, `
1 × LIGHT GET /webinars/{webinarId} at attendance
  1…101 × HEAVY GET /metrics/webinars/{webinarId}/participants at attendance
    0…1 × HEAVY GET /report/webinars/{webinarId} at attendance`},
		{`subscription { events(user: {email: "a@b"}) { name host { email } } }`, `
1 × LIGHT GET /users/{userId} at events
  1 × LIGHT GET /users/{userId} at events.host`},
		{`{ meetingInstance(by: {uuid: "a"}) { attendance { totals { late } absentees { totalCount } } } }`, `
1…101 × MEDIUM GET /past_meetings/{meetingId}/participants at meetingInstance.attendance
  1…101 × MEDIUM GET /meetings/{meetingId}/registrants at meetingInstance.attendance.absentees
1 × LIGHT GET /past_meetings/{meetingId} at meetingInstance.attendance
1 × LIGHT GET /meetings/{meetingId} at meetingInstance.attendance`},
	} {
		p := planned(t, c.query)
		var got strings.Builder
		for line := range strings.Lines(p.String()) {
			head, _, _ := strings.Cut(line, ": ")
			got.WriteString("\n" + head)
		}
		if got.String() != c.want {
			t.Errorf("%s:\n%s\nwant%s", c.query, p, c.want)
		}
		if again := planned(t, c.query); again.String() != p.String() {
			t.Errorf("%s: the second plan differs:\n%s", c.query, again)
		}
	}
}

// TestSums checks the sums over the steps of a plan.
func TestSums(t *testing.T) {
	p := planned(t, `{ account { users(first: 300) { nodes { meetings(first: 30) { nodes { host { email } } } } } } }`)
	most, expected := p.AtMost(), p.Expected()
	if most[zoom.Light] != 9000 || most[zoom.Medium] < 301+1 || expected[zoom.Light] != 0 || expected[zoom.Medium] != 301 {
		t.Errorf("at most %v, expected %v:\n%s", most, expected, p)
	}
	if p.Trips != 2 || p.Objects < 300+9000*2 {
		t.Errorf("%d round trips, %d objects:\n%s", p.Trips, p.Objects, p)
	}
	dearest := p.Dearest(zoom.Medium, 2)
	if len(dearest) != 2 || dearest[0].AtMost < dearest[1].AtMost {
		t.Errorf("the dearest are %v", dearest)
	}
	scopes := p.Scopes()
	if len(scopes) != 3 || len(scopes[0].Granular) == 0 || len(scopes[0].Classic) == 0 {
		t.Errorf("scopes %+v", scopes)
	}
}

// TestWindows counts the listings of ranges, and compares them with Months.
func TestWindows(t *testing.T) {
	day := func(s string) (at time.Time) {
		if s != "" {
			at, _ = time.Parse(time.DateOnly, s)
		}
		return at
	}
	for _, c := range []struct {
		why, from, to string
		spec          zoom.Spec
		want          int
	}{
		{"no range", "", "", zoom.Spec{}, 1},
		{"half a range", "2026-01-01", "", zoom.Spec{}, 0},
		{"backwards", "2026-02-01", "2026-01-01", zoom.Spec{}, 0},
		{"not cut", "2026-02-16", "2026-03-16", zoom.Spec{}, 1},
		{"two months", "2026-02-16", "2026-03-17", zoom.Spec{}, 2},
		{"from the oldest day that Zoom has", "2020-01-01", "2026-03-16", zoom.Spec{Months: 6}, 7},
		{"before the oldest day", "2020-01-01", "2020-03-16", zoom.Spec{Months: 6}, 0},
		{"too long", "2020-01-01", "2026-03-16", zoom.Spec{}, 0},
		{"in the future", "2026-04-01", "2026-04-16", zoom.Spec{}, 0},
		{"in the future, and the operation accepts future days", "2026-04-01", "2026-04-16", zoom.Spec{Ahead: true}, 1},
	} {
		if got := windows(&c.spec, Span{day(c.from), day(c.to)}, day("2026-03-16")); got != c.want {
			t.Errorf("%s: %d, want %d", c.why, got, c.want)
		}
		span := Span{day(c.from), day(c.to)}
		if left, _ := Kept(&c.spec, span, day("2026-03-16")); c.want > 1 {
			left = Begun(&c.spec, left, day("2026-03-16"))
			if n := len(Months(left.From, left.To)); n != c.want {
				t.Errorf("%s: it is cut into %d", c.why, n)
			}
		}
	}
}

// BenchmarkPlan plans a query of ten fields.
func BenchmarkPlan(b *testing.B) {
	op := operation(b, `{ meeting(by: {number: "1"}) { topic startTime host { email displayName } registrants(first: 30) { nodes { email user { timezone } } } } }`, nil)
	b.ReportAllocs()
	for b.Loop() {
		New(testIndex(), op, testOptions)
	}
}

// TestWholeBelow tests how many objects are read one by one below a level, whatever lists have of them: a
// list is an edge, its nodes are none.
func TestWholeBelow(t *testing.T) {
	p := planned(t, `{
		meeting(by: {number: "1"}) { host { email groups { members(first: 7) { nodes { user { jobTitle } } } } } }
		account { users(first: 5) { edges { node { jobTitle } } } }
		webinar(by: {number: "1"}) { registrants(first: 3) { nodes { language } } }
	}`)
	users, registrants := zoom.GetUser.Spec, zoom.GetWebinarRegistrant.Spec
	for _, c := range []struct {
		op          *zoom.Spec
		below, want int
	}{
		{users, 0, 5 + 7*zoom.MaxGroups}, {users, 1, 5 + 7*zoom.MaxGroups}, {users, 2, 7 * zoom.MaxGroups}, {users, 4, 7 * zoom.MaxGroups}, {users, 5, 0},
		{registrants, 1, 3}, {registrants, 2, 0},
	} {
		if got := p.WholeBelow(c.op, "", c.below); got != c.want {
			t.Errorf("%s below level %d: %d, want %d", c.op.Pattern, c.below, got, c.want)
		}
	}
}

// TestSubAccountGroups tests that the maximum number of groups of one account does not bound those of
// many.
func TestSubAccountGroups(t *testing.T) {
	p := planned(t, `{ account { subAccounts(first: 30) { nodes { users(first: 100) { nodes { groups { name } } } } } } }`)
	if got := p.AtMost()[zoom.Light]; got != 30*zoom.MaxGroups {
		t.Errorf("there are at most %d calls for groups of 30 accounts", got)
	}
}

// TestWholeBelow_accounts tests that users of one account are none of another one, but may be in one of
// the sub accounts that a list returns.
func TestWholeBelow_accounts(t *testing.T) {
	p := planned(t, `{ account { subAccounts(first: 2) { nodes { users(first: 5) { nodes { jobTitle } } } } users(first: 7) { nodes { jobTitle } } } }`)
	for account, want := range map[string]int{"": 7, "sub": 10, "*": 10} {
		if got := p.WholeBelow(zoom.GetUser.Spec, account, 0); got != want {
			t.Errorf("%d users of account %q, want %d", got, account, want)
		}
	}
}

// TestNodes expects node and nodes to name the operations that read an object of each type, and the
// list in which it may be looked up. One role is never looked up, several are.
func TestNodes(t *testing.T) {
	index := testIndex()
	query := index.Query()
	for _, name := range []string{"node", "nodes"} {
		ops := index.Field(query, query.Fields.ForName(name)).All()
		for _, def := range index.Schema().GetPossibleTypes(index.Schema().Types["Node"]) {
			one := cmp.Or(targets[def.Name].one, nodeOps[def.Name])
			want := []string{one}
			if p, ok := pairs[one]; ok && (name == "nodes" || def.Name != "Role") {
				want = append(want, p.list.Pattern)
			}
			for _, op := range want {
				if op != "" && !slices.Contains(ops, op) {
					t.Errorf("Query.%s lacks @zoom(op: %q), which reads a %s", name, op, def.Name)
				}
			}
		}
	}
}
