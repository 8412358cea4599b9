package main

import "strings"

// reason says why a field of Zoom's answers is in the graph nowhere.
type reason struct {
	op   string // the operation's pattern; "" for all
	path string // the field; one that ends in "*" is for all that begin so
	why  string
}

// reasons are all fields that are left out. The command fails for one that is
// left out no longer.
var reasons = []reason{
	{"", "from", "the range of days that the caller asked for, or the part of it in one call"},
	{"", "to", "as from"},
	{"GET /chat/users/{userId}/messages", "date", "the day that the caller asked for"},
	{"GET /chat/users/{userId}/messages", "messages[].sender_member_id", "no document of Zoom's has it, and send_member_id is served"},
	{"GET /meetings/{meetingId}/recordings", "download_access_token", "a token of Zoom's, which never leaves the gateway: download does without"},
	{"", "meeting_number", "the meeting whose run the caller asked about, which has it"},
	{"", "webinar_number", "as meeting_number"},
	{"GET /metrics/zoomrooms/{zoomroomId}", "past_meetings.from", "as from"},
	{"GET /metrics/zoomrooms/{zoomroomId}", "past_meetings.to", "as from"},
	{"GET /users", "users[].host_key", "a credential of every user of a list, which Zoom tells in lists alone"},
}

// reasonFor returns the first that fits; its why is empty when there is none.
func reasonFor(op, path string) reason {
	for _, r := range reasons {
		begin, many := strings.CutSuffix(r.path, "*")
		if (r.op == "" || r.op == op) && (r.path == path || many && strings.HasPrefix(path, begin)) {
			return r
		}
	}
	return reason{}
}
