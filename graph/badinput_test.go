package graph

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"zoomql/graph/endpoint"
	"zoomql/graph/endpoint/endpointtest"
	"zoomql/graph/list"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom/types"
)

// mistake is an invalid request, or a failure at Zoom.
type mistake struct {
	why   string
	setup setup
	// first runs before the request. It may return variables for it.
	first func(*rig) map[string]any
	query string
	// codes are the codes of the errors, by the path of the field. The path is "" for a refusal of
	// the whole request.
	codes map[string]string
	// data is the data of the answer; "" means that nothing was executed.
	data string
	// calls is the number of calls to Zoom: a mistake that the gateway detects needs none.
	calls int
	// mend makes the same request succeed: the failure was not cached.
	mend func(*rig)
}

var mistakes = []mistake{
	{
		why: "raw requests: they are off", setup: setup{rawOff: true},
		query: `mutation { zoomRequest(input: {operation: "GET /users"}) { status } }`,
		codes: map[string]string{"zoomRequest": "FORBIDDEN"}, data: `{"zoomRequest": null}`,
	},
	// Ids.
	{
		why: "ids: no global id", query: `{ node(id: "garbage") { id } account { zoomId } }`,
		codes: map[string]string{"node": "BAD_USER_INPUT"},
		data:  `{"node": null, "account": {"zoomId": "${AccountID}"}}`,
	},
	{
		why: "ids: an empty global id", query: `{ node(id: "") { id } account { zoomId } }`,
		codes: map[string]string{"node": "BAD_USER_INPUT"},
		data:  `{"node": null, "account": {"zoomId": "${AccountID}"}}`,
	},
	{
		why: "ids: another tenant's", query: `query ($id: ID!) { node(id: $id) { id } user(by: {id: $id}) { email } account { zoomId } }`,
		first: func(*rig) map[string]any {
			return map[string]any{"id": types.NodeID{Type: "User", Key: "u1"}.Encode(types.TenantOf("another account"))}
		},
		codes: map[string]string{"node": "BAD_USER_INPUT", "user": "BAD_USER_INPUT"},
		data:  `{"node": null, "user": null, "account": {"zoomId": "${AccountID}"}}`,
	},
	{
		why: "ids: of a kind that is no node", query: `query ($id: ID!) { node(id: $id) { id } }`,
		first: func(r *rig) map[string]any { return map[string]any{"id": r.id("Participant", "1")} },
		codes: map[string]string{"node": "BAD_USER_INPUT"},
		data:  `{"node": null}`,
	},
	{
		why: "ids: a meeting's where a user's is wanted", query: `{ user(by: {id: "${Meeting MeetingNumber}"}) { email } }`,
		codes: map[string]string{"user": "BAD_USER_INPUT"}, data: `{"user": null}`,
	},
	{
		why: "ids: a meeting's without a number in it", query: `query ($id: ID!) { node(id: $id) { id } meeting(by: {id: $id}) { topic } }`,
		first: func(r *rig) map[string]any { return map[string]any{"id": r.id("Meeting", "seven")} },
		codes: map[string]string{"node": "BAD_USER_INPUT", "meeting": "BAD_USER_INPUT"}, data: `{"node": null, "meeting": null}`,
	},
	{
		why: "ids: a registrant's without a meeting in it", query: `query ($id: ID!) { node(id: $id) { id } }`,
		first: func(r *rig) map[string]any { return map[string]any{"id": r.id("Registrant", "seven")} },
		codes: map[string]string{"node": "BAD_USER_INPUT"}, data: `{"node": null}`,
	},
	{
		why: "ids: a registrant of another meeting", query: `query ($id: ID!) { meeting(by: {number: "${ManualMeeting}"}) { number registrant(by: {id: $id}) { email } } }`,
		first: func(r *rig) map[string]any {
			return map[string]any{"id": r.id("Registrant", r.value("MeetingNumber")+"/"+r.RegistrantID)}
		},
		codes: map[string]string{"meeting.registrant": "BAD_USER_INPUT"}, data: `{"meeting": {"number": "${ManualMeeting}", "registrant": null}}`,
	},
	{
		why: "ids: one of many is none", query: `{ nodes(ids: ["${User HostID}", "garbage"]) { id } account { zoomId } }`,
		codes: map[string]string{"nodes": "BAD_USER_INPUT"}, data: `{"nodes": null, "account": {"zoomId": "${AccountID}"}}`,
	},
	{
		why: "ids: more than nodes takes", query: `query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`,
		first: func(r *rig) map[string]any {
			return map[string]any{"ids": strings.Split(strings.Repeat(r.id("User", "u")+" ", 300)+r.id("User", "u"), " ")}
		},
		codes: map[string]string{"nodes": "BAD_USER_INPUT"}, data: `{"nodes": null}`,
	},
	{
		why: "ids: a path for an id", query: `{ user(by: {zoomId: ".."}) { email } account { role(by: {zoomId: "."}) { name } } }`,
		codes: map[string]string{"user": "BAD_USER_INPUT", "account.role": "BAD_USER_INPUT"}, data: `{"user": null, "account": {"role": null}}`,
	},
	{
		why: "ids: a path for a UUID", query: `{ meetingInstance(by: {uuid: "."}) { topic } }`,
		codes: map[string]string{"": "BAD_USER_INPUT"},
	},
	{
		why: "ids: what would be a path and a query, if it were not escaped", query: `{ user(by: {zoomId: "../users?x=1#y%2e"}) { email } }`,
		data: `{"user": null}`, calls: 1,
	},
	{
		why: "ids: empty", query: `{ a: user(by: {zoomId: ""}) { email } b: user(by: {email: "  "}) { email } }`,
		codes: map[string]string{"a": "BAD_USER_INPUT", "b": "BAD_USER_INPUT"}, data: `{"a": null, "b": null}`,
	},
	{
		why: "ids: an empty UUID", query: `{ meetingInstance(by: {uuid: " "}) { topic } }`,
		codes: map[string]string{"": "BAD_USER_INPUT"},
	},
	{
		why: "ids: no e-mail address", query: `{ user(by: {email: "nobody"}) { email } }`,
		codes: map[string]string{"user": "BAD_USER_INPUT"}, data: `{"user": null}`,
	},
	{
		why: "ids: no e-mail address of a registrant", query: `{ meeting(by: {number: "${MeetingNumber}"}) { number a: registrant(by: {email: ""}) { email } b: registrant(by: {email: "nobody"}) { email } } }`,
		codes: map[string]string{"meeting.a": "BAD_USER_INPUT", "meeting.b": "BAD_USER_INPUT"}, data: `{"meeting": {"number": "${MeetingNumber}", "a": null, "b": null}}`,
	},
	{
		why: "ids: me, denied", query: `{ user(by: {me: false}) { email } }`,
		codes: map[string]string{"user": "BAD_USER_INPUT"}, data: `{"user": null}`,
	},
	{
		why: "ids: no meeting number", query: `{ account { zoomId } meeting(by: {number: "abc"}) { topic } }`,
		codes: map[string]string{"": "BAD_USER_INPUT"},
	},
	{
		why: "ids: a negative meeting number", query: `{ meeting(by: {number: "-5"}) { topic } }`,
		codes: map[string]string{"": "BAD_USER_INPUT"},
	},
	{
		why: "ids: no number at all", query: `{ meeting(by: {number: 0}) { topic } }`,
		codes: map[string]string{"": "BAD_USER_INPUT"},
	},
	{
		why: "ids: a meeting number of 20 digits", query: `{ meeting(by: {number: "99999999999999999999"}) { topic } }`,
		codes: map[string]string{"": "BAD_USER_INPUT"},
	},
	{
		why: "ids: an empty meeting number", query: `{ meetingInstance(by: {latestOf: ""}) { topic } }`,
		codes: map[string]string{"": "BAD_USER_INPUT"},
	},
	{
		why:   "values: of another kind, with an address, and with a passcode",
		query: `{ user(by: {email: {text: "canary@example.com"}}) { email } a: user(by: {zoomId: 20261128}) { email } rateLimit(x: ["canary"]) { plan } }`,
		codes: map[string]string{"": "GRAPHQL_VALIDATION_FAILED"},
	},
	{
		why: "ids: two where one is wanted", query: `{ user(by: {email: "a@guests.example.org", me: true}) { email } }`,
		codes: map[string]string{"": "GRAPHQL_VALIDATION_FAILED"},
	},
	{
		why: "ids: none where one is wanted", query: `{ meeting(by: {}) { topic } }`,
		codes: map[string]string{"": "GRAPHQL_VALIDATION_FAILED"},
	},
	{
		why: "ids: none where one is wanted, in a variable", query: `query ($by: MeetingBy!) { meeting(by: $by) { topic } account { zoomId } }`,
		first: func(*rig) map[string]any { return map[string]any{"by": map[string]any{}} },
		codes: map[string]string{"variable.by": "BAD_USER_INPUT"},
	},
	{
		why: "ids: none where one is wanted, in a variable that may be left out", query: `query ($u: String) { user(by: {email: $u}) { email } }`,
		codes: map[string]string{"": "GRAPHQL_VALIDATION_FAILED"},
	},
	{
		why:   "ids: none where one is wanted, in variables further down",
		query: `query ($r: RegistrantBy!, $i: MeetingInstanceBy!) { meeting(by: {number: "${MeetingNumber}"}) { registrant(by: $r) { email } } meetingInstance(by: $i) { topic } }`,
		first: func(*rig) map[string]any { return map[string]any{"r": map[string]any{}, "i": map[string]any{}} },
		codes: map[string]string{"variable.r": "BAD_USER_INPUT"},
	},
	{
		why: "ids: two where one is wanted, in a variable", query: `query ($by: UserBy!) { user(by: $by) { email } }`,
		first: func(*rig) map[string]any {
			return map[string]any{"by": map[string]any{"zoomId": "u1", "email": "a@guests.example.org"}}
		},
		codes: map[string]string{"variable.by": "BAD_USER_INPUT"},
	},
	{
		why: "ids: one unknown among many", query: `{ nodes(ids: ["${User HostID}", "${User DeletedUserID}", "${Meeting MeetingNumber}"]) { id } }`,
		data: `{"nodes": [{"id": "${User HostID}"}, null, {"id": "${Meeting MeetingNumber}"}]}`, calls: 3,
	},
	{
		why:   "ids: one user unknown among the participants",
		query: `{ meetingInstance(by: {uuid: "${UUIDPlain}"}) { participants(first: 3) { nodes { name user { email } } } } }`,
		first: func(r *rig) map[string]any {
			r.Fault(sandbox.Fault{Pattern: "GET /users/{userId}", Match: r.HostID, Status: 404, Code: 1001, Message: "User does not exist."})
			return nil
		},
		data: `{"meetingInstance": {"participants": {"nodes": [
			{"name": "Ada Dubois", "user": null},
			{"name": "Priya Moreau", "user": {"email": "priya.moreau12@example.com"}},
			{"name": "Malik Larsen", "user": {"email": "malik.larsen17@example.com"}}]}}}`,
		calls: 4,
	},
	{
		why:   "ids: one user not to be had among the participants",
		query: `{ meetingInstance(by: {uuid: "${UUIDPlain}"}) { participants(first: 3) { nodes { name user { email } } } } }`,
		first: func(r *rig) map[string]any {
			r.Fault(sandbox.Fault{Pattern: "GET /users/{userId}", Match: r.HostID, Status: 403, Code: 403})
			return nil
		},
		codes: map[string]string{"meetingInstance.participants.nodes.0.user": "FORBIDDEN"},
		data: `{"meetingInstance": {"participants": {"nodes": [
			{"name": "Ada Dubois", "user": null},
			{"name": "Priya Moreau", "user": {"email": "priya.moreau12@example.com"}},
			{"name": "Malik Larsen", "user": {"email": "malik.larsen17@example.com"}}]}}}`,
		calls: 4, mend: func(*rig) {},
	},

	// Cursors.
	{
		why: "cursors: garbage", query: `{ account { zoomId users(after: "garbage") { totalCount } } }`,
		codes: map[string]string{"account.users": "BAD_USER_INPUT"}, data: `{"account": {"zoomId": "${AccountID}", "users": null}}`,
	},
	{
		why: "cursors: empty", query: `{ account { users(after: "") { totalCount } } }`,
		codes: map[string]string{"account.users": "BAD_USER_INPUT"}, data: `{"account": {"users": null}}`,
	},
	{
		why: "cursors: of the same list with another filter", query: `query ($after: String!) { account { users(after: $after, status: INACTIVE) { totalCount } } }`,
		first: usersCursor,
		codes: map[string]string{"account.users": "BAD_USER_INPUT"}, data: `{"account": {"users": null}}`,
	},
	{
		why: "cursors: of another list", query: `query ($after: String!) { user(by: {zoomId: "${HostID}"}) { zoomId meetings(after: $after) { totalCount } } }`,
		first: usersCursor,
		codes: map[string]string{"user.meetings": "BAD_USER_INPUT"}, data: `{"user": {"zoomId": "${HostID}", "meetings": null}}`,
	},
	{
		why: "cursors: another account's", query: `query ($after: String!) { account { users(after: $after) { totalCount } } }`,
		first: func(*rig) map[string]any { return forged("another account", list.Place{Size: 30, Index: 1, Offset: 1}) },
		codes: map[string]string{"account.users": "BAD_USER_INPUT"}, data: `{"account": {"users": null}}`,
	},
	{
		why: "cursors: of a page larger than Zoom has", query: `query ($after: String!) { account { users(after: $after) { totalCount } } }`,
		first: func(*rig) map[string]any {
			return forged(sandbox.AccountID, list.Place{Size: 65535, Index: 1, Offset: 1})
		},
		codes: map[string]string{"account.users": "BAD_USER_INPUT"}, data: `{"account": {"users": null}}`,
	},
	{
		why: "cursors: of no page at all", query: `query ($after: String!) { account { users(after: $after) { totalCount } } }`,
		first: func(*rig) map[string]any { return forged(sandbox.AccountID, list.Place{}) },
		codes: map[string]string{"account.users": "BAD_USER_INPUT"}, data: `{"account": {"users": null}}`,
	},
	{
		why: "cursors: of a window that the range does not have", query: `query ($after: String!) { account { users(after: $after) { totalCount } } }`,
		first: func(*rig) map[string]any {
			return forged(sandbox.AccountID, list.Place{Size: 30, Index: 1, Offset: 1, Window: 7})
		},
		codes: map[string]string{"account.users": "BAD_USER_INPUT"}, data: `{"account": {"users": null}}`,
	},
	{
		why: "cursors: the page token has expired, and the item is still there", query: `query ($after: String!) { account { users(first: 1, after: $after) { nodes { email } } } }`,
		setup: setup{Options: sandbox.Options{Users: 60}},
		first: func(r *rig) map[string]any {
			v := lastOfPageTwo(r)
			time.Sleep(time.Hour)
			return v
		},
		data: `{"account": {"users": {"nodes": [{"email": "leila.castro49@example.com"}]}}}`, calls: 2,
	},
	{
		why: "cursors: the page token has expired, and the item is gone", query: `query ($after: String!) { account { zoomId users(first: 1, after: $after) { nodes { email } } } }`,
		setup: setup{Options: sandbox.Options{Users: 60}},
		first: func(r *rig) map[string]any {
			return forged(sandbox.AccountID, list.Place{Size: 30, Index: 10, Offset: 40, Mark: 1, Token: "dead"})
		},
		codes: map[string]string{"account.users": "CURSOR_EXPIRED"},
		data:  `{"account": {"zoomId": "${AccountID}", "users": null}}`, calls: 2,
	},

	// Arguments.
	{
		why: "first: 0, negative, and more than is bearable", query: `{ account { zero: users(first: 0) { totalCount } less: users(first: -1) { totalCount } more: users(first: 3001) { totalCount } most: users(first: 2147483647) { totalCount } zoomId } }`,
		codes: map[string]string{"account.zero": "BAD_USER_INPUT", "account.less": "BAD_USER_INPUT", "account.more": "BAD_USER_INPUT", "account.most": "BAD_USER_INPUT"},
		data:  `{"account": {"zero": null, "less": null, "more": null, "most": null, "zoomId": "${AccountID}"}}`,
	},
	{
		why: "first: no number", query: `{ account { users(first: "3") { totalCount } } }`,
		codes: map[string]string{"": "GRAPHQL_VALIDATION_FAILED"},
	},
	{
		why: "first: no number, in a variable", query: `query ($n: Int!) { account { users(first: $n) { totalCount } } }`,
		first: func(*rig) map[string]any { return map[string]any{"n": "3x"} },
		codes: map[string]string{"variable.n": "GRAPHQL_VALIDATION_FAILED"},
	},
	{
		why: "variables: one is missing", query: `query ($id: ID!) { node(id: $id) { id } }`,
		codes: map[string]string{"variable.id": "GRAPHQL_VALIDATION_FAILED"},
	},
	{
		why: "enums: a wrong value", query: `{ account { users(status: SLEEPING) { totalCount } } }`,
		codes: map[string]string{"": "GRAPHQL_VALIDATION_FAILED"},
	},
	{
		why: "enums: a wrong value in a variable", query: `query ($s: UserStatus!) { account { users(status: $s) { totalCount } } }`,
		first: func(*rig) map[string]any { return map[string]any{"s": "SLEEPING"} },
		codes: map[string]string{"variable.s": "GRAPHQL_VALIDATION_FAILED"},
	},
	{
		why: "enums: a wrong value in an input", query: `mutation { createMeeting(input: {host: {zoomId: "${HostID}"}, meeting: {type: NO_SUCH}}) { userErrors { code } } }`,
		codes: map[string]string{"": "GRAPHQL_VALIDATION_FAILED"},
	},
	{
		why: "queries: an unknown field", query: `{ account { zoomid } }`,
		codes: map[string]string{"": "GRAPHQL_VALIDATION_FAILED"},
	},
	{
		why: "queries: not to be parsed", query: `{ account { zoomId `,
		codes: map[string]string{"": "GRAPHQL_PARSE_FAILED"},
	},
	{
		why: "queries: a fragment in itself", query: `{ account { ...a } } fragment a on Account { zoomId ...b } fragment b on Account { ...a }`,
		codes: map[string]string{"": "GRAPHQL_VALIDATION_FAILED"},
	},
	{
		why: "queries: two operations and no name", query: `query A { account { zoomId } } query B { account { zoomId } }`,
		codes: map[string]string{"": "GRAPHQL_VALIDATION_FAILED"},
	},

	// Ranges.
	{
		why: "ranges: backwards", query: `{ user(by: {zoomId: "${HostID}"}) {
			past: pastMeetings(from: "2026-03-10", to: "2026-03-01") { totalCount }
			planned: meetings(from: "2026-04-10", to: "2026-04-01") { totalCount } }
			meeting(by: {number: "${MeetingNumber}"}) { number instances(from: "2026-03-10", to: "2026-03-01") { totalCount } } }`,
		codes: map[string]string{"user.past": "BAD_USER_INPUT", "user.planned": "BAD_USER_INPUT", "meeting.instances": "BAD_USER_INPUT"},
		data:  `{"user": {"past": null, "planned": null}, "meeting": {"number": "${MeetingNumber}", "instances": null}}`,
	},
	{
		why: "ranges: of moments, backwards", query: `{ account { survey(by: {zoomId: "x"}) { answers(from: "2026-03-02T00:00:00Z", to: "2026-03-01T00:00:00Z") { totalCount } } } }`,
		codes: map[string]string{"account.survey.answers": "BAD_USER_INPUT"}, data: `{"account": {"survey": {"answers": null}}}`,
	},
	{
		why: "ranges: half of one", query: `{ meeting(by: {number: "${MeetingNumber}"}) { a: instances(from: "2026-03-10") { totalCount } b: instances(to: "2026-03-10") { totalCount } } }`,
		codes: map[string]string{"meeting.a": "BAD_USER_INPUT", "meeting.b": "BAD_USER_INPUT"}, data: `{"meeting": {"a": null, "b": null}}`,
	},
	{
		why: "ranges: no dates", query: `{ user(by: {zoomId: "${HostID}"}) { zoomId pastMeetings(from: "2026-13-45", to: "tomorrow") { totalCount } } }`,
		codes: map[string]string{"": "BAD_USER_INPUT"},
	},
	{
		why: "ranges: longer ago than Zoom keeps", query: `{ user(by: {zoomId: "${HostID}"}) { zoomId pastMeetings(from: "2020-01-01", to: "2020-02-01") { totalCount } } account { reports { daily(year: 2020, month: 1) { year } } } }`,
		codes: map[string]string{"user.pastMeetings": "EXPIRED", "account.reports.daily": "EXPIRED"},
		data:  `{"user": {"zoomId": "${HostID}", "pastMeetings": null}, "account": {"reports": {"daily": null}}}`,
	},
	{
		why: "ranges: to come", query: `{ user(by: {zoomId: "${HostID}"}) { pastMeetings(from: "2026-03-17", to: "2027-12-31") { totalCount nodes { topic } } } }`,
		data: `{"user": {"pastMeetings": {"totalCount": 0, "nodes": []}}}`,
	},
	{
		why: "ranges: until long after today", query: `{ user(by: {zoomId: "${HostID}"}) { pastMeetings(from: "2026-03-16", to: "2036-01-01", first: 1) { nodes { topic } } } }`,
		data: `{"user": {"pastMeetings": {"nodes": [{"topic": "Weekly product sync"}]}}}`, calls: 1,
	},
	{
		why: "ranges: no month", query: `{ account { reports { a: daily(month: 13) { year } b: daily(month: 0) { year } c: daily(year: 2026, month: 4) { year } d: daily(year: 99999) { year } } } }`,
		codes: map[string]string{
			"account.reports.a": "BAD_USER_INPUT", "account.reports.b": "BAD_USER_INPUT", "account.reports.c": "BAD_USER_INPUT", "account.reports.d": "BAD_USER_INPUT",
		},
		data: `{"account": {"reports": {"a": null, "b": null, "c": null, "d": null}}}`,
	},

	// What Zoom refuses.
	{
		why: "refusals: an occurrence that is none", query: `{ meeting(by: {number: "${MeetingNumber}"}) { number registrants(occurrenceId: "12") { totalCount } } }`,
		codes: map[string]string{"meeting.registrants": "BAD_USER_INPUT"}, data: `{"meeting": {"number": "${MeetingNumber}", "registrants": null}}`, calls: 1,
	},
	{
		why: "refusals: a meeting without registration", query: `{ meeting(by: {number: "${OpenMeeting}"}) { number registrants { totalCount } } }`,
		codes: map[string]string{"meeting.registrants": "NOT_ENABLED"}, data: `{"meeting": {"number": "${OpenMeeting}", "registrants": null}}`, calls: 1,
	},
	{
		why: "refusals: the edges of a meeting that is none", query: `{ meeting(by: {number: "999999999"}) { number registrants { totalCount } instances { totalCount } } }`,
		codes: map[string]string{"meeting.registrants": "NOT_FOUND", "meeting.instances": "NOT_FOUND"},
		data:  `{"meeting": {"number": "999999999", "registrants": null, "instances": null}}`, calls: 2,
	},
	{
		why: "refusals: the edges of a user who is none", query: `{ user(by: {zoomId: "${DeletedUserID}"}) { zoomId meetings { totalCount } } }`,
		codes: map[string]string{"user.meetings": "NOT_FOUND"}, data: `{"user": {"zoomId": "${DeletedUserID}", "meetings": null}}`, calls: 1,
	},
	{
		why: "refusals: in a way that nobody knows", query: `{ account { zoomId users { totalCount } } }`,
		first: faults(sandbox.Fault{Status: 418, Code: 77, Message: "Ask a coffee pot."}),
		codes: map[string]string{"account.users": "BAD_USER_INPUT"}, data: `{"account": {"zoomId": "${AccountID}", "users": null}}`, calls: 1,
		mend: func(*rig) {},
	},
	{
		why: "refusals: forbidden", query: `{ account { zoomId users { totalCount } } }`,
		first: faults(sandbox.Fault{Status: 403, Code: 403, Message: "boss@example.com does not share this."}),
		codes: map[string]string{"account.users": "FORBIDDEN"}, data: `{"account": {"zoomId": "${AccountID}", "users": null}}`, calls: 1,
		mend: func(*rig) {},
	},
	{
		why: "refusals: today's allowance is used up, by somebody else", setup: setup{throttles: true}, query: `{ account { zoomId users { totalCount } } }`,
		first: faults(sandbox.Fault{Status: 429, Code: 429, Message: "You have reached the maximum daily rate limit for this API."}),
		codes: map[string]string{"account.users": "DAILY_LIMIT"}, data: `{"account": {"zoomId": "${AccountID}", "users": null}}`, calls: 1,
		mend: func(*rig) { time.Sleep(24 * time.Hour) },
	},

	// Credentials.
	{
		why: "scopes: the app lacks one, and the gateway knows", query: `{ user(by: {zoomId: "${HostID}"}) { email meetings { totalCount } } }`,
		setup: setup{Options: sandbox.Options{Scopes: []string{"user:read:admin"}}},
		codes: map[string]string{"user.meetings": "MISSING_SCOPE"}, data: `{"user": {"email": "${HostEmail}", "meetings": null}}`, calls: 1,
		mend: func(r *rig) { r.Grant(); time.Sleep(time.Hour) },
	},
	{
		why: "scopes: the app lacks one, and Zoom says so", query: `{ account { zoomId users { totalCount } } }`,
		first: faults(sandbox.Fault{Status: 400, Code: 4711, Message: "Invalid access token, does not contain scopes:[user:read:admin]."}),
		codes: map[string]string{"account.users": "MISSING_SCOPE"}, data: `{"account": {"zoomId": "${AccountID}", "users": null}}`, calls: 1,
		mend: func(*rig) {},
	},
	{
		why: "scopes: the app may not write", query: `mutation { updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {topic: "x"}}) { meeting { topic } userErrors { code zoomCode } } }`,
		setup: setup{Options: sandbox.Options{Scopes: []string{"meeting:read:admin"}}},
		data:  `{"updateMeeting": {"meeting": null, "userErrors": [{"code": "MISSING_SCOPE", "zoomCode": null}]}}`,
	},
	{
		why: "credentials: wrong", query: `{ account { zoomId users { totalCount } } viewer { scopes account { zoomId } } }`,
		setup: setup{secret: "a-canary-for-a-secret"},
		codes: map[string]string{"account.users": "ZOOM_UNAUTHENTICATED", "viewer.scopes": "ZOOM_UNAUTHENTICATED"},
		data:  `{"account": {"zoomId": "${AccountID}", "users": null}, "viewer": {"scopes": null, "account": {"zoomId": "${AccountID}"}}}`,
	},
	{
		why: "credentials: the token was revoked, and another is to be had", query: `{ user(by: {zoomId: "${HostID}"}) { email } }`,
		first: func(r *rig) map[string]any {
			r.ask(`{ viewer { scopes } }`, nil)
			r.RevokeTokens()
			return nil
		},
		data: `{"user": {"email": "${HostEmail}"}}`, calls: 2,
	},
	{
		why: "credentials: no token is ever good", query: `{ account { zoomId users { totalCount } } }`,
		first: faults(sandbox.Fault{Match: "/v2/", Status: 401, Code: 124, Message: "Invalid access token.", Times: -1}),
		codes: map[string]string{"account.users": "ZOOM_UNAUTHENTICATED"}, data: `{"account": {"zoomId": "${AccountID}", "users": null}}`, calls: 2,
		mend: endTrouble,
	},
	{
		why: "credentials: the token endpoint is down", query: `{ account { zoomId users { totalCount } } }`,
		first: faults(sandbox.Fault{Pattern: "POST /oauth/token", Status: 500, Times: -1}),
		codes: map[string]string{"account.users": "ZOOM_UNAVAILABLE"}, data: `{"account": {"zoomId": "${AccountID}", "users": null}}`,
		mend: endTrouble,
	},
	{
		why: "credentials: the token endpoint hangs", query: `{ account { zoomId users { totalCount } } }`, setup: setup{timeout: 10 * time.Second},
		first: faults(sandbox.Fault{Pattern: "POST /oauth/token", Hang: true, Times: -1}),
		codes: map[string]string{"account.users": "TIMEOUT"}, data: `{"account": {"zoomId": "${AccountID}", "users": null}}`,
		mend: func(r *rig) { endTrouble(r); time.Sleep(20 * time.Second) }, // requests in between wait for the one that hangs
	},
	{
		why: "credentials: the token endpoint talks nonsense", query: `{ account { zoomId users { totalCount } } }`,
		first: faults(sandbox.Fault{Pattern: "POST /oauth/token", BrokenJSON: true, Times: -1}),
		codes: map[string]string{"account.users": "NOT_ZOOM"}, data: `{"account": {"zoomId": "${AccountID}", "users": null}}`,
		mend: endTrouble,
	},

	// Zoom in trouble.
	{
		why: "trouble: Zoom is down", query: `{ account { zoomId users { totalCount } } }`,
		first: func(r *rig) map[string]any { r.ask(`{ viewer { scopes } }`, nil); r.Down(true); return nil },
		codes: map[string]string{"account.users": "ZOOM_UNAVAILABLE"}, data: `{"account": {"zoomId": "${AccountID}", "users": null}}`, calls: 3,
		mend: endTrouble,
	},
	{
		why: "trouble: there is no way to Zoom", query: `{ account { zoomId users { totalCount } } }`,
		first: func(r *rig) map[string]any { r.ask(`{ viewer { scopes } }`, nil); r.back.disappear(); return nil },
		codes: map[string]string{"account.users": "ZOOM_UNAVAILABLE"}, data: `{"account": {"zoomId": "${AccountID}", "users": null}}`,
		mend: endTrouble,
	},
	{
		why: "trouble: Zoom hangs", query: `{ account { zoomId users { totalCount } } }`, setup: setup{timeout: 10 * time.Second},
		first: faults(sandbox.Fault{Match: "/v2/", Hang: true, Times: -1}),
		codes: map[string]string{"account.users": "TIMEOUT"}, data: `{"account": {"zoomId": "${AccountID}", "users": null}}`, calls: 1,
		mend: endTrouble,
	},
	{
		why: "trouble: an error of Zoom's own", query: `{ account { zoomId users { totalCount } } }`,
		first: faults(sandbox.Fault{Match: "/v2/", Status: 500, Code: 500, Message: "Internal error at boss@example.com, https://us06web.zoom.example/s/1?zak=canary", Times: -1}),
		codes: map[string]string{"account.users": "ZOOM_UNAVAILABLE"}, data: `{"account": {"zoomId": "${AccountID}", "users": null}}`, calls: 3,
		mend: endTrouble,
	},
	{
		why: "trouble: an error of Zoom's own, once", query: `{ user(by: {zoomId: "${HostID}"}) { email } }`,
		first: faults(sandbox.Fault{Match: "/v2/", Status: 502}),
		data:  `{"user": {"email": "${HostEmail}"}}`, calls: 2,
	},
	{
		why: "trouble: connections break", query: `{ account { zoomId users { totalCount } } }`,
		first: faults(sandbox.Fault{Match: "/v2/", CloseConnection: true, Times: -1}),
		codes: map[string]string{"account.users": "ZOOM_UNAVAILABLE"}, data: `{"account": {"zoomId": "${AccountID}", "users": null}}`,
		calls: 4, // three tries, and one by net/http itself, which considers the connection stale
		mend:  endTrouble,
	},
	{
		why: "trouble: half of the JSON", query: `{ account { zoomId users { totalCount } } user(by: {zoomId: "${HostID}"}) { email } }`,
		first: faults(sandbox.Fault{Match: "/v2/", BrokenJSON: true, Times: -1}),
		codes: map[string]string{"account.users": "BAD_ANSWER", "user": "BAD_ANSWER"},
		data:  `{"account": {"zoomId": "${AccountID}", "users": null}, "user": null}`, calls: 2,
		mend: endTrouble,
	},
	{
		why: "trouble: a page for people", query: `{ account { zoomId users { totalCount } } user(by: {zoomId: "${HostID}"}) { email } }`,
		setup: setup{before: says(http.StatusOK, "text/html", "<html>canary</html>")},
		codes: map[string]string{"account.users": "NOT_ZOOM", "user": "NOT_ZOOM"},
		data:  `{"account": {"zoomId": "${AccountID}", "users": null}, "user": null}`,
	},
	{
		why: "trouble: a firewall's page", query: `{ account { zoomId users { totalCount } } user(by: {zoomId: "${HostID}"}) { email } }`,
		setup: setup{before: says(http.StatusForbidden, "text/html", "<html>canary</html>")},
		codes: map[string]string{"account.users": "NOT_ZOOM", "user": "NOT_ZOOM"},
		data:  `{"account": {"zoomId": "${AccountID}", "users": null}, "user": null}`,
	},
	{
		why: "trouble: nothing is there", query: `{ account { zoomId users { totalCount } } user(by: {zoomId: "${HostID}"}) { email } }`,
		setup: setup{before: says(http.StatusNotFound, "text/html", "<html>canary</html>")},
		codes: map[string]string{"account.users": "NOT_ZOOM", "user": "NOT_ZOOM"},
		data:  `{"account": {"zoomId": "${AccountID}", "users": null}, "user": null}`,
	},
	{
		why: "trouble: a base that leads elsewhere", query: `{ account { zoomId users { totalCount } } user(by: {zoomId: "${HostID}"}) { email } }`,
		first: faults(sandbox.Fault{Match: "/v2/", Status: http.StatusNotFound, Code: 2300, Message: "This API endpoint is not recognized.", Times: -1}),
		codes: map[string]string{"account.users": "NOT_ZOOM", "user": "NOT_ZOOM"},
		data:  `{"account": {"zoomId": "${AccountID}", "users": null}, "user": null}`, calls: 2,
		mend: endTrouble,
	},
	{
		why: "trouble: refusals under HTTP 200", query: `{ account { zoomId users { totalCount } } user(by: {zoomId: "${HostID}"}) { email } }`,
		first: faults(sandbox.Fault{Match: "/v2/", Status: http.StatusOK, Code: 200, Message: "No permission.", Times: -1}),
		codes: map[string]string{"account.users": "FORBIDDEN", "user": "FORBIDDEN"},
		data:  `{"account": {"zoomId": "${AccountID}", "users": null}, "user": null}`, calls: 2,
		mend: endTrouble,
	},
	{
		why: "trouble: JSON of another shape", query: `{ account { zoomId users { totalCount } } user(by: {zoomId: "${HostID}"}) { email } }`,
		setup: setup{before: says(http.StatusOK, "application/json", `["canary"]`)},
		codes: map[string]string{"account.users": "BAD_ANSWER", "user": "BAD_ANSWER"},
		data:  `{"account": {"zoomId": "${AccountID}", "users": null}, "user": null}`,
	},
	{
		why: "trouble: nothing at all", query: `{ account { zoomId users { totalCount } } user(by: {zoomId: "${HostID}"}) { email } }`,
		setup: setup{before: says(http.StatusOK, "application/json", "")},
		codes: map[string]string{"account.users": "BAD_ANSWER", "user": "BAD_ANSWER"},
		data:  `{"account": {"zoomId": "${AccountID}", "users": null}, "user": null}`,
	},
	{
		why: "trouble: a way to somebody else, which a token must not go", query: `{ account { zoomId users { totalCount } } }`,
		setup: setup{before: func(w http.ResponseWriter, r *http.Request) bool {
			if r.Host != "zoom.test" {
				panic("a call went to " + r.Host)
			}
			if !strings.HasPrefix(r.URL.Path, "/v2/") {
				return false
			}
			http.Redirect(w, r, "http://elsewhere.test/v2/users", http.StatusFound)
			return true
		}},
		codes: map[string]string{"account.users": "BAD_ANSWER"}, data: `{"account": {"zoomId": "${AccountID}", "users": null}}`,
	},
	{
		why:   "trouble: one write of three",
		query: `mutation { a: endMeeting(input: {meeting: {number: "${LiveMeeting}"}}) { userErrors { code } } b: updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {topic: "x"}}) { userErrors { code } } }`,
		first: faults(sandbox.Fault{Pattern: "PUT /meetings/{meetingId}/status", Status: 500}),
		codes: map[string]string{"a": "OUTCOME_UNKNOWN"}, data: `{"a": null, "b": {"userErrors": []}}`, calls: 2,
	},

	// Questions that are too large.
	{why: "limits: too deep", query: endpointtest.Deep(26), codes: map[string]string{"": "LIMIT_EXCEEDED"}},
	{why: "limits: too deep through fragments", query: endpointtest.DeepFragments(13), codes: map[string]string{"": "LIMIT_EXCEEDED"}},
	{why: "limits: too many aliases", query: endpointtest.Aliases(31), codes: map[string]string{"": "LIMIT_EXCEEDED"}},
	{why: "limits: too many root fields", query: endpointtest.Roots(21), codes: map[string]string{"": "LIMIT_EXCEEDED"}},
	{why: "limits: too many directives", query: endpointtest.Directives(51), codes: map[string]string{"": "LIMIT_EXCEEDED"}},
	{why: "limits: too many directives at fragments", query: "{ account {" + strings.Repeat(" ...f @include(if: true) ... @skip(if: false) { zoomId }", 26) + " } } fragment f on Account { zoomId }", codes: map[string]string{"": "LIMIT_EXCEEDED"}},
	{why: "limits: too many words", query: "{ account { " + strings.Repeat("zoomId ", 5000) + "} }", codes: map[string]string{"": "LIMIT_EXCEEDED"}},
	{
		why: "limits: too many values in the variables", query: `mutation ($v: JSON) { zoomRequest(input: {operation: "GET /users", body: $v}) { status } }`,
		first: func(*rig) map[string]any {
			return map[string]any{"v": []any{map[string]any{"x": make([]int, endpoint.DefaultLimits.Values)}}}
		},
		codes: map[string]string{"": "LIMIT_EXCEEDED"},
	},
	{why: "limits: fragments that double", query: endpointtest.Doubling(40), codes: map[string]string{"": "LIMIT_EXCEEDED"}},
}

// TestLimitsAllow sends documents just within the limits.
func TestLimitsAllow(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		for name, query := range map[string]string{
			"depth": endpointtest.Deep(25), "depth through fragments": endpointtest.DeepFragments(11), "aliases": endpointtest.Aliases(30), "root fields": endpointtest.Roots(20),
			"directives": endpointtest.Directives(50), "words": "{ account { zoomId } }" + strings.Repeat("\n#", 4990),
		} {
			if a := r.ask(query, nil); a.status != http.StatusOK {
				t.Errorf("%s: status %d: %s", name, a.status, a.body)
			}
		}
		values := map[string]any{"v": []any{map[string]any{"x": make([]int, endpoint.DefaultLimits.Values-10)}}} // with the lists and objects around them
		if a := r.ask(`mutation ($v: JSON) { zoomRequest(input: {operation: "GET /nothing", body: $v}) { status } }`, values); a.status != http.StatusOK {
			t.Errorf("values in the variables: status %d: %s", a.status, a.body)
		}
	})
}

// TestMistakes makes all mistakes. Each affects its own field only, has a code that clients can
// handle, and changes neither the rest of the answer nor the cache nor the log.
func TestMistakes(t *testing.T) {
	t.Parallel()
	for _, m := range mistakes {
		t.Run(m.why, func(t *testing.T) {
			t.Parallel()
			inRig(t, m.setup, m.make)
		})
	}
}

func (m mistake) make(r *rig) {
	var variables map[string]any
	if m.first != nil {
		variables = m.first(r)
	}
	r.spent()
	a := r.ask(m.query, variables)
	m.check(r, a)
	r.spends(m.calls)
	if m.mend != nil {
		m.mend(r)
		if a := r.ask(m.query, variables); len(a.Errors) > 0 {
			r.t.Errorf("the failure outlives its reason: %s", a.body)
		}
	}
}

func (m mistake) check(r *rig, a *answer) {
	r.t.Helper()
	codes := map[string]string{}
	for _, e := range a.Errors {
		codes[e.path()] = e.code()
		if e.Message == "" {
			r.t.Errorf("an error says nothing: %s", a.body)
		}
	}
	if diff := gocmp.Diff(m.codes, codes, cmpEmpty); diff != "" {
		r.t.Errorf("codes of the errors (-want +got):\n%s\n%s", diff, a.body)
	}
	if m.data == "" {
		if a.status != http.StatusBadRequest || a.Data != nil {
			r.t.Errorf("status %d, want 400 and no data: %s", a.status, a.body)
		}
		return
	}
	if a.status != http.StatusOK {
		r.t.Errorf("status %d, want 200", a.status)
	}
	if diff := gocmp.Diff(parsed(r.t, r.fill(m.data)), parsed(r.t, string(a.Data))); diff != "" {
		r.t.Errorf("data (-want +got):\n%s", diff)
	}
}

// cmpEmpty makes a nil map equal to an empty one.
var cmpEmpty = gocmp.Transformer("empty", func(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
})

func (e answerError) path() string {
	parts := make([]string, len(e.Path))
	for i, p := range e.Path {
		parts[i] = fmt.Sprint(p)
	}
	return strings.Join(parts, ".")
}

func parsed(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// faults plans failures.
func faults(planned ...sandbox.Fault) func(*rig) map[string]any {
	return func(r *rig) map[string]any {
		for _, f := range planned {
			if f.Pattern == "" && f.Match == "" {
				f.Match = "/v2/" // not the token endpoint
			}
			r.Fault(f)
		}
		return nil
	}
}

// endTrouble ends all failures. It waits a few seconds, for which the gateway sends no request
// to a token endpoint that has refused one.
func endTrouble(r *rig) {
	r.Down(false)
	r.ClearFaults()
	r.back.comeBack()
	time.Sleep(3 * time.Second)
}

// says answers every call except requests for tokens.
func says(status int, media, body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/v2/") {
			return false
		}
		w.Header().Set("Content-Type", media)
		w.WriteHeader(status)
		io.WriteString(w, body)
		return true
	}
}

// usersCursor returns a cursor of the account's users.
func usersCursor(r *rig) map[string]any {
	a := r.ask(`{ account { users(first: 2) { pageInfo { endCursor } } } }`, nil)
	return map[string]any{"after": a.at(r.t, "account.users.pageInfo.endCursor")}
}

// lastOfPageTwo returns a cursor that needs one of Zoom's page tokens.
func lastOfPageTwo(r *rig) map[string]any {
	first := r.ask(`{ account { users(first: 40) { pageInfo { endCursor } } } }`, nil)
	at, _, err := list.ReadPlace(first.at(r.t, "account.users.pageInfo.endCursor"))
	if err != nil {
		r.t.Fatal(err)
	}
	return forged(sandbox.AccountID, list.Place{Size: 30, Index: 10, Offset: 40, Mark: at.Mark, Token: "dead"})
}

// forged returns a cursor of the account's active users, as the gateway would write it for the
// given account.
func forged(account string, p list.Place) map[string]any {
	fp := list.FingerprintOf(types.TenantOf(account), "GET/users?status=active")
	return map[string]any{"after": p.Encode(fp)}
}
