package main

import "strings"

// reason is why a field of Zoom's answers is not in the graph.
type reason struct {
	op   string // the operation's pattern; "" for all
	path string // the field; one that ends in "*" is a prefix
	why  string
}

// reasons are all fields that are left out. The command fails for one that is in the
// graph.
var reasons = []reason{
	{"", "from", "the requested range of days, or the part of it in one call"},
	{"", "to", "as from"},
	{"GET /chat/users/{userId}/messages", "date", "the requested day"},
	{"GET /chat/users/{userId}/messages", "messages[].sender_member_id", "no document of Zoom's has it, and send_member_id is served"},
	{"GET /meetings/{meetingId}/recordings", "download_access_token", "a token of Zoom's, which never leaves the gateway: download does without"},
	{"", "meeting_number", "the meeting of the requested instance, which has it"},
	{"", "webinar_number", "as meeting_number"},
	{"GET /metrics/zoomrooms/{zoomroomId}", "past_meetings.from", "as from"},
	{"GET /metrics/zoomrooms/{zoomroomId}", "past_meetings.to", "as from"},
	{"GET /users", "users[].host_key", "a credential of every user of a list, which Zoom returns in lists alone"},
}

// reasonFor returns the first that matches; its why is empty when there is none.
func reasonFor(op, path string) reason {
	for _, r := range reasons {
		begin, many := strings.CutSuffix(r.path, "*")
		if (r.op == "" || r.op == op) && (r.path == path || many && strings.HasPrefix(path, begin)) {
			return r
		}
	}
	return reason{}
}
